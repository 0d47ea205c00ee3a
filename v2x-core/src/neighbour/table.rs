//! The neighbour table: every station heard within the last 20 s, by verified messages only.
//!
//! Bounded by its capacity ([`NEIGHBOURS`] unless configured, at most [`MAX_NEIGHBOURS`]); when it is full, the
//! neighbour heard longest ago makes room, and between equals the farthest. Entries sit in slots; a list through them in the order they were heard
//! makes expiry and eviction cost the same at any size. No hash order ever shows.
//!
//! The table also answers whether a message is new: its replay windows are the neighbours' own, and
//! those of stations that left are kept in a [`ReplayMemory`] while a copy would still be fresh.

#[cfg(test)]
mod tests;

use hashbrown::HashTable;
use v2x_proto::Digest;

use super::entry::{Heard, Motion, Neighbour, NeighbourChange};
use super::replay_memory::ReplayMemory;
use crate::base::limits::{MAX_EVICTION_TIES, MAX_NEIGHBOURS, NEIGHBOUR_LIFETIME, NEIGHBOURS};
use crate::base::{Instant, MessageId, Plane, Reserve, WireTime, append, index};

/// Neighbours by digest.
#[derive(Clone, Debug)]
pub struct NeighbourTable {
    capacity: usize,
    slots: Vec<Option<Neighbour>>,
    /// What the walk over a list needs of each, side by side.
    places: Vec<Place>,
    free: Vec<u16>,
    index: HashTable<u16>,
    /// Ends of the list in the order of hearing.
    oldest: u16,
    newest: u16,
    memory: ReplayMemory,
    /// Neighbours looked at, for tests that no work grows with the table.
    #[cfg(test)]
    touched: core::cell::Cell<usize>,
}

/// Name of the neighbour in a slot, and its place in the order of hearing.
#[derive(Clone, Copy, Debug)]
struct Place {
    digest: Digest,
    heard: Instant,
    older: u16,
    newer: u16,
}

impl Default for NeighbourTable {
    fn default() -> Self {
        Self::new()
    }
}

impl NeighbourTable {
    /// An empty table, with room for [`NEIGHBOURS`] allocated once.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(NEIGHBOURS, Reserve::Whole)
    }

    /// An empty table, with room for this many neighbours, 1..=[`MAX_NEIGHBOURS`].
    #[must_use]
    pub fn with_capacity(capacity: usize, reserve: Reserve) -> Self {
        let capacity = capacity.clamp(1, MAX_NEIGHBOURS);
        Self {
            capacity,
            slots: reserve.list(capacity),
            places: reserve.list(capacity),
            free: reserve.list(capacity),
            index: index(reserve.at_start(capacity)),
            oldest: NONE,
            newest: NONE,
            memory: ReplayMemory::default(),
            #[cfg(test)]
            touched: core::cell::Cell::default(),
        }
    }

    /// True when the message was not accepted before. Asks only: [`NeighbourTable::hear`] remembers.
    ///
    /// `generation` is its signed generation time.
    #[must_use]
    pub fn is_new(&self, id: &MessageId, generation: WireTime) -> bool {
        self.is_new_of(self.get(&id.signer), id, generation)
    }

    /// The same, where the neighbour was looked up that its signer is, if it is one.
    #[must_use]
    pub fn is_new_of(&self, signer: Option<&Neighbour>, id: &MessageId, generation: WireTime) -> bool {
        match signer {
            Some(neighbour) => {
                self.memory.is_new_in(neighbour.complete(), neighbour.windows(), id, generation)
            }
            None => self.memory.is_new(id, generation),
        }
    }

    /// Whether this very message was accepted, as far as that is remembered.
    #[must_use]
    pub fn accepted(&self, id: &MessageId) -> bool {
        match self.get(&id.signer) {
            Some(neighbour) => neighbour.windows().holds(id.class, id.sequence),
            None => self.memory.accepted(id),
        }
    }

    /// Records a message: verified, fresh, and new by [`NeighbourTable::is_new`].
    ///
    /// A verified message whose payload is of no use belongs here too: it shows that its signer is near, and its number
    /// must not be accepted again. A message older than the newest one counts as heard, but moves no position. `own`
    /// decides who is farthest when the table is full.
    pub fn hear(&mut self, message: &Heard, own: Option<&Plane>) -> NeighbourChange {
        // Time never runs backwards in the list.
        let at = self.place(self.newest).map_or(message.at, |newest| message.at.max(newest.heard));
        let message = Heard { at, ..*message };
        let mut change = NeighbourChange::default();
        let slot = match self.find(&message.id.signer) {
            Some(slot) => {
                self.unlink(slot);
                slot
            }
            None => {
                change.added = true;
                if self.len() >= self.capacity {
                    change.evicted = self.evict(own, message.wire);
                }
                self.insert(&message)
            }
        };
        if let Some(neighbour) = self.neighbour_mut(slot) {
            neighbour.hear(&message);
        }
        self.link_newest(slot, message.at);
        change
    }

    /// Sets how a neighbour moves, from an awareness message generated at `generation`.
    ///
    /// False when it is not in the table, or a newer message has moved it since.
    pub fn set_motion(&mut self, digest: &Digest, generation: WireTime, motion: &Motion) -> bool {
        match self.get_mut(digest) {
            Some(neighbour) if generation >= neighbour.generation() => {
                neighbour.set_motion(motion);
                true
            }
            _ => false,
        }
    }

    /// A verified message of a neighbour is about an event of which this station knows nothing; false when there were too
    /// many. The message may then come again, as a repetition of it does. `number` is that of an event of its own.
    pub fn new_event(&mut self, id: &MessageId, number: Option<u32>, now: Instant) -> bool {
        self.get_mut(&id.signer).is_none_or(|neighbour| neighbour.new_event(id, number, now))
    }

    /// Notes that a neighbour gave evidence that it hears us.
    pub fn set_hears_us(&mut self, digest: &Digest) {
        if let Some(neighbour) = self.get_mut(digest) {
            neighbour.set_hears_us();
        }
    }

    /// The neighbour named `digest`.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<&Neighbour> {
        self.neighbour(self.find(digest)?)
    }

    /// The neighbour named `digest`, and its place in the table: below its capacity, and its own until it leaves.
    #[must_use]
    pub fn locate(&self, digest: &Digest) -> Option<(u16, &Neighbour)> {
        let slot = self.find(digest)?;
        Some((slot, self.neighbour(slot)?))
    }

    /// Something of all that a message of a neighbour changes: to have it fetched.
    #[must_use]
    pub fn spread(&self, digest: &Digest) -> u64 {
        let Some(slot) = self.find(digest) else { return 0 };
        let place = |slot: u16| self.places.get(usize::from(slot));
        let (older, newer) = place(slot).map_or((NONE, NONE), |place| (place.older, place.newer));
        let heard = |slot: u16| place(slot).map_or(0, |place| place.heard.as_nanos());
        let order = heard(older) ^ heard(newer) ^ heard(self.oldest) ^ heard(self.newest);
        self.neighbour(slot).map_or(0, Neighbour::spread) ^ order
    }

    /// All neighbours, in an order that follows from the order in which they came and went alone.
    pub fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.slots.iter().flatten().inspect(|_| self.touch())
    }

    /// Neighbours there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of neighbours.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True when no neighbour is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Number of stations that left, and whose replay windows are kept.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.memory.len()
    }

    /// When the next neighbour expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.place(self.oldest).map(|oldest| oldest.heard + NEIGHBOUR_LIFETIME)
    }

    /// Removes one neighbour whose lifetime is over at `now`; to be called until it returns `None`.
    ///
    /// `wire` is the same moment by our wire clock: it decides how long its replay windows are kept.
    pub fn expire(&mut self, now: Instant, wire: WireTime) -> Option<Digest> {
        self.advance(wire);
        if self.next_expiry()? > now {
            return None;
        }
        self.remove(self.oldest, wire)
    }

    /// Our wire clock reads `wire`: to be called now and then where none [expires](Self::expire).
    pub fn advance(&mut self, wire: WireTime) {
        self.memory.advance(wire);
    }

    /// Our wire clock was set back and reads `wire` now: times that were past may come again.
    ///
    /// A neighbour whose newest message lies ahead of the clock would stay where it is until the clock has
    /// caught up: it may move again from now on.
    pub fn clock_stepped_back(&mut self, wire: WireTime) {
        self.memory.clock_stepped_back(wire);
        // The one walk over all of them: because of the clock, never because of a frame.
        for neighbour in self.slots.iter_mut().flatten() {
            neighbour.clock_stepped_back(wire);
        }
    }

    /// Removes a neighbour whose credential was revoked; false when it is not in the table.
    pub fn forget(&mut self, digest: &Digest, wire: WireTime) -> bool {
        self.find(digest).and_then(|slot| self.remove(slot, wire)).is_some()
    }

    /// The neighbour heard longest ago, and between equals, as many as are compared, the farthest from us.
    fn evict(&mut self, own: Option<&Plane>, wire: WireTime) -> Option<Digest> {
        let oldest = self.place(self.oldest)?;
        let mut victim = self.oldest;
        if let Some(plane) = own {
            let mut farthest = plane.distance_2(self.neighbour(self.oldest)?.position());
            let mut next = oldest.newer;
            for _ in 1..MAX_EVICTION_TIES {
                let Some(tie) = self.place(next).filter(|place| place.heard == oldest.heard) else { break };
                let Some(neighbour) = self.neighbour(next) else { break };
                let distance = plane.distance_2(neighbour.position());
                if distance > farthest {
                    (farthest, victim) = (distance, next);
                }
                next = tie.newer;
            }
        }
        self.remove(victim, wire)
    }

    fn insert(&mut self, message: &Heard) -> u16 {
        let digest = message.id.signer;
        let neighbour = Neighbour::new(message, self.memory.take(&digest));
        let place = Place { digest, heard: message.at, older: NONE, newer: NONE };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[usize::from(slot)] = Some(neighbour);
                self.places[usize::from(slot)] = place;
                slot
            }
            None => {
                append(&mut self.slots, Some(neighbour), self.capacity);
                append(&mut self.places, place, self.capacity);
                (self.slots.len() - 1) as u16
            }
        };
        let places = &self.places;
        self.index.insert_unique(hash(&digest), slot, |slot| hash(&places[usize::from(*slot)].digest));
        slot
    }

    fn remove(&mut self, slot: u16, wire: WireTime) -> Option<Digest> {
        let neighbour = self.slots.get_mut(usize::from(slot))?.take()?;
        self.unlink(slot);
        self.free.push(slot);
        let digest = neighbour.digest();
        if let Ok(entry) = self.index.find_entry(hash(&digest), |other| *other == slot) {
            entry.remove();
        }
        self.memory.keep(digest, neighbour.history(), wire);
        Some(digest)
    }

    #[inline(never)]
    fn find(&self, digest: &Digest) -> Option<u16> {
        self.index.find(hash(digest), |slot| self.places[usize::from(*slot)].digest == *digest).copied()
    }

    /// The place of a neighbour in the order of hearing: of a slot that one of the list names.
    fn place(&self, slot: u16) -> Option<Place> {
        self.touch();
        self.places.get(usize::from(slot)).copied()
    }

    fn neighbour(&self, slot: u16) -> Option<&Neighbour> {
        self.touch();
        self.slots.get(usize::from(slot))?.as_ref()
    }

    fn neighbour_mut(&mut self, slot: u16) -> Option<&mut Neighbour> {
        self.touch();
        self.slots.get_mut(usize::from(slot))?.as_mut()
    }

    fn get_mut(&mut self, digest: &Digest) -> Option<&mut Neighbour> {
        let slot = self.find(digest)?;
        self.neighbour_mut(slot)
    }

    fn unlink(&mut self, slot: u16) {
        let Some(Place { older, newer, .. }) = self.place(slot) else { return };
        match self.places.get_mut(usize::from(older)) {
            Some(place) => place.newer = newer,
            None => self.oldest = newer,
        }
        match self.places.get_mut(usize::from(newer)) {
            Some(place) => place.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, slot: u16, heard: Instant) {
        let before = self.newest;
        if let Some(place) = self.places.get_mut(usize::from(slot)) {
            *place = Place { heard, older: before, newer: NONE, ..*place };
        }
        match self.places.get_mut(usize::from(before)) {
            Some(place) => place.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
    }

    #[cfg(test)]
    fn touch(&self) {
        self.touched.set(self.touched.get() + 1);
    }

    #[cfg(not(test))]
    #[inline]
    #[allow(clippy::unused_self, reason = "only tests count")]
    const fn touch(&self) {}
}

/// Digests are hashes already, and only those of credentials an issuer signed come into the table.
fn hash(digest: &Digest) -> u64 {
    u64::from_le_bytes(digest.0)
}

/// No slot.
const NONE: u16 = u16::MAX;

const _: () = assert!(MAX_NEIGHBOURS < NONE as usize, "slots are numbered in 16 bits");
