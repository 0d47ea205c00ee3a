//! What waits for an end that is slow or away, or for a station that starts later: bounded, the newest of each subject, in fair shares.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

use v2x_core::WireTime;

use crate::message::{AirMessage, Subject};

/// Messages that wait, in the order in which they came, of many sources `S`. When there is no room, the source with the most waiting
/// gives way, and of its own what ends first: whoever has fewer waiting than an equal part of the room loses nothing.
#[derive(Debug)]
pub struct Pending<S> {
    most: usize,
    subjects_of: SubjectsOf,
    next: u64,
    waiting: BTreeMap<u64, (S, AirMessage)>,
    subjects: HashMap<(Option<S>, Subject), u64>,
    /// When they end.
    ends: BTreeSet<(WireTime, u64)>,
    /// The same of each source that has any waiting.
    shares: HashMap<S, BTreeSet<(WireTime, u64)>>,
    /// How many each of these has.
    sizes: BTreeSet<(usize, S)>,
    counts: PendingCounts,
}

/// Whose messages a newer one takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectsOf {
    /// Everybody's on its subject: they were verified.
    All,
    /// Those of its own source: they were not, and one source could forge what another's is about.
    Each,
}

/// What became of messages that were put in and did not come out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PendingCounts {
    /// A newer one of the same subject took their place, or was there already.
    pub replaced: u64,
    /// They ended while they waited.
    pub expired: u64,
    /// There was no room, their source had the most waiting, and of its own they would have ended first.
    pub no_room: u64,
}

impl<S: Copy + Ord + Hash> Pending<S> {
    /// Room for `most` messages, at least one.
    #[must_use]
    pub fn new(most: usize, subjects_of: SubjectsOf) -> Self {
        Self {
            most: most.max(1),
            subjects_of,
            next: 0,
            waiting: BTreeMap::new(),
            subjects: HashMap::new(),
            ends: BTreeSet::new(),
            shares: HashMap::new(),
            sizes: BTreeSet::new(),
            counts: PendingCounts::default(),
        }
    }

    /// Puts a message of this source in. It takes the place of an older one of the same subject, and when there is no room, what has
    /// ended goes, and then what ends first of the source with the most.
    pub fn put(&mut self, source: S, message: AirMessage, now: WireTime) {
        self.insert(source, message, now, true);
    }

    /// Puts a message back that was taken and could not be sent, unless one that is as new waits.
    pub fn put_back(&mut self, source: S, message: AirMessage, now: WireTime) {
        self.insert(source, message, now, false);
    }

    fn insert(&mut self, source: S, message: AirMessage, now: WireTime, at_equal: bool) {
        let head = message.head();
        if head.expires <= now {
            self.counts.expired += 1;
            return;
        }
        let subject = self.subject(source, &message);
        if let Some(number) = self.subjects.get(&subject).copied() {
            let there = self.waiting[&number].1.head();
            self.counts.replaced += 1;
            if there.is_newer_than(head) || !at_equal && !head.is_newer_than(there) {
                return;
            }
            self.remove(number);
        }
        let (expires, number) = (head.expires, self.next);
        self.next += 1;
        self.subjects.insert(subject, number);
        self.ends.insert((expires, number));
        let share = self.shares.entry(source).or_default();
        self.sizes.remove(&(share.len(), source));
        share.insert((expires, number));
        self.sizes.insert((share.len(), source));
        self.waiting.insert(number, (source, message));
        self.expire(now);
        if self.waiting.len() > self.most
            && let Some(first) = self.first_of_the_most(source)
        {
            self.remove(first);
            self.counts.no_room += 1;
        }
    }

    /// What ends first of the source with the most; of several such sources, of `newest`, which brought the last one.
    fn first_of_the_most(&self, newest: S) -> Option<u64> {
        let (most, source) = *self.sizes.last()?;
        let source = if self.sizes.contains(&(most, newest)) { newest } else { source };
        self.shares.get(&source)?.first().map(|(_, number)| *number)
    }

    /// Takes the message that came first and has not ended.
    pub fn take(&mut self, now: WireTime) -> Option<AirMessage> {
        self.expire(now);
        let number = *self.waiting.first_key_value()?.0;
        self.remove(number)
    }

    /// Every message that has not ended: the sources in turn, and those of each in the order in which they came.
    pub fn in_turn(&self, now: WireTime) -> impl Iterator<Item = &AirMessage> {
        let mut lines = BTreeMap::<S, VecDeque<&AirMessage>>::new();
        for (source, message) in self.waiting.values().filter(|(_, message)| message.head().expires > now) {
            lines.entry(*source).or_default().push_back(message);
        }
        let mut turns: VecDeque<_> = lines.into_values().collect();
        core::iter::from_fn(move || {
            let mut line = turns.pop_front()?;
            let next = line.pop_front();
            if !line.is_empty() {
                turns.push_back(line);
            }
            next
        })
    }

    /// Messages that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What became of those that did not come out.
    #[must_use]
    pub const fn counts(&self) -> PendingCounts {
        self.counts
    }

    fn subject(&self, source: S, message: &AirMessage) -> (Option<S>, Subject) {
        ((self.subjects_of == SubjectsOf::Each).then_some(source), message.head().subject())
    }

    fn expire(&mut self, now: WireTime) {
        while let Some((end, number)) = self.ends.first().copied()
            && end <= now
        {
            self.remove(number);
            self.counts.expired += 1;
        }
    }

    fn remove(&mut self, number: u64) -> Option<AirMessage> {
        let (source, message) = self.waiting.remove(&number)?;
        let end = (message.head().expires, number);
        self.ends.remove(&end);
        self.subjects.remove(&self.subject(source, &message));
        if let Some(share) = self.shares.get_mut(&source) {
            self.sizes.remove(&(share.len(), source));
            share.remove(&end);
            if share.is_empty() {
                self.shares.remove(&source);
            } else {
                self.sizes.insert((share.len(), source));
            }
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::craft::{Crafter, DeclaredHazard};

    use super::*;

    /// A hazard about the event of this number, whose state was made so many seconds after the first.
    fn hazard(crafter: &Crafter, event: u32, second: u64, lifetime_ms: u32) -> AirMessage {
        let declared = DeclaredHazard { lifetime_ms, ..DeclaredHazard::new(event, second) };
        AirMessage::read(crafter.declare(&declared)).unwrap()
    }

    fn start(message: &AirMessage) -> WireTime {
        message.head().generation
    }

    #[test]
    fn of_an_event_only_the_newest_state_waits() {
        let crafter = Crafter::station(3);
        let [old, new, other] =
            [(1, 0), (1, 5), (2, 1)].map(|(event, at)| hazard(&crafter, event, at, 60_000));
        let now = start(&old);
        let mut pending = Pending::new(10, SubjectsOf::All);
        for message in [&old, &new, &other, &old] {
            pending.put(1, message.clone(), now);
        }
        assert_eq!(pending.counts(), PendingCounts { replaced: 2, ..PendingCounts::default() });
        let taken = pending.take(now).unwrap();
        assert_eq!(taken.head(), new.head());
        pending.put_back(1, taken, now);
        assert_eq!(pending.take(now).unwrap().head(), other.head());
        assert_eq!(pending.take(now).unwrap().head(), new.head());
        assert!(pending.take(now).is_none() && pending.is_empty());
        pending.put(1, old.clone(), now);
        pending.put_back(1, new.clone(), now);
        assert_eq!(pending.take(now).unwrap().head(), new.head(), "the newer one, wherever it comes from");
    }

    #[test]
    fn without_room_what_ends_first_goes_and_what_has_ended_before_all() {
        let crafter = Crafter::station(3);
        let lifetimes = [5_000, 60_000, 1_000, 30_000];
        let all: Vec<AirMessage> =
            (0..4).map(|event| hazard(&crafter, event, 0, lifetimes[event as usize])).collect();
        let now = start(&all[0]);
        let mut pending = Pending::new(3, SubjectsOf::All);
        for message in &all {
            pending.put(1, message.clone(), now);
        }
        assert_eq!(pending.counts().no_room, 1);
        let left: Vec<u32> =
            pending.in_turn(now).map(|message| message.head().event.unwrap().id.number).collect();
        assert_eq!(left, [0, 1, 3], "the third would have ended first");
        let later = WireTime::from_micros(now.as_micros() + 10_000_000);
        assert_eq!(pending.take(later).unwrap().head().event.unwrap().id.number, 1);
        assert_eq!(pending.counts().expired, 1);
        pending.put(1, all[2].clone(), later);
        assert_eq!((pending.counts().expired, pending.len()), (2, 1));
    }

    /// Numbers of the events that wait, by source.
    fn events(pending: &Pending<u16>) -> BTreeMap<u16, Vec<u32>> {
        let mut events = BTreeMap::<u16, Vec<u32>>::new();
        for (source, message) in pending.waiting.values() {
            events.entry(*source).or_default().push(message.head().event.unwrap().id.number);
        }
        events
    }

    #[test]
    fn who_floods_loses_its_own_first_and_others_lose_nothing() {
        let [flooding, quiet] = [3, 4].map(Crafter::station);
        let now = start(&hazard(&quiet, 0, 0, 1_000));
        let mut pending = Pending::new(10, SubjectsOf::All);
        // The others' end sooner, which counts within a share alone.
        for event in 0..3 {
            pending.put(2, hazard(&quiet, event, 0, 1_000), now);
        }
        for event in 0..50 {
            pending.put(1, hazard(&flooding, event, 0, 60_000 - event), now);
        }
        assert_eq!(events(&pending), [(1, (0..7).collect()), (2, vec![0, 1, 2])].into());
        for event in 3..5 {
            pending.put(2, hazard(&quiet, event, 0, 1_000), now);
        }
        assert_eq!(events(&pending), [(1, (0..5).collect()), (2, (0..5).collect())].into());
        // Both have as many: whoever brings one more has the most.
        pending.put(2, hazard(&quiet, 5, 0, 30_000), now);
        assert_eq!(events(&pending)[&2], [1, 2, 3, 4, 5]);
        pending.put(3, hazard(&quiet, 9, 0, 1_000), now);
        assert_eq!(events(&pending)[&3], [9]);
        assert_eq!((pending.len(), pending.counts().no_room), (10, 43 + 2 + 2));
    }

    #[test]
    fn a_source_that_is_not_verified_replaces_nothing_of_another_s() {
        let crafter = Crafter::station(3);
        let [first, forged] = [0, 1_000].map(|second| hazard(&crafter, 1, second, 60_000));
        let now = start(&first);
        for (subjects_of, left) in [(SubjectsOf::All, 1), (SubjectsOf::Each, 2)] {
            let mut pending = Pending::new(10, subjects_of);
            pending.put(1, first.clone(), now);
            pending.put(2, forged.clone(), now);
            pending.put(1, first.clone(), now);
            assert_eq!(pending.len(), left, "{subjects_of:?}");
        }
    }

    #[test]
    fn those_of_each_source_come_in_turn() {
        let crafters = [3, 4, 5].map(Crafter::station);
        let now = start(&hazard(&crafters[0], 0, 0, 60_000));
        let mut pending = Pending::new(100, SubjectsOf::Each);
        for (source, count) in [(0_u16, 5), (1, 1), (2, 2)] {
            for event in 0..count {
                pending.put(source, hazard(&crafters[usize::from(source)], event, 0, 60_000), now);
            }
        }
        let order: Vec<_> = pending
            .in_turn(now)
            .map(|message| {
                let id = message.head().event.unwrap().id;
                (crafters.iter().position(|crafter| crafter.digest == id.origin).unwrap(), id.number)
            })
            .collect();
        assert_eq!(order, [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (0, 2), (0, 3), (0, 4)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whoever_loses_one_had_its_share_and_nothing_is_lost_uncounted(
            steps in prop::collection::vec((0_u16..5, 0_u32..40, 1_u32..60, 0_u8..4), 0..200),
        ) {
            const MOST: usize = 20;
            let crafter = Crafter::station(3);
            let now = start(&hazard(&crafter, 0, 0, 60_000));
            let mut pending = Pending::new(MOST, SubjectsOf::Each);
            let (mut put, mut out) = (0, 0);
            for (source, event, lifetime_s, takes) in steps {
                let before: BTreeMap<u16, usize> = pending.sizes.iter().map(|(size, of)| (*of, *size)).collect();
                pending.put(source, hazard(&crafter, event, 0, 1_000 * lifetime_s), now);
                put += 1;
                for (of, size) in before {
                    let has = pending.shares.get(&of).map_or(0, BTreeSet::len);
                    // Five sources have four each.
                    prop_assert!(has >= size || size >= MOST / 5);
                }
                if takes == 0 {
                    out += u64::from(pending.take(now).is_some());
                }
                prop_assert!(pending.len() <= MOST);
                let PendingCounts { replaced, expired, no_room } = pending.counts();
                prop_assert_eq!(put, pending.len() as u64 + out + replaced + expired + no_room);
                prop_assert_eq!(pending.len(), pending.ends.len());
                prop_assert_eq!(pending.len(), pending.subjects.len());
                prop_assert_eq!(pending.len(), pending.sizes.iter().map(|(size, _)| size).sum::<usize>());
                prop_assert_eq!(pending.len(), pending.shares.values().map(BTreeSet::len).sum::<usize>());
            }
        }
    }
}
