//! What is due at a station, and when the next of it is.

use super::{Event, Node, Output, SendingState, TimerKind};
use crate::base::{Instant, limits};

impl Node {
    pub(super) fn deadline(&self) -> (Instant, TimerKind) {
        self.deadline_with(self.other_timers())
    }

    /// The deadline, when this is the first of the timers but the neighbours'.
    pub(super) fn deadline_with(&self, others: (Instant, TimerKind)) -> (Instant, TimerKind) {
        if self.receiver.verification_waits() {
            return (self.moment.now, TimerKind::Verify);
        }
        if self.receiver.demoted_waits() {
            return (self.moment.now, TimerKind::Demoted);
        }
        if self.receiver.afar_waits() {
            return (self.moment.now, TimerKind::Afar);
        }
        self.with_neighbours(others)
    }

    /// What will be due next besides verifications.
    pub fn next_timer(&self) -> (Instant, TimerKind) {
        self.with_neighbours(self.other_timers())
    }

    /// The first of the timers but the neighbours', at any time.
    #[inline(never)]
    pub(super) fn other_timers(&self) -> (Instant, TimerKind) {
        let fix_expiry = match (self.sending, &self.fix) {
            (SendingState::Allowed, Some(fix)) => Some(fix.expires()),
            _ => None,
        };
        let timers = [
            (self.sender.is_refilling().then_some(self.moment.now), TimerKind::Refill),
            (Some(self.next_awareness()), TimerKind::Awareness),
            (self.next_forward(), TimerKind::Forward),
            (self.next_hazard(), TimerKind::Hazard),
            (self.receiver.next_hold_expiry(), TimerKind::HoldExpiry),
            (self.sender.next_expiry(), TimerKind::QueueExpiry),
            (fix_expiry, TimerKind::FixExpiry),
            (self.next_spread(), TimerKind::Spread),
            (self.next_stale_revocation(), TimerKind::RevocationStale),
            (self.next_release(), TimerKind::Gate),
            (Some(self.gate.next_update()), TimerKind::ChannelLoad),
            (self.next_copy(), TimerKind::WarmUp),
            (self.pseudonym_timer(), TimerKind::Pseudonym),
        ];
        let first = timers.into_iter().filter_map(|(at, kind)| at.map(|at| (at, kind))).min();
        first.unwrap_or((Instant::FAR_FUTURE, TimerKind::Idle))
    }

    #[inline(never)]
    pub(super) fn run_timers(&mut self) {
        self.update_sending_state();
        self.update_gate();
        if self.moment.now >= self.next_awareness() {
            self.generate_awareness();
        }
        while let Some(dropped) = self.receiver.expire_held(self.moment.now) {
            self.drop_frame(dropped);
        }
        let outputs = &mut self.outputs;
        self.sender
            .expire(self.moment.now, |not_sent| outputs.push_back(Output::Event(Event::NotSent(not_sent))));
        for _ in 0..limits::MAX_EXPIRIES {
            let lost = self.neighbours.expire(self.moment.now, self.moment.wire());
            let Some(lost) = lost else { break };
            self.event(Event::NeighbourLost(lost));
        }
        self.run_hazards();
        self.tell_stale_revocations();
        self.pass_on_revocations();
    }
}
