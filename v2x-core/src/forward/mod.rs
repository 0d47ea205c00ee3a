//! Multi-hop forwarding: contention-based forwarding, areas, store-carry-forward.

mod airing;
pub(crate) mod area;
pub mod contention;
mod flood;
mod flood_tag;
pub(crate) mod forwarder;
mod frame;
#[cfg(feature = "polygon")]
pub mod polygon;
mod reach;
mod surroundings;
mod table;
mod timer_tree;

pub use area::{Area, hops_for};
pub use flood::{ForwardCause, Forwarded};
pub use flood_tag::{BeaconTags, FloodName};
pub use forwarder::Forwarder;
pub use frame::{CopyHeard, FloodFrame, HeardBeacon};
pub use surroundings::Surroundings;
pub use table::Lane;
