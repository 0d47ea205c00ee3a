//! What a turn came to, kept while nothing happens that could change it.
//!
//! Most frames of a busy or attacked channel are dropped at once, or wait for their verification, and change nothing that
//! a timer or the order of sending depends on. After such a frame the station is where it was: what ends a turn (is it
//! allowed to send, does the link take a frame, is another pseudonym due) and the timers are not looked at again. They are
//! after everything else, the turn that verifies the frame among it, and once time has come to where one of them would be
//! different.

use super::Node;
use super::io::TimerKind;
use crate::base::{Instant, SendingState};
use crate::receive::Admission;

/// The first timer after a turn, and until when no turn without news would end otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    at: Instant,
    kind: TimerKind,
    until: Instant,
}

impl Rest {
    /// Whether a turn without news at `now` leaves the station where it is.
    pub(super) fn holds(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl Node {
    /// Whether a frame that ended so leaves all timers as they were.
    pub(super) fn is_no_news(&self, admission: &Admission) -> bool {
        match admission {
            Admission::Dropped(_) => !self.receiver.is_stirred(),
            // A demoted one may have set a timer.
            Admission::Queued(_) => !self.receiver.is_stirred() && self.receiver.next_demoted().is_none(),
            Admission::Held(_) | Admission::Unverified(_) | Admission::Copy(..) => false,
        }
    }

    /// After a turn: its deadline, kept if it can be.
    pub(super) fn come_to_rest(&mut self) -> (Instant, TimerKind) {
        if let Some(rest) = &self.rest {
            let waits = self.receiver.verification_waits();
            let deadline = if waits { (self.now, TimerKind::Verify) } else { (rest.at, rest.kind) };
            debug_assert_eq!(deadline, self.deadline(), "no timer changed");
            return deadline;
        }
        let (at, kind) = self.deadline();
        self.rest = self.unchanged_until(at).map(|until| Rest { at, kind, until });
        (at, kind)
    }

    /// Until when the end of a turn would find nothing to do, if nothing is heard: the deadline, or the next moment that
    /// has no timer. `None` while something waits for another thing than time.
    fn unchanged_until(&self, deadline: Instant) -> Option<Instant> {
        let pseudonym_waits = || self.next_pseudonym().is_some_and(|at| at <= self.now);
        if deadline <= self.now
            || self.sending == SendingState::CredentialNotValid
            || self.pseudonyms.is_silent(self.now)
            || pseudonym_waits()
        {
            return None;
        }
        let own = self.sender.pool().active();
        let validity = [own.valid_from(), own.valid_until()].map(|wire| self.anchor.instant_at(wire));
        validity.into_iter().filter(|at| *at > self.now).chain([deadline]).min()
    }
}
