//! What waits for an end that is slow or away: bounded, the newest of each subject, what expires first goes first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use v2x_core::WireTime;

use crate::message::{AirMessage, Subject};

/// Messages that wait, in the order in which they came.
#[derive(Debug)]
pub struct Pending {
    most: usize,
    next: u64,
    waiting: BTreeMap<u64, AirMessage>,
    subjects: HashMap<Subject, u64>,
    ends: BTreeSet<(WireTime, u64)>,
    counts: PendingCounts,
}

/// What became of messages that were put in and did not come out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PendingCounts {
    /// A newer one of the same subject took their place, or was there already.
    pub replaced: u64,
    /// They ended while they waited.
    pub expired: u64,
    /// There was no room, and of all that waited they would have ended first.
    pub no_room: u64,
}

impl Pending {
    /// Room for `most` messages, at least one.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            next: 0,
            waiting: BTreeMap::new(),
            subjects: HashMap::new(),
            ends: BTreeSet::new(),
            counts: PendingCounts::default(),
        }
    }

    /// Puts a message in. It takes the place of an older one of the same subject, and when there is no room, what has ended goes,
    /// and then what ends first.
    pub fn put(&mut self, message: AirMessage, now: WireTime) {
        self.insert(message, now, true);
    }

    /// Puts a message back that was taken and could not be sent, unless one that is as new waits.
    pub fn put_back(&mut self, message: AirMessage, now: WireTime) {
        self.insert(message, now, false);
    }

    fn insert(&mut self, message: AirMessage, now: WireTime, at_equal: bool) {
        let head = message.head();
        if head.expires <= now {
            self.counts.expired += 1;
            return;
        }
        let subject = head.subject();
        if let Some(number) = self.subjects.get(&subject).copied() {
            let there = self.waiting[&number].head();
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
        self.waiting.insert(number, message);
        self.expire(now);
        if self.waiting.len() > self.most
            && let Some((_, first)) = self.ends.first().copied()
        {
            self.remove(first);
            self.counts.no_room += 1;
        }
    }

    /// Takes the message that came first and has not ended.
    pub fn take(&mut self, now: WireTime) -> Option<AirMessage> {
        self.expire(now);
        let number = *self.waiting.first_key_value()?.0;
        self.remove(number)
    }

    /// Every message that has not ended, in the order in which they came.
    pub fn iter(&self, now: WireTime) -> impl Iterator<Item = &AirMessage> {
        self.waiting.values().filter(move |message| message.head().expires > now)
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

    fn expire(&mut self, now: WireTime) {
        while let Some((end, number)) = self.ends.first().copied()
            && end <= now
        {
            self.remove(number);
            self.counts.expired += 1;
        }
    }

    fn remove(&mut self, number: u64) -> Option<AirMessage> {
        let message = self.waiting.remove(&number)?;
        self.ends.remove(&(message.head().expires, number));
        self.subjects.remove(&message.head().subject());
        Some(message)
    }
}

#[cfg(test)]
mod tests {
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
        let mut pending = Pending::new(10);
        for message in [&old, &new, &other, &old] {
            pending.put(message.clone(), now);
        }
        assert_eq!(pending.counts(), PendingCounts { replaced: 2, ..PendingCounts::default() });
        let taken = pending.take(now).unwrap();
        assert_eq!(taken.head(), new.head());
        pending.put_back(taken, now);
        assert_eq!(pending.take(now).unwrap().head(), other.head());
        assert_eq!(pending.take(now).unwrap().head(), new.head());
        assert!(pending.take(now).is_none() && pending.is_empty());
        pending.put(old.clone(), now);
        pending.put_back(new.clone(), now);
        assert_eq!(pending.take(now).unwrap().head(), new.head(), "the newer one, wherever it comes from");
    }

    #[test]
    fn without_room_what_ends_first_goes_and_what_has_ended_before_all() {
        let crafter = Crafter::station(3);
        let lifetimes = [5_000, 60_000, 1_000, 30_000];
        let all: Vec<AirMessage> =
            (0..4).map(|event| hazard(&crafter, event, 0, lifetimes[event as usize])).collect();
        let now = start(&all[0]);
        let mut pending = Pending::new(3);
        for message in &all {
            pending.put(message.clone(), now);
        }
        assert_eq!(pending.counts().no_room, 1);
        let left: Vec<u32> =
            pending.iter(now).map(|message| message.head().event.unwrap().id.number).collect();
        assert_eq!(left, [0, 1, 3], "the third would have ended first");
        let later = WireTime::from_micros(now.as_micros() + 10_000_000);
        assert_eq!(pending.take(later).unwrap().head().event.unwrap().id.number, 1);
        assert_eq!(pending.counts().expired, 1);
        pending.put(all[2].clone(), later);
        assert_eq!((pending.counts().expired, pending.len()), (2, 1));
    }
}
