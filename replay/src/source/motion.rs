//! Whether a trace's speeds, headings and places mean the same movement.

use hashbrown::HashMap;

use super::error::Warning;
use super::trace::{Sample, Trace};
use crate::geodesy::{distance_m, heading_deg};

/// A warning when speeds and places disagree: in a tenth of the steps, or overall by a factor of 1.5.
pub(super) fn disagreement(trace: &Trace) -> Option<Warning> {
    let (mut stated, mut moved) = (0.0, 0.0);
    let (mut steps, mut off) = (0u64, 0u64);
    let mut last: HashMap<u32, &Sample> = HashMap::new();
    for to in &trace.samples {
        let Some(from) = last.insert(to.station, to) else { continue };
        let Some(by_speed) = stated_m(from, to) else { continue };
        let by_place = distance_m(from.point(), to.point());
        stated += by_speed;
        moved += by_place;
        steps += 1;
        off += u64::from((by_place - by_speed).abs() > SLACK_M + by_speed / 2.0);
    }
    if steps < ENOUGH_STEPS || stated.max(moved) < ENOUGH_M {
        return None;
    }
    let ratio = moved / stated;
    let agrees = (1.0 / FACTOR..=FACTOR).contains(&ratio) && off * 10 <= steps;
    (!agrees).then_some(Warning::SpeedsDisagree { ratio, off, steps })
}

/// A warning when headings and places disagree in a tenth of the steps: counted from another direction or the other way round,
/// or in another unit.
pub(super) fn turned(trace: &Trace) -> Option<Warning> {
    let (mut steps, mut off, mut mathematical, mut backwards) = (0u64, 0u64, 0u64, 0u64);
    let mut largest = 0;
    let mut last: HashMap<u32, &Sample> = HashMap::new();
    for to in &trace.samples {
        let Some(from) = last.insert(to.station, to) else { continue };
        let (Some(before), Some(after)) = (from.heading, to.heading) else { continue };
        let lies_far = (to.time_ns - from.time_ns) as f64 / 1e9 > LONGEST_STEP_S;
        if lies_far || distance_m(from.point(), to.point()) < SLACK_M {
            continue;
        }
        let moved = heading_deg(from.point(), to.point());
        let agree = |reading: fn(f64) -> f64| {
            let turn =
                |heading: u16| ((moved - reading(f64::from(heading) / 10.0)).rem_euclid(360.0) - 180.0).abs();
            turn(before).max(turn(after)) >= 180.0 - WRONG_TURN_DEG
        };
        steps += 1;
        off += u64::from(!agree(|heading| heading));
        mathematical += u64::from(agree(|heading| 90.0 - heading));
        backwards += u64::from(agree(|heading| heading + 180.0));
        largest = largest.max(before).max(after);
    }
    if steps < ENOUGH_STEPS || off * 10 <= steps {
        return None;
    }
    let most = |count: u64| count * 10 >= steps * 9;
    let instead = match () {
        () if largest > 0 && f64::from(largest) <= core::f64::consts::TAU * 10.0 => ": are they radians?",
        () if most(mathematical) => ": are they counted from east, anticlockwise?",
        () if most(backwards) => ": do they say where the station comes from?",
        () => "",
    };
    Some(Warning::HeadingsDisagree { instead, off, steps })
}

/// Whether a station may have come from one sample to the next on a straight line: no faster than half as fast
/// again as the faster of its speeds, or where there are none (or they are not to be believed), than a car can.
pub(super) fn in_reach(from: &Sample, to: &Sample, believed: bool) -> bool {
    let seconds = to.time_ns.saturating_sub(from.time_ns) as f64 / 1e9;
    let fastest = match from.speed.max(to.speed) {
        Some(speed) if believed => f64::from(speed) / 100.0 * 1.5,
        _ => FASTEST_MPS,
    };
    distance_m(from.point(), to.point()) <= SLACK_M * 5.0 + fastest * seconds
}

/// How far the speeds of two samples of a station take it, metres; `None` where one has none or they lie too far apart.
fn stated_m(from: &Sample, to: &Sample) -> Option<f64> {
    let seconds = (to.time_ns - from.time_ns) as f64 / 1e9;
    if seconds > LONGEST_STEP_S {
        return None;
    }
    Some((f64::from(from.speed?) + f64::from(to.speed?)) / 200.0 * seconds)
}

/// No vehicle turns that far against both its headings while it moves.
const WRONG_TURN_DEG: f64 = 45.0;
/// Places are rounded, and a row's speed is of another moment than its place.
const SLACK_M: f64 = 2.0;
/// 252 km/h.
const FASTEST_MPS: f64 = 70.0;
/// Steps further apart than this say little about a speed.
const LONGEST_STEP_S: f64 = 10.0;
/// Fewer steps or metres than this say nothing.
const ENOUGH_STEPS: u64 = 20;
const ENOUGH_M: f64 = 100.0;
/// Between units of speed lies more: knots to m/s 1.9, miles an hour 2.2, km/h 3.6.
const FACTOR: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::*;

    /// A car east at 10 m/s by place, once a second, its speeds times `factor`.
    fn drive(factor: f64) -> Trace {
        let sample = |second: u64| Sample {
            time_ns: second * 1_000_000_000,
            station: 0,
            latitude: 0,
            longitude: (second as f64 * 10.0 / 0.011_132) as i32,
            speed: Some((1000.0 * factor) as u16),
            heading: None,
            acceleration: None,
        };
        Trace { names: vec!["a".to_owned()], samples: (0..60).map(sample).collect(), ..Trace::default() }
    }

    #[test]
    fn speeds_in_another_unit_are_told_and_right_ones_are_not() {
        assert_eq!(disagreement(&drive(1.0)), None);
        for factor in [3.6, 1.94, 2.24, 1.0 / 3.6] {
            let Some(Warning::SpeedsDisagree { ratio, .. }) = disagreement(&drive(factor)) else {
                panic!("{factor}: no word of it")
            };
            assert!((ratio * factor - 1.0).abs() < 0.02, "{ratio}");
        }
        let text = disagreement(&drive(3.6)).unwrap().to_string();
        assert!(text.contains("km/h"), "{text}");
    }

    #[test]
    fn places_given_once_in_a_while_are_told() {
        let mut trace = drive(1.0);
        for sample in &mut trace.samples {
            sample.longitude -= sample.longitude % (100.0 / 0.011_132) as i32;
        }
        assert!(matches!(disagreement(&trace), Some(Warning::SpeedsDisagree { .. })));
    }

    /// Cars away from one place in 24 directions, 10 m a second, whose headings are `heading` of the true one.
    fn star(heading: fn(f64) -> f64) -> Trace {
        let mut samples = Vec::new();
        for second in 0..10u64 {
            for car in 0..24u32 {
                let (sine, cosine) = f64::from(car * 15).to_radians().sin_cos();
                let metres = second as f64 * 10.0;
                samples.push(Sample {
                    time_ns: second * 1_000_000_000,
                    station: car,
                    latitude: (metres * cosine / 0.011_057) as i32,
                    longitude: (metres * sine / 0.011_132) as i32,
                    speed: Some(1000),
                    heading: Some((heading(f64::from(car * 15)).rem_euclid(360.0) * 10.0) as u16),
                    acceleration: None,
                });
            }
        }
        Trace { names: vec![String::new(); 24], samples, ..Trace::default() }
    }

    #[test]
    fn headings_by_another_convention_are_told_and_right_ones_are_not() {
        assert_eq!(turned(&star(|heading| heading)), None);
        assert_eq!(turned(&star(|heading| heading + 30.0)), None, "a drift");
        for (heading, said) in [
            ((|heading| 90.0 - heading) as fn(f64) -> f64, "east, anticlockwise?"),
            (|heading| heading + 180.0, "comes from?"),
            (|heading| heading.to_radians(), "radians?"),
            (|heading| heading + 90.0, "of the steps; needed"),
        ] {
            let told = turned(&star(heading)).expect("they disagree").to_string();
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn a_station_reaches_what_its_speeds_allow() {
        let at = |second: u64, metres: f64, speed| Sample {
            time_ns: second * 1_000_000_000,
            longitude: (metres / 0.011_132) as i32,
            speed,
            ..drive(1.0).samples[0]
        };
        let start = at(0, 0.0, Some(1400));
        assert!(in_reach(&start, &at(2, 28.0, Some(1400)), true));
        assert!(!in_reach(&start, &at(2, 180.0, Some(1400)), true), "90 m/s at 14 m/s");
        assert!(!in_reach(&start, &at(2, 180.0, None), false));
        assert!(in_reach(&start, &at(2, 130.0, None), false));
    }
}
