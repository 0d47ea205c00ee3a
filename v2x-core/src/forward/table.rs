//! Flood table: floods by hash and by due time, bounded in all and for each signer.

use arrayvec::ArrayVec;
use hashbrown::HashMap;
use v2x_proto::{Class, Digest};

use super::flood::{Flood, State};
use super::timer_tree::TimerTree;
use crate::base::{EventVersion, FrameHash, Instant, limits};

/// Floods in slots. No hash order ever shows.
#[derive(Debug, Default)]
pub(super) struct FloodTable {
    slots: Vec<Option<Flood>>,
    /// What each new flood is compared with, side by side: a walk over the floods themselves would read all of them.
    keys: Vec<Option<Key>>,
    free: Vec<u16>,
    index: HashMap<FrameHash, u16>,
    due: [TimerTree; 3],
    /// Floods from afar.
    afar: usize,
}

/// Whose flood a slot holds, and which event it is about.
#[derive(Clone, Copy, Debug)]
struct Key {
    signer: Digest,
    event: Option<(Digest, u32)>,
    /// It came from afar, and was not heard by air before this unit sent it.
    afar: bool,
}

impl FloodTable {
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

    /// The slots that hold a flood.
    pub(super) fn slots(&self) -> Vec<u16> {
        self.iter().map(|(slot, _)| slot).collect()
    }

    /// Those that came from afar, and were not heard by air before this unit sent them.
    pub(super) fn afar(&self) -> usize {
        self.afar
    }

    /// Takes in a flood. When its signer has as many as it may, or the table is full, the oldest one of the signer
    /// with the most makes room: no station can evict those of others by sending many. One from afar takes the place of another from
    /// afar alone, and makes room before any that came by air.
    pub(super) fn insert(&mut self, flood: Flood) {
        let (signer, afar) = (flood.id.signer, flood.afar);
        let own = self.keys.iter().flatten().filter(|key| key.signer == signer && key.afar == afar).count();
        if own >= limits::MAX_FLOODS_PER_SIGNER {
            self.remove_oldest_of(|key| key.signer == signer && key.afar == afar);
        } else if self.afar > 0
            && (self.len() >= limits::MAX_FLOODS || afar && self.afar >= limits::MAX_AFAR_FLOODS)
        {
            self.remove_oldest_of(|key| key.afar);
        } else if self.len() >= limits::MAX_FLOODS {
            if afar {
                return;
            }
            let most = self.most_floods().unwrap_or(signer);
            self.remove_oldest_of(|key| key.signer == most);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.keys.push(None);
            (self.slots.len() - 1) as u16
        });
        self.due[lane_of(&flood)].set(slot, flood.due());
        self.index.insert(flood.hash, slot);
        let event = flood.event.map(|event| (event.origin, event.number));
        self.keys[usize::from(slot)] = Some(Key { signer, event, afar });
        self.afar += usize::from(afar);
        self.slots[usize::from(slot)] = Some(flood);
    }

    /// Changes a flood, and when it is due.
    pub(super) fn update(&mut self, slot: u16, change: impl FnOnce(&mut Flood)) {
        let Some(Some(flood)) = self.slots.get_mut(usize::from(slot)) else { return };
        change(flood);
        let (lane, due, afar) = (lane_of(flood), flood.due(), flood.afar);
        self.due[lane].set(slot, due);
        if let Some(key) = self.keys[usize::from(slot)].as_mut().filter(|key| key.afar != afar) {
            // It was heard by air, which makes it the air's for good.
            key.afar = afar;
            self.afar -= 1;
        }
    }

    pub(super) fn remove(&mut self, slot: u16) {
        let Some(flood) = self.slots.get_mut(usize::from(slot)).and_then(Option::take) else { return };
        self.due[lane_of(&flood)].set(slot, Instant::FAR_FUTURE);
        self.afar -= usize::from(flood.afar);
        self.keys[usize::from(slot)] = None;
        self.index.remove(&flood.hash);
        self.free.push(slot);
    }

    /// Older messages about the same event are no longer to be sent.
    pub(super) fn supersede(&mut self, event: &EventVersion) {
        let about = Some((event.origin, event.number));
        for slot in 0..self.keys.len() {
            if self.keys[slot].is_none_or(|key| key.event != about) {
                continue;
            }
            let older = |flood: &Flood| {
                flood.state != State::Superseded
                    && flood.event.is_some_and(|it| it.reference <= event.reference)
            };
            if self.get(slot as u16).is_some_and(older) {
                self.update(slot as u16, Flood::supersede);
            }
        }
    }

    /// Whether a flood is about this event.
    pub(super) fn is_about(&self, origin: Digest, number: u32) -> bool {
        let about = Some((origin, number));
        self.keys.iter().flatten().any(|key| key.event == about)
    }

    /// The flood that is due first, if that is by `now`.
    pub(super) fn due_at(&self, now: Instant, lane: Lane) -> Option<u16> {
        let (at, slot) = self.due[lane as usize].first()?;
        (at <= now).then_some(slot)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.iter().filter_map(TimerTree::first).map(|(at, _)| at).min()
    }

    pub(super) fn next_due_in(&self, lane: Lane) -> Option<Instant> {
        self.due[lane as usize].first().map(|(at, _)| at)
    }

    fn most_floods(&self) -> Option<Digest> {
        let held = self.keys.iter().flatten().take(limits::MAX_FLOODS);
        let mut signers: ArrayVec<Digest, { limits::MAX_FLOODS }> = held.map(|key| key.signer).collect();
        signers.sort_unstable();
        let most = signers.chunk_by(|a, b| a == b).max_by_key(|run| run.len())?;
        most.first().copied()
    }

    fn remove_oldest_of(&mut self, which: impl Fn(&Key) -> bool) {
        let oldest = self
            .iter()
            .filter(|(slot, _)| self.keys[usize::from(*slot)].as_ref().is_some_and(&which))
            .min_by_key(|(slot, flood)| (flood.since, *slot))
            .map(|(slot, _)| slot);
        if let Some(slot) = oldest {
            self.remove(slot);
        }
    }
}

fn lane_of(flood: &Flood) -> usize {
    let lane = match flood.id.class {
        Class::D0 => Lane::Imminent,
        Class::D5 => Lane::Background,
        _ => Lane::Flood,
    };
    lane as usize
}

/// Which frames `Forwarder::pop` may give out: imminent ones leave before all else, floods before background, and background from afar
/// after our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Relays of imminent messages.
    Imminent,
    /// Floods.
    Flood,
    /// Background from afar.
    Background,
}

impl Lane {
    /// The class whose rules its frames follow on their way out.
    pub fn class(self) -> Class {
        match self {
            Self::Imminent => Class::D0,
            Self::Flood => Class::D3,
            Self::Background => Class::D5,
        }
    }
}
