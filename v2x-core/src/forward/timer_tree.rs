//! Tournament tree of due times: finds the slot that is due first.
//!
//! Each change replays its slot's matches and stops at the first with an unchanged result; the winner is at the root.
//! Of two slots due at the same time the lower one goes first. The tree grows with the slots in use, so that few floods
//! cost little, and has at most twice [`limits::MAX_FLOODS`](crate::base::limits::MAX_FLOODS) entries.

use crate::base::Instant;

/// When each slot is due.
#[derive(Debug)]
pub(super) struct TimerTree {
    /// The earlier of `2 n` and `2 n + 1` at `n`; the slots' own times in the second half. 0 is not used.
    times: Vec<Instant>,
}

impl Default for TimerTree {
    fn default() -> Self {
        Self { times: vec![Instant::FAR_FUTURE; 2] }
    }
}

impl TimerTree {
    /// The slot is due at `at`, or never: [`Instant::FAR_FUTURE`].
    pub(super) fn set(&mut self, slot: u16, at: Instant) {
        let slot = usize::from(slot);
        if slot >= self.slots() {
            self.grow((slot + 1).next_power_of_two());
        }
        let mut place = self.slots() + slot;
        self.times[place] = at;
        while place > 1 {
            let winner = self.times[place].min(self.times[place ^ 1]);
            place /= 2;
            if self.times[place] == winner {
                return;
            }
            self.times[place] = winner;
        }
    }

    /// The slot that is due first, and when.
    pub(super) fn first(&self) -> Option<(Instant, u16)> {
        let at = self.times[1];
        if at == Instant::FAR_FUTURE {
            return None;
        }
        let mut place = 1;
        while place < self.slots() {
            place *= 2;
            place += usize::from(self.times[place] != at);
        }
        Some((at, (place - self.slots()) as u16))
    }

    fn slots(&self) -> usize {
        self.times.len() / 2
    }

    fn grow(&mut self, slots: usize) {
        let old = core::mem::replace(&mut self.times, vec![Instant::FAR_FUTURE; 2 * slots]);
        for (slot, at) in old[old.len() / 2..].iter().enumerate() {
            self.set(slot as u16, *at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_earliest_is_first_and_of_two_the_lower_slot(
            changes in proptest::collection::vec((0..40_u16, 0..20_u64), 0..400),
        ) {
            let mut agenda = TimerTree::default();
            let mut model = BTreeMap::new();
            for (slot, nanos) in changes {
                let at = if nanos == 0 { Instant::FAR_FUTURE } else { Instant::from_nanos(nanos) };
                agenda.set(slot, at);
                model.insert(slot, at);
                let first = model
                    .iter()
                    .map(|(slot, at)| (*at, *slot))
                    .filter(|(at, _)| *at < Instant::FAR_FUTURE)
                    .min();
                prop_assert_eq!(agenda.first(), first);
            }
        }
    }
}
