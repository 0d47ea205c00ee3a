//! Shared test support: one authority, hand-made frames, one loop over a node's outputs, and stations on one virtual
//! clock.
//!
//! Only tests and benchmarks of a crate may use it, never the crate itself. The unit tests of `v2x-core` cannot,
//! because this crate depends on that one.
//!
//! - [`authority`]: credentials for stations by number.
//! - [`start`]: where and when everything begins, and inputs for it.
//! - [`drive`]: a node's outputs until its next deadline.
//! - [`station`], [`street`], [`field`]: one station, several that all hear each other, many with links between them.
//! - [`board`]: one station whose processor needs a time of its own for each signature.
//! - [`craft`], [`draft`]: signed frames of any content; and frames in bulk with a signature nobody checks.
//! - [`hazard`]: payloads of hazard messages.
//! - [`motorway`], [`outsider`]: a road with losses by distance, and a radio without a credential beside it.

pub mod authority;
pub mod board;
pub mod craft;
pub mod draft;
pub mod drive;
pub mod field;
pub mod hazard;
pub mod motorway;
pub mod outsider;
pub mod start;
pub mod station;
pub mod street;

pub use authority::Authority;
pub use board::Board;
pub use start::{PLACE, START, address, anchor, fix, frame, from_afar};
pub use station::Station;
pub use street::Street;
