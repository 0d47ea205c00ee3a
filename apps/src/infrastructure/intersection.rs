//! The intersections near by: their maps, put together from fragments, and the newest state of their signals.
//!
//! # Which signer speaks for an intersection
//!
//! Map and state each belong to the first trusted signer heard with one. No other signer replaces them until that
//! signer has been silent for [`limits::MAP_OWNER_SILENCE`] or [`limits::SIGNAL_OWNER_SILENCE`]; what another sends
//! meanwhile is refused as [`Refusal::Contested`]. So a unit that renews its credential takes over from itself within
//! seconds, and an insider with a signal controller's credential cannot turn a light green that a unit is heard on.
//! Map and state may have different signers: the road operator's and the signal controller's.
//!
//! A refused message renews nothing. So a unit whose revisions began anew is heard again once its old map has
//! outlived [`limits::MAP_LIFETIME`].

use arrayvec::ArrayVec;
use v2x_core::{Instant, Plane, Position, WireTime};
use v2x_proto::{Digest, IntersectionId, v1};

use super::lane::Lane;
use crate::limits;
use crate::moment::Moment;

/// What is known of one intersection.
#[derive(Clone, Debug)]
pub struct KnownIntersection {
    id: IntersectionId,
    map: Option<Map>,
    assembly: Option<Assembly>,
    state: Option<IntersectionState>,
    heard: Instant,
}

/// A whole map: its lanes that enter the intersection.
#[derive(Clone, Debug)]
pub struct Map {
    revision: u8,
    owner: Digest,
    heard: Instant,
    plane: Plane,
    speed_limit: Option<u16>,
    lanes: Vec<Lane>,
}

/// The newest state of an intersection's signals.
#[derive(Clone, Debug)]
pub struct IntersectionState {
    owner: Digest,
    heard: Instant,
    time: WireTime,
    map_revision: u8,
    status: u16,
    groups: ArrayVec<v1::SignalGroup, 32>,
}

/// A map of which fragments are missing.
#[derive(Clone, Debug)]
struct Assembly {
    revision: u8,
    owner: Digest,
    started: Instant,
    reference: Position,
    fragments: u32,
    missing: u16,
    /// Lane numbers seen, entering or not.
    numbers: [u64; 4],
    speed_limit: Option<u16>,
    lanes: Vec<Lane>,
}

/// Why a message of a roadside unit changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not verified, or its signer is suspect.
    NotTrusted,
    /// Another signer speaks for this intersection, and is still heard.
    Contested,
    /// An older revision than the one known.
    OldRevision,
    /// A state made before the one known.
    OldState,
    /// The controller's time is further ahead than clocks may differ.
    FromFuture,
    /// Fragments of one revision that do not belong together.
    FragmentsDiffer,
    /// A lane number twice.
    LaneTwice,
    /// More lanes that enter than are kept ([`limits::MAX_INGRESS_LANES`]).
    TooManyLanes,
    /// Its signer has as many intersections or signs as one may have.
    TooManyOfSigner,
    /// The table is full of what is in use.
    Full,
    /// A message of another type, or one that does not decode.
    NotForVehicles,
}

impl Refusal {
    /// Every refusal, in a fixed order.
    pub const ALL: [Self; 11] = [
        Self::NotTrusted,
        Self::Contested,
        Self::OldRevision,
        Self::OldState,
        Self::FromFuture,
        Self::FragmentsDiffer,
        Self::LaneTwice,
        Self::TooManyLanes,
        Self::TooManyOfSigner,
        Self::Full,
        Self::NotForVehicles,
    ];

    /// Stable name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotTrusted => "not_trusted",
            Self::Contested => "contested",
            Self::OldRevision => "old_revision",
            Self::OldState => "old_state",
            Self::FromFuture => "from_future",
            Self::FragmentsDiffer => "fragments_differ",
            Self::LaneTwice => "lane_twice",
            Self::TooManyLanes => "too_many_lanes",
            Self::TooManyOfSigner => "too_many_of_signer",
            Self::Full => "full",
            Self::NotForVehicles => "not_for_vehicles",
        }
    }
}

impl KnownIntersection {
    /// Which one.
    #[must_use]
    pub fn id(&self) -> IntersectionId {
        self.id
    }

    /// Its map, once it is whole.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }

    /// The newest state of its signals, however old.
    #[must_use]
    pub fn state(&self) -> Option<&IntersectionState> {
        self.state.as_ref()
    }

    /// Whether an answer signed by `signer` may be believed here: the signal's, when that is known.
    pub(super) fn may_answer(&self, signer: &Digest, now: Instant) -> bool {
        let silent = |state: &IntersectionState| now.since(state.heard) >= limits::SIGNAL_OWNER_SILENCE;
        self.state.as_ref().is_none_or(|state| state.owner == *signer || silent(state))
    }

    fn belongs_to(&self, signer: &Digest) -> bool {
        let owners = [
            self.map.as_ref().map(|map| &map.owner),
            self.assembly.as_ref().map(|assembly| &assembly.owner),
            self.state.as_ref().map(|state| &state.owner),
        ];
        owners.into_iter().flatten().any(|owner| owner == signer)
    }

    fn hear_map(&mut self, map: &v1::IntersectionMap, signer: Digest, now: Instant) -> Result<(), Refusal> {
        if self.assembly.as_ref().is_some_and(|part| now.since(part.started) >= limits::MAP_ASSEMBLY_TIME) {
            self.assembly = None;
        }
        let revision = (map.revision & 127) as u8;
        if let Some(known) = &mut self.map {
            if known.owner == signer {
                if known.revision == revision {
                    known.heard = now;
                    return Ok(());
                }
                if !newer(revision, known.revision) {
                    return Err(Refusal::OldRevision);
                }
            } else if now.since(known.heard) < limits::MAP_OWNER_SILENCE {
                return Err(Refusal::Contested);
            }
        }
        if let Some(part) = &self.assembly {
            if part.owner != signer {
                return Err(Refusal::Contested);
            }
            if newer(part.revision, revision) {
                return Err(Refusal::OldRevision);
            }
        }
        let part = match &mut self.assembly {
            Some(part) if part.revision == revision => part,
            empty => empty.insert(Assembly::new(map, signer, now)?),
        };
        match part.add(map) {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.map = self.assembly.take().map(|part| part.finish(now));
                Ok(())
            }
            Err(refusal) => {
                // Half of a contradictory map is no map either.
                self.assembly = None;
                Err(refusal)
            }
        }
    }

    fn hear_state(&mut self, state: v1::SignalState, signer: Digest, at: Moment) -> Result<(), Refusal> {
        let time = WireTime::from_micros(state.state_time_us);
        if time > at.wire + limits::MAX_SIGNAL_AHEAD {
            return Err(Refusal::FromFuture);
        }
        if let Some(known) = &self.state {
            if known.owner != signer {
                if at.now.since(known.heard) < limits::SIGNAL_OWNER_SILENCE {
                    return Err(Refusal::Contested);
                }
            } else if time < known.time && known.time <= at.wire + limits::MAX_SIGNAL_AHEAD {
                // A known one from the future means that the station's clock was set back.
                return Err(Refusal::OldState);
            }
        }
        self.state = Some(IntersectionState {
            owner: signer,
            heard: at.now,
            time,
            map_revision: (state.map_revision & 127) as u8,
            status: state.status as u16,
            groups: state.groups.into_iter().take(32).collect(),
        });
        Ok(())
    }

    /// Drops what has expired; true when nothing is left.
    fn expire(&mut self, now: Instant) -> bool {
        if self.map.as_ref().is_some_and(|map| now.since(map.heard) >= limits::MAP_LIFETIME) {
            self.map = None;
        }
        if self.assembly.as_ref().is_some_and(|part| now.since(part.started) >= limits::MAP_ASSEMBLY_TIME) {
            self.assembly = None;
        }
        if self.state.as_ref().is_some_and(|state| now.since(state.heard) >= limits::MAP_LIFETIME) {
            self.state = None;
        }
        self.map.is_none() && self.assembly.is_none() && self.state.is_none()
    }
}

impl Map {
    /// Its revision, 0..=127.
    #[must_use]
    pub fn revision(&self) -> u8 {
        self.revision
    }

    /// The signer that speaks for it.
    #[must_use]
    pub fn owner(&self) -> Digest {
        self.owner
    }

    /// Speed limit, 0.01 m/s.
    #[must_use]
    pub fn speed_limit(&self) -> Option<u16> {
        self.speed_limit
    }

    /// The lanes that enter the intersection and have a direction.
    #[must_use]
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// A lane by its number.
    #[must_use]
    pub fn lane(&self, number: u8) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.number() == number)
    }

    /// The plane lanes are measured in.
    #[must_use]
    pub fn plane(&self) -> &Plane {
        &self.plane
    }
}

impl IntersectionState {
    /// When the controller made it.
    #[must_use]
    pub fn time(&self) -> WireTime {
        self.time
    }

    /// The signer that speaks for it.
    #[must_use]
    pub fn owner(&self) -> Digest {
        self.owner
    }

    /// Revision of the map its groups belong to.
    #[must_use]
    pub fn map_revision(&self) -> u8 {
        self.map_revision
    }

    /// Whether the controller reports that its signals fail or are off (bits 8 and 9).
    #[must_use]
    pub fn out_of_order(&self) -> bool {
        self.status & (FAILURE | OFF) != 0
    }

    /// One group of signals.
    #[must_use]
    pub fn group(&self, number: u8) -> Option<&v1::SignalGroup> {
        self.groups.iter().find(|group| group.group == u32::from(number))
    }
}

impl Assembly {
    fn new(map: &v1::IntersectionMap, owner: Digest, started: Instant) -> Result<Self, Refusal> {
        let fragments = map.fragments.clamp(1, 16);
        Ok(Self {
            revision: (map.revision & 127) as u8,
            owner,
            started,
            reference: reference(map).ok_or(Refusal::NotForVehicles)?,
            fragments,
            missing: u16::MAX >> (16 - fragments),
            numbers: [0; 4],
            speed_limit: None,
            lanes: Vec::new(),
        })
    }

    /// Adds a fragment; true when none is missing.
    fn add(&mut self, map: &v1::IntersectionMap) -> Result<bool, Refusal> {
        if map.fragments != self.fragments || reference(map) != Some(self.reference) {
            return Err(Refusal::FragmentsDiffer);
        }
        let bit = 1u16.checked_shl(map.fragment).unwrap_or(0);
        if self.missing & bit == 0 {
            return Ok(false);
        }
        for lane in &map.lanes {
            let number = lane.lane as u8;
            let (word, mask) = (usize::from(number / 64), 1u64 << (number % 64));
            if self.numbers[word] & mask != 0 {
                return Err(Refusal::LaneTwice);
            }
            self.numbers[word] |= mask;
            let Some(lane) = Lane::entering(lane) else { continue };
            if self.lanes.len() >= limits::MAX_INGRESS_LANES {
                return Err(Refusal::TooManyLanes);
            }
            self.lanes.push(lane);
        }
        self.missing &= !bit;
        self.speed_limit = self.speed_limit.or(map.speed_limit.map(|limit| limit as u16));
        Ok(self.missing == 0)
    }

    fn finish(self, now: Instant) -> Map {
        Map {
            revision: self.revision,
            owner: self.owner,
            heard: now,
            plane: Plane::at(self.reference),
            speed_limit: self.speed_limit,
            lanes: self.lanes,
        }
    }
}

/// The intersections near by, at most [`limits::MAX_INTERSECTIONS`]; the one not heard for longest makes room.
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
    /// Why it changed nothing.
    pub fn hear_map(
        &mut self,
        map: &v1::IntersectionMap,
        signer: Digest,
        now: Instant,
    ) -> Result<(), Refusal> {
        let id = IntersectionId { region: map.region_id as u16, number: map.intersection_id };
        self.hear(id, signer, now, |entry| entry.hear_map(map, signer, now))
    }

    /// A state of signals, from a trusted signer.
    ///
    /// # Errors
    /// Why it changed nothing.
    pub fn hear_state(&mut self, state: v1::SignalState, signer: Digest, at: Moment) -> Result<(), Refusal> {
        let id = IntersectionId { region: state.region_id as u16, number: state.intersection_id };
        self.hear(id, signer, at.now, |entry| entry.hear_state(state, signer, at))
    }

    /// Drops what has expired.
    pub fn expire(&mut self, now: Instant) {
        self.entries.retain_mut(|entry| !entry.expire(now));
    }

    fn hear(
        &mut self,
        id: IntersectionId,
        signer: Digest,
        now: Instant,
        take: impl FnOnce(&mut KnownIntersection) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            take(entry)?;
            entry.heard = now;
            return Ok(());
        }
        if self.entries.iter().filter(|entry| entry.belongs_to(&signer)).count()
            >= limits::MAX_INTERSECTIONS_PER_SIGNER
        {
            return Err(Refusal::TooManyOfSigner);
        }
        let mut entry = KnownIntersection { id, map: None, assembly: None, state: None, heard: now };
        take(&mut entry)?;
        if self.entries.len() >= limits::MAX_INTERSECTIONS
            && let Some(oldest) = (0..self.entries.len()).min_by_key(|at| self.entries[*at].heard)
        {
            self.entries.remove(oldest);
        }
        let at = self.entries.partition_point(|known| known.id < id);
        self.entries.insert(at, entry);
        Ok(())
    }
}

fn reference(map: &v1::IntersectionMap) -> Option<Position> {
    map.reference.as_ref().and_then(|at| Position::new(at.latitude, at.longitude))
}

/// Whether revision `a` is ahead of `b`, counting on from 127 to 0 (SAE J2735 `MsgCount`).
fn newer(a: u8, b: u8) -> bool {
    (1..64).contains(&(a.wrapping_sub(b) & 127))
}

const FAILURE: u16 = 1 << 8;
const OFF: u16 = 1 << 9;

#[cfg(test)]
mod tests;
