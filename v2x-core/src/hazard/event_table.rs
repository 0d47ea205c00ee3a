//! Table of known events, our own included, each with its state.
//!
//! An event follows from its signed messages, in whatever order they arrive: the newest version by (reference time,
//! detection time) counts, a cancellation by its declarer is final, and a negation by a permitted station covers all
//! versions up to the one it names (EN 302 637-3 clauses 6.1.2 and 8.2). An event that has ended is kept until its
//! validity would have ended, so that a late copy does not revive it.
//!
//! # Room
//!
//! A station that declares many events loses its own first, and no station evicts another's by declaring more: in a
//! full table a new event takes the place of a less trusted one, or of one of a station that holds more than the
//! newcomer's would then. Otherwise it is not accepted.

#[cfg(test)]
mod tests;

use core::ops::Bound;
use core::time::Duration;
use std::collections::BTreeMap;

use arrayvec::ArrayVec;
use v2x_proto::{Class, Digest};

use super::conflict;
use super::gist::HazardGist;
use super::known::{EventState, HazardChange, HazardChanged, KnownHazard};
use super::relevance::Course;
use crate::base::limits::{MAX_EVENTS, MAX_EVENTS_PER_SIGNER};
use crate::base::{DropReason, Position, WireTime};
use crate::trust::freshness;
use v2x_proto::EventId;

/// The events that are known.
#[derive(Debug, Default)]
pub struct EventTable {
    entries: BTreeMap<EventId, Entry>,
    /// The earliest end among them.
    next_end: Option<WireTime>,
    /// Up to which id the events that are over were removed, while some are left.
    swept: Option<EventId>,
    not_taken: u64,
}

/// The signer of a message about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Digest of the credential.
    pub signer: Digest,
    /// Whether its claims are implausible.
    pub suspect: bool,
    /// Eviction rank of its events.
    pub rank: Rank,
    /// Class of the message.
    pub class: Class,
    /// Whether the message came from afar.
    pub afar: bool,
}

/// Trust in an event, for eviction only: lower ones are evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It is known from afar alone: what is heard here takes its place.
    Afar,
    /// Its declarer contradicts itself.
    Suspect,
    /// Any other station's.
    Station,
    /// Of a station that may declare hazards for the road.
    Authority,
    /// This station's own events.
    Own,
}

/// What a message did to the table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The state of its event changed.
    pub changed: Option<HazardChanged>,
    /// Another event made room for it.
    pub gone: Option<KnownHazard>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    known: KnownHazard,
    rank: Rank,
    /// The station to whose share it counts.
    holder: Digest,
    cancelled: bool,
    negated: Option<WireTime>,
    /// It was ended before its declaration arrived: the application is not told of it.
    hidden: bool,
}

impl EventTable {
    /// Checks that a verified message is credible and still of use. `generation` is when it was signed.
    ///
    /// # Errors
    ///
    /// The reason to drop it.
    pub fn judge(
        &self,
        gist: &HazardGist,
        signer: &Digest,
        generation: WireTime,
        now: WireTime,
    ) -> Result<(), DropReason> {
        if gist.state != EventState::Negated && gist.id.origin != *signer {
            return Err(DropReason::NotOrigin);
        }
        if gist.detection > gist.reference || gist.reference > generation + TOLERANCE {
            return Err(DropReason::EventTime);
        }
        let over = gist.state == EventState::Active && gist.valid_until <= now;
        let overtaken = self.entries.get(&gist.id).is_some_and(|entry| entry.overtakes(gist));
        if over || overtaken { Err(DropReason::EventSuperseded) } else { Ok(()) }
    }

    /// Applies a message that was [judged](Self::judge) good.
    pub fn take(&mut self, gist: &HazardGist, speaker: &Speaker, now: WireTime) -> Outcome {
        // A suspect may not negate the events of others.
        if gist.state == EventState::Negated && speaker.suspect {
            return Outcome::default();
        }
        if let Some(entry) = self.entries.get_mut(&gist.id) {
            if gist.id.origin == speaker.signer {
                entry.known.suspect = speaker.suspect;
            }
            entry.heard(speaker);
            let changed =
                entry.apply(gist, speaker).map(|change| HazardChanged { event: entry.known, change });
            let end = entry.known.valid_until;
            self.note_end(end);
            return Outcome { changed, gone: None };
        }
        let Ok(gone) = self.make_room(speaker, now) else {
            self.not_taken += 1;
            return Outcome::default();
        };
        let entry = Entry::new(gist, speaker);
        self.entries.insert(gist.id, entry);
        self.note_end(entry.known.valid_until);
        let changed =
            (!entry.hidden).then_some(HazardChanged { event: entry.known, change: HazardChange::New });
        Outcome { changed, gone }
    }

    /// Removes one event whose validity is over; to be called until it returns `None`. Events that ended before are
    /// removed without a report.
    pub fn expire(&mut self, now: WireTime) -> Option<KnownHazard> {
        while self.next_end.is_some_and(|end| end <= now) {
            // From where the last one was: a table whose events all end at once is walked through once.
            let from = self.swept.map_or(Bound::Unbounded, Bound::Excluded);
            let mut rest = self.entries.range((from, Bound::Unbounded));
            self.swept = rest.find(|(_, entry)| entry.known.valid_until <= now).map(|(id, _)| *id);
            let Some(gone) = self.swept.and_then(|id| self.entries.remove(&id)) else {
                self.next_end = self.entries.values().map(|entry| entry.known.valid_until).min();
                continue;
            };
            if gone.is_live() {
                return Some(gone.known);
            }
        }
        None
    }

    /// When the next event may end.
    #[must_use]
    pub fn next_end(&self) -> Option<WireTime> {
        self.next_end
    }

    /// The event with that id.
    #[must_use]
    pub fn get(&self, id: &EventId) -> Option<&KnownHazard> {
        self.entries.get(id).filter(|entry| !entry.hidden).map(|entry| &entry.known)
    }

    /// Whether anything was heard of the event, even if the application is not told of it.
    #[must_use]
    pub fn knows(&self, id: &EventId) -> bool {
        self.entries.contains_key(id)
    }

    /// The events, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &KnownHazard> {
        self.entries.values().filter(|entry| !entry.hidden).map(|entry| &entry.known)
    }

    /// Entries, including those the application is not told of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no event is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Events that found no room.
    #[must_use]
    pub fn not_taken(&self) -> u64 {
        self.not_taken
    }

    /// A station became suspect: its events are flagged, and are evicted first.
    pub fn distrust(&mut self, signer: &Digest) {
        for entry in self.entries.values_mut().filter(|entry| entry.holder == *signer) {
            if entry.rank < Rank::Own {
                (entry.known.suspect, entry.rank) = (true, entry.rank.min(Rank::Suspect));
            }
        }
    }

    /// Computes anew which events are relevant, from the station's current position.
    pub fn look_around(&mut self, own: &Course<'_>, now: WireTime) {
        for entry in self.entries.values_mut() {
            let looks = entry.is_live() && !entry.known.own;
            entry.known.concern = if looks { conflict::concern(own, &entry.known, now) } else { None };
        }
    }

    /// The station's position is not known: neither is what is relevant to it.
    pub fn look_nowhere(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.known.concern = None);
    }

    /// Checks whether one event is relevant to the station.
    pub fn look_at(&mut self, id: &EventId, own: &Course<'_>, now: WireTime) -> Option<KnownHazard> {
        let entry = self.entries.get_mut(id).filter(|entry| !entry.hidden)?;
        let looks = entry.is_live() && !entry.known.own;
        entry.known.concern = if looks { conflict::concern(own, &entry.known, now) } else { None };
        Some(entry.known)
    }

    fn note_end(&mut self, end: WireTime) {
        self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
    }

    /// Makes room for one more event of `speaker`; an error when there is none for it.
    fn make_room(&mut self, speaker: &Speaker, now: WireTime) -> Result<Option<KnownHazard>, NoRoom> {
        let held = self.held(&speaker.signer);
        let victim = if held >= MAX_EVENTS_PER_SIGNER && speaker.rank < Rank::Own {
            let gives = |entry: &Entry| entry.rank == Rank::Afar || !speaker.afar;
            self.least(now, |entry| entry.holder == speaker.signer && gives(entry))
        } else if self.len() >= MAX_EVENTS {
            self.victim(speaker.rank, held, now)
        } else {
            return Ok(None);
        };
        let gone = victim.and_then(|id| self.entries.remove(&id)).ok_or(NoRoom)?;
        Ok(gone.is_live().then_some(gone.known))
    }

    /// The event to evict from a full table for one of `rank`, whose signer holds `held`.
    fn victim(&self, rank: Rank, held: usize, now: WireTime) -> Option<EventId> {
        // The table is walked once; what follows is about these few bytes an entry.
        let entries = self.entries.values().take(MAX_EVENTS);
        let mut shares: ArrayVec<(Digest, Rank), MAX_EVENTS> =
            entries.map(|entry| (entry.holder, entry.rank)).collect();
        shares.sort_unstable();
        let lowest = shares.iter().map(|(_, rank)| *rank).min()?;
        let of_holders = shares.chunk_by(|a, b| a.0 == b.0);
        let giving = of_holders.filter(|share| share[0].1 == lowest);
        let holder = giving.map(|share| (share.len(), share[0].0)).max()?;
        let gives = lowest < rank || lowest == rank && rank < Rank::Own && holder.0 > held + 1;
        let of_it = |entry: &Entry| entry.rank == lowest && entry.holder == holder.1;
        gives.then(|| self.least(now, of_it)).flatten()
    }

    fn held(&self, holder: &Digest) -> usize {
        self.entries.values().filter(|entry| entry.holder == *holder).count()
    }

    /// The least valuable one: ended already, else the one that ends first.
    fn least(&self, now: WireTime, among: impl Fn(&Entry) -> bool) -> Option<EventId> {
        let worth =
            |entry: &Entry| (entry.is_live() && entry.known.valid_until > now, entry.known.valid_until);
        self.entries
            .iter()
            .filter(|(_, entry)| among(entry))
            .min_by_key(|(_, entry)| worth(entry))
            .map(|(id, _)| *id)
    }
}

/// How far a version may be dated ahead of its message: as far as clocks may differ.
const TOLERANCE: Duration = Duration::from_micros(freshness::FUTURE);

/// There is no room for an event.
struct NoRoom;

impl Entry {
    fn new(gist: &HazardGist, speaker: &Speaker) -> Self {
        let hidden = gist.state != EventState::Active;
        let own = speaker.rank == Rank::Own;
        let mut entry = Self {
            known: KnownHazard {
                id: gist.id,
                own,
                state: gist.state,
                class: speaker.class,
                cause: 0,
                sub_cause: 0,
                position: Position::default(),
                speed: None,
                heading: None,
                quality: None,
                detection: gist.detection,
                reference: gist.reference,
                // Until no older message about it is fresh.
                valid_until: freshness::refused_from(Class::D3, gist.reference),
                area: None,
                relevance_distance_m: None,
                relevance_direction: gist.relevance_direction,
                keep_alive: None,
                suspect: speaker.suspect,
                afar: speaker.afar,
                concern: None,
            },
            rank: if speaker.suspect { speaker.rank.min(Rank::Suspect) } else { speaker.rank },
            holder: speaker.signer,
            cancelled: gist.state == EventState::Cancelled,
            negated: (gist.state == EventState::Negated).then_some(gist.reference),
            hidden,
        };
        if !hidden {
            entry.describe(gist, speaker);
        }
        entry
    }

    /// What is said of it by air makes it the air's.
    fn heard(&mut self, speaker: &Speaker) {
        if self.known.afar && !speaker.afar {
            self.known.afar = false;
            self.rank = speaker.rank;
        }
    }

    fn is_live(&self) -> bool {
        !self.hidden && self.known.state == EventState::Active
    }

    /// Whether the known state is newer than a message, or final.
    fn overtakes(&self, gist: &HazardGist) -> bool {
        match gist.state {
            EventState::Cancelled => false,
            EventState::Negated => self.cancelled,
            EventState::Active => {
                self.cancelled
                    || self.negated.is_some_and(|upto| gist.reference <= upto)
                    || !self.hidden && (gist.reference, gist.detection) < self.version()
            }
        }
    }

    fn version(&self) -> (WireTime, WireTime) {
        (self.known.reference, self.known.detection)
    }

    /// Applies a message; what changed by it.
    fn apply(&mut self, gist: &HazardGist, speaker: &Speaker) -> Option<HazardChange> {
        if self.overtakes(gist) {
            return None;
        }
        match gist.state {
            EventState::Cancelled => {
                let first = !core::mem::replace(&mut self.cancelled, true);
                self.end(EventState::Cancelled, gist).filter(|_| first).map(|()| HazardChange::Cancelled)
            }
            EventState::Negated => {
                self.negated = self.negated.max(Some(gist.reference));
                // A version that the other station had not seen may well be there.
                let holds = self.hidden || self.known.reference <= gist.reference;
                let ends = holds && self.known.state == EventState::Active;
                ends.then(|| self.end(EventState::Negated, gist)).flatten().map(|()| HazardChange::Negated)
            }
            EventState::Active => {
                let change = if self.hidden { HazardChange::New } else { HazardChange::Updated };
                if !self.hidden && (gist.reference, gist.detection) == self.version() {
                    return None;
                }
                self.hidden = false;
                self.known.state = EventState::Active;
                self.describe(gist, speaker);
                Some(change)
            }
        }
    }

    /// Ends it; nothing when its begin was never reported.
    fn end(&mut self, state: EventState, gist: &HazardGist) -> Option<()> {
        self.known.state = state;
        self.known.reference = self.known.reference.max(gist.reference);
        self.known.concern = None;
        // Copies of ours that come back are recognised as ours: nothing has to stay for them.
        if self.rank == Rank::Own {
            self.rank = Rank::Station;
        }
        if self.hidden {
            let end = freshness::refused_from(Class::D3, gist.reference);
            self.known.valid_until = self.known.valid_until.max(end);
        }
        (!self.hidden).then_some(())
    }

    fn describe(&mut self, gist: &HazardGist, speaker: &Speaker) {
        let known = &mut self.known;
        self.holder = speaker.signer;
        // What was heard here does not become less for a newer word from afar.
        let rank = if speaker.afar { self.rank.max(speaker.rank) } else { speaker.rank };
        self.rank = if speaker.suspect { rank.min(Rank::Suspect) } else { rank };
        *known = KnownHazard {
            id: known.id,
            own: speaker.rank == Rank::Own,
            state: EventState::Active,
            class: speaker.class,
            cause: gist.cause,
            sub_cause: gist.sub_cause,
            position: gist.position.unwrap_or_default(),
            speed: gist.speed,
            heading: gist.heading,
            quality: gist.quality,
            detection: gist.detection,
            reference: gist.reference,
            valid_until: gist.valid_until,
            area: gist.area,
            relevance_distance_m: gist.relevance_distance_m,
            relevance_direction: gist.relevance_direction,
            keep_alive: gist.keep_alive,
            suspect: speaker.suspect,
            afar: known.afar && speaker.afar,
            concern: None,
        };
    }
}
