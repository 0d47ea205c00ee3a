//! Basic types: time, position, random streams, bounds, rates, and the names of messages, frames and reasons.

mod config;
mod encryption_key;
mod event_version;
mod fair_shares;
mod fix;
mod frame;
mod frame_hash;
mod heading;
mod host;
pub mod limits;
mod lru_table;
mod message;
mod moment;
mod position;
mod rate;
mod reason;
mod reserve;
mod rng;
mod seal;
mod stamps;
mod table_fill;
mod time;
mod vehicle;
mod velocity;
mod way;

pub use config::{
    AwarenessRule, ChangeRule, Config, Congestion, Imminent, Plausibility, PseudonymConfig, Regulation, Role,
    Scheme,
};
pub use encryption_key::{EncryptionKey, seal};
pub use event_version::EventVersion;
pub use fair_shares::FairShares;
pub use fix::{Fix, TimedFix};
pub use frame::{ReceivedFrame, Transmit};
pub use frame_hash::{FrameHash, FrameHasher};
pub use heading::{HeldHeading, STANDING};
pub use host::{Host, Sign, Virtual, strict};
pub use lru_table::{LruTable, index};
pub use message::{Dropped, FrameHead, MessageId, NotSent, Received, Recipients, SendRequest, Sent, Token};
pub use moment::Moment;
pub use position::{Plane, Position, heading_difference, radii_of_curvature};
pub use rate::Rate;
pub use reason::{ClockState, DropReason, NotSentReason, Refusal, SendingState};
pub use reserve::{Reserve, append};
pub use rng::{Purpose, Seed, Stream};
pub use seal::{Open, SEAL_DOMAIN, SealBinding, Sealed};
pub use stamps::{ReceiveStamps, SendStamps};
pub use table_fill::TableFill;
pub use time::{Anchor, Instant, WireTime};
pub use vehicle::{EmergencySwitches, TimedVehicle, VehicleState};
pub use velocity::{Velocity, velocity};
pub use way::Way;
