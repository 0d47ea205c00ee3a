//! What a turn came to, kept while nothing happens that could change it.
//!
//! Most frames of a busy or attacked channel are dropped at once, or wait for their verification, and change nothing that
//! a timer or the order of sending depends on. After such a frame the station is where it was: what ends a turn (is it
//! allowed to send, does the link take a frame, is another pseudonym due) and the timers are not looked at again. They are
//! after everything else, the turn that verifies the frame among it, and once time has come to where one of them would be
//! different.

use super::io::TimerKind;
use crate::base::Instant;

/// The first timer after a turn, and until when no turn without news would end otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeadlineCache {
    at: Instant,
    kind: TimerKind,
    until: Instant,
}

impl DeadlineCache {
    /// A turn that came to this deadline, which holds until then.
    pub(super) fn new((at, kind): (Instant, TimerKind), until: Instant) -> Self {
        Self { at, kind, until }
    }

    /// The first timer.
    pub(super) fn deadline(&self) -> (Instant, TimerKind) {
        (self.at, self.kind)
    }

    /// Whether a turn without news at `now` leaves the station where it is.
    pub(super) fn holds(&self, now: Instant) -> bool {
        now < self.until
    }
}
