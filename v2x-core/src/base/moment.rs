//! The time and place of the current turn.

use super::position::Plane;
use super::reason::ClockState;
use super::time::{Anchor, Instant, WireTime};
use super::velocity::Velocity;

/// The station's current time, clock state, position and velocity: what every step of a turn needs.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The core's time.
    pub now: Instant,
    /// Ties it to wire time.
    pub anchor: Anchor,
    /// How far the wire clock may be trusted.
    pub clock: ClockState,
    /// The plane about the station's position, once there was one; the position may be too old to send by.
    pub here: Option<Plane>,
    /// The station's velocity; zero while it is not known.
    pub velocity: Velocity,
}

impl Moment {
    /// A start, without a trusted clock or a position.
    #[must_use]
    pub fn starting(anchor: Anchor) -> Self {
        Self { now: anchor.instant, anchor, clock: ClockState::Untrusted, here: None, velocity: (0.0, 0.0) }
    }

    /// The same by the wire clock.
    #[must_use]
    pub fn wire(&self) -> WireTime {
        self.anchor.wire_at(self.now)
    }

    /// The same, where the wire clock may be trusted.
    #[must_use]
    pub fn trusted_wire(&self) -> Option<WireTime> {
        self.clock.may_sign().then(|| self.wire())
    }
}
