//! A verified hazard message in the core's own types.

use core::time::Duration;

use v2x_proto::{AreaView, Digest, v1};

use super::command::{DEFAULT_VALIDITY, MAX_VALIDITY};
use super::known::EventState;
use crate::base::{EventVersion, Position, WireTime};
use v2x_proto::EventId;

/// The content of a hazard message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HazardGist {
    /// Which event.
    pub id: EventId,
    /// Whether it is there.
    pub state: EventState,
    /// When it was detected.
    pub detection: WireTime,
    /// When this version of it was made.
    pub reference: WireTime,
    /// When its validity ends.
    pub valid_until: WireTime,
    /// Where it is; present while it is active.
    pub position: Option<Position>,
    /// Cause, 0 when it has ended and states none.
    pub cause: u8,
    /// Sub-cause, 0: none given.
    pub sub_cause: u8,
    /// Speed of the event, 0.01 m/s.
    pub speed: Option<u16>,
    /// Heading of the event, 0.1 degree.
    pub heading: Option<u16>,
    /// Its declarer's confidence, 1..=7.
    pub quality: Option<u8>,
    /// The envelope's area.
    pub area: Option<AreaView>,
    /// Within this distance it is relevant, metres.
    pub relevance_distance_m: Option<u16>,
    /// Traffic for which it is relevant.
    pub relevance_direction: v1::RelevanceDirection,
    /// It is repeated by others when not heard for twice this time.
    pub keep_alive: Option<Duration>,
}

impl HazardGist {
    /// Converts a message whose ranges were checked, and the area of its envelope; `None` when it names no event or
    /// state.
    #[must_use]
    pub fn of(hazard: &v1::Hazard, area: Option<AreaView>) -> Option<Self> {
        let id = hazard.id.as_ref()?;
        let state = match hazard.state() {
            v1::HazardState::New | v1::HazardState::Update => EventState::Active,
            v1::HazardState::Cancel => EventState::Cancelled,
            v1::HazardState::Negate => EventState::Negated,
            v1::HazardState::Unspecified => return None,
        };
        let position = hazard.position.as_ref();
        let position = position.and_then(|position| Position::new(position.latitude, position.longitude));
        if state == EventState::Active && position.is_none() {
            return None;
        }
        let detection = WireTime::from_micros(hazard.detection_time_us);
        let validity = hazard.validity_s.map_or(DEFAULT_VALIDITY, |s| Duration::from_secs(u64::from(s)));
        let narrow = |value: Option<u32>| value.and_then(|value| u16::try_from(value).ok());
        Some(Self {
            id: EventId { origin: Digest::from_slice(&id.origin)?, number: id.number },
            state,
            detection,
            reference: WireTime::from_micros(hazard.reference_time_us),
            valid_until: detection + validity.min(MAX_VALIDITY),
            position,
            cause: u8::try_from(hazard.cause).ok()?,
            sub_cause: u8::try_from(hazard.sub_cause).ok()?,
            speed: narrow(hazard.speed),
            heading: narrow(hazard.heading).filter(|heading| *heading < 3600),
            quality: hazard.quality.and_then(|quality| u8::try_from(quality).ok()),
            area,
            relevance_distance_m: narrow(hazard.relevance_distance_m),
            relevance_direction: hazard.relevance_direction(),
            keep_alive: hazard.keep_alive_interval_ms.map(|ms| Duration::from_millis(u64::from(ms))),
        })
    }

    /// The event and its version, as a forwarder knows them.
    #[must_use]
    pub fn version(&self) -> EventVersion {
        EventVersion { origin: self.id.origin, number: self.id.number, reference: self.reference }
    }
}
