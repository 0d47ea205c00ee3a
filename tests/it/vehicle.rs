//! What a vehicle's bus says, and the beacons that follow.

use std::time::Duration;

use v2x_core::{
    AwarenessRule, Config, EmergencySwitches, Fix, Input, Instant, Node, Permissions, VehicleState,
};
use v2x_proto::v1;

use testkit::craft::awareness;
use testkit::{Authority, PLACE, Station, anchor, fix};

/// A car with ten beacons a second.
fn car(permissions: Permissions) -> Station {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    let authority = Authority::new();
    let config = Config { awareness: every, ..Config::vehicle() };
    let identity = authority.identity_with(1, permissions);
    let mut station = Station::with(1, Node::new(config, identity, authority.trust.clone(), 1, anchor()));
    station.start(Instant::ZERO, PLACE);
    station
}

fn usual() -> Permissions {
    Permissions::AWARENESS | Permissions::HAZARD | Permissions::IMMINENT
}

/// Its beacons from one millisecond to another, with a position each 100 ms.
fn beacons(car: &mut Station, from_ms: u64, to_ms: u64) -> Vec<v1::Awareness> {
    let sent = car.drive(Instant::from_millis(from_ms), Instant::from_millis(to_ms), |now| fix(now, PLACE));
    sent.iter().map(|(_, bytes)| awareness(bytes)).collect()
}

fn say(car: &mut Station, at_ms: u64, state: VehicleState) {
    let now = Instant::from_millis(at_ms);
    car.feed(now, Input::Vehicle(VehicleState { time: anchor().wire_at(now), ..state }));
}

fn all_that_is_known() -> VehicleState {
    VehicleState {
        time: anchor().wire,
        speed: Some(1_700),
        acceleration: Some(-61),
        yaw_rate: Some(250),
        steering_angle: Some(-17),
        controls: Some(0b101),
        lights: Some(0b1000_0001),
        doors: Some(0b0010),
        emergency: None,
    }
}

#[test]
fn what_the_bus_says_is_in_the_next_beacon_and_unknown_half_a_second_later() {
    let mut car = car(usual());
    assert!(beacons(&mut car, 1, 1_049).iter().all(|beacon| beacon.control_flags.is_none()));
    say(&mut car, 1_050, all_that_is_known());
    let told = beacons(&mut car, 1_051, 2_050);
    assert_eq!(told.len(), 10);
    let (known, unknown): (Vec<_>, Vec<_>) = told.iter().partition(|beacon| beacon.control_flags.is_some());
    assert_eq!((known.len(), unknown.len()), (5, 5));
    for beacon in &known {
        assert_eq!((beacon.speed, beacon.acceleration, beacon.yaw_rate), (Some(1_700), Some(-61), Some(250)));
        assert_eq!((beacon.steering_angle, beacon.control_flags), (Some(-17), Some(0b101)));
    }
    for beacon in &unknown {
        assert_eq!((beacon.speed, beacon.acceleration, beacon.steering_angle), (Some(1_500), Some(0), None));
    }
    let with_doors: Vec<_> = known.iter().filter(|beacon| beacon.doors_open.is_some()).collect();
    assert_eq!(with_doors.len(), 1, "lights and doors each 500 ms");
    assert_eq!((with_doors[0].doors_open, with_doors[0].exterior_lights), (Some(0b10), Some(0b1000_0001)));
}

#[test]
fn light_bar_and_siren_are_told_where_the_credential_permits() {
    let on_call = EmergencySwitches { light_bar: true, siren: false };
    for (permissions, told) in [(usual(), false), (usual() | Permissions::EMERGENCY, true)] {
        let mut car = car(permissions);
        for (switches, on) in [(EmergencySwitches::default(), false), (on_call, true)] {
            let state = VehicleState { emergency: Some(switches), ..VehicleState::default() };
            let at_ms = if on { 2_000 } else { 1_000 };
            say(&mut car, at_ms, state);
            let beacons = beacons(&mut car, at_ms + 1, at_ms + 400);
            assert!(beacons.len() >= 4);
            for beacon in beacons {
                let emergency = beacon.emergency.map(|info| (info.light_bar, info.siren));
                assert_eq!(emergency, (on && told).then_some((true, false)));
            }
        }
    }
}

#[test]
fn values_beyond_their_range_are_sent_as_the_nearest_in_range_and_believed() {
    let extreme = VehicleState {
        speed: Some(u16::MAX),
        acceleration: Some(i16::MIN),
        yaw_rate: Some(i16::MIN),
        steering_angle: Some(i16::MAX),
        controls: Some(u8::MAX),
        lights: Some(u8::MAX),
        doors: Some(u8::MAX),
        ..VehicleState::default()
    };
    let mut car = car(usual());
    say(&mut car, 1_000, extreme);
    let now = Instant::from_millis(1_000);
    let sent = car.drive(now, Instant::from_millis(1_099), |now| fix(now, PLACE));
    let beacon = awareness(&sent[0].1);
    assert_eq!(
        (beacon.speed, beacon.acceleration, beacon.yaw_rate),
        (Some(16_382), Some(-160), Some(-32_766))
    );
    assert_eq!((beacon.steering_angle, beacon.control_flags), (Some(511), Some(0x7f)));
    let mut receiver = Station::silent(9);
    receiver.hear(sent[0].0, &sent[0].1);
    assert_eq!((receiver.received(), receiver.last_drop()), (1, None));
}

// EN 302 637-2 6.1.3: the speed that triggers is the vehicle's own.
#[test]
fn a_change_of_the_wheels_speed_makes_a_beacon_due() {
    let authority = Authority::new();
    let identity = authority.identity_with(1, usual());
    let mut car =
        Station::with(1, Node::new(Config::vehicle(), identity, authority.trust.clone(), 1, anchor()));
    car.start(Instant::ZERO, PLACE);
    let before = beacons(&mut car, 1, 3_000).len();
    assert!((2..=4).contains(&before), "{before} of a car whose position stands");
    let mut sent = 0;
    for step in 0..10_u64 {
        let at_ms = 3_000 + step * 100;
        say(
            &mut car,
            at_ms,
            VehicleState { speed: Some(1_500 + step as u16 * 60), ..VehicleState::default() },
        );
        sent += beacons(&mut car, at_ms + 1, at_ms + 99).len();
    }
    assert!(sent >= 9, "{sent} of a car that speeds up by 0.6 m/s each 100 ms");
}

// Line 4 of the contract: a state moves no deadline.
#[test]
fn what_the_bus_says_wakes_nobody() {
    let mut car = car(usual());
    let before = car.deadline;
    say(&mut car, 0, all_that_is_known());
    assert_eq!(car.deadline, before);
}

#[test]
fn a_fix_says_the_speed_while_the_bus_does_not() {
    let told = VehicleState { acceleration: Some(3), ..VehicleState::default() };
    let mut car = car(usual());
    say(&mut car, 1_000, told);
    let sent = car.drive(Instant::from_millis(1_000), Instant::from_millis(1_099), |now| {
        let Input::Fix(Some(here)) = fix(now, PLACE) else { unreachable!() };
        Input::Fix(Some(Fix { speed: Some(700), acceleration: Some(9), ..here }))
    });
    let beacon = awareness(&sent[0].1);
    assert_eq!((beacon.speed, beacon.acceleration), (Some(700), Some(3)));
}
