//! A frame on one link, and what faults make of it.

use v2x_core::Position;

/// A frame that a receiver would have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnLink {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// How many frames the sender has sent before.
    pub(crate) number: u64,
    /// First and last bit on the air, ns.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// Where the two are.
    pub(crate) from_at: Option<Position>,
    pub(crate) to_at: Option<Position>,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It is lost, for this cause.
    Lost(&'static str),
    /// It arrives so much later, ns, and perhaps a second time so much after that.
    Arrives { later_ns: u64, again_ns: Option<u64> },
}
