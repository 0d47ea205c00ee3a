//! Tests of the schedule of pseudonym changes: legs of a trip, alerts, silence, and warnings.

use v2x_proto::Digest;

use super::*;
use crate::base::Purpose;
use crate::trust::identity::Identity;
use crate::trust::testing::{at, authority};

const START: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

fn anchor() -> Anchor {
    Anchor { instant: Instant::ZERO, wire: at(100) }
}

/// A pool for many changes.
fn pool() -> Pool {
    let authority = authority(1);
    let identities: Vec<Identity> = (0..20).map(|seed| authority.station(seed)).collect();
    let mut pool = Pool::new(identities).unwrap();
    pool.start(1, at(100), true);
    pool
}

fn schedule(change: ChangeRule, seed: u64) -> ChangeSchedule {
    let stream = Stream::new(seed, Digest([1; 8]), Purpose::PseudonymChange);
    ChangeSchedule::new(PseudonymConfig { change, silence: Duration::ZERO }, Instant::ZERO, stream)
}

fn fix(metres: f64, speed: Option<u16>) -> Fix {
    Fix {
        position: START.moved(metres, 0.0),
        altitude_cm: None,
        speed,
        heading: Some(900),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time: WireTime::default(),
    }
}

/// Drives east at 25 m/s with a fix each second; (seconds, metres) of each change.
fn drive(schedule: &mut ChangeSchedule, seconds: u64) -> Vec<(u64, f64)> {
    let mut changes = Vec::new();
    let pool = pool();
    for second in 0..seconds {
        let now = Instant::from_millis(second * 1000);
        let metres = second as f64 * 25.0;
        schedule.moved(now, Some(&fix(metres, Some(2500))));
        if schedule.due_at(&pool, &anchor(), Instant::ZERO).is_some_and(|at| at <= now) {
            changes.push((second, metres));
            schedule.changed(now);
        }
    }
    changes
}

#[test]
fn a_trip_changes_after_its_legs() {
    for seed in 0..5 {
        let changes = drive(&mut schedule(ChangeRule::Trip, seed), 4600);
        assert_eq!(changes[0].0, 60, "a minute of grace");
        let legs: Vec<_> =
            changes.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1)).collect();
        assert!((800.0..1530.0).contains(&legs[0].1), "{legs:?}");
        assert!((32 + 120..=32 + 362).contains(&legs[1].0), "800 m, then two to six minutes: {legs:?}");
        assert!((10_000.0..20_030.0).contains(&legs[2].1), "{legs:?}");
        assert!((25_000.0..35_030.0).contains(&legs[3].1), "{legs:?}");
    }
}

#[test]
fn stations_do_not_change_in_step_and_repeat_by_seed() {
    let run = |seed| drive(&mut schedule(ChangeRule::Trip, seed), 4600);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1)[1..], run(2)[1..]);
    let every = drive(&mut schedule(ChangeRule::Every(Duration::from_secs(100)), 1), 2000);
    assert!(every.windows(2).all(|pair| (79..=122).contains(&(pair[1].0 - pair[0].0))), "{every:?}");
}

#[test]
fn standing_still_an_alert_or_no_rule_hold_it_back() {
    let pool = pool();
    let now = Instant::from_millis(61_000);
    let due = |schedule: &ChangeSchedule, alert| {
        schedule.due_at(&pool, &anchor(), alert).is_some_and(|at| at <= now)
    };
    let mut trip = schedule(ChangeRule::Trip, 1);
    for (speed, moves) in [(Some(1500), true), (Some(49), false), (None, false)] {
        trip.moved(now, Some(&fix(0.0, speed)));
        assert_eq!(due(&trip, Instant::ZERO), moves, "{speed:?}");
    }
    trip.moved(now, Some(&fix(0.0, Some(1500))));
    let alert_until = now + Duration::from_millis(1);
    assert_eq!(trip.due_at(&pool, &anchor(), alert_until), Some(alert_until), "as soon as it is over");
    trip.moved(now, None);
    assert!(!due(&trip, Instant::ZERO), "position lost");
    let mut off = schedule(ChangeRule::Off, 1);
    off.moved(now, Some(&fix(0.0, Some(1500))));
    assert!(!due(&off, Instant::ZERO));
}

#[test]
fn another_station_with_the_own_credential_is_reason_enough_even_at_rest() {
    let pool = pool();
    let mut off = schedule(ChangeRule::Off, 1);
    off.heard_elsewhere(Instant::ZERO);
    assert_eq!(off.due_at(&pool, &anchor(), Instant::ZERO), Some(Instant::ZERO));
    let later = Instant::from_millis(500);
    assert_eq!(off.due_at(&pool, &anchor(), later), Some(later), "but for a live alert");
    off.changed(later);
    assert_eq!(off.due_at(&pool, &anchor(), Instant::ZERO), None);
    // Whoever has stolen the next one too does not use up the pool.
    off.heard_elsewhere(later);
    let next = later + limits::STOLEN_PSEUDONYM_INTERVAL;
    assert_eq!(off.due_at(&pool, &anchor(), Instant::ZERO), Some(next));
}

#[test]
fn a_credential_is_given_up_before_it_ends() {
    let pool = pool();
    let mut off = schedule(ChangeRule::Off, 1);
    off.moved(Instant::ZERO, Some(&fix(0.0, Some(1500))));
    let ends = anchor().instant_at(pool.active().valid_until());
    let at = off.due_at(&pool, &anchor(), Instant::ZERO).unwrap();
    assert_eq!(ends.since(at), EXPIRY_MARGIN);
}

#[test]
fn the_last_spares_and_the_last_hour_are_said_once() {
    let mut pool = pool();
    let mut schedule = schedule(ChangeRule::Trip, 1);
    let mut said = Vec::new();
    for _ in 0..20 {
        for _ in 0..2 {
            if schedule.runs_low(&pool, at(100)) {
                said.push(pool.spares(at(100)));
            }
        }
        let stream = &mut Stream::new(1, Digest([1; 8]), Purpose::PseudonymChange);
        pool.advance(at(100), false, stream);
    }
    assert_eq!(said, [2, 1, 0]);
    let hour_before = anchor().instant_at(pool.valid_until()).since(Instant::ZERO) - limits::LOW_VALIDITY;
    assert_eq!(schedule.low_at(&pool, &anchor()), Some(Instant::ZERO + hour_before));
    let late = pool.valid_until();
    assert!(schedule.runs_low(&pool, late) && !schedule.runs_low(&pool, late));
    assert_eq!(schedule.low_at(&pool, &anchor()), None);
}

#[test]
fn silence_lasts_its_time_or_until_an_alert() {
    let stream = Stream::new(1, Digest([1; 8]), Purpose::PseudonymChange);
    let config = PseudonymConfig { change: ChangeRule::Trip, silence: Duration::from_secs(2) };
    let mut schedule = ChangeSchedule::new(config, Instant::ZERO, stream);
    let ms = Instant::from_millis;
    assert!(!schedule.is_silent(ms(0)), "only a change is followed by silence");
    schedule.changed(ms(1000));
    assert!(schedule.is_silent(ms(1000)) && schedule.is_silent(ms(2999)) && !schedule.is_silent(ms(3000)));
    assert_eq!(schedule.silence(ms(2000)), Duration::from_secs(1));
    schedule.end_silence();
    assert!(!schedule.is_silent(ms(1001)));
}
