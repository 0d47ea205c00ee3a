//! A roadside unit's application, its station, and a car that hears it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_apps::advice::Advisor;
use v2x_apps::roadside::{ClientId, Heard, Roadside, line};
use v2x_apps::{Application, Moment};
use v2x_core::{Config, Event, Fix, HazardChange, Input, Instant, Position, Received, SendRequest};
use v2x_node::config::{CorrectionSource, Corrections, FeedAddress, RoadsideConfig, StationConfig};
use v2x_node::daemon::signal_ahead::signal_ahead;
use v2x_proto::payload::{self, Message};
use v2x_proto::v1::{self, MessageType, PriorityState};
use v2x_proto::{AreaView, Class, Digest};

use testkit::{PLACE, Station, anchor, fix};

#[test]
fn a_car_takes_all_that_a_unit_says() {
    let mut scene = Scene::new(&RoadsideConfig { work_zones: Vec::new(), ..example() });
    scene.run(10_000);
    assert_eq!(scene.car.drops(), BTreeMap::new());
    let heard = scene.heard_by_type();
    assert_eq!(heard[&(MessageType::SignalState as u32)], 200, "two intersections, ten times a second");
    for once_a_second in [MessageType::IntersectionMap, MessageType::SignInfo, MessageType::RsuAdvert] {
        assert_eq!(heard[&(once_a_second as u32)], 10, "{once_a_second:?}");
    }
    let revisions: Vec<u32> = scene
        .messages()
        .filter_map(|message| match message {
            Message::SignalState(state) if state.intersection_id == 18 => Some(state.map_revision),
            Message::IntersectionMap(map) => Some(map.revision),
            _ => None,
        })
        .collect();
    assert!(revisions.len() == 110 && revisions.iter().all(|revision| *revision == 1), "{revisions:?}");
}

#[test]
fn the_most_a_unit_may_be_told_to_say_is_within_what_receivers_take() {
    let mut config = RoadsideConfig { work_zones: Vec::new(), ..example() };
    let source = CorrectionSource::Device { path: "/dev/ttyUSB0".into(), baud: 115_200 };
    config.corrections = Some(Corrections { source, per_second: 6, gga: false });
    let map = config.intersections[1].map[0].clone();
    config.intersections[1].map =
        (0..16).map(|fragment| v1::IntersectionMap { fragment, fragments: 16, ..map.clone() }).collect();
    let mut scene = Scene::new(&config);
    for tenth in 1..400 {
        scene.run(tenth * 100);
        for _ in 0..2 {
            scene.application.correction(Bytes::from_static(RTCM), scene.now);
        }
        // A request that changes all the time.
        if tenth % 5 == 0 {
            scene.ask(tenth as u32 / 100);
        }
    }
    assert_eq!(scene.car.drops(), BTreeMap::new());
    let heard = scene.heard_by_type();
    assert!(heard[&(MessageType::GnssCorrection as u32)] > 200, "{heard:?}");
    assert!(heard[&(MessageType::PriorityStatus as u32)] > 35, "{heard:?}");
}

#[test]
fn a_request_for_priority_goes_to_the_controller_and_its_answer_to_the_car() {
    let mut scene = Scene::new(&fed());
    scene.run(500);
    scene.line(r#"{"intersection":18,"groups":[{"group":1,"phase":"stop_and_remain"}]}"#);
    scene.ask(3);
    scene.run(600);
    assert_eq!(scene.answers().last(), Some(&PriorityState::Processing));
    let lines = scene.application.take_lines();
    assert_eq!(lines.len(), 1);
    let (client, line) = &lines[0];
    let asked: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((*client, asked["intersection"].as_u64()), (CONTROLLER, Some(18)));
    let (requester, request) = (&asked["priority"]["requester"], &asked["priority"]["request"]);
    assert_eq!(requester.as_str().unwrap(), scene.car.node.digest().to_string());
    let answer = format!(
        r#"{{"intersection":18,"answers":[{{"requester":{requester},"request":{request},"state":"granted","expected_s":5}}]}}"#
    );
    scene.line(&answer);
    scene.run(1_200);
    assert_eq!(scene.answers().last(), Some(&PriorityState::Granted));
    // The controller falls silent, and with it what it granted.
    scene.run(3_000);
    assert_eq!(scene.answers().last(), Some(&PriorityState::Processing));
    scene.run(7_000);
    assert_eq!(scene.answers().last(), Some(&PriorityState::Rejected));
    let states = scene.messages().filter(|message| matches!(message, Message::SignalState(_))).count();
    assert!((9..=11).contains(&states), "a second of them: {states}");
}

#[test]
fn a_request_is_answered_within_the_deadline_of_its_class() {
    let mut scene = Scene::new(&fed());
    scene.run(500);
    scene.ask(3);
    let asked = scene.now;
    while scene.answers().is_empty() {
        scene.run(scene.now.as_nanos() / 1_000_000 + 1);
        assert!(scene.now.since(asked) < Class::D4.deadline().unwrap());
    }
}

#[test]
fn road_works_are_one_event_to_a_car_until_they_end() {
    let mut config = example();
    config.work_zones[0].until = Some(anchor().wire_at(Instant::from_millis(6_500)));
    let (latitude, longitude) = (PLACE.latitude, PLACE.longitude);
    config.work_zones[0].area =
        AreaView { latitude, longitude, distance_a_m: 500, ..config.work_zones[0].area };
    config.work_zones[0].area.distance_b_m = 500;
    let mut scene = Scene::new(&config);
    scene.run(10_000);
    let changes: Vec<_> = scene
        .car
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Hazard(changed) => Some((changed.change, changed.event.cause, changed.event.area)),
            _ => None,
        })
        .collect();
    let area = Some(config.work_zones[0].area);
    assert_eq!(changes, [(HazardChange::New, 3, area), (HazardChange::Expired, 3, area)]);
}

#[test]
fn a_vehicle_finds_its_lane_on_the_map_and_its_green_in_the_states() {
    let config = RoadsideConfig { work_zones: Vec::new(), ..fed() };
    let mut scene = Scene::new(&config);
    // On the lane from the south, 15 m/s, 100 m from the reference at first.
    scene.site = config.intersections[1].position;
    scene.road = scene.site.moved(1.75, -100.0);
    let mut advisor = Advisor::new(scene.car.node.digest());
    let mut told = 0;
    let mut ahead = None;
    for tenth in 1..=25 {
        scene.line(
            r#"{"intersection":18,"groups":[{"group":1,"phase":"stop_and_remain","min_end_s":9,"max_end_s":9,"likely_end_s":9}]}"#,
        );
        scene.run(tenth * 100);
        for event in &scene.car.events[told..] {
            advisor.event(event, scene.now, &anchor());
        }
        told = scene.car.events.len();
        let Input::Fix(fix) = scene.car_fix(scene.now) else { panic!("no fix") };
        advisor.fix(fix.as_ref(), scene.now, &anchor());
        ahead = advisor.road().advice(anchor().wire_at(scene.now)).or(ahead);
    }
    let ahead = signal_ahead(&ahead.expect("a signal is ahead"));
    assert_eq!((ahead.intersection, ahead.lane, ahead.signals.len()), (18, 1, 3));
    let straight = ahead.signals.iter().find(|signal| signal.to_lane == 13).unwrap();
    assert_eq!((straight.group, straight.known), (1, true));
    let green = straight.green_in_s.unwrap();
    assert!((8.5..=9.5).contains(&green), "{straight:?}");
}

/// The unit's station, its application and a car beside it, a millisecond at a time.
struct Scene {
    application: Roadside,
    unit: Station,
    car: Station,
    now: Instant,
    told: usize,
    /// Where the unit is.
    site: Position,
    /// Where the car began.
    road: Position,
}

impl Scene {
    fn new(config: &RoadsideConfig) -> Self {
        let application = Roadside::new(&config.content(), "unit", v1::Position::default(), Instant::ZERO);
        let mut scene = Self {
            application,
            unit: Station::new(1, Config::roadside()),
            car: Station::new(2, Config::vehicle()),
            now: Instant::ZERO,
            told: 0,
            site: PLACE,
            road: PLACE.moved(0.0, -200.0),
        };
        scene.unit.start(Instant::ZERO, PLACE);
        scene.unit.feed(Instant::ZERO, standing(Instant::ZERO, PLACE));
        scene.car.start(Instant::ZERO, PLACE.moved(0.0, -200.0));
        scene
    }

    /// On to `ms` milliseconds after the start.
    fn run(&mut self, ms: u64) {
        let end = Instant::from_millis(ms);
        while self.now < end {
            let now = self.now;
            let mut frames = Vec::new();
            if now.as_nanos().is_multiple_of(100_000_000) {
                frames.extend(self.unit.feed(now, standing(now, self.site)));
                let place = self.car_fix(now);
                self.say(now, place);
            }
            self.tell_application(now);
            self.application.set_sending(true);
            while let Some(input) = self.application.poll(Moment::at(now, &anchor())) {
                frames.extend(self.unit.feed(now, input));
                self.tell_application(now);
            }
            if self.unit.deadline.0 <= now {
                frames.extend(self.unit.feed(now, Input::Timeout));
            }
            for frame in frames {
                self.car.hear_from(now, &frame, self.unit.address);
            }
            if self.car.deadline.0 <= now {
                self.say(now, Input::Timeout);
            }
            self.now = now + Duration::from_millis(1);
        }
    }

    /// Where the car is: northward at 15 m/s.
    fn car_fix(&self, now: Instant) -> Input {
        fix(now, self.road.moved(0.0, now.as_nanos() as f64 * 15e-9))
    }

    /// Feeds the car; what it sends, the unit hears.
    fn say(&mut self, now: Instant, input: Input) {
        for frame in self.car.feed(now, input) {
            self.unit.hear_from(now, &frame, self.car.address);
        }
    }

    /// As the daemon does.
    fn tell_application(&mut self, now: Instant) {
        let wire = anchor().wire_at(now);
        for event in &self.unit.events[self.told..] {
            let heard = match event {
                Event::Received(received) if received.message_type == MessageType::PriorityRequest as u32 => {
                    Heard::Request(received.clone())
                }
                Event::HazardAccepted { id, .. } => Heard::HazardAccepted(*id),
                Event::HazardRefused { refusal, .. } => Heard::HazardRefused(*refusal),
                _ => continue,
            };
            self.application.heard(&heard, now, wire);
        }
        self.told = self.unit.events.len();
    }

    fn line(&mut self, text: &str) {
        let (now, line) = (self.now, line::parse(text.as_bytes()));
        assert_eq!(self.application.line(CONTROLLER, line, now, anchor().wire_at(now)), None);
    }

    /// The car asks for a green signal at intersection 18.
    fn ask(&mut self, request_id: u32) {
        let arrival = anchor().wire_at(self.now) + Duration::from_secs(12);
        let request = v1::PriorityRequest {
            intersection_id: 18,
            request_id,
            action: v1::PriorityAction::Request as i32,
            role: v1::PriorityRole::Emergency as i32,
            arrival_us: arrival.as_micros(),
            duration_ms: 2_000,
            ..v1::PriorityRequest::default()
        };
        let send = SendRequest {
            to: None,
            message_type: MessageType::PriorityRequest as u32,
            class: Class::D4,
            lifetime_ms: 1_000,
            max_hops: 1,
            area: None,
            subject: 18,
            due: None,
            token: None,
            payload: Bytes::from(request.encode_to_vec()),
        };
        self.say(self.now, Input::Send(send));
    }

    fn received(&self) -> impl Iterator<Item = &Received> {
        self.car.events.iter().filter_map(|event| match event {
            Event::Received(received) => Some(received),
            _ => None,
        })
    }

    fn messages(&self) -> impl Iterator<Item = Message> {
        self.received()
            .map(|received| payload::decode(received.message_type, received.payload.clone()).unwrap())
    }

    fn heard_by_type(&self) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for received in self.received() {
            *counts.entry(received.message_type).or_default() += 1;
        }
        counts
    }

    /// How the car's request stood, answer by answer.
    fn answers(&self) -> Vec<PriorityState> {
        let me: Digest = self.car.node.digest();
        let statuses = self.messages().filter_map(|message| match message {
            Message::PriorityStatus(status) => Some(status),
            _ => None,
        });
        let mine = statuses.flat_map(|status| status.answers).filter(|answer| *answer.requester == me.0);
        mine.map(|answer| answer.state()).collect()
    }
}

/// The unit's own position: one that moves and stays where it is would be taken for a liar.
pub fn standing(now: Instant, site: Position) -> Input {
    match fix(now, site) {
        Input::Fix(Some(moving)) => Input::Fix(Some(Fix { speed: Some(0), heading: None, ..moving })),
        other => other,
    }
}

fn example() -> RoadsideConfig {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/roadside.toml");
    StationConfig::load(&file).unwrap().roadside
}

pub fn fed() -> RoadsideConfig {
    RoadsideConfig { feed: Some(FeedAddress::Unix("/run/feed".into())), ..example() }
}

pub const CONTROLLER: ClientId = ClientId(1);
/// RTCM 10403.3's own example, a message of type 1005.
const RTCM: &[u8] = &[
    0xD3, 0x00, 0x13, 0x3E, 0xD7, 0xD3, 0x02, 0x02, 0x98, 0x0E, 0xDE, 0xEF, 0x34, 0xB4, 0xBD, 0x62, 0xAC,
    0x09, 0x41, 0x98, 0x6F, 0x33, 0x36, 0x0B, 0x98,
];
