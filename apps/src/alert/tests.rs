//! When each alert is due, renewed and over.

use super::*;
use v2x_core::{EventState, HazardRefusal, Heard, KnownHazard, MessageId, Motion, Position};

use v2x_proto::Digest;

const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
const ID: EventId = EventId { origin: Digest([1; 8]), number: 5 };

/// A vehicle at `ms`, whose sensors give `acceleration` in 0.1 m/s^2.
fn at(ms: u64, speed: u16, acceleration: Option<i16>) -> (Instant, Fix) {
    let time = WireTime::from_secs(1000) + Duration::from_millis(ms);
    (Instant::from_millis(ms), Fix { acceleration, time, ..fix(HERE, speed, 0) })
}

/// Where a station is at second 1000, at `speed` 0.01 m/s.
fn fix(position: Position, speed: u16, heading: u16) -> Fix {
    Fix {
        position,
        altitude_cm: None,
        speed: Some(speed),
        heading: Some(heading),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: Some(150),
        time: WireTime::from_secs(1000),
    }
}

/// A stationary vehicle, detected at second 1000.
fn event(id: EventId) -> KnownHazard {
    let at = WireTime::from_secs(1000);
    KnownHazard {
        id,
        own: false,
        afar: false,
        state: EventState::Active,
        class: Class::D1,
        cause: cause::STATIONARY_VEHICLE,
        sub_cause: 0,
        position: HERE,
        speed: None,
        heading: None,
        quality: None,
        detection: at,
        reference: at,
        valid_until: at + Duration::from_secs(600),
        area: None,
        relevance_distance_m: None,
        relevance_direction: v1::RelevanceDirection::Unspecified,
        keep_alive: None,
        suspect: false,
        concern: None,
    }
}

fn look(triggers: &mut Triggers, (now, fix): (Instant, Fix)) -> Option<HazardCommand> {
    let command = triggers.observe(now, &fix, [])?;
    if matches!(command, HazardCommand::New(_)) {
        triggers.hear(now, &Event::HazardAccepted { id: ID, token: None });
    }
    Some(command)
}

fn neighbours(east: f64, north: f64, speed: u16, heading: u16) -> NeighbourTable {
    let mut table = NeighbourTable::new();
    let generation = WireTime::from_secs(1000);
    let id = MessageId { signer: Digest([9; 8]), class: Class::D2, sequence: 1 };
    let heard = Heard {
        id,
        generation,
        position: HERE.moved(east, north),
        at: Instant::ZERO,
        wire: generation,
        link: [2; 6],
        direct: true,
        signal_dbm: None,
    };
    table.hear(&heard, None);
    let motion = Motion { speed: Some(speed), heading: Some(heading), acceleration: None, station_type: 5 };
    table.set_motion(&id.signer, generation, &motion);
    table
}

#[test]
fn hard_braking_is_said_renewed_and_taken_back() {
    let mut triggers = Triggers::default();
    assert_eq!(look(&mut triggers, at(0, 2500, Some(-30))), None, "braking, but not hard");
    let command = look(&mut triggers, at(100, 2400, Some(-60)));
    let Some(HazardCommand::New(draft)) = command else { panic!("{command:?}") };
    assert_eq!((draft.class, draft.cause, draft.sub_cause), (Class::D0, 99, 1));
    assert_eq!((draft.speed, draft.heading, draft.check()), (Some(2400), Some(0), Ok(())));
    assert_eq!(look(&mut triggers, at(200, 2300, Some(-60))), None);
    assert_eq!(look(&mut triggers, at(600, 2100, Some(-30))), None, "less hard, but braking on");
    assert!(matches!(look(&mut triggers, at(1100, 1900, Some(-60))), Some(HazardCommand::Update(ID, _))));
    assert_eq!(look(&mut triggers, at(1200, 1800, Some(-10))), None);
    assert_eq!(look(&mut triggers, at(1600, 1800, Some(-10))), None, "it might go on");
    assert_eq!(look(&mut triggers, at(1700, 1800, Some(-10))), Some(HazardCommand::Cancel(ID)));
    assert_eq!(look(&mut triggers, at(1800, 1800, Some(-10))), None);
}

#[test]
fn the_heading_of_an_alert_is_the_held_one() {
    let mut triggers = Triggers::default();
    assert!(matches!(look(&mut triggers, at(0, 2400, Some(-60))), Some(HazardCommand::New(_))));
    let (now, crawling) = at(1_100, 80, Some(-60));
    let command = triggers.observe(now, &Fix { heading: Some(1_800), ..crawling }, []);
    let Some(HazardCommand::Update(_, draft)) = command else { panic!("{command:?}") };
    assert_eq!((draft.speed, draft.heading), (Some(80), Some(0)));
}

#[test]
fn without_a_sensor_the_speeds_tell_and_a_slow_vehicle_does_not_alarm() {
    let mut triggers = Triggers::default();
    assert_eq!(look(&mut triggers, at(0, 2000, None)), None);
    assert_eq!(look(&mut triggers, at(200, 1950, None)), None, "2.5 m/s^2");
    assert!(matches!(look(&mut triggers, at(400, 1830, None)), Some(HazardCommand::New(_))), "6 m/s^2");
    let mut slow = Triggers::default();
    assert_eq!(look(&mut slow, at(0, 500, Some(-80))), None);
}

#[test]
fn a_refused_alert_is_tried_again_after_a_pause() {
    let mut triggers = Triggers::default();
    let braking = |ms| at(ms, 2400, Some(-60));
    let (now, fix) = braking(0);
    assert!(matches!(triggers.observe(now, &fix, []), Some(HazardCommand::New(_))));
    triggers.hear(now, &Event::HazardRefused { refusal: HazardRefusal::SendingBlocked, token: None });
    assert_eq!(look(&mut triggers, braking(4_900)), None);
    assert!(matches!(look(&mut triggers, braking(5_000)), Some(HazardCommand::New(_))));
}

#[test]
fn an_alert_that_ended_or_was_renamed_is_known_as_such() {
    let mut triggers = Triggers { emergency: true, ..Triggers::default() };
    let command = look(&mut triggers, at(0, 2000, None));
    assert!(
        matches!(&command, Some(HazardCommand::New(draft)) if draft.cause == cause::EMERGENCY_VEHICLE && draft.class == Class::D1)
    );
    let new = EventId { number: 6, ..ID };
    triggers.hear(Instant::ZERO, &Event::HazardRenamed { old: ID, new });
    assert!(
        matches!(look(&mut triggers, at(1000, 2000, None)), Some(HazardCommand::Update(id, _)) if id == new)
    );
    let event = event(new);
    triggers.hear(Instant::ZERO, &Event::Hazard(HazardChanged { event, change: HazardChange::Expired }));
    assert!(matches!(look(&mut triggers, at(1100, 2000, None)), Some(HazardCommand::New(_))));
    triggers.emergency = false;
    assert_eq!(look(&mut triggers, at(1200, 2000, None)), None);
    assert_eq!(look(&mut triggers, at(1700, 2000, None)), Some(HazardCommand::Cancel(ID)));
}

#[test]
fn a_collision_course_alarms_in_time_and_the_next_lane_does_not() {
    let due = |east, north, speed, heading| {
        let table = neighbours(east, north, speed, heading);
        let (now, fix) = at(100, 2000, None);
        Triggers::default().observe(now, &fix, table.iter())
    };
    let head_on = due(0.5, 50.0, 2000, 1800);
    let Some(HazardCommand::New(draft)) = head_on else { panic!("{head_on:?}") };
    assert_eq!((draft.class, draft.cause, draft.check()), (Class::D0, cause::COLLISION_RISK, Ok(())));
    assert!(draft.position.unwrap().distance_m(HERE.moved(0.0, 24.0)) < 1.0, "between the two");
    assert!(due(22.0, 22.0, 2000, 2700).is_some(), "crossing");
    assert_eq!(due(3.5, 50.0, 2000, 1800), None, "the next lane");
    assert_eq!(due(0.5, 110.0, 2000, 1800), None, "2.7 s away");
    assert_eq!(due(0.0, 10.0, 1800, 0), None, "a queue closes up");
    assert_eq!(due(0.0, -20.0, 1000, 0), None, "behind and slower");
    let table = neighbours(0.5, 50.0, 2000, 1800);
    let (now, late) = at(600, 2000, None);
    assert_eq!(Triggers::default().observe(now, &late, table.iter()), None, "not heard for too long");
    let poor = Fix { accuracy_cm: Some(1_000), ..at(100, 2000, None).1 };
    assert_eq!(Triggers::default().observe(now, &poor, table.iter()), None);
}

/// What the vehicle says at `ms`, 100 ms after a position of a car at 24 m/s that its receiver knows nothing more of.
fn told(triggers: &mut Triggers, ms: u64, state: VehicleState) -> Option<HazardCommand> {
    let table = NeighbourTable::new();
    let moment = |ms| {
        let (now, fix) = at(ms, 2400, None);
        (Moment { now, wire: fix.time }, fix)
    };
    let (before, fix) = moment(ms - 100);
    triggers.fix(Some(&fix), &table, before);
    assert_eq!(triggers.poll(before), None, "the position alone is no reason");
    let (then, fix) = moment(ms);
    triggers.vehicle(&VehicleState { time: fix.time, ..state }, &table, then);
    match triggers.poll(then) {
        Some(Input::Hazard { command, .. }) => Some(command),
        other => {
            assert_eq!(other, None);
            None
        }
    }
}

#[test]
fn what_the_vehicle_says_alarms_at_once_and_not_at_the_next_position() {
    let brakes = VehicleState { acceleration: Some(-60), ..VehicleState::default() };
    let emergency_brake =
        VehicleState { controls: Some(VehicleState::EMERGENCY_BRAKE), ..VehicleState::default() };
    for state in [brakes, emergency_brake] {
        let command = told(&mut Triggers::default(), 1_000, state);
        let Some(HazardCommand::New(draft)) = command else { panic!("{command:?}") };
        assert_eq!((draft.class, draft.cause, draft.speed), (Class::D0, 99, Some(2400)));
    }
    let slow = VehicleState { speed: Some(400), ..emergency_brake };
    assert_eq!(told(&mut Triggers::default(), 1_000, slow), None, "by its wheels it hardly moves");
    let pedal = VehicleState { controls: Some(1), ..VehicleState::default() };
    assert_eq!(told(&mut Triggers::default(), 1_000, pedal), None, "a touch of the brake");
}

#[test]
fn siren_or_light_bar_are_an_emergency_call() {
    for (light_bar, siren, due) in [(false, false, false), (true, false, true), (false, true, true)] {
        let emergency = Some(EmergencySwitches { light_bar, siren });
        let command =
            told(&mut Triggers::default(), 1_000, VehicleState { emergency, ..VehicleState::default() });
        let cause = command.map(|command| match command {
            HazardCommand::New(draft) => (draft.class, draft.cause),
            other => panic!("{other:?}"),
        });
        assert_eq!(cause, due.then_some((Class::D1, cause::EMERGENCY_VEHICLE)));
    }
}

#[test]
fn speeds_of_a_fast_bus_tell_of_braking_too() {
    let mut triggers = Triggers::default();
    let table = NeighbourTable::new();
    let mut due = None;
    for ms in (0..400).step_by(10) {
        let (now, fix) = at(ms, 2400, None);
        let moment = Moment { now, wire: fix.time };
        if ms == 0 {
            triggers.fix(Some(&fix), &table, moment);
        }
        let speed = Some(2400 - (ms * 6 / 10) as u16);
        triggers.vehicle(&VehicleState { time: fix.time, speed, ..VehicleState::default() }, &table, moment);
        due = due.or_else(|| triggers.poll(moment).map(|_| ms));
    }
    assert_eq!(due, Some(50), "6 m/s^2, over the first 50 ms");
}

#[test]
fn the_wrong_way_is_said_as_an_alert() {
    let mut triggers = Triggers { wrong_way: true, ..Triggers::default() };
    let command = look(&mut triggers, at(0, 2000, None));
    assert!(
        matches!(command, Some(HazardCommand::New(draft)) if draft.cause == cause::WRONG_WAY_DRIVER && draft.check() == Ok(()))
    );
}
