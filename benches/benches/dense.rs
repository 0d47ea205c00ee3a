//! What many stations in one place cost: CPU seconds a simulated second against the number of stations.
//!
//! A synthetic motorway of two kilometres, every station a full node that sends ten messages a second and
//! hears all within 300 m, replayed on one thread with each frame verified once. A short run is subtracted
//! from a longer one, so that making credentials and first acquaintance do not count. Then the same at one density and several
//! lengths, and where traces are named, these on all cores.

use core::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time;

use benches::cpu;
use benches::figures::{self, rounded};
use benches::fleet::CENTRE;
use serde_json::{Map, Value, json};
use v2x_replay::medium::{AirProfile, Buildings, Ether, Medium, RangeLimited};
use v2x_replay::run::{RunOptions, RunOutcome, run, run_over};
use v2x_replay::source::{self, PolygonTypes, ReadOptions, Sample, StationKind, Trace};

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
        "flat": flat(quick),
        "city": city(),
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
    measure_on(LENGTH_M, stations, seconds)
}

fn measure_on(length_m: f64, stations: u32, seconds: u32) -> Point {
    let trace = motorway(stations, seconds + WARM_UP_S, length_m);
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

/// Six lanes over a length, three each way at 25 to 35 m/s; a vehicle that leaves at one end enters at the other.
fn motorway(stations: u32, seconds: u32, length_m: f64) -> Trace {
    let steps = u64::from(seconds) * 10 + 1;
    let sample = |step: u64, station: u32| {
        let time_ns = step * 100_000_000;
        let (lane, north) = (station % 6, station.is_multiple_of(2));
        let speed = 25.0 + 2.0 * f64::from(lane);
        let travelled = f64::from(station) * length_m / f64::from(stations) + speed * time_ns as f64 / 1e9;
        let along = travelled.rem_euclid(length_m) - length_m / 2.0;
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

/// CPU time of a delivery in motorways of one density and several lengths, one thread.
fn flat(quick: bool) -> Value {
    if quick {
        return Value::Null;
    }
    let mut us = Map::new();
    for stations in [300, 1000, 3000] {
        let point = measure_on(f64::from(stations) * METRES_A_STATION, stations, 4);
        let each = point.cpu / point.deliveries * 1e6;
        println!("  {stations:8} stations, one for each {METRES_A_STATION} m: {each:.2} us a delivery");
        us.insert(stations.to_string(), rounded(each, 3).into());
    }
    us.into()
}

/// Replays six seconds of the trace that `ROADCAST_CITY` names by the generation rules, over the ideal medium and a channel, on
/// one thread and on all, and at a fixed rate, a share of its stations, and over the channel among the buildings of
/// `ROADCAST_CITY_POLYGONS` where that names a file: real-time factors and CPU time, or null without a trace.
fn city() -> Value {
    let Some(path) = std::env::var_os("ROADCAST_CITY") else { return Value::Null };
    let all = match source::read(Path::new(&path), &ReadOptions::default()) {
        Ok(trace) => trace,
        Err(error) => {
            println!("  ROADCAST_CITY: {error}");
            return Value::Null;
        }
    };
    let cores = RunOptions::new(SEED).threads;
    let every = (all.names.len() / 400).max(1) as u32;
    let mut part = all.clone();
    part.samples.retain(|sample| sample.station.is_multiple_of(every));
    let buildings = std::env::var_os("ROADCAST_CITY_POLYGONS").map(|polygons| {
        let outlines = source::buildings(Path::new(&polygons), &all.ground, &PolygonTypes::default())
            .unwrap_or_else(|error| panic!("ROADCAST_CITY_POLYGONS: {error}"));
        Arc::new(Buildings::new(&outlines).expect("invariant: a file without a building is an error"))
    });
    let mut rows = Vec::new();
    for (name, trace, rate_hz, radio, built_up) in [
        ("ideal", &all, None, None, false),
        ("ideal, 10 Hz", &all, Some(10.0), None, false),
        ("urban", &all, None, Some("urban"), false),
        ("urban, 10 Hz", &all, Some(10.0), Some("urban"), false),
        ("a part, urban", &part, None, Some("urban"), false),
        ("urban, built up", &all, None, Some("urban"), true),
        ("urban, built up, 10 Hz", &all, Some(10.0), Some("urban"), true),
        ("a part, urban, built up", &part, None, Some("urban"), true),
    ] {
        if built_up && buildings.is_none() {
            continue;
        }
        for threads in [1, cores] {
            let options = RunOptions { seconds: Some(6.0), rate_hz, threads, ..RunOptions::new(SEED) };
            let medium: Box<dyn Medium> = match radio.and_then(AirProfile::shipped) {
                Some(AirProfile::Radio(profile)) => {
                    let buildings = buildings.clone().filter(|_| built_up);
                    Box::new(Ether::new(&profile, SEED).behind(buildings))
                }
                _ => Box::new(RangeLimited::new(options.range_m)),
            };
            let (start, before) = (time::Instant::now(), cpu::seconds());
            let outcome = run_over(trace, &options, medium, &mut |_| ControlFlow::Continue(()))
                .expect("invariant: the options are in range");
            let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu::seconds() - before);
            let simulated = outcome.simulated_ns as f64 / 1e9;
            let (stations, received) = (outcome.report.stations, outcome.report.frames.received);
            println!(
                "  city, {name}, {stations} stations, {threads} threads: {:.3} x real time, {:.3} CPU s a simulated second, {:.2} us a reception",
                simulated / wall,
                cpu / simulated,
                cpu / received as f64 * 1e6,
            );
            rows.push(json!({
                "run": name,
                "threads": threads,
                "stations": stations,
                "realtime_factor": rounded(simulated / wall, 3),
                "cpu_s_per_simulated_s": rounded(cpu / simulated, 3),
                "received": received,
                "delivered": delivered(&outcome),
            }));
        }
    }
    rows.into()
}

/// 100 a kilometre.
const METRES_A_STATION: f64 = 10.0;
const LENGTH_M: f64 = 2000.0;
const WARM_UP_S: u32 = 3;
const SEED: u64 = 1;
