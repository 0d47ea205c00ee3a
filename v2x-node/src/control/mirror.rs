//! Stand-ins for the core's hazard types.
use core::time::Duration;
use core::fmt;
use core::str::FromStr;
use v2x_core::position::Position;
use v2x_core::time::WireTime;
use v2x_proto::{AreaView, Class, Digest, v1};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId { pub origin: Digest, pub number: u32 }
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}/{}", self.origin, self.number) }
}
impl FromStr for EventId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let right = || "16 hex digits, a slash and a number".to_owned();
        let (origin, number) = text.split_once('/').ok_or_else(right)?;
        if origin.len() != 16 || !origin.bytes().all(|b| b.is_ascii_hexdigit()) { return Err(right()); }
        let origin = u64::from_str_radix(origin, 16).map_err(|_| right())?;
        Ok(Self { origin: Digest(origin.to_be_bytes()), number: number.parse().map_err(|_| right())? })
    }
}
#[derive(Clone, Debug, PartialEq)]
pub enum Command { New(Draft), Update(EventId, Draft), Cancel(EventId), Negate(EventId) }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat { pub every: Duration, pub during: Duration }
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub class: Class, pub cause: u8, pub sub_cause: u8, pub position: Option<Position>, pub speed: Option<u16>,
    pub heading: Option<u16>, pub quality: Option<u8>, pub validity: Duration, pub area: Option<AreaView>,
    pub relevance_distance_m: Option<u16>, pub relevance_direction: v1::RelevanceDirection, pub repeat: Option<Repeat>,
    pub keep_alive: Option<Duration>,
}
impl Draft {
    pub fn new(class: Class, cause: u8) -> Self {
        Self { class, cause, sub_cause: 0, position: None, speed: None, heading: None, quality: None,
            validity: Duration::from_secs(600), area: None, relevance_distance_m: None,
            relevance_direction: v1::RelevanceDirection::Unspecified, repeat: None, keep_alive: None }
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State { Active, Cancelled, Negated }
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concern { pub time_to_conflict: Option<Duration>, pub distance_m: f32, pub at: Position }
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub id: EventId, pub own: bool, pub state: State, pub class: Class, pub cause: u8, pub sub_cause: u8,
    pub position: Position, pub speed: Option<u16>, pub heading: Option<u16>, pub quality: Option<u8>,
    pub detection: WireTime, pub reference: WireTime, pub valid_until: WireTime, pub area: Option<AreaView>,
    pub relevance_distance_m: Option<u16>, pub relevance_direction: v1::RelevanceDirection,
    pub keep_alive: Option<Duration>, pub concern: Option<Concern>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change { New, Updated, Cancelled, Negated, Expired }
