//! A frame's receivers, step by step together: see [`Together`](v2x_core::Together).
//!
//! A frame comes to its receivers within a microsecond, each at a time of its own. Those before the world's next event are
//! independent of each other, because what one sends takes longer to arrive than that. Their outputs are taken in the order of
//! arrival.

use v2x_core::{Instant, ReceivedFrame};

use super::World;
use super::foreseen::Cause;

impl World {
    /// Up to when arrivals are independent of all else, ns: the next event.
    pub(super) fn quiet_until_ns(&self) -> u64 {
        self.next_ns().unwrap_or(u64::MAX)
    }

    /// Up to when a frame's arrivals that begin at `now_ns` are independent of each other, ns. A fault may keep some of them back
    /// for longer than what the first receivers send takes.
    pub(super) fn independent_until_ns(&self, now_ns: u64) -> u64 {
        let quiet_until_ns = self.quiet_until_ns();
        if self.troubles.is_empty() {
            return quiet_until_ns;
        }
        quiet_until_ns.min(now_ns.saturating_add(self.lookahead_ns()))
    }

    /// A frame reaches a station at `at_ns`, and is handed in [with others](Self::receive_together) or at once; false when there
    /// is no room for it.
    pub(super) fn gather(&mut self, station: u32, at_ns: u64, frame: ReceivedFrame) -> bool {
        if !self.processor.is_instant() {
            return self.hand_in(station, at_ns, frame);
        }
        let state = &mut self.stations[station as usize];
        if let Some(node) = state.node.take() {
            self.together.add(station, node, Instant::from_nanos(at_ns), frame);
            self.received.push((station, at_ns));
        }
        true
    }

    /// The stations that frames were gathered for receive them.
    pub(super) fn receive_together(&mut self) {
        if self.received.is_empty() {
            return;
        }
        self.together.run();
        for (station, _, node) in self.together.drain() {
            self.stations[station as usize].node = Some(node);
        }
        let mut received = core::mem::take(&mut self.received);
        for (station, now_ns) in received.drain(..) {
            let state = &mut self.stations[station as usize];
            state.work.charge(self.processor, now_ns, true);
            if let Some(foreseen) = &mut state.foreseen {
                foreseen.take(Instant::from_nanos(now_ns), Cause::Frame, self.journal.transcripts());
            }
            self.take_outputs(station, now_ns);
        }
        self.received = received;
    }
}
