//! Both sides at once: a unit, a vehicle within its radio's range and a bridge on each, and what hazards take from one to the other.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nets::bridge::{self, Bridge, Ways, is_path};
use crate::nets::lab::{Lab, Nat, Side};
use crate::nets::program::LOOK;
use crate::nets::socket::PATIENCE;
use crate::nets::station::{self, CAR, Hazards, Kind, Station, UNIT};
use crate::nets::tap::Frame;

/// The two sides. What is above in it ends first, the lab last.
#[derive(Debug)]
pub struct Scene {
    hazards: Option<Hazards>,
    pub bridges: Vec<Bridge>,
    pub cars: [Station; 2],
    pub units: Vec<Station>,
    pub lab: Lab,
}

impl Scene {
    /// Units and vehicles, without bridges; none where [`Lab::new`] is none.
    pub fn new(nats: [Nat; 2]) -> Option<Self> {
        Self::with_far(nats, UNIT)
    }

    /// The same, with another kind of unit on side B.
    pub fn with_far(nats: [Nat; 2], far: Kind) -> Option<Self> {
        let lab = Lab::new(nats)?;
        station::make_authority(&lab);
        bridge::make_keys(&lab);
        let units = [(Side::A, UNIT), (Side::B, far)]
            .map(|(side, kind)| Station::start(&lab, side, &format!("unit-{}", side.letter()), kind));
        let cars = Side::BOTH.map(|side| Station::start(&lab, side, &format!("car-{}", side.letter()), CAR));
        units[0].until_it_hears(&cars[0]);
        let units = units.into();
        Some(Self { hazards: None, bridges: Vec::new(), cars, units, lab })
    }

    /// Starts both bridges, and waits until they serve their units.
    pub fn link(&mut self, ways: impl Fn(Side) -> Ways) {
        for (side, unit) in Side::BOTH.into_iter().zip(&self.units) {
            self.bridges.push(Bridge::start(&self.lab, side, unit, &ways(side)));
        }
        self.bridges.iter().for_each(Bridge::until_it_serves);
    }

    /// Waits until both say that this is how they reach each other: `"direct"` or `"relayed"`.
    pub fn until_path(&self, path: &str, within: Duration) -> Duration {
        let began = Instant::now();
        let reached = |bridge: &Bridge| is_path(&bridge.status(), path);
        while !self.bridges.iter().all(reached) {
            assert!(began.elapsed() < within, "not {path} within {within:?}: {}", self.peers());
            thread::sleep(LOOK);
        }
        began.elapsed()
    }

    /// Has the vehicle of side A declare a hazard that is valid for `validity_s`.
    pub fn declare(&mut self, validity_s: u32) -> String {
        // From before the first: none is missed.
        self.hazards.get_or_insert_with(|| self.cars[1].watch_hazards());
        self.cars[0].declare(validity_s)
    }

    /// Waits until the vehicle of side B knows of a hazard of [`declare`](Self::declare).
    pub fn until_known(&mut self, event: &str, within: Duration) {
        let began = Instant::now();
        if !self.is_known(event, within) {
            let (afar, peers) = (&self.units[1].stats()["afar"], self.peers());
            panic!(
                "car-b does not know of {event} after {:?}; the unit, of frames from afar: {afar}\n{peers}",
                began.elapsed()
            );
        }
    }

    /// Whether it does within this time.
    pub fn is_known(&mut self, event: &str, within: Duration) -> bool {
        self.hazards.as_mut().expect("it was declared").is_known(event, within)
    }

    /// Waits until the unit of side B has dropped a frame from afar, and returns how many for which reasons.
    pub fn until_dropped_from_afar(&self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let afar = self.units[1].stats()["afar"].clone();
            if afar["dropped"].as_u64() > Some(0) {
                return afar["drops"].to_string();
            }
            assert!(Instant::now() < end, "nothing is dropped: {afar}");
            thread::sleep(LOOK);
        }
    }

    /// A hazard from one vehicle to the other, through both units: how long it took between the sockets.
    pub fn pass_one(&mut self, within: Duration) -> Duration {
        let began = Instant::now();
        let event = self.declare(60);
        self.until_known(&event, within);
        began.elapsed()
    }

    /// What the bridges say of each other and of where they are.
    fn peers(&self) -> String {
        let of = |bridge: &Bridge| {
            let status = bridge.status();
            format!("{:#}\n{:#}", status["peer"][0], status["peers"])
        };
        self.bridges.iter().map(of).collect::<Vec<_>>().join("\n")
    }

    /// The network's round trip between the sides, ms.
    pub fn round_trip_ms(&self) -> f64 {
        self.lab.round_trip_ms(Side::A, Side::B.outer())
    }

    /// Ends everything: what both radios had.
    pub fn end(self) -> Heard {
        let Self { hazards, bridges, cars, units, lab } = self;
        drop((hazards, bridges));
        let digest = units[1].digest().to_owned();
        let [here, there] = cars.map(Station::end);
        drop((units, lab));
        Heard { here, there, unit: digest }
    }
}

/// What the vehicles' radios sent and heard.
#[derive(Debug)]
pub struct Heard {
    here: Vec<Frame>,
    there: Vec<Frame>,
    /// The unit of side B.
    unit: String,
}

impl Heard {
    /// How often the unit of side B sent each hazard of side A on the air.
    pub fn times_aired(&self) -> BTreeMap<&str, usize> {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for frame in self.aired() {
            *times.entry(&frame.message).or_default() += 1;
        }
        times
    }

    /// From the vehicle's radio on side A to the unit's on side B, ms, each hazard once.
    pub fn latencies_ms(&self) -> Vec<f64> {
        let mut sent: BTreeMap<&str, u64> = BTreeMap::new();
        for frame in self.here.iter().filter(|frame| frame.kind == HAZARD && frame.forwarder == frame.signer)
        {
            sent.entry(&frame.message).or_insert(frame.at_ns);
        }
        let mut latencies = Vec::new();
        for frame in self.aired() {
            if let Some(sent) = sent.remove(frame.message.as_str()) {
                latencies.push((frame.at_ns as f64 - sent as f64) / 1e6);
            }
        }
        latencies
    }

    fn aired(&self) -> impl Iterator<Item = &Frame> {
        self.there
            .iter()
            .filter(|frame| frame.kind == HAZARD && frame.forwarder == self.unit && frame.signer != self.unit)
    }
}

/// A distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    sorted: Vec<f64>,
}

impl Summary {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// What this share of the values is at most.
    pub fn at(&self, share: f64) -> Option<f64> {
        let rank = (self.sorted.len() as f64 * share).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).map(|value| (value * 100.0).round() / 100.0)
    }

    /// For the results.
    pub fn json(&self) -> Value {
        json!({ "count": self.sorted.len(), "p50": self.at(0.5), "p99": self.at(0.99), "max": self.at(1.0) })
    }
}

const HAZARD: &str = "hazard";
