//! The intersections near by: their maps and the newest state of their signals, by each signer that is heard.
//!
//! # Which signer speaks for an intersection
//!
//! None because it was first: what all that are heard say alike is believed, and what they contradict each other about is
//! unknown until one of them has been silent for [`limits::MAP_OWNER_SILENCE`] or [`limits::SIGNAL_OWNER_SILENCE`]. So an
//! insider with a signal controller's credential cannot turn a light green that a unit is heard on, whoever spoke first; it
//! can make it unknown, and both are named to the driver. A unit that renews its credential agrees with itself. Map and
//! state may have different signers: the road operator's and the signal controller's. A unit stands near its intersection:
//! one that says otherwise is refused, so that a credential with a region speaks for that region's intersections alone.
//!
//! A refused message renews nothing. So a unit whose revisions began anew is heard again once its old map has
//! outlived [`limits::MAP_LIFETIME`].

use arrayvec::ArrayVec;
use v2x_core::{Instant, Position};
use v2x_proto::{Digest, IntersectionId, v1};

use super::claims::{Claims, Speaker};
use super::map::{Drawn, Map, reference};
use super::refusal::Refusal;
use super::state::IntersectionState;
use crate::limits;
use crate::moment::Moment;

/// What is known of one intersection.
#[derive(Clone, Debug)]
pub struct KnownIntersection {
    id: IntersectionId,
    maps: Claims<Drawn>,
    states: Claims<IntersectionState>,
    heard: Instant,
}

/// Two signers that contradict each other, told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// The intersection.
    pub intersection: IntersectionId,
    /// What they contradict each other about.
    pub about: Contested,
    /// Who they are, and where each says that it stands.
    pub between: ArrayVec<Speaker, { limits::MAX_CLAIMANTS + 1 }>,
}

impl Contest {
    /// A line for people: `intersection 17: signals unknown, 0707070707070707 at 49.60000, 6.13000 (110 m away) and
    /// 0808080808080808 at 49.60010, 6.13000 (99 m away) contradict each other`; without the distances where no position is
    /// known.
    #[must_use]
    pub fn line(&self, here: Option<Position>) -> String {
        let degrees = |unit: i32| f64::from(unit) / 1e7;
        let who = self.between.iter().map(|Speaker { signer, place }| {
            let away = here.map(|here| format!(" ({:.0} m away)", here.distance_m(*place)));
            let (latitude, longitude) = (degrees(place.latitude), degrees(place.longitude));
            format!("{signer} at {latitude:.5}, {longitude:.5}{}", away.unwrap_or_default())
        });
        let who = who.collect::<Vec<_>>().join(" and ");
        format!(
            "intersection {}: {} unknown, {who} contradict each other",
            self.intersection,
            self.about.name()
        )
    }
}

/// What signers contradict each other about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contested {
    /// The map of an intersection.
    Map,
    /// What its signals show.
    Signals,
    /// Which intersection a lane leads to.
    Lane,
}

impl Contested {
    /// What is unknown because of it, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Signals => "signals",
            Self::Lane => "lanes",
        }
    }
}

impl KnownIntersection {
    /// Which one.
    #[must_use]
    pub fn id(&self) -> IntersectionId {
        self.id
    }

    /// Its map, once one is whole and while no other contradicts it.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        self.maps.believed(|claim| (claim.said.map().is_some(), claim.heard))?.said.map()
    }

    /// The newest state of its signals, however old; nothing while it is [contested](Self::is_contested).
    #[must_use]
    pub fn state(&self) -> Option<&IntersectionState> {
        self.states.believed(|claim| claim.said.time()).map(|claim| &claim.said)
    }

    /// Whether signers contradict each other about what its signals show.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        self.states.is_contested()
    }

    /// When a signer that contradicts another will have been silent for long enough, if it is not heard again.
    pub(super) fn next_silence(&self) -> Option<Instant> {
        let map = self.maps.next_silence(limits::MAP_OWNER_SILENCE);
        let state = self.states.next_silence(limits::SIGNAL_OWNER_SILENCE);
        map.into_iter().chain(state).min()
    }

    /// Whether an answer signed by `signer` may be believed here: one that reports the signals, when any is heard to.
    pub(super) fn may_answer(&self, signer: &Digest, now: Instant) -> bool {
        let is_heard = |heard| now.since(heard) < limits::SIGNAL_OWNER_SILENCE;
        let another = self.states.iter().any(|claim| is_heard(claim.heard));
        !self.is_contested() && (!another || self.states.find(signer).is_some())
    }

    /// Whether one of the signers of its map signed the other's too.
    pub(super) fn shares_a_signer_with(&self, other: &Self) -> bool {
        self.maps.iter().any(|claim| other.maps.find(&claim.speaker.signer).is_some())
    }

    /// Those that speak for it: that report its signals, or where nobody does, that sign its map.
    pub(super) fn speakers(&self) -> ArrayVec<Digest, { limits::MAX_CLAIMANTS }> {
        let report: ArrayVec<_, { limits::MAX_CLAIMANTS }> =
            self.states.iter().map(|claim| claim.speaker.signer).take(limits::MAX_CLAIMANTS).collect();
        if !report.is_empty() {
            return report;
        }
        self.maps.iter().map(|claim| claim.speaker.signer).take(limits::MAX_CLAIMANTS).collect()
    }

    /// Those that sign its map.
    pub(super) fn drawn_by(&self) -> impl Iterator<Item = Speaker> {
        self.maps.iter().map(|claim| claim.speaker)
    }

    fn belongs_to(&self, signer: &Digest) -> bool {
        self.maps.find(signer).is_some() || self.states.find(signer).is_some()
    }

    fn hear_map(&mut self, map: &v1::IntersectionMap, speaker: Speaker, now: Instant) -> Result<(), Refusal> {
        let reference = reference(map).ok_or(Refusal::NotForVehicles)?;
        if speaker.place.distance_m(reference) > limits::MAX_UNIT_DISTANCE_M {
            return Err(Refusal::TooFar);
        }
        self.maps.fall_silent(limits::MAP_OWNER_SILENCE, now);
        let contested = self.maps.hear(speaker, now, |drawn| drawn.add(map, now))?;
        if contested { Err(Refusal::Contested) } else { Ok(()) }
    }

    fn hear_state(&mut self, state: v1::SignalState, speaker: Speaker, at: Moment) -> Result<(), Refusal> {
        let far = |map: &Map| speaker.place.distance_m(map.reference()) > limits::MAX_UNIT_DISTANCE_M;
        if self.map().is_some_and(far) {
            return Err(Refusal::TooFar);
        }
        self.states.fall_silent(limits::SIGNAL_OWNER_SILENCE, at.now);
        let contested = self.states.hear(speaker, at.now, |known| known.renew(state, at.wire))?;
        if contested { Err(Refusal::Contested) } else { Ok(()) }
    }

    /// Drops what has expired; true when nothing is left.
    fn expire(&mut self, now: Instant) -> bool {
        let lives = |heard| now.since(heard) < limits::MAP_LIFETIME;
        self.maps.fall_silent(limits::MAP_OWNER_SILENCE, now);
        self.states.fall_silent(limits::SIGNAL_OWNER_SILENCE, now);
        self.maps.retain(|claim| claim.said.give_up(now) && lives(claim.heard), now);
        self.states.retain(|claim| lives(claim.heard), now);
        self.maps.is_empty() && self.states.is_empty()
    }

    fn take_contest(&mut self, now: Instant) -> Option<Contest> {
        let (about, between) = match self.states.take_contest(now) {
            Some(between) => (Contested::Signals, between),
            None => (Contested::Map, self.maps.take_contest(now)?),
        };
        Some(Contest { intersection: self.id, about, between })
    }
}

/// The intersections near by, at most [`limits::MAX_INTERSECTIONS`].
///
/// A full table makes room with the one not heard for longest among those of the signer that has most, and if none has more
/// than the newcomer's, with the one not heard for longest of all.
#[derive(Clone, Debug, Default)]
pub struct Intersections {
    entries: Vec<KnownIntersection>,
}

impl Intersections {
    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &KnownIntersection> {
        self.entries.iter()
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: IntersectionId) -> Option<&KnownIntersection> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// A fragment of a map, from a trusted signer.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn hear_map(
        &mut self,
        map: &v1::IntersectionMap,
        speaker: Speaker,
        now: Instant,
    ) -> Result<(), Refusal> {
        let id = IntersectionId { region: map.region_id as u16, number: map.intersection_id };
        self.hear(id, speaker.signer, now, |entry| entry.hear_map(map, speaker, now))
    }

    /// A state of signals, from a trusted signer.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn hear_state(
        &mut self,
        state: v1::SignalState,
        speaker: Speaker,
        at: Moment,
    ) -> Result<(), Refusal> {
        let id = IntersectionId { region: state.region_id as u16, number: state.intersection_id };
        self.hear(id, speaker.signer, at.now, |entry| entry.hear_state(state, speaker, at))
    }

    /// Drops what has expired.
    pub fn expire(&mut self, now: Instant) {
        self.entries.retain_mut(|entry| !entry.expire(now));
    }

    /// Signers that contradict each other and were not told of yet.
    pub fn take_contest(&mut self, now: Instant) -> Option<Contest> {
        self.entries.iter_mut().find_map(|entry| entry.take_contest(now))
    }

    fn hear(
        &mut self,
        id: IntersectionId,
        signer: Digest,
        now: Instant,
        take: impl FnOnce(&mut KnownIntersection) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            let taken = take(entry);
            if matches!(taken, Ok(()) | Err(Refusal::Contested)) {
                entry.heard = now;
            }
            return taken;
        }
        let held = self.entries.iter().filter(|entry| entry.belongs_to(&signer)).count();
        if held >= limits::MAX_INTERSECTIONS_PER_SIGNER {
            return Err(Refusal::TooManyOfSigner);
        }
        let mut entry =
            KnownIntersection { id, maps: Claims::default(), states: Claims::default(), heard: now };
        take(&mut entry)?;
        if self.entries.len() >= limits::MAX_INTERSECTIONS {
            self.make_room(held);
        }
        let at = self.entries.partition_point(|known| known.id < id);
        self.entries.insert(at, entry);
        Ok(())
    }

    /// Makes room for one more of a signer that has `held`.
    fn make_room(&mut self, held: usize) {
        let signers = self.entries.iter().flat_map(KnownIntersection::signers);
        let count = |signer: &Digest| self.entries.iter().filter(|entry| entry.belongs_to(signer)).count();
        let greediest = signers.map(|signer| (count(&signer), signer)).max();
        let greediest = greediest.filter(|(most, _)| *most > held + 1).map(|(_, signer)| signer);
        let may_go = |entry: &KnownIntersection| {
            greediest.is_none_or(|greedy| entry.signers().all(|signer| signer == greedy))
        };
        let among = |pass: bool| {
            let places = (0..self.entries.len()).filter(|at| !pass || may_go(&self.entries[*at]));
            places.min_by_key(|at| self.entries[*at].heard)
        };
        if let Some(oldest) = among(true).or_else(|| among(false)) {
            self.entries.remove(oldest);
        }
    }
}

impl KnownIntersection {
    fn signers(&self) -> impl Iterator<Item = Digest> {
        let maps = self.maps.iter().map(|claim| claim.speaker.signer);
        maps.chain(self.states.iter().map(|claim| claim.speaker.signer))
    }
}

#[cfg(test)]
mod tests;
