//! A hand-made radio channel for simulated stations: a wall across the road.
//!
//! ```sh
//! cargo run --example custom_medium
//! ```
//!
//! A world moves the stations of a trace, and each runs the stack that a car runs. A `v2x_replay::medium::Medium` decides
//! which stations hear each other. This one carries frames up to 300 m, and never through the wall at 0 m east; four
//! cars are parked on both sides of it.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use v2x_core::{AwarenessRule, Position, Scheme};
use v2x_proto::Class;
use v2x_proto::link::{DataRate, airtime_ns};
use v2x_replay::medium::{
    Fate, Medium, Neighbour, Outcome, Places, Reception, Transmission, TransmissionState,
};
use v2x_replay::source::{Sample, StationKind, Trace};
use v2x_replay::world::{Settings, World};
use v2x_report::Verify;

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout().lock())
}

/// The example, writing to `out`.
pub fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let trace = standing(&[-140.0, -40.0, 40.0, 140.0]);
    let settings = Settings {
        seed: 7,
        awareness: AwarenessRule::Every(Duration::from_millis(100)),
        verify: Verify::Once,
        threads: 1,
        pseudonyms: None,
        forwarding: Scheme::default(),
    };
    let mut world = World::new(&trace, settings, Box::new(Wall { near: Vec::new() }))?;
    let end_ns = world.end_ns();
    // Stations leave at the trace's end: look at them before.
    world.run_until(end_ns - 200_000_000);
    for (station, name) in (0..).zip(&trace.names) {
        let node = world.node(station).expect("every car stands there until the end");
        writeln!(out, "{name} knows {} other", node.neighbours().count())?;
    }
    world.run_until(end_ns);
    let counted = world.finish(end_ns + 200_000_000)?;
    let beacons = counted.ledger.stats.class(Class::D2);
    writeln!(
        out,
        "{} beacons sent; {} of {} receptions meant came about",
        beacons.sent, beacons.delivered, beacons.expected
    )?;
    Ok(())
}

/// Everything within range is heard, but not through the wall.
#[derive(Debug)]
struct Wall {
    near: Vec<Neighbour>,
}

impl Medium for Wall {
    fn range_m(&self) -> f64 {
        RANGE_M
    }

    fn transmit(
        &mut self,
        _ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        // Every station within range is meant to hear: each needs an outcome, with the reason if the frame is lost.
        places.within(transmission.position, RANGE_M, transmission.sender, &mut self.near);
        let from_west = transmission.position.longitude < WALL.longitude;
        let on_air_ns = transmission.at_ns + airtime_ns(transmission.bytes.len(), DataRate::default());
        for near in &self.near {
            let place = places.position(near.station).expect("whoever is near has a place");
            let outcome = if from_west == (place.longitude < WALL.longitude) {
                let travel_ns = (f64::from(near.distance_m) / 0.299_792_458) as u64;
                let arrival_ns = on_air_ns + travel_ns;
                Outcome::Heard(Reception { on_air_ns, arrival_ns, signal_dbm: None, changed: None })
            } else {
                Outcome::Lost("wall")
            };
            fates.push(Fate { station: near.station, outcome });
        }
        // All is decided now; a medium that waits for its channel is `Pending`, and names its next event.
        TransmissionState::Decided { end_ns: on_air_ns }
    }
}

/// Cars parked the given metres east of the wall for three seconds.
fn standing(east_m: &[f64]) -> Trace {
    let mut trace = Trace {
        names: (1..=east_m.len()).map(|number| format!("car {number}")).collect(),
        kinds: vec![StationKind::Passenger; east_m.len()],
        ..Trace::default()
    };
    for tenth in 0..30 {
        for (station, east_m) in (0..).zip(east_m) {
            let place = WALL.moved(*east_m, 0.0);
            trace.samples.push(Sample {
                time_ns: tenth * 100_000_000,
                station,
                latitude: place.latitude,
                longitude: place.longitude,
                speed: Some(0),
                heading: Some(900),
                acceleration: None,
            });
        }
    }
    trace
}

const WALL: Position = Position { latitude: 496_116_000, longitude: 61_319_000 };
const RANGE_M: f64 = 300.0;
