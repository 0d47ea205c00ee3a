//! What a program asks of a daemon: one JSON object a line. The keys are listed in `CONTROL.md`.

use core::time::Duration;

use serde_json::{Map, Value, json};
use v2x_core::position::Position;
use v2x_proto::{AreaView, Class, Shape, v1};

use super::cause::Cause;
use super::fields::{BadRequest, Fields};
use v2x_core::hazard::{Draft, EventId, Known, Repeat};

/// Version of the protocol. A request may name it as `v`; every answer does.
pub const VERSION: u64 = 1;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Declare an event.
    New(Declaration),
    /// Change an own event; what is not said stays as it is.
    Update(EventId, Declaration),
    /// End an own event.
    Cancel(EventId),
    /// Say that another's event is not there.
    Negate(EventId),
    /// The events known, in order of their names, from the first after this one.
    List(Option<EventId>),
    /// Every change of an event from now on.
    Watch,
    /// How the station is.
    Status,
}

/// What is said of an event; `None`: not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    /// D0, D1 or D3 (which is what a new event has when nothing is said).
    pub class: Option<Class>,
    /// Cause, TS 102 894-2 `CauseCodeType`, 1..=255. A new event needs one.
    pub cause: Option<u8>,
    /// Sub-cause.
    pub sub_cause: Option<u8>,
    /// Where it is; a new event of which nothing is said is where the station is.
    pub place: Option<Place>,
    /// Speed of the event, 0.01 m/s, 0..=16382.
    pub speed: Option<u16>,
    /// Heading of the event, 0.1 degree, 0..=3599.
    pub heading: Option<u16>,
    /// How sure, 1..=7.
    pub quality: Option<u8>,
    /// How long from its detection, whole seconds, 1 s..=86400 s.
    pub validity: Option<Duration>,
    /// Where it concerns anyone.
    pub area: Option<Area>,
    /// Within this distance it matters, metres, 1..=65535.
    pub relevance_distance_m: Option<u16>,
    /// Whom it concerns.
    pub relevance_direction: Option<v1::RelevanceDirection>,
    /// How often the station says it again, whole milliseconds, and for how long.
    pub repeat: Option<Repetition>,
    /// Others repeat it when they have not heard it for twice this; whole milliseconds, 1 ms..=10 s.
    pub keep_alive: Option<Duration>,
}

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where the station is.
    Here,
    /// There.
    At(Position),
}

/// Where an event concerns anyone (EN 302 931), about the event or about a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Circle, rectangle or ellipse.
    pub shape: Shape,
    /// Radius of a circle, else half the length along the azimuth; metres, 1..=65535.
    pub distance_a_m: u32,
    /// Half the length across the azimuth; metres; 0 for a circle.
    pub distance_b_m: u32,
    /// Direction of the length, degrees clockwise from north, 0..=359; 0 for a circle.
    pub azimuth_deg: u32,
    /// Its centre; `None`: the event.
    pub centre: Option<Position>,
}

/// How often a station says an event again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// Time between two of its messages, whole milliseconds.
    pub every: Duration,
    /// For how long; `None`: as long as the event is valid.
    pub during: Option<Duration>,
}

impl Request {
    /// Reads a line, without its end.
    ///
    /// # Errors
    /// The first thing wrong with it, and what would be right.
    pub fn parse(line: &[u8]) -> Result<Self, BadRequest> {
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            let example = r#"expected one JSON object a line, such as {"hazard":"list"}"#;
            BadRequest(format!("no JSON at column {}; {example}", error.column()))
        })?;
        let Value::Object(object) = &value else {
            return Err(BadRequest(format!("no JSON object; {WHAT_THERE_IS}")));
        };
        check_version(object)?;
        match (object.get("hazard"), object.get("station")) {
            (Some(_), Some(_)) => {
                Err(BadRequest("hazard: does not go with station; one request a line".to_owned()))
            }
            (Some(Value::String(verb)), None) => hazard(verb, object),
            (None, Some(Value::String(verb))) if verb == "status" => {
                Fields::of(object, &["v", "station"], "").map(|_| Self::Status)
            }
            _ => Err(BadRequest(format!("no request; {WHAT_THERE_IS}"))),
        }
    }

    /// The request as a line, without its end.
    pub fn line(&self) -> String {
        let mut object = match self {
            Self::New(declaration) | Self::Update(_, declaration) => declaration.keys(),
            _ => Map::new(),
        };
        let (noun, verb) = match self {
            Self::New(_) => ("hazard", "new"),
            Self::Update(..) => ("hazard", "update"),
            Self::Cancel(_) => ("hazard", "cancel"),
            Self::Negate(_) => ("hazard", "negate"),
            Self::List(_) => ("hazard", "list"),
            Self::Watch => ("hazard", "watch"),
            Self::Status => ("station", "status"),
        };
        object.insert("v".to_owned(), VERSION.into());
        object.insert(noun.to_owned(), verb.into());
        match self {
            Self::Update(id, _) | Self::Cancel(id) | Self::Negate(id) => {
                object.insert("event".to_owned(), id.to_string().into());
            }
            Self::List(Some(after)) => {
                object.insert("after".to_owned(), after.to_string().into());
            }
            _ => {}
        }
        Value::Object(object).to_string()
    }
}

impl Declaration {
    /// The whole event for the core: what is said here, and for the rest what is known of it, or what a new event has.
    /// `station` is where the station is.
    ///
    /// # Errors
    /// A new event without a cause; an area about an event whose place nobody knows.
    pub fn draft(&self, station: Option<Position>, known: Option<&Known>) -> Result<Draft, BadRequest> {
        let Some(cause) = self.cause.or(known.map(|known| known.cause)) else {
            return Err(BadRequest(format!("cause: missing; {CAUSE_RIGHT}")));
        };
        let class = self.class.or(known.map(|known| known.class)).unwrap_or(Class::D3);
        let mut draft = known.map_or_else(|| Draft::new(class, cause), |known| as_known(known, class, cause));
        let set = |to: &mut Option<_>, from: Option<_>| *to = from.or(*to);
        draft.sub_cause = self.sub_cause.unwrap_or(draft.sub_cause);
        match self.place {
            Some(Place::Here) => draft.position = None,
            Some(Place::At(position)) => draft.position = Some(position),
            None => {}
        }
        set(&mut draft.speed, self.speed);
        set(&mut draft.heading, self.heading);
        draft.quality = self.quality.or(draft.quality);
        draft.validity = self.validity.unwrap_or(draft.validity);
        set(&mut draft.relevance_distance_m, self.relevance_distance_m);
        draft.relevance_direction = self.relevance_direction.unwrap_or(draft.relevance_direction);
        draft.keep_alive = self.keep_alive.or(draft.keep_alive);
        draft.repeat = self.repeat.map(|repetition| Repeat {
            every: repetition.every,
            during: repetition.during.unwrap_or(draft.validity),
        });
        if let Some(area) = self.area {
            let Some(centre) = area.centre.or(draft.position).or(station) else {
                let right = "give the event's place, or the area's: the station does not know its own";
                return Err(BadRequest(format!("area: about nothing; {right}")));
            };
            draft.area = Some(area.about(centre));
        }
        Ok(draft)
    }

    fn keys(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
            }
        };
        put("class", self.class.map(|class| class.name().into()));
        put("cause", self.cause.map(|cause| Cause::name(cause).map_or_else(|| cause.into(), Into::into)));
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

    fn read(fields: &Fields<'_>) -> Result<Self, BadRequest> {
        let class = |text: &str| EVENT_CLASSES.into_iter().find(|class| class.name() == text);
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
            class: fields.parsed("class", CLASS_RIGHT, class)?,
            cause: cause(fields)?,
            sub_cause: fields.integer("sub_cause", 0..=255)?.map(|number| number as u8),
            place: place(fields)?,
            speed: fields.number("speed_m_s", 0.0..=163.82, " m/s")?.map(|speed| whole(speed, 100.0)),
            heading: fields
                .number("heading_deg", 0.0..=359.9, " degrees")?
                .map(|heading| whole(heading, 10.0)),
            quality: fields.integer("quality", 1..=7)?.map(|number| number as u8),
            validity: fields.integer("validity_s", 1..=LONGEST_VALIDITY_S)?.map(Duration::from_secs),
            area: match fields.object("area", AREA_RIGHT)? {
                Some(object) => Some(Area::read(object)?),
                None => None,
            },
            relevance_distance_m: fields
                .integer("relevance_distance_m", 1..=u64::from(u16::MAX))?
                .map(|number| number as u16),
            relevance_direction: fields.parsed("relevance_direction", DIRECTION_RIGHT, direction)?,
            repeat: every.map(|every| Repetition { every, during }),
            keep_alive: duration(fields.integer("keep_alive_ms", 1..=10_000)?),
        })
    }
}

impl Area {
    /// This area about a place, unless it has one of its own.
    pub fn about(&self, place: Position) -> AreaView {
        let centre = self.centre.unwrap_or(place);
        AreaView {
            latitude: centre.latitude,
            longitude: centre.longitude,
            shape: self.shape,
            distance_a_m: self.distance_a_m,
            distance_b_m: self.distance_b_m,
            azimuth_deg: self.azimuth_deg,
        }
    }

    fn keys(&self) -> Value {
        let mut keys = match self.shape {
            Shape::Circle => json!({ "radius_m": self.distance_a_m }),
            _ => json!({
                "half_length_m": self.distance_a_m,
                "half_width_m": self.distance_b_m,
                "azimuth_deg": self.azimuth_deg,
            }),
        };
        keys["shape"] = shape_name(self.shape).into();
        if let Some(centre) = self.centre {
            keys["latitude_deg"] = degrees(centre.latitude);
            keys["longitude_deg"] = degrees(centre.longitude);
        }
        keys
    }

    fn read(object: &Map<String, Value>) -> Result<Self, BadRequest> {
        const KEYS: &[&str] = &[
            "shape",
            "radius_m",
            "half_length_m",
            "half_width_m",
            "azimuth_deg",
            "latitude_deg",
            "longitude_deg",
        ];
        let fields = Fields::of(object, KEYS, "area.")?;
        let shape = |text: &str| SHAPES.into_iter().find(|shape| shape_name(*shape) == text);
        let Some(shape) = fields.parsed("shape", SHAPE_RIGHT, shape)? else {
            return Err(fields.missing("shape", SHAPE_RIGHT));
        };
        let circle = shape == Shape::Circle;
        let right =
            if circle { "a circle has radius_m" } else { "it has half_length_m, half_width_m, azimuth_deg" };
        let others: &[&'static str] =
            if circle { &["half_length_m", "half_width_m", "azimuth_deg"] } else { &["radius_m"] };
        if let Some(other) = others.iter().find(|key| fields.has(key)) {
            return Err(fields.contradiction(other, &format!("shape {:?}", shape_name(shape)), right));
        }
        let metres = |key| match fields.integer(key, 1..=u64::from(u16::MAX))? {
            Some(metres) => Ok(metres as u32),
            None => Err(fields.missing(key, "metres, 1 to 65535")),
        };
        let centre = position(&fields)?;
        Ok(if circle {
            Self { shape, distance_a_m: metres("radius_m")?, distance_b_m: 0, azimuth_deg: 0, centre }
        } else {
            Self {
                shape,
                distance_a_m: metres("half_length_m")?,
                distance_b_m: metres("half_width_m")?,
                azimuth_deg: fields.integer("azimuth_deg", 0..=359)?.unwrap_or(0) as u32,
                centre,
            }
        })
    }
}

fn hazard(verb: &str, object: &Map<String, Value>) -> Result<Request, BadRequest> {
    match verb {
        "new" => {
            let fields = Fields::of(object, EVENT_KEYS, "")?;
            if fields.has("event") {
                return Err(fields.contradiction(
                    "event",
                    "hazard \"new\"",
                    "the station names the event and answers it",
                ));
            }
            let declaration = Declaration::read(&fields)?;
            if declaration.cause.is_none() {
                return Err(fields.missing("cause", CAUSE_RIGHT));
            }
            Ok(Request::New(declaration))
        }
        "update" => {
            let fields = Fields::of(object, EVENT_KEYS, "")?;
            Ok(Request::Update(event(&fields)?, Declaration::read(&fields)?))
        }
        "cancel" => Ok(Request::Cancel(event(&Fields::of(object, NAMED_KEYS, "")?)?)),
        "negate" => Ok(Request::Negate(event(&Fields::of(object, NAMED_KEYS, "")?)?)),
        "list" => {
            let fields = Fields::of(object, &["v", "hazard", "after"], "")?;
            fields.parsed("after", EVENT_RIGHT, |text| text.parse().ok()).map(Request::List)
        }
        "watch" => Fields::of(object, &["v", "hazard"], "").map(|_| Request::Watch),
        other => {
            let found = super::fields::quote(other);
            Err(BadRequest(format!("hazard: found {found}, expected {HAZARD_RIGHT}")))
        }
    }
}

fn check_version(object: &Map<String, Value>) -> Result<(), BadRequest> {
    match object.get("v") {
        None => Ok(()),
        Some(version) if version.as_u64() == Some(VERSION) => Ok(()),
        Some(_) => Err(BadRequest(format!("v: this daemon speaks version {VERSION} of the protocol"))),
    }
}

fn event(fields: &Fields<'_>) -> Result<EventId, BadRequest> {
    let id = fields.parsed("event", EVENT_RIGHT, |text| text.parse().ok())?;
    id.ok_or_else(|| fields.missing("event", EVENT_RIGHT))
}

fn cause(fields: &Fields<'_>) -> Result<Option<u8>, BadRequest> {
    let mut near = String::new();
    let cause = fields.parsed("cause", CAUSE_RIGHT, |text| {
        near = Cause::near(text).take(4).collect::<Vec<_>>().join(", ");
        Cause::parse(text)
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

fn position(fields: &Fields<'_>) -> Result<Option<Position>, BadRequest> {
    let latitude = fields.number("latitude_deg", -90.0..=90.0, " degrees")?;
    let longitude = fields.number("longitude_deg", -180.0..=180.0, " degrees")?;
    let unit = |degrees: f64| (degrees * 1e7).round() as i32;
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => {
            Ok(Some(Position { latitude: unit(latitude), longitude: unit(longitude) }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(fields.missing("longitude_deg", "degrees, -180 to 180, as latitude_deg is given"))
        }
        (None, Some(_)) => {
            Err(fields.missing("latitude_deg", "degrees, -90 to 90, as longitude_deg is given"))
        }
    }
}

/// What is known of an event as a draft of it.
fn as_known(known: &Known, class: Class, cause: u8) -> Draft {
    Draft {
        sub_cause: known.sub_cause,
        position: Some(known.position),
        speed: known.speed,
        heading: known.heading,
        quality: known.quality,
        validity: known.valid_until.since(known.detection),
        area: known.area,
        relevance_distance_m: known.relevance_distance_m,
        relevance_direction: known.relevance_direction,
        keep_alive: known.keep_alive,
        ..Draft::new(class, cause)
    }
}

/// Degrees of a latitude or longitude in 1e-7 degree.
pub(super) fn degrees(unit: i32) -> Value {
    (f64::from(unit) / 1e7).into()
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
    use v1::RelevanceDirection::{Downstream, Opposite, Unspecified, Upstream};
    [Unspecified, Upstream, Downstream, Opposite].into_iter().find(|other| direction_name(*other) == text)
}

/// `"circle"`, `"rectangle"` or `"ellipse"`.
pub fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Circle => "circle",
        Shape::Rectangle => "rectangle",
        Shape::Ellipse => "ellipse",
    }
}

const SHAPES: [Shape; 3] = [Shape::Circle, Shape::Rectangle, Shape::Ellipse];
/// Classes an event may have.
pub const EVENT_CLASSES: [Class; 3] = [Class::D0, Class::D1, Class::D3];
/// TS 102 894-2 `ValidityDuration`.
pub const LONGEST_VALIDITY_S: u64 = 86_400;

const EVENT_KEYS: &[&str] = &[
    "v",
    "hazard",
    "event",
    "class",
    "cause",
    "sub_cause",
    "latitude_deg",
    "longitude_deg",
    "here",
    "speed_m_s",
    "heading_deg",
    "quality",
    "validity_s",
    "area",
    "relevance_distance_m",
    "relevance_direction",
    "repeat_ms",
    "repeat_for_ms",
    "keep_alive_ms",
];
const NAMED_KEYS: &[&str] = &["v", "hazard", "event"];

const WHAT_THERE_IS: &str =
    r#"expected {"hazard":"new"|"update"|"cancel"|"negate"|"list"|"watch", ...} or {"station":"status"}"#;
const HAZARD_RIGHT: &str = r#""new", "update", "cancel", "negate", "list" or "watch""#;
const CAUSE_RIGHT: &str =
    r#"a cause's name or number, such as "accident" or 2 (roadcast hazard new --cause list shows them)"#;
const CLASS_RIGHT: &str = r#""D0" (imminent), "D1" (alert) or "D3" (for an area)"#;
const EVENT_RIGHT: &str = r#"an event as it was named: "<16 hex digits>/<number>""#;
const AREA_RIGHT: &str = r#"an object, such as {"shape":"circle","radius_m":500}"#;
const SHAPE_RIGHT: &str = r#""circle", "rectangle" or "ellipse""#;
const DIRECTION_RIGHT: &str = r#""all", "upstream", "downstream" or "opposite""#;

#[cfg(test)]
mod tests;
