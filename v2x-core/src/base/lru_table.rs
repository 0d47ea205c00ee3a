//! LRU table: values by digest, bounded; the least recently used makes room.
//!
//! Digests, links and values are columns: a lookup and the change of order that follows it touch two or three lines of
//! cache beside the value itself, where a list through the values would touch four more. No hash order ever shows.

use core::fmt;

use hashbrown::HashTable;
use v2x_proto::Digest;

use super::reserve::{Reserve, append};

/// Values by digest, at most as many as there is room for.
#[derive(Clone)]
pub struct LruTable<V> {
    most: usize,
    index: HashTable<u16>,
    digests: Vec<Digest>,
    links: Vec<Links>,
    values: Vec<Option<V>>,
    free: Vec<u16>,
    oldest: u16,
    newest: u16,
}

/// Neighbours of an entry in the order of use.
#[derive(Clone, Copy, Debug)]
struct Links {
    older: u16,
    newer: u16,
}

/// Entry that left a table.
pub struct Gone<V> {
    /// Its digest.
    pub digest: Digest,
    /// Its value.
    pub value: V,
}

impl<V> LruTable<V> {
    /// An empty one with room for `most`, at least 1 and fewer than 65,535.
    #[must_use]
    pub fn new(most: usize, reserve: Reserve) -> Self {
        let most = most.clamp(1, usize::from(NONE) - 1);
        let room = reserve.at_start(most);
        Self {
            most,
            index: index(room),
            digests: Vec::with_capacity(room),
            links: Vec::with_capacity(room),
            values: Vec::with_capacity(room),
            free: Vec::with_capacity(room),
            oldest: NONE,
            newest: NONE,
        }
    }

    /// The value of a digest, which counts as used.
    pub fn get(&mut self, digest: &Digest) -> Option<&V> {
        self.get_mut(digest).map(|value| &*value)
    }

    /// The value of a digest, which counts as used.
    pub fn get_mut(&mut self, digest: &Digest) -> Option<&mut V> {
        let slot = self.find(digest)?;
        self.touch(slot);
        self.values[usize::from(slot)].as_mut()
    }

    /// The value in a slot, which counts as used.
    pub fn use_at(&mut self, slot: u16) -> Option<&mut V> {
        self.touch(slot);
        self.at_mut(slot)
    }

    /// The value of a digest, whose place in the order of use stays.
    #[must_use]
    pub fn peek(&self, digest: &Digest) -> Option<&V> {
        self.at(self.find(digest)?)
    }

    /// The value of a digest, and something of what changes when it is used: to have all of it fetched.
    #[must_use]
    pub fn spread(&self, digest: &Digest) -> (Option<&V>, u64) {
        let Some(slot) = self.find(digest) else { return (None, 0) };
        let links = |slot: u16| self.links.get(usize::from(slot)).copied().unwrap_or(NOWHERE);
        let Links { older, newer } = links(slot);
        let all = [older, newer, self.newest].map(|slot| u64::from(links(slot).older));
        (self.at(slot), all[0] ^ all[1] ^ all[2])
    }

    /// The value of a digest, whose place in the order of use stays.
    pub fn peek_mut(&mut self, digest: &Digest) -> Option<&mut V> {
        let slot = self.find(digest)?;
        self.at_mut(slot)
    }

    /// The slot of a digest: its own until it leaves, and below the room there is.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<u16> {
        find(&self.index, &self.digests, digest)
    }

    /// The value in a slot.
    #[must_use]
    pub fn at(&self, slot: u16) -> Option<&V> {
        self.values.get(usize::from(slot))?.as_ref()
    }

    /// The value in a slot.
    pub fn at_mut(&mut self, slot: u16) -> Option<&mut V> {
        self.values.get_mut(usize::from(slot))?.as_mut()
    }

    /// Whether there is a value of a digest.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        self.find(digest).is_some()
    }

    /// Sets the value of a digest, which counts as used; the entry that leaves: the former one of the digest, or the one that
    /// makes room. A newcomer takes the slot of the one that makes room.
    pub fn push(&mut self, digest: Digest, value: V) -> Option<Gone<V>> {
        if let Some(slot) = self.find(&digest) {
            self.touch(slot);
            let former = self.values[usize::from(slot)].replace(value);
            return former.map(|value| Gone { digest, value });
        }
        let gone = if self.len() >= self.most { self.take(self.oldest) } else { None };
        let slot = self.free.pop().unwrap_or_else(|| {
            append(&mut self.digests, digest, self.most);
            append(&mut self.links, NOWHERE, self.most);
            append(&mut self.values, None, self.most);
            (self.values.len() - 1) as u16
        });
        self.digests[usize::from(slot)] = digest;
        self.values[usize::from(slot)] = Some(value);
        let digests = &self.digests;
        self.index.insert_unique(hash(&digest), slot, |slot| hash(&digests[usize::from(*slot)]));
        self.link_newest(slot);
        gone
    }

    /// Takes out the value of a digest.
    pub fn pop(&mut self, digest: &Digest) -> Option<V> {
        let slot = self.find(digest)?;
        self.take(slot).map(|gone| gone.value)
    }

    /// All of them, the most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &V)> {
        let mut next = self.newest;
        core::iter::from_fn(move || {
            let place = usize::from(next);
            let value = self.values.get(place)?.as_ref()?;
            next = self.links[place].older;
            Some((&self.digests[place], value))
        })
    }

    /// Takes out all.
    pub fn clear(&mut self) {
        while self.take(self.oldest).is_some() {}
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.most
    }

    fn take(&mut self, slot: u16) -> Option<Gone<V>> {
        let value = self.values.get_mut(usize::from(slot))?.take()?;
        let digest = self.digests[usize::from(slot)];
        self.unlink(slot);
        self.free.push(slot);
        if let Ok(entry) = self.index.find_entry(hash(&digest), |other| *other == slot) {
            entry.remove();
        }
        Some(Gone { digest, value })
    }

    fn touch(&mut self, slot: u16) {
        if slot != self.newest {
            self.unlink(slot);
            self.link_newest(slot);
        }
    }

    fn unlink(&mut self, slot: u16) {
        let Links { older, newer } = self.links[usize::from(slot)];
        match self.links.get_mut(usize::from(older)) {
            Some(links) => links.newer = newer,
            None => self.oldest = newer,
        }
        match self.links.get_mut(usize::from(newer)) {
            Some(links) => links.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, slot: u16) {
        let before = self.newest;
        self.links[usize::from(slot)] = Links { older: before, newer: NONE };
        match self.links.get_mut(usize::from(before)) {
            Some(links) => links.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
    }
}

impl<V> fmt::Debug for LruTable<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LruTable").field("len", &self.len()).field("most", &self.most).finish_non_exhaustive()
    }
}

/// An index of slots for `room` entries. Twice as many places, because a table that is full and changes all the time tidies up
/// in place only where at least half of it is free; else it would double once.
pub fn index(room: usize) -> HashTable<u16> {
    HashTable::with_capacity(2 * room)
}

/// The slot of a digest. One copy of it for all tables: a lookup is many times in the way of a frame.
#[inline(never)]
fn find(index: &HashTable<u16>, digests: &[Digest], digest: &Digest) -> Option<u16> {
    if index.is_empty() {
        return None;
    }
    index.find(hash(digest), |slot| digests[usize::from(*slot)] == *digest).copied()
}

/// Digests are hashes already. Choosing some that collide takes credentials that an issuer has signed; bytes nobody signed are
/// looked up, never stored, but for those of bad credentials: that table is small.
fn hash(digest: &Digest) -> u64 {
    u64::from_le_bytes(digest.0)
}

/// No slot.
const NONE: u16 = u16::MAX;

/// Of an entry that is not in the order.
const NOWHERE: Links = Links { older: NONE, newer: NONE };

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use proptest::prelude::*;

    fn digest(n: u8) -> Digest {
        Digest([n, 0, 0, 0, 0, 0, 0, 1])
    }

    #[derive(Clone, Debug)]
    enum Step {
        Get(u8),
        Push(u8, u32),
        Pop(u8),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..30_u8).prop_map(Step::Get),
            9 => (0..30_u8, any::<u32>()).prop_map(|(n, value)| Step::Push(n, value)),
            3 => (0..30_u8).prop_map(Step::Pop),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_in_the_order_of_use_however_it_takes_its_memory(
            most in 1..20_usize, steps in proptest::collection::vec(step(), 0..300),
        ) {
            let mut tables = [Reserve::Whole, Reserve::AsHeard].map(|reserve| LruTable::new(most, reserve));
            let mut model: VecDeque<(u8, u32)> = VecDeque::new();
            for step in steps {
                let found = |n: u8, model: &VecDeque<(u8, u32)>| model.iter().position(|(other, _)| *other == n);
                let expected = match step {
                    Step::Get(n) => found(n, &model).and_then(|place| model.remove(place)).inspect(|entry| model.push_front(*entry)),
                    Step::Push(n, value) => {
                        let former = found(n, &model).and_then(|place| model.remove(place));
                        let gone = former.or_else(|| if model.len() >= most { model.pop_back() } else { None });
                        model.push_front((n, value));
                        gone
                    }
                    Step::Pop(n) => found(n, &model).and_then(|place| model.remove(place)),
                    Step::Clear => { model.clear(); None }
                };
                for table in &mut tables {
                    let entry = match step {
                        Step::Get(n) => table.get(&digest(n)).map(|value| (n, *value)),
                        Step::Push(n, value) => {
                            table.push(digest(n), value).map(|gone| (gone.digest.0[0], gone.value))
                        }
                        Step::Pop(n) => table.pop(&digest(n)).map(|value| (n, value)),
                        Step::Clear => { table.clear(); None }
                    };
                    prop_assert_eq!(entry, expected);
                    let all: Vec<_> = table.iter().map(|(digest, value)| (digest.0[0], *value)).collect();
                    prop_assert_eq!(all, Vec::from(model.clone()));
                    prop_assert_eq!((table.len(), table.is_empty()), (model.len(), model.is_empty()));
                }
            }
        }
    }

    #[test]
    fn a_newcomer_takes_the_slot_of_the_one_that_makes_room() {
        let mut table = LruTable::new(2, Reserve::AsHeard);
        for n in 1..=2 {
            assert!(table.push(digest(n), n).is_none());
        }
        let slot = table.find(&digest(1));
        assert_eq!(table.push(digest(3), 3).map(|gone| gone.value), Some(1));
        assert_eq!(table.find(&digest(3)), slot);
    }
}
