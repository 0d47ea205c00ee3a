//! What vehicles of a trace send of their own motion and switches, and how often.

use std::collections::BTreeMap;

use super::*;
use crate::intervals::Intervals;
use crate::source::{ReadOptions, SignalChange, Signals, read_from};

/// A car east at 20 m/s that brakes from the second on by `braking`, m/s2, another 100 m behind it.
fn braking(braking: f64, column: bool) -> Trace {
    let mut text = "time;id;x;y;angle;speed;acceleration\n".to_owned();
    for tenth in 0..40 {
        let time = f64::from(tenth) / 10.0;
        let braked = (time - 1.0).max(0.0);
        let speed = (20.0 - braking * braked).max(0.0);
        let braked = braked.min(20.0 / braking);
        let x = 1_000.0 + 20.0 * time.min(1.0 + braked) - braking * braked * braked / 2.0;
        let measured = if time > 1.0 && speed > 0.0 { -braking } else { 0.0 };
        let measured = if column { format!("{measured}") } else { String::new() };
        text.push_str(&format!("{time};front;{x};0;90;{speed};{measured}\n"));
        text.push_str(&format!("{time};back;{};50;90;20;\n", 900.0 + 20.0 * time));
    }
    read_from(text.as_bytes(), "t", &ReadOptions::default()).unwrap()
}

fn of(trace: &Trace, prepare: impl FnOnce(&mut World)) -> Counted {
    let settings = Settings { awareness: AwarenessRule::Triggered, ..settings(Verify::Once, 1) };
    let mut world = World::new(trace, settings, ideal()).unwrap();
    prepare(&mut world);
    let end_ns = world.end_ns();
    world.run_until(end_ns);
    world.finish(end_ns + 200_000_000).unwrap()
}

#[test]
fn a_car_that_brakes_hard_warns_by_its_acceleration_or_by_its_speeds() {
    for column in [true, false] {
        let counted = of(&braking(6.0, column), World::alert_by_motion);
        let warned = counted.ledger.stats.class(Class::D0);
        assert!(warned.sent >= 1 && warned.expected == warned.delivered, "{column}: {warned:?}");
    }
    let gentle = of(&braking(2.0, true), World::alert_by_motion);
    assert_eq!(gentle.ledger.stats.class(Class::D0).sent, 0);
    let silent = of(&braking(6.0, true), |_| {});
    assert_eq!(silent.ledger.stats.class(Class::D0).sent, 0, "awareness alone unless asked for");
}

#[test]
fn a_blue_light_is_an_emergency_call_of_who_may_make_one() {
    for (kind, warns) in [(StationKind::Emergency, true), (StationKind::Passenger, false)] {
        let mut trace = standing(2, 50.0, 30);
        trace.kinds[0] = kind;
        let on = SignalChange { station: 0, time_ns: 1_000_000_000, signals: Signals(1 << 11) };
        trace.signals = vec![on];
        let counted = of(&trace, World::alert_by_motion);
        let warned = counted.ledger.stats.class(Class::D1);
        assert_eq!(warned.sent > 0, warns, "{kind:?}: {warned:?}");
    }
}

/// How many awareness messages a trace's stations send at intervals of this distribution.
fn beacons(trace: &Trace, text: &str) -> u64 {
    let intervals = Intervals::parse("t", text).unwrap();
    of(trace, |world| world.pace_awareness(intervals)).ledger.stats.class(Class::D2).sent
}

#[test]
fn awareness_comes_at_the_intervals_drawn() {
    let trace = standing(4, 20.0, 1_000);
    // 100 s of four stations: 0.2 s and 0.6 s in equal parts are 2.5 Hz.
    let sent = beacons(&trace, "0.2\n0.6\n");
    assert!(sent.abs_diff(1_000) < 50, "{sent}");
    let one = beacons(&trace, "0.5\n");
    assert!(one.abs_diff(800) <= 4, "{one}");
}

#[test]
fn drawn_intervals_depend_on_the_seed_and_not_on_other_stations() {
    let times = |cars: u32, seed: u64| -> Vec<u64> {
        // Too far apart to hear each other.
        let trace = standing(cars, 400.0, 100);
        let settings = Settings { awareness: AwarenessRule::Triggered, seed, ..settings(Verify::Once, 1) };
        let mut world = World::new(&trace, settings, ideal()).unwrap();
        world.pace_awareness(Intervals::parse("t", "0.2\n0.3\n0.7\n").unwrap());
        let mut times = Vec::new();
        let mut before = 0;
        for ms in 1..10_000u64 {
            world.run_until(ms * 1_000_000);
            let sent = world.stations[0].beacons;
            if sent > before {
                times.push(ms);
                before = sent;
            }
        }
        times
    };
    let alone = times(1, 3);
    assert_eq!(times(3, 3), alone);
    assert_ne!(times(1, 4), alone);
    let mut gaps = BTreeMap::new();
    for pair in alone.windows(2) {
        *gaps.entry(pair[1] - pair[0]).or_insert(0) += 1;
    }
    assert!(gaps.keys().all(|gap| [199, 200, 201, 299, 300, 301, 699, 700, 701].contains(gap)), "{gaps:?}");
}

#[test]
fn alerts_and_drawn_intervals_are_the_same_on_any_number_of_threads() {
    let mut trace = town::trace();
    trace.signals = (0..trace.stations() as u32)
        .map(|station| SignalChange { station, time_ns: 1_000_000_000, signals: Signals(1 << 3) })
        .collect();
    let digest = |threads| {
        let settings = Settings { awareness: AwarenessRule::Triggered, ..settings(Verify::Once, threads) };
        let mut world = World::new(&trace, settings, ideal()).unwrap();
        world.pace_awareness(Intervals::parse("t", "0.2\n0.3\n0.7\n").unwrap());
        world.alert_by_motion();
        world.run_until(4_000_000_000);
        world.finish(4_000_000_000).unwrap().digest_hex()
    };
    let alone = digest(1);
    assert_eq!([digest(2), digest(4)], [alone.clone(), alone]);
}
