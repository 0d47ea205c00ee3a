//! Where the transmitters of a plan stand.

use v2x_core::{Plane, Position};

use super::{AttackPlan, RadioAttack};
use crate::source::{Sample, StationKind, Trace};

/// A transmitter of a plan, as a station without a node that was added to a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioPost {
    /// Its station in the trace.
    pub station: u32,
    /// The station that sends what it hears: itself, but for a wormhole.
    pub exit: u32,
    /// Which of the plan's [`radios`](AttackPlan::radios) it is of.
    pub number: usize,
    /// Which transmitter of that attack, from 0.
    pub radio: u32,
}

/// Why the transmitters of a plan cannot be placed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "attack {attack}: {key} = [{}, {}] is {far_m:.0} m from the nearest station, and its radio reaches {reach_m:.0} m: \
     nobody would hear it; take a place nearer to the traffic, or none", place.0, place.1
)]
pub struct OutOfReach {
    /// Which attack.
    pub attack: &'static str,
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub place: (f64, f64),
    /// From there to the nearest place of a station, m.
    pub far_m: f64,
    /// How far it is heard, m.
    pub reach_m: f64,
}

/// Adds a plan's transmitters to a trace; `origin` is what their places count from, `reach_m` how far a car is heard.
///
/// # Errors
/// [`OutOfReach`].
pub fn post_radios(
    trace: &mut Trace,
    plan: &AttackPlan,
    origin: Position,
    reach_m: f64,
) -> Result<Vec<RadioPost>, OutOfReach> {
    let (times, middle, traffic) = (times(trace), middle(trace), trace.samples.len());
    let mut posts = Vec::new();
    for (number, attack) in plan.radios.iter().enumerate() {
        let at = attack.at_m.map_or(middle, |(east, north)| origin.moved(east, north));
        let check = |key, place, at: Position| {
            let far_m = nearest_m(&trace.samples[..traffic], at);
            let reach_m = reach_m * attack.range_factor;
            let out = OutOfReach { attack: attack.kind.name(), key, place, far_m, reach_m };
            if far_m > reach_m { Err(out) } else { Ok(()) }
        };
        if let Some(place) = attack.at_m {
            check("at_m", place, at)?;
        }
        let out = attack.has_exit().then(|| at.moved(attack.exit_m.0, attack.exit_m.1));
        if let Some(out) = out {
            check("exit_m", attack.exit_m, out)?;
        }
        for radio in 0..attack.radios {
            let station = stand(trace, attack, radio, at, &times);
            let exit = out.map_or(station, |out| stand(trace, attack, radio, out, &times));
            posts.push(RadioPost { station, exit, number, radio });
        }
    }
    if !posts.is_empty() {
        trace.samples.sort_by_key(|sample| (sample.time_ns, sample.station));
    }
    Ok(posts)
}

/// A transmitter stands at a place as long as the trace lasts.
fn stand(trace: &mut Trace, attack: &RadioAttack, radio: u32, at: Position, times: &[u64]) -> u32 {
    let station = trace.names.len() as u32;
    trace.names.push(format!("{} {}", attack.kind.name(), radio + 1));
    trace.kinds.resize(station as usize, StationKind::default());
    trace.kinds.push(StationKind::Roadside);
    trace.samples.extend(times.iter().map(|time_ns| Sample {
        time_ns: *time_ns,
        station,
        latitude: at.latitude,
        longitude: at.longitude,
        speed: Some(0),
        heading: None,
        acceleration: None,
    }));
    station
}

/// Times of the trace about a second apart, with the first and the last: its step stays what it was.
fn times(trace: &Trace) -> Vec<u64> {
    let mut times: Vec<u64> = Vec::new();
    for sample in &trace.samples {
        if times.last().is_none_or(|last| sample.time_ns >= last + STEP_NS) {
            times.push(sample.time_ns);
        }
    }
    let last = trace.samples.last().map(|sample| sample.time_ns);
    times.extend(last.filter(|last| times.last() != Some(last)));
    times
}

/// The mean of all positions.
fn middle(trace: &Trace) -> Position {
    let count = trace.samples.len().max(1) as i64;
    let mean = |of: fn(&Sample) -> i32| {
        (trace.samples.iter().map(|sample| i64::from(of(sample))).sum::<i64>() / count) as i32
    };
    Position { latitude: mean(|sample| sample.latitude), longitude: mean(|sample| sample.longitude) }
}

fn nearest_m(traffic: &[Sample], at: Position) -> f64 {
    let plane = Plane::at(at);
    let distance_2 = |sample: &Sample| {
        plane.distance_2(Position { latitude: sample.latitude, longitude: sample.longitude })
    };
    traffic.iter().map(distance_2).fold(f64::INFINITY, f64::min).sqrt()
}

/// Time between samples of what does not move.
const STEP_NS: u64 = 1_000_000_000;
