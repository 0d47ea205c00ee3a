//! The fields of an event as a client declares them.

use core::time::Duration;

use serde_json::{Map, Value};
use v2x_proto::{Class, v1};

use super::area::{self, Area, degrees, position};
use crate::cause;
use crate::fields::{BadRequest, Fields};
use crate::point::Point;

/// The fields of an event as a client declares them; `None`: not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    /// D0, D1 or D3 (the default of a new event). An event keeps its class.
    pub class: Option<Class>,
    /// Cause, TS 102 894-2 `CauseCodeType`, 1..=255. A new event needs one.
    pub cause: Option<u8>,
    /// Sub-cause.
    pub sub_cause: Option<u8>,
    /// Its position; default of a new event: the station's position.
    pub place: Option<Place>,
    /// Speed of the event, 0.01 m/s, 0..=16382.
    pub speed: Option<u16>,
    /// Heading of the event, 0.1 degree, 0..=3599.
    pub heading: Option<u16>,
    /// Confidence, 1..=7.
    pub quality: Option<u8>,
    /// Validity from when this is declared, whole seconds, 1 s..=86400 s.
    pub validity: Option<Duration>,
    /// Its area of relevance.
    pub area: Option<Area>,
    /// Distance within which it is relevant, metres, 1..=65535.
    pub relevance_distance_m: Option<u16>,
    /// Traffic for which it is relevant.
    pub relevance_direction: Option<v1::RelevanceDirection>,
    /// How often the station repeats it, whole milliseconds, and for how long.
    pub repeat: Option<Repetition>,
    /// Others repeat it when they have not heard it for twice this; whole milliseconds, 1 ms..=10 s.
    pub keep_alive: Option<Duration>,
}

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The station's position.
    Here,
    /// This position.
    At(Point),
}

/// How often a station repeats an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// Time between two of its messages, whole milliseconds.
    pub every: Duration,
    /// For how long; `None`: as long as the event is valid.
    pub during: Option<Duration>,
}

impl Declaration {
    pub(super) fn keys(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
            }
        };
        put("class", self.class.map(|class| class.name().into()));
        put(
            "cause",
            self.cause.map(|cause| v2x_proto::cause::name(cause).map_or_else(|| cause.into(), Into::into)),
        );
        put("sub_cause", self.sub_cause.map(Into::into));
        match self.place {
            Some(Place::Here) => put("here", Some(true.into())),
            Some(Place::At(position)) => {
                put("latitude_deg", Some(degrees(position.latitude)));
                put("longitude_deg", Some(degrees(position.longitude)));
            }
            None => {}
        }
        put("speed_m_s", self.speed.map(|speed| (f64::from(speed) / 100.0).into()));
        put("heading_deg", self.heading.map(|heading| (f64::from(heading) / 10.0).into()));
        put("quality", self.quality.map(Into::into));
        put("validity_s", self.validity.map(|validity| validity.as_secs().into()));
        put("area", self.area.map(|area| area.keys()));
        put("relevance_distance_m", self.relevance_distance_m.map(Into::into));
        put(
            "relevance_direction",
            self.relevance_direction.map(|direction| direction_name(direction).into()),
        );
        put("repeat_ms", self.repeat.map(|repeat| millis(repeat.every)));
        put("repeat_for_ms", self.repeat.and_then(|repeat| repeat.during).map(millis));
        put("keep_alive_ms", self.keep_alive.map(millis));
        keys
    }

    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, BadRequest> {
        let whole = |seconds: f64, unit: f64| (seconds * unit).round() as u16;
        let duration = |millis: Option<u64>| millis.map(Duration::from_millis);
        let every = duration(fields.integer("repeat_ms", 1..=LONGEST_VALIDITY_S * 1000)?);
        let during = duration(fields.integer("repeat_for_ms", 1..=LONGEST_VALIDITY_S * 1000)?);
        if every.is_none() && during.is_some() {
            return Err(
                fields.missing("repeat_ms", "milliseconds between two messages, as repeat_for_ms is given")
            );
        }
        Ok(Self {
            class: fields.named("class", CLASS_RIGHT, &EVENT_CLASSES, Class::name)?,
            cause: cause(fields)?,
            sub_cause: fields.integer("sub_cause", 0..=255)?.map(|number| number as u8),
            place: place(fields)?,
            speed: fields.number("speed_m_s", 0.0..=163.82, " m/s")?.map(|speed| whole(speed, 100.0)),
            heading: fields
                .number("heading_deg", 0.0..=359.9, " degrees")?
                .map(|heading| whole(heading, 10.0)),
            quality: fields.integer("quality", 1..=7)?.map(|number| number as u8),
            validity: fields.integer("validity_s", 1..=LONGEST_VALIDITY_S)?.map(Duration::from_secs),
            area: match fields.object("area", area::RIGHT)? {
                Some(object) => Some(Area::read(object)?),
                None => None,
            },
            relevance_distance_m: fields
                .integer("relevance_distance_m", 1..=u64::from(u16::MAX))?
                .map(|number| number as u16),
            relevance_direction: fields.named(
                "relevance_direction",
                DIRECTION_RIGHT,
                &DIRECTIONS,
                direction_name,
            )?,
            repeat: every.map(|every| Repetition { every, during }),
            keep_alive: duration(fields.integer("keep_alive_ms", 1..=10_000)?),
        })
    }
}

fn cause(fields: &Fields<'_>) -> Result<Option<u8>, BadRequest> {
    let mut near = String::new();
    let cause = fields.parsed("cause", CAUSE_RIGHT, |text| {
        near = cause::near(text);
        cause::parse(text)
    });
    match cause {
        Err(BadRequest(text)) if !near.is_empty() => Err(BadRequest(format!("{text}; near it: {near}"))),
        other => other,
    }
}

fn place(fields: &Fields<'_>) -> Result<Option<Place>, BadRequest> {
    let at = position(fields)?.map(Place::At);
    match fields.flag("here")? {
        Some(true) if at.is_some() => Err(fields.contradiction(
            "here",
            "latitude_deg",
            "an event is where the station is, or somewhere else",
        )),
        Some(true) => Ok(Some(Place::Here)),
        _ => Ok(at),
    }
}

fn millis(duration: Duration) -> Value {
    (duration.as_millis() as u64).into()
}

/// `"all"`, `"upstream"`, `"downstream"` or `"opposite"`.
pub fn direction_name(direction: v1::RelevanceDirection) -> &'static str {
    match direction {
        v1::RelevanceDirection::Unspecified => "all",
        v1::RelevanceDirection::Upstream => "upstream",
        v1::RelevanceDirection::Downstream => "downstream",
        v1::RelevanceDirection::Opposite => "opposite",
    }
}

/// The direction of this name.
pub fn direction(text: &str) -> Option<v1::RelevanceDirection> {
    DIRECTIONS.into_iter().find(|other| direction_name(*other) == text)
}

const DIRECTIONS: [v1::RelevanceDirection; 4] = {
    use v1::RelevanceDirection::{Downstream, Opposite, Unspecified, Upstream};
    [Unspecified, Upstream, Downstream, Opposite]
};

/// Classes an event may have.
pub const EVENT_CLASSES: [Class; 3] = [Class::D0, Class::D1, Class::D3];
/// TS 102 894-2 `ValidityDuration`.
pub const LONGEST_VALIDITY_S: u64 = 86_400;
/// What a cause is, for complaints.
pub const CAUSE_RIGHT: &str =
    r#"a cause's name or number, such as "accident" or 2 (roadcast hazard new --cause list shows them)"#;
const CLASS_RIGHT: &str = r#""D0" (imminent), "D1" (alert) or "D3" (for an area)"#;
const DIRECTION_RIGHT: &str = r#""all", "upstream", "downstream" or "opposite""#;
