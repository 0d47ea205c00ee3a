//! A moment by both clocks.

use v2x_core::{Anchor, Instant, WireTime};

/// One moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The core's time.
    pub now: Instant,
    /// The wire clock at it.
    pub wire: WireTime,
}

impl Moment {
    /// `now`, and what the wire clock reads then.
    #[must_use]
    pub fn at(now: Instant, anchor: &Anchor) -> Self {
        Self { now, wire: anchor.wire_at(now) }
    }

    /// What ties both clocks to each other at this moment.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        Anchor { instant: self.now, wire: self.wire }
    }
}
