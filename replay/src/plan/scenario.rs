//! Where a plan's stations are and how they move, by seed.

use core::hash::Hasher as _;
use std::path::PathBuf;

use siphasher::sip::SipHasher13;

use super::way::{Place, Way};
use crate::flood::Side;
use crate::source::Reading;

/// Where stations are and how they move.
#[derive(Clone, Debug, PartialEq)]
pub enum Scenario {
    /// A straight road to the east.
    Highway(Highway),
    /// Streets to the east and to the north, with buildings between them.
    Grid(Grid),
    /// Two groups on one road, out of reach of each other.
    Partition(Partition),
    /// As in a trace file.
    Trace(TraceScenario),
}

/// A trace, and how it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceScenario {
    /// Its file.
    pub file: PathBuf,
    /// How it is read.
    pub reading: Box<Reading>,
}

impl TraceScenario {
    /// The whole of a trace.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), reading: Box::default() }
    }
}

/// A straight road from x = 0 to the east.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Highway {
    /// Its length, m.
    pub length_m: f64,
    /// Vehicles per km, all lanes together.
    pub density_per_km: f64,
    /// Lanes, all together.
    pub lanes: u32,
    /// 1: all to the east; 2: half of the lanes to the west.
    pub directions: u32,
    /// Speed of all, m/s; 0: they stand.
    pub speed_mps: f64,
    /// How far from its even place a vehicle may be, in parts of the spacing in its lane.
    pub jitter: f64,
}

/// Streets of a city, from x = 0 to the east and y = 0 to the north; see [`Streets`](crate::medium::Streets).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Blocks to the east and to the north.
    pub blocks: (u32, u32),
    /// From street to street, m.
    pub block_m: f64,
    /// Vehicles per km of street.
    pub density_per_km: f64,
    /// Speed of all, m/s; 0: they stand.
    pub speed_mps: f64,
    /// As a highway's.
    pub jitter: f64,
}

/// Two groups of standing vehicles on a road to the east, and what brings them together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Partition {
    /// Vehicles of each group.
    pub stations: u32,
    /// From one to the next, m.
    pub spacing_m: f64,
    /// From group to group, m.
    pub gap_m: f64,
    /// How far from its even place a vehicle may be, in parts of the spacing.
    pub jitter: f64,
    /// When the healing begins, s after the warm-up.
    pub heals_s: f64,
    /// At what speed, m/s.
    pub speed_mps: f64,
    /// Whether the whole far group comes nearer; otherwise one vehicle of the near group drives over.
    pub merges: bool,
}

impl Highway {
    /// From vehicle to vehicle in a lane, m.
    pub(super) fn spacing_m(&self) -> f64 {
        1000.0 * f64::from(self.lanes) / self.density_per_km
    }

    pub(super) fn ways(&self, seed: u64, length_s: f64) -> Vec<Way> {
        let east = self.lanes.div_ceil(self.directions);
        let mut ways = Vec::new();
        for lane in 0..self.lanes {
            let eastward = lane < east;
            let offset = if eastward { lane } else { lane - east };
            let side = LANE_M * (f64::from(offset) + 0.5);
            let road = Lane {
                number: lane,
                eastward: true,
                forward: eastward,
                across_m: if eastward { -side } else { side },
                length_m: self.length_m,
                spacing_m: self.spacing_m(),
                speed_mps: self.speed_mps,
                jitter: self.jitter,
                clear_of_m: None,
            };
            ways.extend(road.ways(seed, length_s));
        }
        ways
    }
}

impl Grid {
    pub(super) fn ways(&self, seed: u64, length_s: f64) -> Vec<Way> {
        let (columns, rows) = self.blocks;
        let streets = (0..=rows).map(|row| (true, row, columns));
        let avenues = (0..=columns).map(|column| (false, column, rows));
        let mut ways = Vec::new();
        for (street, (eastward, at, blocks)) in streets.chain(avenues).enumerate() {
            for (lane, side) in [-LANE_M / 2.0, LANE_M / 2.0].into_iter().enumerate() {
                let road = Lane {
                    number: 2 * street as u32 + lane as u32,
                    eastward,
                    forward: (lane == 0) == eastward,
                    across_m: f64::from(at) * self.block_m + side,
                    length_m: f64::from(blocks) * self.block_m,
                    spacing_m: 2000.0 / self.density_per_km,
                    speed_mps: self.speed_mps,
                    jitter: self.jitter,
                    clear_of_m: (self.speed_mps == 0.0).then_some(self.block_m),
                };
                ways.extend(road.ways(seed, length_s));
            }
        }
        ways
    }
}

impl Partition {
    /// With the side of each: the near group stands from x = 0 on, its last one drives over.
    pub(super) fn ways(&self, seed: u64, warm_up_s: f64) -> Vec<(Way, Side)> {
        let begins_s = warm_up_s + self.heals_s;
        let length = f64::from(self.stations - 1) * self.spacing_m;
        let far_from = length + self.gap_m;
        let mut ways = Vec::new();
        for (side, from) in [(Side::Near, 0.0), (Side::Far, far_from)] {
            for number in 0..self.stations {
                let shift = self.jitter * (2.0 * uniform(seed, side as u32, u64::from(number)) - 1.0);
                let at = from + (f64::from(number) + shift) * self.spacing_m;
                let across = if number % 2 == 0 { LANE_M / 2.0 } else { -LANE_M / 2.0 };
                let drives = match side {
                    Side::Near => !self.merges && number + 1 == self.stations,
                    Side::Far => self.merges,
                };
                let forward = side == Side::Near;
                let own = Driver::new(seed, side as u32, u64::from(number));
                let trip = drives.then_some((begins_s, self.speed_mps + own.faster_mps));
                let across_m = across + if drives { own.aside_m } else { 0.0 };
                let place = Place { along_m: at, across_m, eastward: true, forward };
                ways.push((Way { place, trip, within_m: None }, side));
            }
        }
        ways
    }
}

/// A lane of a road with vehicles in it.
struct Lane {
    number: u32,
    /// Whether the road runs east, else north.
    eastward: bool,
    /// Whether the traffic goes that way, otherwise against it.
    forward: bool,
    across_m: f64,
    length_m: f64,
    spacing_m: f64,
    speed_mps: f64,
    jitter: f64,
    /// Keeps clear of the crossings, which are this far apart.
    clear_of_m: Option<f64>,
}

impl Lane {
    /// All vehicles that are on the road at some time: moving traffic enters at the upstream end.
    fn ways(&self, seed: u64, length_s: f64) -> Vec<Way> {
        let travel_m = self.speed_mps * length_s;
        let phase = uniform(seed, self.number, u64::MAX);
        let (from, to) =
            if self.forward { (-travel_m, self.length_m) } else { (0.0, self.length_m + travel_m) };
        let index = |at: f64| (at / self.spacing_m).floor() as i64;
        let mut ways = Vec::new();
        for vehicle in index(from) - 1..=index(to) + 1 {
            let shift = self.jitter * (2.0 * uniform(seed, self.number, vehicle as u64) - 1.0);
            let along_m = (vehicle as f64 + phase + shift) * self.spacing_m;
            let crossing = self
                .clear_of_m
                .is_some_and(|block_m| (along_m - (along_m / block_m).round() * block_m).abs() < CROSSING_M);
            if along_m < from || along_m > to || crossing {
                continue;
            }
            let own = Driver::new(seed, self.number, vehicle as u64);
            let driven = self.speed_mps > 0.0;
            let across_m = self.across_m + if driven { own.aside_m } else { 0.0 };
            let place = Place { along_m, across_m, eastward: self.eastward, forward: self.forward };
            let trip = driven.then_some((f64::NEG_INFINITY, self.speed_mps + own.faster_mps));
            ways.push(Way { place, trip, within_m: Some(self.length_m) });
        }
        ways
    }
}

/// How a driver differs from the others of a lane. Without that, all cars of a lane would say the same of themselves at
/// the same place, to the last digit, and be taken for copies of each other: real ones never do.
struct Driver {
    aside_m: f64,
    faster_mps: f64,
}

impl Driver {
    fn new(seed: u64, lane: u32, vehicle: u64) -> Self {
        let within = |most: f64, key: u64| most * (2.0 * keyed(seed, key, lane, vehicle) - 1.0);
        Self { aside_m: within(ASIDE_M, ASIDE_KEY), faster_mps: within(FASTER_MPS, SPEED_KEY) }
    }
}

/// From 0 to below 1, for one vehicle of a lane: an additional vehicle does not move the others.
fn uniform(seed: u64, lane: u32, vehicle: u64) -> f64 {
    keyed(seed, PLACE_KEY, lane, vehicle)
}

fn keyed(seed: u64, key: u64, lane: u32, vehicle: u64) -> f64 {
    let mut hasher = SipHasher13::new_with_keys(seed, key);
    hasher.write_u32(lane);
    hasher.write_u64(vehicle);
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

/// Width of a lane.
const LANE_M: f64 = 3.5;
/// Standing vehicles keep this far from the middle of a crossing.
const CROSSING_M: f64 = 8.0;
/// A driver keeps this near to the middle of the lane.
const ASIDE_M: f64 = 0.4;
/// And this near to the speed of all: over a minute too little to close up to the next car.
const FASTER_MPS: f64 = 0.1;
const ASIDE_KEY: u64 = 0x6c61_7465_7261_6c6c;
const SPEED_KEY: u64 = 0x7370_6565_6473_6f66;
const PLACE_KEY: u64 = 0x7374_616e_6469_6e67;
