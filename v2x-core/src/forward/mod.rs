//! Multi-hop forwarding: contention-based forwarding, areas, store-carry-forward.

pub(crate) mod area;
pub mod contention;
mod flood;
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
pub use forwarder::Forwarder;
pub use frame::{CopyHeard, FloodFrame};
pub use surroundings::Surroundings;
pub use table::Lane;
