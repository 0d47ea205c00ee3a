//! What tests and benchmarks share: one authority, frames made by hand, one loop over a node's outputs, and stations on
//! one virtual clock.
//!
//! A crate's tests and benchmarks may name it, no crate may depend on it. The unit tests of `v2x-core` cannot, because
//! this crate depends on that one.
//!
//! - [`authority`]: credentials for stations by number.
//! - [`start`]: where and when everything begins, and inputs for it.
//! - [`drive`]: a node's outputs until its next deadline.
//! - [`station`], [`street`], [`field`]: one station, several that all hear each other, many with links between them.
//! - [`craft`], [`draft`]: frames of any content, signed; and frames to order with a signature nobody looks at.
//! - [`hazard`]: payloads of hazard messages.

pub mod authority;
pub mod craft;
pub mod draft;
pub mod drive;
pub mod field;
pub mod hazard;
pub mod start;
pub mod station;
pub mod street;

pub use authority::Authority;
pub use start::{PLACE, START, address, anchor, fix, frame};
pub use station::Station;
pub use street::Street;
