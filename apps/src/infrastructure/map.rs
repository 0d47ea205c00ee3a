//! The map of an intersection, put together from fragments.

use v2x_core::{Instant, Plane, Position};
use v2x_proto::v1;

use super::claims::Said;
use super::lane::Lane;
use super::refusal::Refusal;
use crate::limits;

/// A whole map: its lanes that enter the intersection.
#[derive(Clone, Debug)]
pub struct Map {
    revision: u8,
    reference: Position,
    plane: Plane,
    speed_limit: Option<u16>,
    /// In the order of their numbers.
    lanes: Vec<Lane>,
}

/// What one signer has drawn: its whole map, and the next one as far as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    whole: Option<Map>,
    part: Option<Assembly>,
}

/// A map of which fragments are missing.
#[derive(Clone, Debug)]
struct Assembly {
    revision: u8,
    started: Instant,
    reference: Position,
    fragments: u32,
    missing: u16,
    /// Lane numbers seen, entering or not.
    numbers: [u64; 4],
    speed_limit: Option<u16>,
    lanes: Vec<Lane>,
}

impl Map {
    /// Its revision, 0..=127.
    #[must_use]
    pub fn revision(&self) -> u8 {
        self.revision
    }

    /// Speed limit, 0.01 m/s.
    #[must_use]
    pub fn speed_limit(&self) -> Option<u16> {
        self.speed_limit
    }

    /// The lanes that enter the intersection and have a direction, in the order of their numbers.
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

    /// The point its lanes are described from.
    #[must_use]
    pub fn reference(&self) -> Position {
        self.reference
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.revision, self.reference, self.speed_limit, &self.lanes)
            == (other.revision, other.reference, other.speed_limit, &other.lanes)
    }
}

impl Drawn {
    pub(super) fn map(&self) -> Option<&Map> {
        self.whole.as_ref()
    }

    /// Adds a fragment. True when it was the last one.
    pub(super) fn add(&mut self, map: &v1::IntersectionMap, now: Instant) -> Result<(), Refusal> {
        self.give_up(now);
        let revision = (map.revision & 127) as u8;
        if let Some(known) = &self.whole {
            if known.revision == revision {
                return Ok(());
            }
            if !newer(revision, known.revision) {
                return Err(Refusal::OldRevision);
            }
        }
        if self.part.as_ref().is_some_and(|part| newer(part.revision, revision)) {
            return Err(Refusal::OldRevision);
        }
        let part = match &mut self.part {
            Some(part) if part.revision == revision => part,
            empty => empty.insert(Assembly::new(map, now)?),
        };
        match part.add(map) {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.whole = self.part.take().map(Assembly::finish);
                Ok(())
            }
            Err(refusal) => {
                // Half of a contradictory map is no map either.
                self.part = None;
                Err(refusal)
            }
        }
    }

    /// Forgets a map that was not completed in time. False when nothing is left.
    pub(super) fn give_up(&mut self, now: Instant) -> bool {
        self.part = self.part.take().filter(|part| now.since(part.started) < limits::MAP_ASSEMBLY_TIME);
        self.whole.is_some() || self.part.is_some()
    }
}

impl Said for Drawn {
    /// Two that draw the same, as far as both have come.
    fn agrees(&self, other: &Self) -> bool {
        let part_of = |part: &Option<Assembly>, whole: &Option<Map>| match (part, whole) {
            (Some(part), Some(whole)) => part.belongs_to(whole),
            _ => true,
        };
        let same = |one: &Map, other: &Map| one.is_same(other);
        self.whole.as_ref().zip(other.whole.as_ref()).is_none_or(|(one, other)| same(one, other))
            && part_of(&self.part, &other.whole)
            && part_of(&other.part, &self.whole)
    }
}

impl Assembly {
    fn new(map: &v1::IntersectionMap, started: Instant) -> Result<Self, Refusal> {
        let fragments = map.fragments.clamp(1, 16);
        Ok(Self {
            revision: (map.revision & 127) as u8,
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

    fn belongs_to(&self, whole: &Map) -> bool {
        (self.revision, self.reference) == (whole.revision, whole.reference)
            && self.lanes.iter().all(|lane| whole.lane(lane.number()) == Some(lane))
    }

    fn finish(mut self) -> Map {
        // Fragments come in any order, and two signers' maps are compared.
        self.lanes.sort_by_key(Lane::number);
        Map {
            revision: self.revision,
            reference: self.reference,
            plane: Plane::at(self.reference),
            speed_limit: self.speed_limit,
            lanes: self.lanes,
        }
    }
}

/// The point that a map's lanes are described from.
pub(super) fn reference(map: &v1::IntersectionMap) -> Option<Position> {
    map.reference.as_ref().and_then(|at| Position::new(at.latitude, at.longitude))
}

/// Whether revision `a` is ahead of `b`, counting on from 127 to 0 (SAE J2735 `MsgCount`).
fn newer(a: u8, b: u8) -> bool {
    (1..64).contains(&(a.wrapping_sub(b) & 127))
}
