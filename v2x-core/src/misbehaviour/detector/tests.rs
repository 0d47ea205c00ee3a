//! Tests of the misbehaviour detector: honest driving is believed, lies are found, and memory is bounded.

mod staged;

use proptest::prelude::*;

use super::*;
use crate::base::Position;
use crate::neighbour::Motion;
use crate::trust::Trusted;

const HOME: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

const A: Digest = Digest([1; 8]);

const B: Digest = Digest([2; 8]);

fn watch() -> MisbehaviourDetector {
    MisbehaviourDetector::new(Plausibility::Enforce, AwarenessRule::Triggered, Instant::ZERO)
}

/// A beacon `east` metres from home, at `ms`.
fn beacon(signer: Digest, ms: u64, (east, north): (f64, f64), speed: f64, heading: u16) -> Observation {
    let motion = Motion {
        speed: Some((speed * 100.0) as u16),
        heading: Some(heading),
        acceleration: None,
        station_type: 5,
    };
    let claim = Claim {
        generation: WireTime::from_micros(9_000_000_000 + ms * 1000),
        position: HOME.moved(east, north),
        motion: Some(motion),
        accuracy_cm: None,
    };
    Observation { signer, claim, direct: true, signal_dbm: None, brakes: false, at: Instant::from_millis(ms) }
}

/// All findings while hearing what `drive` returns every `step_ms`: (east, north), speed, heading.
fn heard(
    watch: &mut MisbehaviourDetector,
    signer: Digest,
    step_ms: u64,
    steps: u64,
    mut drive: impl FnMut(f64) -> ((f64, f64), f64, u16),
) -> Vec<TrustLevel> {
    let here = Plane::at(HOME);
    let mut changes = Vec::new();
    for n in 0..steps {
        let ms = 10_000 + n * step_ms;
        let (place, speed, heading) = drive((n * step_ms) as f64 / 1000.0);
        let verdict = watch.observe(&beacon(signer, ms, place, speed, heading), Some(&here));
        changes.extend(verdict.change.map(|change| change.standing));
    }
    changes
}

fn nothing_found(watch: &MisbehaviourDetector) {
    let found: Vec<_> = watch.findings().iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(found, []);
}

#[test]
fn a_record_is_small() {
    assert!(size_of::<Record>() <= 256, "{}", size_of::<Record>());
}

#[test]
fn emergency_braking_from_motorway_speed_is_believed() {
    for step_ms in [100, 300, 1000] {
        let mut watch = watch();
        heard(&mut watch, A, step_ms, 12_000 / step_ms, |s| {
            let braking = (s - 3.0).clamp(0.0, 7.0);
            (
                (-500.0 + 70.0 * s.min(3.0) + 70.0 * braking - 5.0 * braking * braking, 0.0),
                70.0 - 10.0 * braking,
                900,
            )
        });
        nothing_found(&watch);
    }
}

#[test]
fn a_turn_at_a_crossing_and_a_roundabout_are_believed() {
    let mut watch = watch();
    heard(&mut watch, A, 200, 100, |s| {
        let angle = s * 0.6;
        let heading = ((90.0 + angle.to_degrees()) * 10.0) as u16 % 3600;
        ((200.0 + 15.0 * angle.sin(), -15.0 + 15.0 * angle.cos()), 9.0, heading)
    });
    heard(&mut watch, B, 100, 60, |s| {
        let before = s < 3.0;
        let way = (s.min(3.0) * 13.0, (s - 3.0).max(0.0) * 13.0);
        ((300.0 + way.0, way.1), 13.0, if before { 900 } else { 0 })
    });
    nothing_found(&watch);
}

#[test]
fn reversing_into_a_parking_space_is_believed() {
    let mut watch = watch();
    heard(&mut watch, A, 500, 40, |s| ((200.0, -1.5 * s), 1.5, 0));
    nothing_found(&watch);
}

#[test]
fn overtaking_in_the_next_lane_is_believed() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    for n in 0..100u64 {
        let s = n as f64 / 10.0;
        watch.observe(&beacon(A, 10_000 + n * 100, (-300.0 + 30.0 * s, 0.0), 30.0, 900), Some(&here));
        watch
            .observe(&beacon(B, 10_030 + n * 100, (-350.0 + 40.0 * (s + 0.03), 3.2), 40.0, 900), Some(&here));
    }
    nothing_found(&watch);
}

#[test]
fn a_jump_of_the_receiver_is_no_suspicion() {
    let mut watch = watch();
    let changes = heard(&mut watch, A, 100, 100, |s| {
        ((200.0 + 14.0 * s, if (4.0..4.1).contains(&s) { 60.0 } else { 0.0 }), 14.0, 900)
    });
    assert_eq!(changes, []);
}

#[test]
fn a_station_that_stands_and_says_it_drives_is_isolated() {
    let mut watch = watch();
    let changes = heard(&mut watch, A, 100, 300, |_| ((300.0, 0.0), 14.0, 900));
    assert_eq!(changes, [TrustLevel::Suspect, TrustLevel::Isolated]);
    assert!(watch.findings().of(Check::PositionSpeed) > 5);
}

#[test]
fn driving_backwards_at_speed_is_found() {
    let mut watch = watch();
    let changes = heard(&mut watch, A, 200, 100, |s| ((300.0 + 14.0 * s, 0.0), 14.0, 2700));
    assert!(changes.contains(&TrustLevel::Suspect));
    assert!(watch.findings().of(Check::PositionHeading) + watch.findings().of(Check::Residual) > 0);
}

#[test]
fn a_ghost_over_an_honest_car_isolates_neither_and_blames_the_newcomer() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    for n in 0..3000u64 {
        let place = (-1000.0 + n as f64 * 0.5, 0.0);
        watch.observe(&beacon(A, 10_000 + n * 100, place, 5.0, 900), Some(&here));
        if n >= 30 {
            let place = (place.0, 0.1);
            watch.observe(&beacon(B, 10_000 + n * 100, place, 5.0, 900), Some(&here));
        }
    }
    assert_eq!(watch.standing(&A), TrustLevel::Trusted);
    assert_eq!(watch.standing(&B), TrustLevel::Suspect);
}

#[test]
fn messages_other_than_beacons_break_no_rate_and_leave_the_way_alone() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    for n in 0..50u64 {
        let place = (200.0 + n as f64, 0.0);
        let mut other = beacon(A, 10_000 + n * 100, place, 10.0, 900);
        other.claim.motion = None;
        watch.observe(&other, Some(&here));
        watch.observe(&beacon(A, 10_003 + n * 100, place, 10.0, 900), Some(&here));
        other.claim.generation = WireTime::from_micros(9_000_000_000 + (10_006 + n * 100) * 1000);
        watch.observe(&other, Some(&here));
    }
    nothing_found(&watch);
}

#[test]
fn a_flood_of_beacons_is_found_and_an_agreed_rate_is_not() {
    let mut strict = watch();
    assert!(heard(&mut strict, A, 10, 50, |_| ((200.0, 0.0), 0.0, 900)).contains(&TrustLevel::Suspect));
    let fast = AwarenessRule::Every(core::time::Duration::from_millis(10));
    let mut agreed = MisbehaviourDetector::new(Plausibility::Enforce, fast, Instant::ZERO);
    assert_eq!(heard(&mut agreed, A, 10, 50, |_| ((200.0, 0.0), 0.0, 900)), []);
}

/// A station drives past at 14 m/s and warns of braking every 2.5 s; `brakes` tells whether it slows down each time.
fn warnings(brakes: bool) -> Vec<TrustLevel> {
    let mut watch = watch();
    let here = Plane::at(HOME);
    let (mut east, mut speed) = (-200.0, 14.0);
    let mut changes = Vec::new();
    for n in 0..250u64 {
        let phase = n % 25;
        if brakes {
            speed = if phase < 8 { 14.0 - 0.8 * phase as f64 } else { (speed + 0.4f64).min(14.0) };
        }
        east += speed * 0.1;
        let mut seen = beacon(A, 10_000 + n * 100, (east, 0.0), speed, 900);
        changes.extend(watch.observe(&seen, Some(&here)).change);
        if phase == 0 {
            seen.claim.motion = None;
            seen.brakes = true;
            changes.extend(watch.observe(&seen, Some(&here)).change);
        }
    }
    changes.into_iter().map(|change| change.standing).collect()
}

#[test]
fn who_warns_of_braking_and_drives_on_is_isolated_and_who_brakes_is_not() {
    assert_eq!(warnings(false).first(), Some(&TrustLevel::Suspect));
    assert_eq!(warnings(true), []);
}

#[test]
fn ghosts_that_move_with_their_maker_are_suspect_and_never_isolated() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    let victim = Digest([9; 8]);
    let ghosts: Vec<_> = (10..15).map(|n| Digest([n; 8])).collect();
    for n in 0..400u64 {
        let s = n as f64 / 10.0;
        // Away from a light and to the next one, again and again.
        let speed = 7.0 * (1.0 - (s * 0.6).cos());
        let way = 7.0 * (s - (s * 0.6).sin() / 0.6) - 200.0;
        watch.observe(&beacon(victim, 10_000 + n * 100, (way, -4.0), speed, 900), Some(&here));
        for (ghost, digest) in ghosts.iter().enumerate().filter(|_| n >= 30) {
            let place = (way, 15.0 * ghost as f64);
            watch.observe(&beacon(*digest, 10_000 + n * 100, place, speed, 900), Some(&here));
        }
    }
    for ghost in &ghosts {
        assert_eq!(watch.standing(ghost), TrustLevel::Suspect);
    }
    assert_eq!(watch.standing(&victim), TrustLevel::Trusted, "it was there before");
}

/// A town's worth of honest cars pass so that the usual strength is known; then one whose claims are `offset` off and
/// whose antenna is `antenna` dB off.
fn passes(offset: f64, antenna: f32) -> TrustLevel {
    let mut watch = watch();
    let here = Plane::at(HOME);
    let mut pass = |signer: Digest, from_ms: u64, offset: f64, antenna: f32| {
        for n in 0..150u64 {
            let east = -150.0 + 2.0 * n as f64;
            let mut seen =
                beacon(signer, from_ms + n * 100, (east, 9.0 + offset + from_ms as f64 * 1e-5), 20.0, 900);
            let lost = crate::misbehaviour::signal::loss_db(east.hypot(9.0) as f32);
            seen.signal_dbm = Some((23.0 + antenna - lost) as i8);
            watch.observe(&seen, Some(&here));
        }
    };
    for n in 0..10u8 {
        pass(Digest([100 + n; 8]), 10_000 + u64::from(n) * 15_000, 0.0, f32::from(n % 5) * 2.0 - 4.0);
    }
    pass(A, 200_000, offset, antenna);
    watch.standing(&A)
}

#[test]
fn who_is_louder_than_its_claimed_distance_allows_is_suspect_and_a_bad_antenna_is_not() {
    assert_eq!(passes(250.0, 0.0), TrustLevel::Suspect);
    for antenna in [-10.0, 0.0, 10.0] {
        assert_eq!(passes(0.0, antenna), TrustLevel::Trusted, "{antenna} dB");
    }
}

#[test]
fn a_row_of_parked_cars_and_a_tunnel_s_exit_are_believed() {
    let mut watch = watch();
    let here = Plane::at(HOME);
    for n in 0..600u64 {
        for car in 0..12u8 {
            let place = (40.0 + 2.6 * f64::from(car), 6.0);
            watch.observe(&beacon(Digest([20 + car; 8]), 10_000 + n * 1000, place, 0.0, 0), Some(&here));
        }
    }
    assert!((0..12u8).all(|car| watch.standing(&Digest([20 + car; 8])) == TrustLevel::Trusted));
    // Twenty seconds of silence, 400 m on, five metres off and back on the road a second later.
    for n in (0..100u64).chain(300..400) {
        let s = n as f64 / 10.0;
        let off = if (30.0..31.0).contains(&s) { 5.0 } else { 0.0 };
        watch.observe(&beacon(A, 700_000 + n * 100, (-600.0 + 20.0 * s, off), 20.0, 900), Some(&here));
    }
    assert_eq!(watch.standing(&A), TrustLevel::Trusted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_claims_panic_and_no_table_grows_beyond_its_bound(
        steps in proptest::collection::vec(
            (0u16..3000, any::<i32>(), any::<i32>(), any::<u64>(), proptest::option::of(any::<(Option<u16>, Option<u16>, u8)>()),
             proptest::option::of(any::<u16>()), any::<bool>(), 0u64..2000), 0..2500),
        home in proptest::option::of(any::<(i32, i32)>()),
    ) {
        let mut watch = watch();
        let here = home.map(|(latitude, longitude)| Plane::at(Position { latitude, longitude }));
        let mut now = 0;
        for (who, latitude, longitude, time, motion, accuracy_cm, direct, gap) in steps {
            now += gap;
            let mut digest = [0; 8];
            digest[..2].copy_from_slice(&who.to_le_bytes());
            let motion = motion.map(|(speed, heading, station_type)| Motion {
                speed, heading, acceleration: None, station_type,
            });
            let claim = Claim {
                generation: WireTime::from_micros(time), position: Position { latitude, longitude }, motion, accuracy_cm,
            };
            let seen = Observation { signer: Digest(digest), claim, direct, signal_dbm: None, brakes: false, at: Instant::from_millis(now) };
            let verdict = watch.observe(&seen, here.as_ref());
            if let Some(change) = verdict.change {
                prop_assert!((0.0..=1.0).contains(&change.score));
            }
            prop_assert!(watch.stations.len() <= limits::NEIGHBOURS);
        }
    }
}

#[test]
fn all_that_is_kept_of_one_of_ten_thousand_stations_takes_at_most_1150_bytes() {
    let stations = limits::MAX_NEIGHBOURS;
    // An index has two places for each entry, filled to seven eighths.
    let index = ((2 * stations * 8 / 7).next_power_of_two() * (size_of::<u16>() + 1)).div_ceil(stations);
    // Digest, links, the list of free slots.
    let listed = |value: usize| size_of::<Digest>() + 3 * size_of::<u16>() + value + index;
    let allocated = |bytes: usize| (bytes + 8).next_multiple_of(16);
    let place = 24;
    let neighbour = size_of::<Option<crate::neighbour::Neighbour>>() + place + size_of::<u16>() + index;
    let pointer = size_of::<usize>();
    let credential = listed(pointer) + allocated(2 * pointer + size_of::<Trusted>()) + allocated(158);
    let watched = listed(size_of::<Option<Record>>()) + Places::bytes_for(stations).div_ceil(stations);
    // Three rates of two rows.
    let rates = 6 * size_of::<Instant>();
    let all = neighbour + credential + watched + rates;
    assert!(all <= 1150, "{neighbour} + {credential} + {watched} + {rates} = {all}");
}
