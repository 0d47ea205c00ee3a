//! Tests of what others can do to a station: whatever they say, and whatever a receiver measures, an honest station is not
//! discredited, and nothing it signed is kept as evidence. The attacker moves first, in the victim's place.

use proptest::prelude::*;

use super::*;
use crate::misbehaviour::Basis;

const VICTIM: Digest = A;
const INSIDER: Digest = B;

/// What a receiver makes of one message of the victim.
#[derive(Clone, Copy, Debug)]
struct Reception {
    /// How the driver changes its speed until the next message, m/s^2, and turns, degrees a second.
    pedal: f64,
    wheel: f64,
    gap_ms: u64,
    lost: bool,
    delay_ms: u64,
    dbm: Option<i8>,
    direct: bool,
    /// Where the receiver is, from the victim, m.
    away: (f64, f64),
    /// What an insider says before it is heard.
    staged: Option<Staged>,
}

#[derive(Clone, Copy, Debug)]
enum Staged {
    /// The victim's claim word for word, signed this much later than the victim's, ms.
    Claim(i64),
    /// A car this far beside it, m.
    Ghost(f64),
    /// A warning of braking.
    Warning,
}

fn reception() -> impl Strategy<Value = Reception> {
    let staged = prop_oneof![
        (-1000i64..3000).prop_map(Staged::Claim),
        (-2.0f64..2.0).prop_map(Staged::Ghost),
        Just(Staged::Warning),
    ];
    let motion = (-2.5f64..2.5, -8.0f64..8.0, 100u64..1000, prop::bool::weighted(0.2));
    let measured = (0u64..900, any::<Option<i8>>(), any::<bool>(), (-1500.0f64..1500.0, -1500.0f64..1500.0));
    (motion, measured, proptest::option::of(staged)).prop_map(|(motion, measured, staged)| {
        let (pedal, wheel, gap_ms, lost) = motion;
        let (delay_ms, dbm, direct, away) = measured;
        Reception { pedal, wheel, gap_ms, lost, delay_ms, dbm, direct, away, staged }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn nothing_that_others_say_or_that_is_measured_discredits_an_honest_station(
        steps in proptest::collection::vec(reception(), 50..400),
    ) {
        let mut watch = watch();
        let (mut ms, mut place, mut speed, mut heading) = (10_000, (0.0f64, 0.0f64), 10.0f64, 90.0f64);
        for step in steps {
            for _ in 0..step.gap_ms / 10 {
                speed = (speed + step.pedal * 0.01).clamp(0.0, 40.0);
                // Tyres hold 5 m/s^2 sideways.
                let most = (5.0 / speed.max(1.0)).to_degrees();
                heading = (heading + step.wheel.clamp(-most, most) * 0.01).rem_euclid(360.0);
                let (east, north) = heading.to_radians().sin_cos();
                place = (place.0 + speed * 0.01 * east, place.1 + speed * 0.01 * north);
            }
            ms += step.gap_ms / 10 * 10;
            let mut seen = beacon(VICTIM, ms, place, speed, (heading * 10.0) as u16 % 3600);
            let here = Plane::at(HOME.moved(place.0 + step.away.0, place.1 + step.away.1));
            seen.at = Instant::from_millis(ms + step.delay_ms);
            (seen.signal_dbm, seen.direct) = (step.dbm, step.direct);
            if let Some(staged) = step.staged {
                let mut other = Observation { signer: INSIDER, ..seen };
                match staged {
                    Staged::Claim(later_ms) => {
                        let time = seen.claim.generation.as_micros().saturating_add_signed(later_ms * 1000);
                        other.claim.generation = WireTime::from_micros(time);
                    }
                    Staged::Ghost(beside_m) => other.claim.position = other.claim.position.moved(beside_m, 0.0),
                    Staged::Warning => other.brakes = true,
                }
                watch.observe(&other, Some(&here));
            }
            if step.lost {
                continue;
            }
            let verdict = watch.observe(&seen, Some(&here));
            prop_assert!(!verdict.contradicts && !verdict.discredited, "{step:?} {:?}", watch.findings());
            prop_assert!(watch.standing(&VICTIM) < TrustLevel::Isolated);
        }
    }

    /// The same lies heard through two receivers, of which one is deceived in all that it measures.
    #[test]
    fn what_is_measured_changes_no_finding_about_what_was_signed(
        claims in proptest::collection::vec(
            ((-400.0f64..400.0, -400.0f64..400.0), 0.0f64..60.0, 0u16..3600, any::<bool>(), 10u64..1500), 1..200),
        measured in proptest::collection::vec((any::<Option<i8>>(), any::<bool>(), 0u64..900), 200),
    ) {
        let (mut calm, mut deceived) = (watch(), watch());
        let here = Plane::at(HOME);
        let mut ms = 10_000;
        for ((place, speed, heading, brakes, gap_ms), (dbm, direct, delay_ms)) in claims.into_iter().zip(measured) {
            ms += gap_ms;
            let said = Observation { brakes, ..beacon(VICTIM, ms, place, speed, heading) };
            let at = Instant::from_millis(ms + delay_ms);
            let one = calm.observe(&said, Some(&here));
            let other = deceived.observe(&Observation { signal_dbm: dbm, direct, at, ..said }, Some(&here));
            prop_assert_eq!(one.contradicts, other.contradicts);
        }
        for check in Check::ALL.into_iter().filter(|check| check.basis() == Basis::Signed) {
            prop_assert_eq!(calm.findings().of(check), deceived.findings().of(check), "{}", check.name());
        }
    }
}

/// A car that keeps speeding up and slowing down.
fn in_town(s: f64) -> (f64, f64) {
    (7.0 * (1.0 - (s * 0.6).cos()) + 2.0, 7.0 * (s - (s * 0.6).sin() / 0.6) + 2.0 * s)
}

#[test]
fn far_and_loud_a_station_is_suspect_and_neither_discredited_nor_evidence() {
    let mut watch = watch();
    let far = Plane::at(HOME.moved(0.0, 1400.0));
    for n in 0..600u64 {
        let (speed, way) = in_town(n as f64 / 5.0);
        let seen = Observation {
            signal_dbm: Some(-30),
            ..beacon(VICTIM, 10_000 + n * 200, (way / 9.0, 0.0), speed / 9.0, 900)
        };
        let verdict = watch.observe(&seen, Some(&far));
        assert!(!verdict.contradicts && !verdict.discredited);
    }
    assert_eq!(watch.standing(&VICTIM), TrustLevel::Suspect);
}

// Heard first with the victim's claim and, from 50 ms on, an earlier time than is true.
#[test]
fn whoever_signs_the_victims_claim_first_makes_it_suspect_at_most() {
    for early_ms in [0, 50, 500, 1000] {
        let mut watch = watch();
        let here = Plane::at(HOME);
        for n in 0..200u64 {
            let (speed, way) = in_town(n as f64 / 5.0);
            let said = beacon(VICTIM, 10_000 + n * 200, (way - 200.0, 0.0), speed, 900);
            let mut first = Observation { signer: INSIDER, ..said };
            let earlier = said.claim.generation.as_micros() - early_ms * 1000;
            first.claim.generation = WireTime::from_micros(earlier);
            watch.observe(&first, Some(&here));
            let verdict = watch.observe(&said, Some(&here));
            assert!(!verdict.contradicts && !verdict.discredited);
        }
        assert!(watch.standing(&VICTIM) < TrustLevel::Isolated, "{early_ms} ms");
        assert!(early_ms > 0 || watch.findings().of(Check::Copied) == 0);
    }
}

#[test]
fn who_repeats_a_trajectory_seconds_later_is_suspect_and_the_other_is_not() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    let said = |signer, n: u64, of: u64| {
        let (speed, way) = in_town(of as f64 / 5.0);
        beacon(signer, 10_000 + n * 200, (way - 200.0, 0.0), speed, 900)
    };
    for n in 0..200u64 {
        watch.observe(&said(VICTIM, n, n), Some(&here));
        if n >= 10 {
            watch.observe(&said(INSIDER, n, n - 10), Some(&here));
        }
    }
    assert_eq!(watch.standing(&INSIDER), TrustLevel::Suspect);
    assert_eq!(watch.standing(&VICTIM), TrustLevel::Trusted);
    assert!(watch.findings().of(Check::Copied) > 100);
}

#[test]
fn a_copy_counts_from_the_copiers_first_word_on_and_twice_is_a_suspicion() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    let mut said = |signer, n: u64, of: u64| {
        let mut said = beacon(signer, 10_000 + n * 200, (5.0 * of as f64 - 200.0, 0.0), 25.0, 900);
        said.claim.motion.as_mut().unwrap().acceleration = (of < 2).then_some(12);
        watch.observe(&said, Some(&here)).change.map(|change| (change.standing, change.check))
    };
    for n in 0..10 {
        said(VICTIM, n, n);
    }
    // States an acceleration.
    assert_eq!(said(INSIDER, 10, 0), None);
    // What it repeats now keeps its speed.
    assert_eq!(said(INSIDER, 12, 2), Some((TrustLevel::Suspect, Some(Check::Copied))));
    assert_eq!(watch.findings().of(Check::Copied), 2);
    assert_eq!(watch.standing(&VICTIM), TrustLevel::Trusted);
}

#[test]
fn cars_of_one_lane_and_speed_that_send_every_six_metres_are_trusted() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    for n in 0..300u64 {
        for car in 0..4u64 {
            // 60 m apart, each at the places of the ones before it.
            let way = 6.0 * n as f64 - 60.0 * car as f64 - 900.0;
            watch.observe(
                &beacon(Digest([30 + car as u8; 8]), 10_000 + n * 200, (way, 0.0), 30.0, 900),
                Some(&here),
            );
        }
    }
    for car in 0..4u8 {
        assert_eq!(watch.standing(&Digest([30 + car; 8])), TrustLevel::Trusted);
    }
}

/// Whatever an honest station's surroundings do to it; the way and speed in m and m/s at each time, s.
fn survives(name: &str, step_ms: u64, drive: impl Fn(f64) -> ((f64, f64), f64)) {
    let mut watch = watch();
    let here = Plane::at(HOME);
    for n in 0..120_000 / step_ms {
        let s = (n * step_ms) as f64 / 1000.0;
        let (place, speed) = drive(s);
        watch.observe(&beacon(VICTIM, 10_000 + n * step_ms, place, speed, 900), Some(&here));
    }
    assert!(watch.standing(&VICTIM) < TrustLevel::Isolated, "{name}: {:?}", watch.findings());
}

#[test]
fn what_streets_do_to_receivers_isolates_nobody() {
    let along = |s: f64| 14.0 * s - 800.0;
    survives("a bridge every twenty seconds: 8 m to the side for two", 200, |s| {
        ((along(s), if s % 20.0 < 2.0 { 8.0 } else { 0.0 }), 14.0)
    });
    survives("two reflections in turn, 10 m apart, a second each", 200, |s| {
        ((along(s), if s % 2.0 < 1.0 { 5.0 } else { -5.0 }), 14.0)
    });
    survives("a correction comes and goes: 2 m every three seconds", 200, |s| {
        ((along(s), if s % 6.0 < 3.0 { 2.0 } else { 0.0 }), 14.0)
    });
    survives("a tunnel of half a minute's reckoning, 60 m off at its end", 200, |s| {
        ((along(s) + if s < 60.0 { (s - 30.0).max(0.0) * 2.0 } else { 0.0 }, 0.0), 14.0)
    });
    survives("the antenna of a lorry and of its trailer in turn", 200, |s| {
        ((along(s) - if ((s * 5.0) as u64).is_multiple_of(2) { 0.0 } else { 4.0 }, 0.0), 14.0)
    });
}

#[test]
fn a_clock_that_is_off_and_is_set_right_isolates_nobody() {
    for off_ms in [50, 200, 1000, 3000] {
        let mut watch = watch();
        let here = Plane::at(HOME);
        for n in 0..1200u64 {
            // Set right and off again every twelve seconds.
            let wrong = if n / 120 % 2 == 0 { off_ms } else { 0 };
            let mut seen = beacon(VICTIM, 10_000 + n * 100, (1.4 * n as f64 - 800.0, 0.0), 14.0, 900);
            seen.claim.generation = WireTime::from_micros(seen.claim.generation.as_micros() + wrong * 1000);
            watch.observe(&seen, Some(&here));
        }
        assert!(watch.standing(&VICTIM) < TrustLevel::Isolated, "{off_ms} ms: {:?}", watch.findings());
    }
}

#[test]
fn a_timer_that_is_late_for_every_other_beacon_isolates_nobody() {
    let every = AwarenessRule::Every(core::time::Duration::from_millis(100));
    let mut watch = MisbehaviourDetector::new(Plausibility::Enforce, every, Instant::ZERO);
    let here = Plane::at(HOME);
    for n in 0..600u64 {
        let ms = n * 100 + if n % 2 == 0 { 70 } else { 0 };
        watch.observe(
            &beacon(VICTIM, 10_000 + ms, (1.4 * ms as f64 / 100.0 - 400.0, 0.0), 14.0, 900),
            Some(&here),
        );
    }
    assert!(watch.standing(&VICTIM) < TrustLevel::Isolated, "{:?}", watch.findings());
}
