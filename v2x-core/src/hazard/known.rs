//! Known events as reported to the application, and their changes.

use core::time::Duration;

use v2x_proto::{AreaView, Class, v1};

use crate::base::{Position, WireTime};
use v2x_proto::EventId;

/// The known state of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownHazard {
    /// Its id.
    pub id: EventId,
    /// This station declared it.
    pub own: bool,
    /// Whether it is there.
    pub state: EventState,
    /// Class of the message that stated this.
    pub class: Class,
    /// Cause, TS 102 894-2 CauseCodeType; see [`v2x_proto::cause`].
    pub cause: u8,
    /// Sub-cause, 0: none given.
    pub sub_cause: u8,
    /// Where it was at `reference`.
    pub position: Position,
    /// Speed of the event, 0.01 m/s.
    pub speed: Option<u16>,
    /// Heading of the event, 0.1 degree clockwise from north.
    pub heading: Option<u16>,
    /// Its declarer's confidence, 1..=7.
    pub quality: Option<u8>,
    /// When it was detected.
    pub detection: WireTime,
    /// When this version of it was made.
    pub reference: WireTime,
    /// When its validity ends.
    pub valid_until: WireTime,
    /// Area in which it is relevant, from a flood.
    pub area: Option<AreaView>,
    /// Within this distance it is relevant, metres.
    pub relevance_distance_m: Option<u16>,
    /// Traffic for which it is relevant.
    pub relevance_direction: v1::RelevanceDirection,
    /// Stations in the area repeat it when they have not heard it for twice this time.
    pub keep_alive: Option<Duration>,
    /// Its declarer's claims are implausible: not to be relied on alone.
    pub suspect: bool,
    /// Nothing about it was heard by air: it is known from afar alone.
    pub afar: bool,
    /// Its relevance to this station, as of the last position; `None` when it is not relevant.
    pub concern: Option<Concern>,
}

/// Whether an event is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventState {
    /// It is.
    Active,
    /// Its declarer ended it.
    Cancelled,
    /// Another station with the permission negated it: states that it is not there.
    Negated,
}

/// Relevance of an event to this station.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concern {
    /// Time until both are at one place if nothing changes; `None` when they do not close.
    pub time_to_conflict: Option<Duration>,
    /// Metres from here to the event now.
    pub distance_m: f32,
    /// Where they would meet.
    pub at: Position,
}

/// An event, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HazardChanged {
    /// As it is known from now on; when it has expired, as it was.
    pub event: KnownHazard,
    /// What changed.
    pub change: HazardChange,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HazardChange {
    /// It was not known.
    New,
    /// Something about it changed.
    Updated,
    /// Its declarer ended it.
    Cancelled,
    /// Another station negated it.
    Negated,
    /// Its validity ended, or it was evicted.
    Expired,
}

impl EventState {
    /// All states, in their order.
    pub const ALL: [Self; 3] = [Self::Active, Self::Cancelled, Self::Negated];

    /// Name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cancelled => "cancelled",
            Self::Negated => "negated",
        }
    }
}

impl HazardChange {
    /// All changes, in their order.
    pub const ALL: [Self; 5] = [Self::New, Self::Updated, Self::Cancelled, Self::Negated, Self::Expired];

    /// Name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::Cancelled => "cancelled",
            Self::Negated => "negated",
            Self::Expired => "expired",
        }
    }
}
