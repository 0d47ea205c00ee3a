//! End of a turn: its deadline, computed anew or taken from the cache.

use super::Node;
use super::deadline_cache::DeadlineCache;
use super::io::TimerKind;
use crate::base::{Instant, SendingState};
use crate::receive::Admission;

impl Node {
    /// Begins a turn; the deadline of the last one, while that holds.
    pub(super) fn begin_turn(&mut self, now: Instant) -> Option<DeadlineCache> {
        if now < self.moment.now {
            self.counters.time_clamped += 1;
        }
        self.moment.now = self.moment.now.max(now);
        if self.outputs.is_empty() {
            // Back to the start of the ring: the same few lines of cache each turn.
            self.outputs.clear();
        }
        self.deadline_cache.take().filter(|rest| rest.holds(self.moment.now))
    }

    /// Ends a turn that may have changed anything.
    #[inline(never)]
    pub(super) fn end_turn(&mut self) {
        self.update_sending_state();
        self.release_frames();
        self.keep_pseudonym();
    }

    /// Something was verified while no timer was due; `quiet`: it changed nothing but what is kept of its signer.
    pub(super) fn end_turn_of(&mut self, rest: Option<DeadlineCache>, quiet: bool) {
        if quiet && rest.is_some() {
            self.deadline_cache = rest;
        } else {
            self.end_turn();
        }
    }

    /// Whether a frame waits for its verification.
    pub(super) fn has_frames_to_verify(&self) -> bool {
        self.receiver.verification_waits() || self.receiver.demoted_waits() || self.receiver.afar_waits()
    }

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
                self.with_neighbours(cache.deadline())
            };
            debug_assert_eq!(deadline, self.deadline(), "no timer changed");
            return deadline;
        }
        let others = self.other_timers();
        let deadline = self.deadline_with(others);
        self.deadline_cache = self.unchanged_until(deadline.0).map(|until| DeadlineCache::new(others, until));
        deadline
    }

    /// The first of these timers and of the neighbours'.
    pub(super) fn with_neighbours(&self, others: (Instant, TimerKind)) -> (Instant, TimerKind) {
        let neighbours = self.neighbours.next_expiry().map(|at| (at, TimerKind::NeighbourExpiry));
        match neighbours.map_or(others, |neighbours| others.min(neighbours)) {
            (at, kind) if at < Instant::FAR_FUTURE => (at.max(self.moment.now), kind),
            _ => (Instant::FAR_FUTURE, TimerKind::Idle),
        }
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
