//! What many stations in one place cost: CPU seconds a simulated second against the number of stations.
//!
//! A synthetic motorway of two kilometres, every station a full node that sends ten messages a second and
//! hears all within 300 m, replayed on one thread with each frame verified once. A short run is subtracted
//! from a longer one, so that making credentials and first acquaintance do not count.

use core::ops::ControlFlow;
use std::path::Path;
use std::time;

use benches::cpu;
use benches::figures::{self, rounded};
use benches::fleet::CENTRE;
use serde_json::{Map, Value, json};
use v2x_replay::run::{RunOptions, RunOutcome, run};
use v2x_replay::source::{self, ReadOptions, Sample, StationKind, Trace};

fn main() {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("dense on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    println!("  stations   CPU s / simulated s   deliveries / simulated s   deliveries / CPU s");
    let counts: &[u32] = if quick { &[25, 50] } else { &[25, 50, 100, 200, 400] };
    let (mut cpu_s, mut deliveries_per_s) = (Map::new(), 0.0);
    for &count in counts {
        // Ticks of the CPU clock are 10 ms: fewer stations run longer.
        let seconds = if quick { 2 } else { (2000 / count).clamp(8, 40) };
        let point = measure(count, seconds);
        let per_cpu = point.deliveries / point.cpu;
        println!("  {count:8}   {:19.4}   {:24.0}   {per_cpu:18.0}", point.cpu, point.deliveries);
        cpu_s.insert(count.to_string(), rounded(point.cpu, 4).into());
        deliveries_per_s = per_cpu;
    }
    let line = json!({
        "bench": "dense",
        "machine": machine,
        "quick": quick,
        "cpu_s_per_simulated_s": cpu_s,
        "deliveries_per_cpu_s": rounded(deliveries_per_s, 0),
        "lust_nano": lust_nano(),
    });
    println!("{line}");
}

/// One number of stations.
struct Point {
    /// CPU seconds a simulated second.
    cpu: f64,
    /// Messages delivered a simulated second.
    deliveries: f64,
}

fn measure(stations: u32, seconds: u32) -> Point {
    let trace = motorway(stations, seconds + WARM_UP_S);
    let (warm_up, long) = (timed(&trace, WARM_UP_S), timed(&trace, WARM_UP_S + seconds));
    let each = |long: f64, short: f64| (long - short) / f64::from(seconds);
    Point { cpu: each(long.0, warm_up.0), deliveries: each(long.1, warm_up.1) }
}

/// CPU seconds and deliveries.
fn timed(trace: &Trace, seconds: u32) -> (f64, f64) {
    let options = RunOptions {
        seconds: Some(f64::from(seconds)),
        rate_hz: Some(10.0),
        threads: 1,
        ..RunOptions::new(SEED)
    };
    let before = cpu::seconds();
    let outcome = replay(trace, &options);
    (cpu::seconds() - before, delivered(&outcome))
}

fn replay(trace: &Trace, options: &RunOptions) -> RunOutcome {
    run(trace, options, &mut |_| ControlFlow::Continue(())).expect("invariant: the options are in range")
}

fn delivered(outcome: &RunOutcome) -> f64 {
    outcome.report.classes.iter().map(|class| class.delivered as f64).sum()
}

/// Six lanes over two kilometres, three each way at 25 to 35 m/s; a vehicle that leaves at one end enters at the other.
fn motorway(stations: u32, seconds: u32) -> Trace {
    let steps = u64::from(seconds) * 10 + 1;
    let sample = |step: u64, station: u32| {
        let time_ns = step * 100_000_000;
        let (lane, north) = (station % 6, station.is_multiple_of(2));
        let speed = 25.0 + 2.0 * f64::from(lane);
        let travelled = f64::from(station) * LENGTH_M / f64::from(stations) + speed * time_ns as f64 / 1e9;
        let along = travelled.rem_euclid(LENGTH_M) - LENGTH_M / 2.0;
        let along = if north { along } else { -along };
        let position = CENTRE.moved(f64::from(lane) * 4.0, along);
        Sample {
            time_ns,
            station,
            latitude: position.latitude,
            longitude: position.longitude,
            speed: Some((speed * 100.0) as u16),
            heading: Some(if north { 0 } else { 1800 }),
            acceleration: None,
        }
    };
    Trace {
        names: (0..stations).map(|station| format!("car{station}")).collect(),
        kinds: vec![StationKind::Passenger; stations as usize],
        samples: (0..steps)
            .flat_map(|step| (0..stations).map(move |station| sample(step, station)))
            .collect(),
        ..Trace::default()
    }
}

/// Replays the trace that `ROADCAST_LUST_NANO` names on all cores: its figures, or null without one.
fn lust_nano() -> Value {
    let Some(path) = std::env::var_os("ROADCAST_LUST_NANO") else { return Value::Null };
    let trace = match source::read(Path::new(&path), &ReadOptions::default()) {
        Ok(trace) => trace,
        Err(error) => {
            println!("  ROADCAST_LUST_NANO: {error}");
            return Value::Null;
        }
    };
    let options = RunOptions { rate_hz: Some(10.0), ..RunOptions::new(SEED) };
    let (start, before) = (time::Instant::now(), cpu::seconds());
    let outcome = replay(&trace, &options);
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu::seconds() - before);
    let simulated = outcome.simulated_ns as f64 / 1e9;
    let (stations, threads) = (trace.stations(), options.threads);
    println!(
        "  lust_nano: {simulated:.0} s of {stations} stations in {wall:.2} s on {threads} threads, {:.1} x real time",
        simulated / wall
    );
    json!({
        "realtime_factor": rounded(simulated / wall, 2),
        "wall_s": rounded(wall, 3),
        "cpu_s_per_simulated_s": rounded(cpu / simulated, 4),
        "threads": threads,
        "stations": stations,
        "deliveries": delivered(&outcome),
    })
}

const LENGTH_M: f64 = 2000.0;
const WARM_UP_S: u32 = 3;
const SEED: u64 = 1;
