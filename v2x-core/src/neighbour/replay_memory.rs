//! Replay windows of stations that left the neighbour table, for as long as their messages would
//! still be fresh.
//!
//! A neighbour is forgotten after 20 s, but a message of class D3 is fresh for 600 s and one of D5 for 300 s: without
//! its window, anybody who recorded it could replay it. So windows outlive their neighbour here until freshness alone
//! refuses all they cover, and are returned when the station comes back.
//!
//! The memory is bounded; a queue ordered by the ends of the windows makes eviction cost the same at any size, because
//! a thousand neighbours may leave at once. When it is full, the windows that end first are given up, and the newest
//! generation time they cover becomes a floor: a station without complete history must have generated its message after
//! the floor. What cannot be remembered is refused, never accepted twice.

use std::collections::{BTreeMap, BTreeSet};

use v2x_proto::Digest;

use super::replay_window::ReplayWindows;
use crate::base::limits::MAX_REMEMBERED;
use crate::base::{MessageId, WireTime};
use crate::trust::freshness::refused_from;

/// Replay state of one station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The sequence numbers that were accepted.
    pub windows: ReplayWindows,
    /// The newest generation time that was accepted.
    pub newest: WireTime,
    /// False when windows that covered this station may have been given up.
    pub complete: bool,
}

/// Windows that outlive their neighbour.
#[derive(Clone, Debug, Default)]
pub struct ReplayMemory {
    kept: BTreeMap<Digest, History>,
    /// The same stations by when their windows end.
    ends: BTreeSet<(WireTime, Digest)>,
    floor: WireTime,
    /// The newest message of all windows that were given up because they ended, and the last such end: if the clock is
    /// set back before it, freshness alone would accept those messages again.
    ended: (WireTime, WireTime),
    /// The floor to be set when the clock has come there.
    floor_later: Option<WireTime>,
}

impl ReplayMemory {
    /// The history of a station that enters the table: the stored one, or an empty one.
    pub fn take(&mut self, signer: &Digest) -> History {
        self.remove(signer).unwrap_or_else(|| self.unknown())
    }

    /// Keeps the history of a station that leaves the table at `now`, if anything in it is still fresh.
    pub fn keep(&mut self, signer: Digest, history: History, now: WireTime) {
        if history.needed_until() <= now {
            return note_ended(&mut self.ended, &history);
        }
        if self.kept.len() >= MAX_REMEMBERED {
            self.make_room(now);
        }
        self.remove(&signer);
        self.ends.insert((history.needed_until(), signer));
        self.kept.insert(signer, history);
    }

    /// Our wire clock was set back and reads `now`. Windows that had ended may be needed again, and are gone: the
    /// floor refuses what they covered.
    ///
    /// It refuses nothing that is generated from now on. Messages of the time before that are dated later than `now`
    /// may be accepted a second time; to refuse them would refuse every newcomer until then, for a clock that was ahead
    /// together with ours, and stations that did not hear them the first time accept them anyway.
    pub fn clock_stepped_back(&mut self, now: WireTime) {
        let (newest, until) = self.ended;
        if now < until {
            self.floor = self.floor.max(newest.min(now));
            self.floor_later = (newest > now).then_some(newest);
        }
    }

    /// Our wire clock reads `now`: past what a clock set back had to leave open, that is closed.
    pub fn advance(&mut self, now: WireTime) {
        if let Some(newest) = self.floor_later
            && newest <= now
        {
            self.floor = self.floor.max(newest);
            self.floor_later = None;
        }
    }

    /// True when the message may be accepted from a station that is not in the table.
    #[must_use]
    pub fn is_new(&self, id: &MessageId, generation: WireTime) -> bool {
        let history = self.kept.get(&id.signer).copied().unwrap_or_else(|| self.unknown());
        self.is_new_in(history.complete, &history.windows, id, generation)
    }

    /// True when the message may be accepted from a station with these windows, of a history that is
    /// complete or not.
    #[must_use]
    pub fn is_new_in(
        &self,
        complete: bool,
        windows: &ReplayWindows,
        id: &MessageId,
        generation: WireTime,
    ) -> bool {
        (complete || generation > self.floor) && windows.check(id.class, id.sequence)
    }

    /// Whether this very message was accepted from a station that is not in the table, as far as that is remembered.
    #[must_use]
    pub fn accepted(&self, id: &MessageId) -> bool {
        self.kept.get(&id.signer).is_some_and(|history| history.windows.holds(id.class, id.sequence))
    }

    /// Stations remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// A station that is not remembered is new, unless some were given up: it might be one of them.
    fn unknown(&self) -> History {
        History { complete: self.floor == WireTime::default(), ..History::default() }
    }

    /// Removes the windows that have ended, and if none has, the ones that end first.
    fn make_room(&mut self, now: WireTime) {
        let mut ended = false;
        while let Some((end, signer)) = self.ends.first().copied()
            && (end <= now || !ended)
        {
            let Some(history) = self.remove(&signer) else { return };
            if end > now {
                self.floor = self.floor.max(history.newest);
                return;
            }
            ended = true;
            note_ended(&mut self.ended, &history);
        }
    }

    fn remove(&mut self, signer: &Digest) -> Option<History> {
        let history = self.kept.remove(signer)?;
        self.ends.remove(&(history.needed_until(), *signer));
        Some(history)
    }
}

fn note_ended(ended: &mut (WireTime, WireTime), history: &History) {
    *ended = (ended.0.max(history.newest), ended.1.max(history.needed_until()));
}

impl History {
    /// The wire time from which freshness refuses every message this history covers.
    fn needed_until(&self) -> WireTime {
        let heard = v2x_proto::Class::ALL.into_iter().filter(|class| !self.windows.is_empty(*class));
        heard.map(|class| refused_from(class, self.newest)).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::freshness::{check, max_lifetime_ms};
    use core::time::Duration;
    use proptest::prelude::*;
    use v2x_proto::Class;

    const START: WireTime = WireTime::from_micros(600_000_000_000_000);

    fn at(seconds: u64) -> WireTime {
        START + Duration::from_secs(seconds)
    }

    fn id(signer: u16, class: Class, sequence: u32) -> MessageId {
        let [a, b] = signer.to_be_bytes();
        MessageId { signer: Digest([a, b, 0, 0, 0, 0, 0, 0]), class, sequence }
    }

    fn heard(memory: &mut ReplayMemory, id: &MessageId, generation: WireTime) -> History {
        let mut history = memory.take(&id.signer);
        history.windows.record(id.class, id.sequence);
        history.newest = history.newest.max(generation);
        history
    }

    #[test]
    fn a_window_outlives_its_neighbour_until_freshness_refuses_the_copy() {
        for class in Class::ALL {
            let mut memory = ReplayMemory::default();
            let id = id(1, class, 9);
            let history = heard(&mut memory, &id, START);
            memory.keep(id.signer, history, START);
            assert!(!memory.is_new(&id, START), "{class:?}");
            let fresh = |now| check(now, class, START, max_lifetime_ms(class)).is_ok();
            let end = refused_from(class, START);
            assert!(fresh(end - Duration::from_micros(1)) && !fresh(end), "{class:?}");
            // At the last fresh moment it is still kept, afterwards it is not.
            for (now, kept) in [(end - Duration::from_micros(1), 1), (end, 0)] {
                let mut memory = memory.clone();
                let history = memory.take(&id.signer);
                memory.keep(id.signer, history, now);
                assert_eq!(memory.len(), kept, "{class:?}");
            }
        }
    }

    #[test]
    fn a_full_memory_refuses_what_it_gave_up_and_takes_what_is_newer() {
        let mut memory = ReplayMemory::default();
        for signer in 0..=MAX_REMEMBERED as u16 {
            let id = id(signer, Class::D3, 1);
            let history = heard(&mut memory, &id, at(u64::from(signer) / 100));
            memory.keep(id.signer, history, at(30));
        }
        assert_eq!(memory.len(), MAX_REMEMBERED);
        // Signer 0 ended first and was given up; its copy is refused all the same.
        assert!(!memory.is_new(&id(0, Class::D3, 1), at(0)));
        assert!(memory.is_new(&id(0, Class::D3, 2), at(1)));
        // It stays refused after the station came back with newer messages.
        let history = heard(&mut memory, &id(0, Class::D3, 2), at(1));
        assert!(!memory.is_new_in(history.complete, &history.windows, &id(0, Class::D3, 1), at(0)));
        // A kept station with complete history is not bound by the floor.
        assert!(memory.is_new(&id(9, Class::D3, 2), at(0)));
    }

    #[test]
    fn what_is_stale_makes_room_before_anything_is_given_up() {
        let mut memory = ReplayMemory::default();
        for signer in 0..MAX_REMEMBERED as u16 {
            let id = id(signer, Class::D5, 1);
            let history = heard(&mut memory, &id, at(0));
            memory.keep(id.signer, history, at(1));
        }
        let late = id(5000, Class::D3, 1);
        let history = heard(&mut memory, &late, at(301));
        memory.keep(late.signer, history, at(301));
        assert_eq!(memory.len(), 1);
        assert!(memory.is_new(&id(6000, Class::D3, 1), at(0)));
    }

    proptest! {
        /// Stations come and go at random: nothing is accepted twice while it is fresh.
        #[test]
        fn nothing_fresh_is_accepted_twice(
            steps in proptest::collection::vec((0_u16..6, 0_usize..6, 0_u32..8, 0_u64..40, any::<bool>()), 1..200),
        ) {
            let mut memory = ReplayMemory::default();
            let mut accepted = BTreeSet::new();
            let mut now = at(0);
            for (signer, class, sequence, wait, leaves) in steps {
                now = now + Duration::from_secs(wait);
                let class = Class::ALL[class];
                let id = id(signer, class, sequence);
                // One generation time per message, as the signature binds it.
                let generation = at(u64::from(sequence) * 100);
                if check(now, class, generation, max_lifetime_ms(class)).is_err() {
                    continue;
                }
                if memory.is_new(&id, generation) {
                    prop_assert!(accepted.insert(id), "{id:?} twice");
                    let history = heard(&mut memory, &id, generation);
                    memory.keep(id.signer, history, now);
                }
                if leaves {
                    let history = memory.take(&id.signer);
                    memory.keep(id.signer, history, now);
                }
                let ends = memory.kept.iter().map(|(signer, history)| (history.needed_until(), *signer));
                prop_assert_eq!(ends.collect::<BTreeSet<_>>(), memory.ends.clone());
            }
        }
    }
}
