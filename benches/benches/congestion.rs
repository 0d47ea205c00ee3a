//! Where the channel comes to rest under congestion control, beside where the rule says it does.
//!
//! Standing stations on a ring, so that each hears as many as any other, send ten beacons of 400 B a second over the channel of
//! the published table: once without control, once with the adaptive one. Every station is a full node. The busy ratio is what
//! each radio measured, from ten seconds after the start on; the rest is what the gates say of themselves.

use std::collections::BTreeMap;
use std::thread::available_parallelism;

use benches::figures::{self, rounded};
use benches::fleet::CENTRE;
use serde_json::json;
use v2x_core::{AwarenessRule, Congestion, HazardDraft, Regulation, Scheme};
use v2x_proto::Class;
use v2x_replay::medium::{Ether, LossesByDistance, RadioProfile};
use v2x_replay::source::{Sample, StationKind, Trace};
use v2x_replay::world::{By, Content, Errand, Settings, World};
use v2x_report::{Stage, Verify};

fn main() {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("congestion on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    println!(
        "  K stations in range (one whose every second frame is sensed counts as half), each on the air for the share s:\n  \
         busy = K s, s = {BETA} ({TARGET} - busy) / {ALPHA}, so busy = {TARGET} K {BETA} / ({ALPHA} + K {BETA}),\n  \
         or K x 10 Hz x airtime, where that is less"
    );
    println!(
        "  veh/km    K    off: busy   rest   measured: mean   least   most   rates within   held by at most   D0 gate"
    );
    let wanted = std::env::var("CONGESTION_DENSITIES").ok();
    let densities: Vec<u32> = match (&wanted, quick) {
        (Some(list), _) => list.split(',').filter_map(|word| word.parse().ok()).collect(),
        (None, true) => vec![50],
        (None, false) => vec![50, 75, 100, 150, 200, 300, 400],
    };
    let mut points = Vec::new();
    for density in densities {
        points.push(point(density, if quick { (3, 2) } else { (REST_S, HELD_S) }));
    }
    let line = json!({ "bench": "congestion", "machine": machine, "quick": quick, "densities": points });
    println!("{line}");
}

/// One density, without and with control: `rest_s` to come to rest, and `held_s` after it.
fn point(density: u32, (rest_s, held_s): (u64, u64)) -> serde_json::Value {
    let off = drive(density, Congestion::Off, (rest_s.min(3), held_s.min(5)));
    let on = drive(density, Congestion::Adaptive, (rest_s, held_s));
    let airtime_s = on.airtime_s / on.frames;
    let rest = rests(off.in_range, airtime_s);
    let mean = on.busy.iter().sum::<f64>() / on.busy.len().max(1) as f64;
    let least = on.busy.iter().copied().fold(f64::NAN, f64::min);
    let most = on.busy.iter().copied().fold(f64::NAN, f64::max);
    let off_busy = off.busy.iter().sum::<f64>() / off.busy.len().max(1) as f64;
    println!(
        "  {density:6}  {:5.1}   {off_busy:9.3}  {rest:5.3}   {mean:14.3}   {least:5.3}  {most:5.3}   {:10.1} %   {:12.1} ms   {:.1} ms",
        off.in_range,
        on.spread * 100.0,
        on.longest_ms,
        on.imminent_gate_ms,
    );
    json!({
        "vehicles_per_km": density,
        "in_range": rounded(off.in_range, 1),
        "airtime_us": rounded(airtime_s * 1e6, 0),
        "off_busy": rounded(off_busy, 4),
        "rests_at": rounded(rest, 4),
        "busy_mean": rounded(mean, 4),
        "busy_least": rounded(least, 4),
        "busy_most": rounded(most, 4),
        "station_busy_most": rounded(on.station_most, 4),
        "rate_hz": rounded(on.rate_hz, 3),
        "rates_within": rounded(on.spread, 4),
        "beacons_held": on.held,
        "held_most_ms": rounded(on.longest_ms, 1),
        "imminent": on.imminent,
        "imminent_gate_ms": rounded(on.imminent_gate_ms, 3),
        "gate_share": rounded(on.share, 5),
    })
}

/// What a run shows.
#[derive(Debug, Default)]
struct Shown {
    /// The mean over all stations, second by second.
    busy: Vec<f64>,
    /// The most that one station measured over all of it.
    station_most: f64,
    in_range: f64,
    airtime_s: f64,
    frames: f64,
    rate_hz: f64,
    /// The largest distance of a rate from the mean of the stations that hear the same load.
    spread: f64,
    held: u64,
    longest_ms: f64,
    imminent: u64,
    imminent_gate_ms: f64,
    share: f64,
}

fn drive(density: u32, congestion: Congestion, (rest_s, held_s): (u64, u64)) -> Shown {
    let stations = (f64::from(density) * RING_M / 1000.0).round() as u32;
    let settings = Settings {
        seed: SEED,
        awareness: AwarenessRule::Every(core::time::Duration::from_millis(100)),
        verify: Verify::Once,
        threads: available_parallelism().map_or(1, usize::from),
        pseudonyms: None,
        forwarding: Scheme::default(),
    };
    let trace = ring(stations, rest_s + held_s + 1);
    let medium = Box::new(Ether::new(&RadioProfile::published(), SEED));
    let mut world = World::new(&trace, settings, medium).expect("invariant: a trace of a minute");
    world.regulate(congestion, Regulation::None);
    world.fill_beacons(400);
    let warnings: Vec<Errand> = (0..held_s.min(10)).map(|second| warning(second, rest_s, stations)).collect();
    let warns = |station: u32| warnings.iter().any(|errand| errand.by == By::Station(station));
    world.assign(warnings.clone());
    world.run_until(rest_s * SECOND_NS);
    let occupied = |world: &World, at_s: u64| -> Vec<u64> {
        (0..stations).map(|station| world.occupied_ns(station, at_s * SECOND_NS)).collect()
    };
    let counts = |world: &World| -> Vec<(u64, u64, f64, f64)> {
        let of = |station| {
            let counts = world.node(station).map(|node| node.congestion().counts).unwrap_or_default();
            let longest_ms = counts.longest_hold.as_secs_f64() * 1e3;
            (counts.frames, counts.beacons_held, longest_ms, counts.airtime.as_secs_f64())
        };
        (0..stations).map(of).collect()
    };
    let (first, frames_before) = (occupied(&world, rest_s), counts(&world));
    let mut shown = Shown::default();
    let mut before = first.clone();
    for second in 1..=held_s {
        world.run_until((rest_s + second) * SECOND_NS);
        let now = occupied(&world, rest_s + second);
        let sum: u64 = now.iter().zip(&before).map(|(now, before)| now - before).sum();
        shown.busy.push(sum as f64 / SECOND_NS as f64 / f64::from(stations));
        before = now;
    }
    let span_s = held_s as f64;
    let own: Vec<f64> =
        before.iter().zip(&first).map(|(now, first)| (now - first) as f64 / 1e9 / span_s).collect();
    shown.station_most = own.iter().copied().fold(0.0, f64::max);
    let after = counts(&world);
    // Those who warn send more.
    let (own, rates): (Vec<f64>, Vec<f64>) = (0..stations)
        .zip(own.iter().zip(after.iter().zip(&frames_before)))
        .filter(|(station, _)| !warns(*station))
        .map(|(_, (own, (after, before)))| (*own, (after.0 - before.0) as f64 / span_s))
        .unzip();
    shown.rate_hz = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    shown.spread = spread(&own, &rates);
    for (frames, held, longest_ms, airtime_s) in after {
        shown.frames += frames as f64;
        shown.airtime_s += airtime_s;
        shown.held += held;
        shown.longest_ms = shown.longest_ms.max(longest_ms);
    }
    let shares = (0..stations).filter_map(|station| world.node(station)?.congestion().share);
    shown.share = shares.sum::<f64>() / f64::from(stations);
    let counted = world.finish((rest_s + held_s) * SECOND_NS).expect("invariant: what it signs verifies");
    let imminent = counted.ledger.stats.class(Class::D0).stage(Stage::QueuedToGate);
    (shown.imminent, shown.imminent_gate_ms) = (imminent.count(), imminent.quantile_ns(1.0) as f64 / 1e6);
    shown.in_range = in_range(counted.losses.as_ref(), stations);
    shown
}

/// The farthest that a rate is from the mean of those who heard the same load within a hundredth, as a share of it.
fn spread(busy: &[f64], rates: &[f64]) -> f64 {
    let mut alike: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (busy, rate) in busy.iter().zip(rates) {
        alike.entry((busy * 100.0) as u32).or_default().push(*rate);
    }
    let mut most: f64 = 0.0;
    for rates in alike.values() {
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        let far = rates.iter().map(|rate| (rate - mean).abs() / mean).fold(0.0, f64::max);
        most = most.max(far);
    }
    most
}

/// Stations whose frames a station hears at all, each by how often, from what the medium counted.
fn in_range(losses: Option<&LossesByDistance>, stations: u32) -> f64 {
    let bins = losses.map(LossesByDistance::report).unwrap_or_default();
    let sensed = |distance_m: f64| {
        let nearest = |a: u32| (f64::from(a) - distance_m).abs();
        let bin = bins.iter().min_by(|a, b| nearest(a.at_m).total_cmp(&nearest(b.at_m)));
        bin.map_or(0.0, |bin| {
            let weak = bin.lost.get("below_sensing").copied().unwrap_or_default();
            1.0 - weak as f64 / bin.frames.max(1) as f64
        })
    };
    let radius = RING_M / core::f64::consts::TAU;
    (1..stations)
        .map(|other| {
            let angle = core::f64::consts::TAU * f64::from(other) / f64::from(stations);
            sensed(2.0 * radius * (angle / 2.0).sin().abs())
        })
        .sum::<f64>()
        + 1.0
}

/// Where the channel rests with so many in range, each of whom wants ten frames a second of this airtime.
fn rests(in_range: f64, airtime_s: f64) -> f64 {
    let wanted = in_range * 10.0 * airtime_s;
    wanted.min(TARGET * in_range * BETA / (ALPHA + in_range * BETA))
}

/// An imminent warning, each second from another station.
fn warning(second: u64, rest_s: u64, stations: u32) -> Errand {
    let by = By::Station((second as u32 * 37) % stations);
    let validity = core::time::Duration::from_secs(2);
    let draft = HazardDraft { validity, ..HazardDraft::new(Class::D0, COLLISION_RISK) };
    Errand {
        at_ns: (rest_s + second) * SECOND_NS + 7_000_000,
        by,
        content: Content::Hazard(draft),
        due_ns: None,
    }
}

/// Stations that stand on a ring.
fn ring(stations: u32, seconds: u64) -> Trace {
    let radius = RING_M / core::f64::consts::TAU;
    let sample = |second: u64, station: u32| {
        let angle = core::f64::consts::TAU * f64::from(station) / f64::from(stations);
        let position = CENTRE.moved(radius * angle.cos(), radius * angle.sin());
        Sample {
            time_ns: second * SECOND_NS,
            station,
            latitude: position.latitude,
            longitude: position.longitude,
            speed: Some(0),
            heading: Some(0),
            acceleration: None,
        }
    };
    Trace {
        names: (0..stations).map(|station| format!("car{station}")).collect(),
        kinds: vec![StationKind::Passenger; stations as usize],
        samples: (0..=seconds)
            .flat_map(|second| (0..stations).map(move |station| sample(second, station)))
            .collect(),
        ..Trace::default()
    }
}

const SECOND_NS: u64 = 1_000_000_000;
const SEED: u64 = 5;
/// Long enough that nobody hears all of it.
const RING_M: f64 = 1_500.0;
const REST_S: u64 = 10;
const HELD_S: u64 = 60;
/// Of the rule (ETSI TS 102 687).
const ALPHA: f64 = 0.016;
const BETA: f64 = 0.0012;
const TARGET: f64 = 0.68;
/// Cause "collision risk".
const COLLISION_RISK: u8 = 97;
