//! Cache of a turn's deadline, kept while nothing happens that could change it.
//!
//! Most frames of a busy or attacked channel are dropped at once, or wait for their verification, and change nothing
//! that a timer or the order of sending depends on. After such a frame the end of a turn (may the station send, does
//! the link take a frame, is another pseudonym due) and the timers are not evaluated again. They are evaluated after
//! every other input, and once time has come to where one of them would differ.
//!
//! The turn that verifies a beacon of a neighbour, which is nearly every turn of a busy channel, changes one timer: the
//! neighbour it was of expires later. So that one is left out here, and read each time. While the rest holds, no timer is due,
//! and the turn does nothing but verify.

use super::io::TimerKind;
use crate::base::Instant;

/// The first timer after a turn, that of the neighbours left out, and until when a turn without news would end the same way.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeadlineCache {
    at: Instant,
    kind: TimerKind,
    until: Instant,
}

impl DeadlineCache {
    /// A turn that resulted in this deadline, valid until then.
    pub(super) fn new((at, kind): (Instant, TimerKind), until: Instant) -> Self {
        Self { at, kind, until }
    }

    /// The first timer.
    pub(super) fn deadline(&self) -> (Instant, TimerKind) {
        (self.at, self.kind)
    }

    /// Whether a turn without news at `now` leaves the station unchanged.
    pub(super) fn holds(&self, now: Instant) -> bool {
        now < self.until
    }
}
