//! A vehicle asks an intersection for priority, sealed, under one name after another; the unit grants it, and a third station
//! learns of neither.

use std::time::Duration;

use testkit::{Authority, anchor, fix};
use v2x_apps::infrastructure::{Ask, Infrastructure, IntersectionId, News, Output, Progress};
use v2x_apps::roadside::{Heard, Roadside, line};
use v2x_apps::{Application as _, Moment};
use v2x_core::{Config, Event, Input, Instant, Pool};
use v2x_node::config::RoadsideConfig;
use v2x_proto::Digest;
use v2x_proto::payload::{self, Message};
use v2x_proto::v1::{self, MessageType, PriorityRole, PriorityState};

use super::replay::{Party, air, changing};
use crate::roadside::{CONTROLLER, fed, standing};

const UNIT: usize = 0;
const CAR: usize = 1;
const THIRD: usize = 2;

/// A unit that grants all that it is asked for, a car that drives towards it, and somebody at the kerb.
struct Scene {
    parties: [Party; 3],
    unit: Roadside,
    car: Infrastructure,
    told: [usize; 2],
    config: RoadsideConfig,
    progress: Vec<(Instant, Progress)>,
}

impl Scene {
    fn new(unit: impl Into<Pool>) -> Self {
        let config = RoadsideConfig { work_zones: Vec::new(), ..fed() };
        let (identities, changes) = changing();
        let parties = [
            Party::new(1, unit, Config::roadside()),
            Party::new(2, Pool::new(identities).unwrap(), changes),
            Party::new(3, Authority::new().confidant(3), Config::vehicle()),
        ];
        let car = Infrastructure::new(parties[CAR].node.digest());
        let application = Roadside::new(&config.content(), "unit", v1::Position::default(), Instant::ZERO);
        Self { parties, unit: application, car, told: [0; 2], config, progress: Vec::new() }
    }

    /// Drives for so many seconds, in steps of 20 ms, and asks after the first.
    fn run(&mut self, seconds: u64) {
        for step in 1..=seconds * 50 {
            let now = Instant::from_millis(step * 20);
            let at = Moment::at(now, &anchor());
            let site = self.config.intersections[1].position;
            if step % 5 == 0 {
                let states = r#"{"intersection":18,"groups":[{"group":1,"phase":"stop_and_remain"}]}"#;
                self.line(states, now);
                // On the lane from the south, 15 m/s.
                let way = site.moved(1.75, 15.0 * (step as f64 * 0.02 - 20.0));
                let Input::Fix(place) = fix(now, way) else { unreachable!() };
                self.car.fix(place.as_ref(), at);
                for (number, place) in [
                    (UNIT, standing(now, site)),
                    (CAR, Input::Fix(place)),
                    (THIRD, standing(now, site.moved(9.0, -90.0))),
                ] {
                    self.say(number, now, place);
                }
            }
            if step == 50 {
                let ask = Ask {
                    intersection: IntersectionId { region: 0, number: 18 },
                    role: PriorityRole::Emergency,
                    egress_lane: None,
                    importance: Some(14),
                    duration: Duration::from_secs(2),
                };
                self.car.ask_priority(ask, at).unwrap();
            }
            self.applications(now);
            for number in [UNIT, CAR, THIRD] {
                self.say(number, now, Input::Timeout);
            }
        }
    }

    fn say(&mut self, number: usize, now: Instant, input: Input) {
        let frames = self.parties[number].input(now, input);
        air(&mut self.parties, now, number, frames);
    }

    fn line(&mut self, text: &str, now: Instant) {
        let parsed = line::parse(text.as_bytes());
        assert_eq!(self.unit.line(CONTROLLER, parsed, now, anchor().wire_at(now)), None);
    }

    fn applications(&mut self, now: Instant) {
        let at = Moment::at(now, &anchor());
        self.unit.set_sending(true);
        for event in &self.parties[UNIT].events[self.told[0]..] {
            if let Event::Received(received) = event
                && received.message_type == MessageType::PriorityRequest as u32
            {
                self.unit.heard(&Heard::Request(received.clone()), now, at.wire);
            }
        }
        self.told[0] = self.parties[UNIT].events.len();
        for event in &self.parties[CAR].events[self.told[1]..] {
            self.car.event(event, at);
        }
        self.told[1] = self.parties[CAR].events.len();
        // The controller grants whatever it is asked for.
        for (_, asked) in self.unit.take_lines() {
            let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
            let (requester, request) = (&asked["priority"]["requester"], &asked["priority"]["request"]);
            let granted = format!(
                r#"{{"intersection":18,"answers":[{{"requester":{requester},"request":{request},"state":"granted"}}]}}"#
            );
            self.line(&granted, now);
        }
        while let Some(input) = self.unit.poll(at) {
            self.say(UNIT, now, input);
        }
        self.car.timeout(at);
        while let Some(output) = self.car.next_output() {
            match output {
                Output::Send(request) => self.say(CAR, now, Input::Send(request)),
                Output::News(News::Priority { progress, .. }) => self.progress.push((now, progress)),
                Output::News(_) => {}
            }
        }
    }

    /// The messages about priority that a station was given: whether sealed, and which digests they name.
    fn about_priority(&self, number: usize) -> Vec<(bool, Vec<Digest>)> {
        let messages = self.parties[number].events.iter().filter_map(|event| match event {
            Event::Received(received) => {
                let message = payload::decode(received.message_type, received.payload.clone()).unwrap();
                Some((received, message))
            }
            _ => None,
        });
        let named = messages.filter_map(|(received, message)| match message {
            Message::PriorityRequest(_) => Some((received.confidential, vec![received.id.signer])),
            Message::PriorityStatus(status) => {
                let named = status.answers.iter().map(|one| Digest::from_slice(&one.requester).unwrap());
                Some((received.confidential, named.collect()))
            }
            _ => None,
        });
        named.collect()
    }

    fn granted(&self) -> usize {
        let granted = |progress: &&(Instant, Progress)| {
            matches!(progress.1, Progress::Answered { state: PriorityState::Granted, .. })
        };
        self.progress.iter().filter(granted).count()
    }

    fn names(&self) -> usize {
        let changed = |event: &&Event| matches!(event, Event::PseudonymChanged { .. });
        1 + self.parties[CAR].events.iter().filter(changed).count()
    }
}

#[test]
fn a_request_and_its_grant_are_read_by_the_two_alone_under_one_name_after_another() {
    let mut scene = Scene::new(Authority::new().confidant(1));
    scene.run(18);
    assert!(scene.names() >= 2, "a change in the middle");
    assert_eq!(scene.granted(), scene.names(), "{:?}", scene.progress);
    let at_unit = scene.about_priority(UNIT);
    let names: std::collections::BTreeSet<_> = at_unit.iter().flat_map(|(_, named)| named).collect();
    assert_eq!(names.len(), scene.names());
    for number in [UNIT, CAR] {
        let all = scene.about_priority(number);
        assert!(all.len() >= 2 && all.iter().all(|(sealed, _)| *sealed), "{all:?}");
    }
    assert_eq!(scene.about_priority(THIRD), []);
    let for_another = |event: &&Event| matches!(event, Event::Dropped(dropped) if dropped.reason.name() == "sealed_for_another");
    assert!(scene.parties[THIRD].events.iter().filter(for_another).count() >= 4);
    for party in &scene.parties {
        party.repeats();
    }
}

#[test]
fn a_unit_without_an_encryption_key_is_asked_in_the_open_unless_sealing_is_required() {
    let mut scene = Scene::new(Authority::new().identity(1));
    scene.run(6);
    assert_eq!(scene.granted(), 1);
    assert!(scene.about_priority(THIRD).iter().any(|(sealed, named)| !sealed && !named.is_empty()));

    let mut strict = Scene::new(Authority::new().identity(1));
    strict.car.require_seal(true);
    strict.run(6);
    assert_eq!((strict.granted(), strict.about_priority(THIRD)), (0, vec![]));
    let refused = |event: &&Event| matches!(event, Event::NotSent(not_sent) if not_sent.reason.name() == "no_encryption_key");
    assert!(strict.parties[CAR].events.iter().filter(refused).count() >= 3);
}
