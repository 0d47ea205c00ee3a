//! How fast bridges meet across NATs, and what hazards take from radio to radio.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nets::bridge::{self, Ways};
use crate::nets::lab::{Nat, Side};
use crate::nets::scene::{Scene, Summary};
use crate::nets::socket::PATIENCE;

/// Twenty times each: two bridges meet with the relay's help, by offers alone, and where the relay alone is left; then hazards, direct
/// and relayed. The last line is one JSON object.
pub fn run(by_relay: impl Fn() -> Ways, by_offers: impl Fn(Side) -> Ways) {
    let runs: usize =
        std::env::var("ROADCAST_NETS_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20);
    let Some(punched) = meetings(runs, Nat::KeepsPorts, "direct", |_| by_relay()) else { return };
    println!("{punched}");
    let Some(offered) = meetings(runs, Nat::KeepsPorts, "direct", by_offers) else { return };
    println!("{offered}");
    let Some(relayed) = meetings(runs, Nat::RandomPorts, "relayed", |_| by_relay()) else { return };
    println!("{relayed}");
    let direct_hazards = hazards(runs * 10, Nat::KeepsPorts, "direct", &by_relay);
    println!("{direct_hazards}");
    let relayed_hazards = hazards(runs * 10, Nat::RandomPorts, "relayed", &by_relay);
    println!("{relayed_hazards}");
    println!(
        "{}",
        json!({
            "bench": "nets",
            "runs": runs,
            "met_by_relay": punched,
            "met_by_offers": offered,
            "met_relayed": relayed,
            "hazards_direct": direct_hazards,
            "hazards_relayed": relayed_hazards,
        })
    );
}

/// Bridges that start at once, each time in a network of its own, whose NATs have seen nothing yet. A hazard is declared as soon as both
/// serve their units. Times are seconds from the start of the programs.
fn meetings(runs: usize, nat: Nat, path: &str, ways: impl Fn(Side) -> Ways) -> Option<Value> {
    let (mut first, mut reached) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut scene = Scene::new([nat; 2])?;
        let helpers = (bridge::start_relay(&scene.lab), bridge::start_broker(&scene.lab));
        let began = Instant::now();
        scene.link(&ways);
        let event = scene.declare(60);
        scene.until_known(&event, PATIENCE);
        first.push(began.elapsed().as_secs_f64());
        scene.until_path(path, PATIENCE);
        reached.push(began.elapsed().as_secs_f64());
        drop(helpers);
    }
    let (first, reached) = (Summary::of(&first), Summary::of(&reached));
    Some(json!({ "path": path, "reached_s": reached.json(), "first_hazard_s": first.json() }))
}

/// Hazards at an even pace, whether or not those before have come.
fn hazards(count: usize, nat: Nat, path: &str, ways: impl Fn() -> Ways) -> Value {
    let mut scene = Scene::new([nat; 2]).expect("the meetings had a lab");
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| ways());
    scene.until_path(path, PATIENCE);
    let rtt_ms = scene.round_trip_ms();
    let mut hazards = scene.cars[1].watch_hazards();
    // A vehicle may declare two a second.
    let mut pace = Pace::new(Duration::from_millis(700));
    let events: Vec<String> = (0..count)
        .map(|_| {
            hazards.read_until(pace.next());
            pace.wait();
            scene.cars[0].declare(15)
        })
        .collect();
    hazards.until_all_known(&events, PATIENCE);
    let memory: Vec<u64> = scene.bridges.iter().map(|bridge| bridge.program().memory_kb().1).collect();
    let latencies = scene.end().latencies_ms();
    json!({
        "path": path,
        "declared": events.len(),
        "network_rtt_ms": rtt_ms,
        "radio_to_radio_ms": Summary::of(&latencies).json(),
        "bridges_most_kb": memory,
    })
}

/// Even distances in time.
#[derive(Debug)]
pub struct Pace {
    next: Instant,
    every: Duration,
}

impl Pace {
    /// The first is due now.
    pub fn new(every: Duration) -> Self {
        Self { next: Instant::now(), every }
    }

    /// When the next is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Waits until the next is due.
    pub fn wait(&mut self) {
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next += self.every;
    }
}
