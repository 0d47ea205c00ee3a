//! What a roadside unit sends, independent of how it is configured.

use core::net::SocketAddrV6;
use core::time::Duration;

use v2x_core::{Position, WireTime};
use v2x_proto::{AreaView, v1};

/// What a roadside unit sends; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Intersections, each id once.
    pub intersections: Vec<Intersection>,
    /// Display name of the controller that reports what the signals show; `None`: they follow their fixed-time plans.
    pub feed: Option<String>,
    /// Services advertised.
    pub adverts: Vec<Advert>,
    /// Traffic signs, each id once.
    pub signs: Vec<v1::SignInfo>,
    /// Road works, as standing hazards.
    pub work_zones: Vec<WorkZone>,
    /// Corrections for satellite receivers, passed on.
    pub corrections: Option<CorrectionStream>,
}

/// An intersection: its signals, its lanes, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intersection {
    /// Its number within the region.
    pub id: u32,
    /// Road authority.
    pub region: u32,
    /// Its reference point.
    pub position: Position,
    /// Numbers of its signal groups, ascending; none where no signals are.
    pub groups: Vec<u8>,
    /// What they show when no controller reports it, no number twice.
    pub plan: Vec<SignalGroup>,
    /// Its lanes, in the fragments they are sent in; none when they are not described.
    pub map: Vec<v1::IntersectionMap>,
}

impl Intersection {
    /// One whose signals follow `plan`, without a map.
    pub fn planned(id: u32, position: Position, plan: Vec<SignalGroup>) -> Self {
        let mut groups: Vec<u8> = plan.iter().map(|group| group.group).collect();
        groups.sort_unstable();
        Self { id, region: 0, position, groups, plan, map: Vec::new() }
    }

    /// Revision of its map, which its signal states repeat; 0 without one.
    pub fn revision(&self) -> u32 {
        self.map.first().map_or(0, |map| map.revision)
    }
}

/// A service advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// What it is: an IEEE 1609.12 PSID, 0..=270,549,119.
    pub service_id: u32,
    /// Text for people, at most 32 bytes; may be empty.
    pub description: String,
    /// Channel it is offered on, 1..=200; `None`: this one.
    pub channel: Option<u8>,
    /// Where it is reached by IP.
    pub address: Option<SocketAddrV6>,
}

/// The fixed-time plan of one signal group: green, yellow, red, over and over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalGroup {
    /// Number of the group, 1..=255.
    pub group: u8,
    /// Green, ms.
    pub green_ms: u32,
    /// Yellow, ms.
    pub yellow_ms: u32,
    /// Red, ms.
    pub red_ms: u32,
    /// Start of green after the start of the cycle, ms; cycles count from the wire epoch.
    pub offset_ms: u32,
}

/// Road works: a hazard of cause 3 (TS 102 894-2 `CauseCodeType`) for as long as they last.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkZone {
    /// What kind, TS 102 894-2 `RoadworksSubCauseCode`.
    pub sub_cause: u8,
    /// The area they are sent to. The hazard's position is its centre.
    pub area: AreaView,
    /// From when; `None`: now.
    pub from: Option<WireTime>,
    /// Until when; `None`: as long as the unit is configured to.
    pub until: Option<WireTime>,
    /// How long receivers believe it when they hear nothing more of it; it is renewed at half of this.
    pub validity: Duration,
    /// How often it is sent.
    pub repeat: Duration,
    /// Others repeat it when they have not heard it for twice this time; `None`: they do not.
    pub keep_alive: Option<Duration>,
}

/// Corrections to pass on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionStream {
    /// What people call their source.
    pub name: String,
    /// How often they are passed on at most, 1..=10 a second.
    pub per_second: u32,
    /// Whether the unit's position is sent to the source.
    pub gga: bool,
}
