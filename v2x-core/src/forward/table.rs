//! Floods by hash and by when something is due, bounded in all and for each signer.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use v2x_proto::{Class, Digest};

use super::Lane;
use super::flood::{EventVersion, Flood, State};
use crate::dedup::FrameHash;
use crate::limits;
use crate::time::Instant;

/// Floods in slots. No hash order ever shows.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Option<Flood>>,
    free: Vec<u16>,
    index: HashMap<FrameHash, u16>,
    due: [BTreeSet<(Instant, u16)>; 2],
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, hash: FrameHash) -> Option<u16> {
        if self.index.is_empty() {
            return None;
        }
        self.index.get(&hash).copied()
    }

    pub(super) fn get(&self, slot: u16) -> Option<&Flood> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    /// Floods and their slots, in an order that follows from the order in which they came and went alone.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &Flood)> {
        self.slots.iter().enumerate().filter_map(|(slot, flood)| Some((slot as u16, flood.as_ref()?)))
    }

    /// Takes in a flood. When its signer has as many as it may, or the table is full, the oldest one of the signer
    /// with the most makes room: nobody pushes out another's by many of its own.
    pub(super) fn insert(&mut self, flood: Flood) {
        let signer = flood.id.signer;
        let own = self.iter().filter(|(_, other)| other.id.signer == signer).count();
        if own >= limits::MAX_FLOODS_PER_SIGNER {
            self.remove_oldest_of(signer);
        } else if self.len() >= limits::MAX_FLOODS {
            let most = self.most_floods();
            self.remove_oldest_of(most.unwrap_or(signer));
        }
        let due = flood.due();
        let lane = lane_of(&flood);
        let hash = flood.hash;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                (self.slots.len() - 1) as u16
            }
        };
        self.slots[usize::from(slot)] = Some(flood);
        self.index.insert(hash, slot);
        self.due[lane].insert((due, slot));
    }

    /// Changes a flood, and when it is due.
    pub(super) fn update(&mut self, slot: u16, change: impl FnOnce(&mut Flood)) {
        let Some(Some(flood)) = self.slots.get_mut(usize::from(slot)) else { return };
        let (lane, before) = (lane_of(flood), flood.due());
        change(flood);
        let after = flood.due();
        if after != before {
            self.due[lane].remove(&(before, slot));
            self.due[lane].insert((after, slot));
        }
    }

    pub(super) fn remove(&mut self, slot: u16) {
        let Some(flood) = self.slots.get_mut(usize::from(slot)).and_then(Option::take) else { return };
        self.due[lane_of(&flood)].remove(&(flood.due(), slot));
        self.index.remove(&flood.hash);
        self.free.push(slot);
    }

    /// Older messages about the same event are not to be told any more.
    pub(super) fn supersede(&mut self, event: &EventVersion) {
        let older = |flood: &Flood| {
            flood.state != State::Superseded
                && flood.event.is_some_and(|it| it.same_event(event) && it.reference <= event.reference)
        };
        let slots: Vec<u16> = self.iter().filter(|(_, flood)| older(flood)).map(|(slot, _)| slot).collect();
        for slot in slots {
            self.update(slot, Flood::supersede);
        }
    }

    /// The flood that is due first, if that is by `now`.
    pub(super) fn due_at(&self, now: Instant, lane: Lane) -> Option<u16> {
        let (at, slot) = self.due[lane as usize].first()?;
        (*at <= now).then_some(*slot)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.iter().filter_map(|due| due.first()).map(|(at, _)| *at).min()
    }

    fn most_floods(&self) -> Option<Digest> {
        let mut signers: Vec<Digest> = self.iter().map(|(_, flood)| flood.id.signer).collect();
        signers.sort_unstable();
        let most = signers.chunk_by(|a, b| a == b).max_by_key(|run| run.len())?;
        most.first().copied()
    }

    fn remove_oldest_of(&mut self, signer: Digest) {
        let oldest = self
            .iter()
            .filter(|(_, flood)| flood.id.signer == signer)
            .min_by_key(|(slot, flood)| (flood.since, *slot))
            .map(|(slot, _)| slot);
        if let Some(slot) = oldest {
            self.remove(slot);
        }
    }
}

fn lane_of(flood: &Flood) -> usize {
    let lane = if flood.id.class == Class::D0 { Lane::Imminent } else { Lane::Flood };
    lane as usize
}
