use super::*;
use crate::neighbor::Motion;
use crate::position::Position;
use proptest::prelude::*;

const HOME: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
const A: Digest = Digest([1; 8]);
const B: Digest = Digest([2; 8]);

fn watch() -> Watch {
    Watch::new(Plausibility::Enforce, AwarenessRule::Triggered, Instant::ZERO)
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
    Observation { signer, claim, direct: true, at: Instant::from_millis(ms) }
}

/// Everything found while hearing what `drive` says every `step_ms`: (east, north), speed, heading.
fn heard(
    watch: &mut Watch,
    signer: Digest,
    step_ms: u64,
    steps: u64,
    mut drive: impl FnMut(f64) -> ((f64, f64), f64, u16),
) -> Vec<Standing> {
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

fn nothing_found(watch: &Watch) {
    let found: Vec<_> = watch.findings().iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(found, []);
}

#[test]
fn a_record_is_small() {
    assert!(size_of::<Record>() <= 176, "{}", size_of::<Record>());
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
    assert_eq!(changes, [Standing::Suspect, Standing::Isolated]);
    assert!(watch.findings().of(Check::PositionSpeed) > 5);
}

#[test]
fn driving_backwards_at_speed_is_found() {
    let mut watch = watch();
    let changes = heard(&mut watch, A, 200, 100, |s| ((300.0 + 14.0 * s, 0.0), 14.0, 2700));
    assert!(changes.contains(&Standing::Suspect));
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
            watch.observe(&beacon(B, 10_000 + n * 100, place, 5.0, 900), Some(&here));
        }
    }
    assert_eq!(watch.standing(&A), Standing::Trusted);
    assert_eq!(watch.standing(&B), Standing::Suspect);
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
    assert!(heard(&mut strict, A, 10, 50, |_| ((200.0, 0.0), 0.0, 900)).contains(&Standing::Suspect));
    let fast = AwarenessRule::Every(core::time::Duration::from_millis(10));
    let mut agreed = Watch::new(Plausibility::Enforce, fast, Instant::ZERO);
    assert_eq!(heard(&mut agreed, A, 10, 50, |_| ((200.0, 0.0), 0.0, 900)), []);
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
            let seen = Observation { signer: Digest(digest), claim, direct, at: Instant::from_millis(now) };
            let verdict = watch.observe(&seen, here.as_ref());
            if let Some(change) = verdict.change {
                prop_assert!((0.0..=1.0).contains(&change.score));
            }
            prop_assert!(watch.stations.len() <= limits::MAX_WATCHED);
        }
    }
}
