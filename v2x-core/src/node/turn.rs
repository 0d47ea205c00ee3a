//! End of a turn: its deadline, computed anew or taken from the cache.

use super::Node;
use super::deadline_cache::DeadlineCache;
use super::io::TimerKind;
use crate::base::{Instant, SendingState};
use crate::receive::Admission;

impl Node {
    /// Whether a frame with this outcome leaves all timers unchanged.
    pub(super) fn is_no_news(&self, admission: &Admission) -> bool {
        match admission {
            Admission::Dropped(_) | Admission::Queued(_) => !self.receiver.is_ready(),
            Admission::Held(_) | Admission::Unverified(_) | Admission::Copy(..) => false,
        }
    }

    /// Ends a turn: its deadline, from the cache if that is still valid.
    pub(super) fn come_to_rest(&mut self) -> (Instant, TimerKind) {
        if let Some(cache) = &self.deadline_cache {
            let deadline = if self.receiver.verification_waits() {
                (self.moment.now, TimerKind::Verify)
            } else if self.receiver.demoted_waits() {
                (self.moment.now, TimerKind::Demoted)
            } else if self.receiver.afar_waits() {
                (self.moment.now, TimerKind::Afar)
            } else {
                cache.deadline()
            };
            debug_assert_eq!(deadline, self.deadline(), "no timer changed");
            return deadline;
        }
        let deadline = self.deadline();
        self.deadline_cache =
            self.unchanged_until(deadline.0).map(|until| DeadlineCache::new(deadline, until));
        deadline
    }

    /// Until when the end of a turn would find nothing to do, if nothing is heard: the deadline, or the next moment
    /// that has no timer. `None` while something waits for anything other than time.
    fn unchanged_until(&self, deadline: Instant) -> Option<Instant> {
        let pseudonym_waits = || self.next_pseudonym().is_some_and(|at| at <= self.moment.now);
        if deadline <= self.moment.now
            || self.sending == SendingState::CredentialNotValid
            || self.pseudonyms.is_silent(self.moment.now)
            || pseudonym_waits()
        {
            return None;
        }
        let own = self.sender.pool().active();
        let validity = [own.valid_from(), own.valid_until()].map(|wire| self.moment.anchor.instant_at(wire));
        validity.into_iter().filter(|at| *at > self.moment.now).chain([deadline]).min()
    }
}
