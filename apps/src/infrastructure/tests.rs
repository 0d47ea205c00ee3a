use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use v2x_proto::Class;
use v2x_proto::v1::{LaneKind, PriorityState};

use super::lane::Connection;
use super::*;
use v2x_core::{MessageId, Position, ReceiveStamps, Way};

pub(super) const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
pub(super) const UNIT: Digest = Digest([7; 8]);
pub(super) const OTHER: Digest = Digest([8; 8]);
pub(super) const OWN: Digest = Digest([1; 8]);
/// A signer that stands at the place.
pub(super) fn by(signer: Digest) -> Speaker {
    Speaker { signer, place: PLACE }
}

const START_US: u64 = 720_000_000_000_000;

/// `millis` after the start of the test.
pub(super) fn at(millis: u64) -> Moment {
    Moment { now: Instant::from_millis(millis), wire: WireTime::from_micros(START_US + millis * 1000) }
}

/// Lanes `number` from south to north, 300 m long, the first at `east_m`, each 3.5 m east of the one before it. Stop
/// lines 10 m south of the reference; lane n waits for group n.
pub(super) fn road(number: u8, east_m: f64) -> Vec<v1::Lane> {
    (1..=number)
        .map(|lane| v1::Lane {
            lane: u32::from(lane),
            kind: LaneKind::VehicleIngress as i32,
            manoeuvres: 1,
            width_cm: Some(350),
            delta_east_cm: vec![((east_m + 3.5 * f64::from(lane - 1)) * 100.0) as i32, 0, 0],
            delta_north_cm: vec![-1_000, -10_000, -20_000],
            connects_to: vec![u32::from(lane) + 100],
            connects_group: vec![u32::from(lane)],
        })
        .collect()
}

pub(super) fn map_of(number: u32, revision: u32, lanes: Vec<v1::Lane>) -> v1::IntersectionMap {
    v1::IntersectionMap {
        intersection_id: number,
        region_id: 0,
        revision,
        reference: Some(v1::Position {
            latitude: PLACE.latitude,
            longitude: PLACE.longitude,
            ..v1::Position::default()
        }),
        fragment: 0,
        fragments: 1,
        speed_limit: Some(1_389),
        lanes,
    }
}

/// All groups of [`road`] in one phase that ends `end` tenths of a second after `at`.
pub(super) fn state_of(number: u32, at: Moment, phase: SignalPhase, end: u32) -> v1::SignalState {
    let group = |group| v1::SignalGroup {
        group,
        phase: phase as i32,
        min_end: Some(end),
        max_end: Some(end),
        likely_end: Some(end),
        ..v1::SignalGroup::default()
    };
    v1::SignalState {
        intersection_id: number,
        region_id: 0,
        map_revision: 3,
        state_time_us: at.wire.as_micros(),
        status: 0,
        groups: (1..=3).map(group).collect(),
    }
}

pub(super) fn fix_at(at: Moment, position: Position, speed: u16) -> Fix {
    Fix {
        position,
        altitude_cm: None,
        speed: Some(speed),
        heading: Some(0),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: Some(150),
        time: at.wire,
    }
}

fn received(message: &Message, signer: Digest) -> Received {
    let mut payload = Vec::new();
    message.encode(&mut payload);
    Received {
        way: Way::Air,
        confidential: false,
        id: MessageId { signer, class: Class::D4, sequence: 1 },
        message_type: message.message_type() as u32,
        generation_time: WireTime::from_micros(START_US),
        position: PLACE,
        link_source: [0; 6],
        signal_dbm: None,
        forwarder: None,
        frame: Bytes::new(),
        hops: 1,
        permissions: 0,
        verified: true,
        suspect: false,
        payload: Bytes::from(payload),
        stamps: ReceiveStamps::default(),
    }
}

fn hear(vehicle: &mut Infrastructure, message: impl Into<Message>, at: Moment) {
    vehicle.event(&Event::Received(received(&message.into(), UNIT)), at);
}

fn news(vehicle: &mut Infrastructure) -> Vec<News> {
    let mut all = Vec::new();
    while let Some(output) = vehicle.next_output() {
        match output {
            Output::News(news) => all.push(news),
            Output::Send(_) => {}
        }
    }
    all
}

fn requests(vehicle: &mut Infrastructure) -> Vec<v1::PriorityRequest> {
    let mut all = Vec::new();
    while let Some(output) = vehicle.next_output() {
        if let Output::Send(request) = output {
            all.push(v1::PriorityRequest::decode(request.payload).unwrap());
        }
    }
    all
}

/// A vehicle 110 m before the stop line of lane 1, at 10 m/s, that knows map and a red state and matched its lane.
fn on_lane() -> (Infrastructure, Moment) {
    let mut vehicle = Infrastructure::new(OWN);
    hear(&mut vehicle, map_of(17, 3, road(3, 0.0)), at(0));
    for step in 0..=10 {
        let now = at(step * 100);
        hear(&mut vehicle, state_of(17, now, SignalPhase::StopAndRemain, 142 - step as u32), now);
        let fix = fix_at(now, PLACE.moved(0.0, -120.0 + step as f64), 1000);
        vehicle.fix(Some(&fix), now);
    }
    (vehicle, at(1000))
}

#[test]
fn the_line_for_the_driver_reads_as_documented() {
    let (vehicle, now) = on_lane();
    let line = vehicle.advice(now.wire).unwrap().to_string();
    assert_eq!(
        line,
        "intersection 17 lane 1: red, green in 13.2 s, 100 m to the stop line; green window: 18 to 27 km/h"
    );
}

#[test]
fn ways_that_show_the_same_are_named_together_and_a_long_line_is_broken_between_its_parts() {
    let (vehicle, now) = on_lane();
    let mut advice = vehicle.advice(now.wire).unwrap();
    assert_eq!(
        advice.lines(80),
        [
            "intersection 17 lane 1: red, green in 13.2 s, 100 m to the stop line;",
            "    green window: 18 to 27 km/h"
        ]
    );
    let red = advice.signals[0];
    let way = |to, shows| Signal { connection: Connection { to, ..red.connection }, shows };
    let stale = Err(Unknown::Stale);
    advice.signals = [way(13, red.shows), way(12, stale), way(14, red.shows)].into_iter().collect();
    let line = "intersection 17 lane 1: to 13, 14 red, green in 13.2 s; to 12 unknown (stale), \
                100 m to the stop line";
    assert_eq!(advice.to_string(), line);
    let [first, rest] = &advice.lines(80)[..] else { panic!("{:?}", advice.lines(80)) };
    assert_eq!(first, "intersection 17 lane 1: to 13, 14 red, green in 13.2 s; to 12 unknown (stale),");
    assert_eq!(rest, "    100 m to the stop line");
    assert_eq!(advice.lines(200), [line]);
    // A part alone may be wider than the terminal: it has a line of its own and stays whole.
    assert_eq!(advice.lines(1).len(), 3);
}

#[test]
fn a_state_that_is_not_renewed_becomes_unknown_once_and_at_the_deadline() {
    let (mut vehicle, now) = on_lane();
    news(&mut vehicle);
    let mut told = Vec::new();
    let mut moment = now;
    // Fixes go on, states do not.
    for step in 0..30 {
        moment = at(1000 + step * 100);
        let fix = fix_at(moment, PLACE.moved(0.0, -110.0 + step as f64), 1000);
        vehicle.fix(Some(&fix), moment);
        told.extend(news(&mut vehicle));
    }
    let [News::Lane(Some(advice))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(advice.signals[0].shows, Err(Unknown::Stale));
    assert!(vehicle.advice(moment.wire).unwrap().to_string().contains("unknown (stale)"));

    let (mut vehicle, now) = on_lane();
    news(&mut vehicle);
    let due = vehicle.deadline(now).unwrap();
    assert_eq!(due.since(now.now), Duration::from_micros(1_000_001));
    vehicle.timeout(Moment { now: due, wire: now.wire + due.since(now.now) });
    assert_eq!(news(&mut vehicle).len(), 1);
}

#[test]
fn a_lost_position_is_told_once() {
    let (mut vehicle, now) = on_lane();
    news(&mut vehicle);
    let later = at(3_100);
    assert!(vehicle.deadline(now).unwrap() < later.now);
    vehicle.timeout(later);
    vehicle.timeout(at(3_200));
    assert_eq!(news(&mut vehicle), [News::Lane(None)]);
}

#[test]
fn suspects_and_the_unverified_are_not_believed() {
    let mut vehicle = Infrastructure::new(OWN);
    let map = received(&map_of(17, 3, road(1, 0.0)).into(), UNIT);
    vehicle.event(&Event::Received(Received { suspect: true, ..map.clone() }), at(0));
    vehicle.event(&Event::Received(Received { verified: false, ..map }), at(0));
    assert_eq!(vehicle.intersections().iter().count(), 0);
    assert_eq!(vehicle.refusals().collect::<Vec<_>>(), [(Refusal::NotTrusted, 2)]);
}

#[test]
fn a_request_lives_from_the_approach_to_the_stop_line() {
    let (mut vehicle, now) = on_lane();
    let id = IntersectionId { region: 0, number: 17 };
    let ask = Ask {
        intersection: id,
        role: v1::PriorityRole::PublicTransport,
        egress_lane: Some(101),
        importance: None,
        duration: Duration::from_secs(8),
    };
    vehicle.ask_priority(ask, now).unwrap();
    assert_eq!(vehicle.ask_priority(ask, now), Err(AskError::AlreadyAsked));
    let sent = requests(&mut vehicle);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].ingress_lane, Some(1));
    let seconds = (sent[0].arrival_us - now.wire.as_micros()) as f64 * 1e-6;
    assert!((seconds - 10.0).abs() < 0.01, "100 m at 10 m/s take {seconds} s");

    let answer = v1::PriorityStatus {
        intersection_id: 17,
        region_id: 0,
        answers: vec![v1::PriorityAnswer {
            requester: Bytes::copy_from_slice(&OWN.0),
            request_id: 0,
            state: PriorityState::Granted as i32,
            expected_us: None,
        }],
    };
    hear(&mut vehicle, answer, at(1050));
    let granted = Progress::Answered { state: PriorityState::Granted, expected: None };
    assert!(news(&mut vehicle).contains(&News::Priority { intersection: id, progress: granted }));

    // At an unchanged speed nothing is sent; past the line it is withdrawn.
    let mut sent = Vec::new();
    for step in 1..=130u64 {
        let moment = at(1000 + step * 100);
        vehicle.fix(Some(&fix_at(moment, PLACE.moved(0.0, -110.0 + step as f64), 1000)), moment);
        sent.extend(requests(&mut vehicle));
    }
    let actions: Vec<_> = sent.iter().map(|request| request.action).collect();
    assert_eq!(actions, [v1::PriorityAction::Cancel as i32]);
    assert_eq!(vehicle.requests().iter().count(), 0);
}

#[test]
fn answers_of_another_than_the_signal_s_signer_are_contested() {
    let (mut vehicle, now) = on_lane();
    let status = v1::PriorityStatus { intersection_id: 17, region_id: 0, answers: Vec::new() };
    vehicle.event(&Event::Received(received(&status.into(), OTHER)), now);
    assert_eq!(vehicle.refusals().collect::<Vec<_>>(), [(Refusal::Contested, 1)]);
}

#[test]
fn a_grant_is_not_known_any_longer_once_another_speaks_for_the_signals() {
    let (mut vehicle, now) = on_lane();
    let id = IntersectionId { region: 0, number: 17 };
    let ask = Ask {
        intersection: id,
        role: v1::PriorityRole::PublicTransport,
        egress_lane: None,
        importance: None,
        duration: Duration::from_secs(8),
    };
    vehicle.ask_priority(ask, now).unwrap();
    let answer = v1::PriorityStatus {
        intersection_id: 17,
        region_id: 0,
        answers: vec![v1::PriorityAnswer {
            requester: Bytes::copy_from_slice(&OWN.0),
            request_id: 0,
            state: PriorityState::Granted as i32,
            expected_us: None,
        }],
    };
    hear(&mut vehicle, answer, at(1050));
    news(&mut vehicle);
    let green = state_of(17, at(1100), SignalPhase::ProtectedGo, 50);
    vehicle.event(&Event::Received(received(&green.into(), OTHER)), at(1100));
    assert!(news(&mut vehicle).contains(&News::Priority { intersection: id, progress: Progress::Contested }));
}

fn any_lane() -> impl Strategy<Value = v1::Lane> {
    let delta = prop_oneof![Just(0), Just(-32_768), Just(32_767), -400..400];
    (
        1..=255u32,
        0..=6i32,
        proptest::option::of(0..=32_767u32),
        2..=63usize,
        proptest::collection::vec(delta, 126),
    )
        .prop_map(|(lane, kind, width_cm, points, deltas)| v1::Lane {
            lane,
            kind,
            manoeuvres: 0x3f,
            width_cm,
            delta_east_cm: deltas[..points].to_vec(),
            delta_north_cm: deltas[63..63 + points].to_vec(),
            connects_to: vec![1; 16],
            connects_group: (0..16).collect(),
        })
}

fn any_map() -> impl Strategy<Value = v1::IntersectionMap> {
    let latitude =
        prop_oneof![Just(PLACE.latitude), Just(900_000_000), Just(-900_000_000), -900_000_000..=900_000_000];
    let longitude = prop_oneof![Just(PLACE.longitude), Just(1_800_000_000), Just(-1_800_000_000)];
    let lanes = proptest::collection::vec(any_lane(), 0..12);
    (0..40u32, 0..3u32, 0..=127u32, 1..=3u32, 0..3u32, latitude, longitude, lanes).prop_map(
        |(number, region_id, revision, fragments, fragment, latitude, longitude, lanes)| {
            v1::IntersectionMap {
                region_id,
                fragments,
                fragment: fragment % fragments,
                reference: Some(v1::Position { latitude, longitude, ..v1::Position::default() }),
                ..map_of(number, revision, lanes)
            }
        },
    )
}

fn any_state() -> impl Strategy<Value = v1::SignalState> {
    let end = || proptest::option::of(prop_oneof![Just(0), Just(36_000), 0..=36_000u32]);
    let time = prop_oneof![Just(1), Just(u64::MAX), START_US..START_US + 9_000_000];
    (0..40u32, 0..=127u32, time, 0..=0x3ffu32, -1..=11i32, end(), end(), end()).prop_map(
        |(number, map_revision, state_time_us, status, phase, min_end, likely_end, max_end)| {
            v1::SignalState {
                intersection_id: number,
                region_id: 0,
                map_revision,
                state_time_us,
                status,
                groups: (1..=32)
                    .map(|group| v1::SignalGroup {
                        group,
                        phase,
                        min_end,
                        likely_end,
                        max_end,
                        ..Default::default()
                    })
                    .collect(),
            }
        },
    )
}

fn any_sign() -> impl Strategy<Value = v1::SignInfo> {
    let zone = (1..=3i32, 1..=65_535u32, 0..360u32).prop_map(|(shape, size, azimuth_deg)| v1::Area {
        latitude: PLACE.latitude,
        longitude: PLACE.longitude,
        shape,
        distance_a_m: size,
        distance_b_m: if shape == 1 { 0 } else { size },
        azimuth_deg: if shape == 1 { 0 } else { azimuth_deg },
    });
    (0..200u32, any::<u32>(), proptest::collection::vec(zone, 0..8), proptest::option::of(0..360u32))
        .prop_map(|(sign_id, revision, zones, direction_deg)| v1::SignInfo {
            sign_id,
            revision,
            zones,
            direction_deg,
            signs: vec![v1::Sign { code: 274, ..v1::Sign::default() }],
            ..v1::SignInfo::default()
        })
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any_map().prop_map(Message::from),
        any_state().prop_map(Message::from),
        any_sign().prop_map(Message::from)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_maps_states_and_signs_never_panic_and_keep_the_bounds(
        messages in proptest::collection::vec((any_message(), 0..12u8), 1..50),
        east in -400.0..400.0f64, north in -400.0..400.0f64, speed in 0..=16_382u16, heading in 0..3600u16,
    ) {
        let mut vehicle = Infrastructure::new(OWN);
        for (step, (message, signer)) in messages.into_iter().enumerate() {
            let moment = at(step as u64 * 150);
            vehicle.event(&Event::Received(received(&message, Digest([signer; 8]))), moment);
            let fix = Fix { heading: Some(heading), ..fix_at(moment, PLACE.moved(east, north), speed) };
            vehicle.fix(Some(&fix), moment);
            if let Some(advice) = vehicle.advice(moment.wire) {
                prop_assert!(advice.lane.distance_m.is_finite() && !advice.to_string().is_empty());
                let window = advice.green_window();
                prop_assert!(window.is_none_or(|window| window.min_mps > 0.0 && window.max_mps.is_finite()));
                prop_assert!(advice.violation().is_none_or(|violation| violation.deceleration > 0.0));
            }
            if let Some(due) = vehicle.deadline(moment) {
                prop_assert!(due > moment.now);
            }
            while vehicle.next_output().is_some() {}
        }
        prop_assert!(vehicle.intersections().iter().count() <= limits::MAX_INTERSECTIONS);
        prop_assert!(vehicle.signs().iter().count() <= limits::MAX_SIGNS);
        for entry in vehicle.intersections().iter() {
            prop_assert!(entry.map().is_none_or(|map| map.lanes().len() <= limits::MAX_INGRESS_LANES));
        }
    }

    #[test]
    fn arbitrary_payloads_are_refused_or_taken(message_type in 0..20u32, payload: Vec<u8>) {
        let mut vehicle = Infrastructure::new(OWN);
        let message = received(&map_of(1, 1, Vec::new()).into(), UNIT);
        vehicle.event(&Event::Received(Received { message_type, payload: payload.into(), ..message }), at(0));
        vehicle.timeout(at(1));
    }
}
