//! Roadcast's control protocol: what a program asks of a running station, what the station answers, and a client that
//! waits for its answers.
//!
//! JSON lines over a Unix socket, one request a line, one answer a line; `v2x-node/CONTROL.md` lists them.
//!
//! ```no_run
//! use v2x_api::{Client, Declaration, Place};
//!
//! let mut station = Client::find(None)?;
//! let accident = Declaration { cause: Some(2), place: Some(Place::Here), ..Declaration::default() };
//! let event = station.declare(&accident)?;
//! for hazard in station.hazards()? {
//!     println!("{} {:?} {:?} m away", hazard.event, hazard.cause_name, hazard.distance_m);
//! }
//! station.cancel(event)?;
//! # Ok::<_, v2x_api::ClientError>(())
//! ```

mod answer;
pub mod cause;
mod client;
pub mod display;
mod fields;
mod point;
mod request;
#[cfg(test)]
mod schema;
pub mod socket;

pub use self::answer::congestion::CongestionFigures;
pub use self::answer::intersection::{IntersectionSignals, SignalGroup, SignalLane};
pub use self::answer::message::{AnsweredMessage, DroppedFrame, Message, MessageForwarder};
pub use self::answer::neighbour::Neighbour;
pub use self::answer::stats::{
    AfarFigures, Buckets, ClassPerSecond, ClockFigures, ControlFigures, LinkFigures, PerSecond,
    PositionFigures, Queues, Stats,
};
pub use self::answer::{
    Answer, BAD_REQUEST, Concern, Hazard, HazardArea, HeardElsewhere, NearbyStation, PriorityStatus,
    RedLightAhead, SignalAhead, SignalShown, StationPosition, Status,
};
pub use self::client::publish::Published;
pub use self::client::{Client, ClientError, LONGEST_ANSWER, Watch};
pub use self::fields::BadRequest;
pub use self::point::Point;
pub use self::request::afar::AfarFrame;
pub use self::request::area::{Area, shape_name};
pub use self::request::declaration::{
    CAUSE_RIGHT, Declaration, EVENT_CLASSES, LONGEST_VALIDITY_S, Place, Repetition, direction, direction_name,
};
pub use self::request::encoding::Encoding;
pub use self::request::fix::{FixReport, FixTime};
pub use self::request::id::{LONGEST_ID, RequestId};
pub use self::request::messages::{
    Circle, LONGEST_RADIUS_M, MESSAGE_TYPES, MessageFilter, Standing, message_type, type_name,
};
pub use self::request::priority::{
    DEFAULT_DURATION, LONGEST_DURATION_MS, PriorityRequest, PriorityWish, ROLE_RIGHT, role, role_name,
};
pub use self::request::publish::PublishRequest;
pub use self::request::right::Right;
pub use self::request::vehicle::{CONTROLS, DOORS, LIGHTS, LONGEST_VEHICLE_AGE_MS, VehicleReport};
pub use self::request::{BadCall, Call, LONGEST_REQUEST, Request, VERSION, digest};
pub use v2x_proto::{Digest, EventId, IntersectionId};
