//! A vehicle drives up to a signal whose state a roadside unit sends: through the real send and receive path, signed.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_apps::Moment;
use v2x_apps::infrastructure::priority::Progress;
use v2x_apps::infrastructure::{Ask, Infrastructure, IntersectionId, News, Output, Refusal, Unknown};
use v2x_core::{AwarenessRule, Config, Event, Fix, Input, Instant, Permissions, Position, SendRequest};
use v2x_proto::envelope::{SignedView, TbsRepr, TbsView};
use v2x_proto::payload::Message;
use v2x_proto::v1::{self, LaneKind, PriorityState, SignalPhase};
use v2x_proto::{Class, hop};

use testkit::craft::Crafter;
use testkit::{Authority, PLACE, Station, anchor, fix};

const ID: IntersectionId = IntersectionId { region: 49, number: 17 };

/// A roadside unit's node, and its two-phase controller: red until `green_ms`, then green.
struct Unit {
    station: Station,
    green_ms: u64,
}

impl Unit {
    fn new(number: u32, green_ms: u64) -> Self {
        let config = Config { awareness: AwarenessRule::Off, ..Config::roadside() };
        let mut station = Station::new(number, config);
        station.start(Instant::ZERO, PLACE);
        Self { station, green_ms }
    }

    fn say(&mut self, now: Instant, class: Class, message: impl Into<Message>) -> Vec<Bytes> {
        let message = message.into();
        let mut payload = Vec::new();
        message.encode(&mut payload);
        let request = SendRequest {
            to: None,
            message_type: message.message_type() as u32,
            class,
            lifetime_ms: 900,
            max_hops: 1,
            area: None,
            subject: ID.number,
            due: None,
            token: None,
            payload: payload.into(),
        };
        self.station.feed(now, fix(now, PLACE));
        self.station.feed(now, Input::Send(request))
    }

    /// The map, two fragments of a lane each, in two messages.
    fn map(&mut self, now: Instant) -> Vec<Bytes> {
        let fragment = |fragment: u32| v1::IntersectionMap {
            intersection_id: ID.number,
            region_id: u32::from(ID.region),
            revision: 3,
            reference: Some(v1::Position {
                latitude: PLACE.latitude,
                longitude: PLACE.longitude,
                ..v1::Position::default()
            }),
            fragment,
            fragments: 2,
            speed_limit: Some(1_389),
            lanes: vec![v1::Lane {
                lane: fragment + 1,
                kind: LaneKind::VehicleIngress as i32,
                width_cm: Some(350),
                delta_east_cm: vec![fragment as i32 * 350, 0],
                delta_north_cm: vec![-1_000, -30_000],
                connects_to: vec![9],
                connects_group: vec![fragment + 1],
                ..v1::Lane::default()
            }],
        };
        (0..2).flat_map(|number| self.say(now, Class::D5, fragment(number))).collect()
    }

    fn state(&mut self, now: Instant) -> Vec<Bytes> {
        let millis = now.as_nanos() / 1_000_000;
        let red = millis < self.green_ms;
        let end = if red { self.green_ms } else { self.green_ms + 20_000 };
        let phase = if red { SignalPhase::StopAndRemain } else { SignalPhase::ProtectedGo };
        let group = |group| v1::SignalGroup {
            group,
            phase: phase as i32,
            min_end: Some((end - millis) as u32 / 100),
            max_end: Some((end - millis) as u32 / 100),
            ..v1::SignalGroup::default()
        };
        let state = v1::SignalState {
            intersection_id: ID.number,
            region_id: u32::from(ID.region),
            map_revision: 3,
            state_time_us: anchor().wire_at(now).as_micros(),
            groups: vec![group(1), group(2)],
            ..v1::SignalState::default()
        };
        self.say(now, Class::D4, state)
    }
}

/// A vehicle's node with its view of the road.
struct Vehicle {
    station: Station,
    road: Infrastructure,
    news: Vec<(Instant, News)>,
    seen: usize,
}

impl Vehicle {
    fn new(number: u32) -> Self {
        let station = Station::silent(number);
        let road = Infrastructure::new(station.node.digest());
        Self { station, road, news: Vec::new(), seen: 0 }
    }

    fn hear(&mut self, now: Instant, frames: &[Bytes]) {
        for bytes in frames {
            self.station.hear(now, bytes);
        }
        self.show(now);
    }

    /// In lane 2, heading north, `distance_m` before the stop line.
    fn place(distance_m: f64) -> Position {
        PLACE.moved(3.5, -10.0 - distance_m)
    }

    fn drive(&mut self, now: Instant, distance_m: f64, speed: u16) -> Vec<Bytes> {
        let fix = Fix {
            position: Self::place(distance_m),
            altitude_cm: None,
            speed: Some(speed),
            heading: Some(0),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: Some(150),
            time: anchor().wire_at(now),
        };
        self.station.feed(now, Input::Fix(Some(fix)));
        self.road.fix(Some(&fix), Moment::at(now, &anchor()));
        self.show(now)
    }

    /// Shows the node's events to the view, and sends what that wants sent.
    fn show(&mut self, now: Instant) -> Vec<Bytes> {
        let mut sent = Vec::new();
        loop {
            while let Some(event) = self.station.events.get(self.seen) {
                self.seen += 1;
                self.road.event(event, Moment::at(now, &anchor()));
            }
            match self.road.next_output() {
                None => return sent,
                Some(Output::News(news)) => self.news.push((now, news)),
                Some(Output::Send(request)) => sent.extend(self.station.feed(now, Input::Send(request))),
            }
        }
    }

    fn line(&self, now: Instant) -> Option<String> {
        self.road.advice(anchor().wire_at(now)).map(|advice| advice.to_string())
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

#[test]
fn a_vehicle_is_told_its_lane_and_the_time_to_green_until_it_is_green() {
    let (mut unit, mut vehicle) = (Unit::new(1, 8_000), Vehicle::new(2));
    for step in 0..120 {
        let now = at(step * 100);
        if step % 10 == 0 {
            let frames = unit.map(now);
            assert_eq!(frames.len(), 2);
            vehicle.hear(now, &frames);
        }
        let frames = unit.state(now);
        vehicle.hear(now, &frames);
        vehicle.drive(now, 120.0 - step as f64, 1000);
        if step == 50 {
            let advice = vehicle.road.advice(anchor().wire_at(now)).unwrap();
            // 70 m in 3 s would be 23 m/s: up to the limit, it is green whenever one comes.
            let window = advice.green_window().unwrap();
            assert!(
                (window.min_mps - 5.0).abs() < 1e-9 && (window.max_mps - 13.89).abs() < 1e-9,
                "{window:?}"
            );
            assert_eq!(advice.violation(), None, "it is there in 7 s, and green in 3");
            let line = vehicle.line(now).unwrap();
            assert_eq!(
                line,
                "intersection 49/17 lane 2: red, green in 3.0 s, 70 m to the stop line; green window: 18 to 50 km/h"
            );
        }
    }
    let shown: Vec<_> = vehicle
        .news
        .iter()
        .map(|(when, news)| match news {
            News::Lane(advice) => {
                (*when, advice.as_ref().map(|advice| advice.signals[0].shows.unwrap().phase))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected =
        [(at(1_000), Some(SignalPhase::StopAndRemain)), (at(8_000), Some(SignalPhase::ProtectedGo))];
    assert_eq!(shown, expected);
    assert_eq!(vehicle.road.refusals().count(), 0);
    // Past the line there is no lane.
    for step in 120..=130 {
        vehicle.drive(at(step * 100), 120.0 - step as f64, 1000);
    }
    assert_eq!(vehicle.line(at(13_000)), None);
}

#[test]
fn a_unit_that_falls_silent_is_unknown_within_a_second_and_said_once() {
    let (mut unit, mut vehicle) = (Unit::new(1, 60_000), Vehicle::new(2));
    let frames = unit.map(at(0));
    vehicle.hear(at(0), &frames);
    for step in 0..60 {
        if step < 30 {
            let frames = unit.state(at(step * 100));
            vehicle.hear(at(step * 100), &frames);
        }
        vehicle.drive(at(step * 100), 120.0 - step as f64, 1000);
    }
    let [(_, News::Lane(Some(_))), (when, News::Lane(Some(advice)))] = &vehicle.news[..] else {
        panic!("{:?}", vehicle.news)
    };
    assert_eq!(advice.signals[0].shows, Err(Unknown::Stale));
    assert_eq!(*when, at(4_000), "the last state was made at 2.9 s");
}

#[test]
fn an_insider_cannot_show_green_where_a_unit_is_heard() {
    let (mut unit, mut insider, mut vehicle) = (Unit::new(1, 60_000), Unit::new(3, 0), Vehicle::new(2));
    let frames = unit.map(at(0));
    vehicle.hear(at(0), &frames);
    for step in 0..30 {
        let now = at(step * 100);
        let frames = [unit.state(now), insider.state(now)].concat();
        vehicle.hear(now, &frames);
        vehicle.drive(now, 120.0 - step as f64, 1000);
    }
    assert!(vehicle.line(at(2_900)).unwrap().contains(": unknown (contested), "));
    // All but the first state, which nobody contradicted yet.
    assert_eq!(vehicle.road.refusals().collect::<Vec<_>>(), [(Refusal::Contested, 59)]);
}

/// The insider is heard first, with a map of its own and a green light; the unit comes into range later, and the insider
/// stops in the end.
#[test]
fn an_insider_heard_before_the_unit_makes_a_signal_unknown_at_most_and_is_named() {
    let (mut unit, mut insider, mut vehicle) = (Unit::new(1, 60_000), Unit::new(3, 0), Vehicle::new(2));
    for station in [&mut insider, &mut unit] {
        let frames = station.map(at(0));
        vehicle.hear(at(0), &frames);
    }
    let mut shown = Vec::new();
    for step in 0..110 {
        let now = at(step * 100);
        if step % 10 == 0 {
            let frames = unit.map(now);
            vehicle.hear(now, &frames);
        }
        if step <= 60 {
            let frames = insider.state(now);
            vehicle.hear(now, &frames);
        }
        if step >= 20 {
            let frames = unit.state(now);
            vehicle.hear(now, &frames);
        }
        vehicle.drive(now, 120.0 - step as f64, 1000);
        let Some(advice) = vehicle.road.advice(anchor().wire_at(now)) else { continue };
        let shows = advice.signals[0].shows.map(|showing| showing.phase);
        if shows.is_err() {
            assert_eq!((advice.green_window(), advice.violation()), (None, None), "nor any advice");
        }
        if shown.last().is_none_or(|(_, last)| *last != shows) {
            shown.push((now, shows));
        }
    }
    let expected = [
        (at(1_000), Ok(SignalPhase::ProtectedGo)),
        (at(2_000), Err(Unknown::Contested)),
        (at(9_000), Ok(SignalPhase::StopAndRemain)),
    ];
    assert_eq!(shown, expected, "red three seconds after the insider's last state");
    let contests: Vec<_> = vehicle
        .news
        .iter()
        .filter_map(|(when, news)| match news {
            News::Contest(contest) => Some((*when, contest.line(None))),
            _ => None,
        })
        .collect();
    let names = [&insider, &unit].map(|station| station.station.node.digest());
    let [(when, line)] = &contests[..] else { panic!("{contests:?}") };
    assert_eq!(*when, at(2_300));
    assert!(
        line.starts_with(&format!("intersection 49/17: signals unknown, {} at 49.6", names[0])),
        "{line}"
    );
    assert!(line.contains(&format!(" and {} at 49.6", names[1])), "{line}");
}

/// A car that obeys no rule signs a state and a map of the intersection, before the unit speaks and beside it.
#[test]
fn who_may_not_speak_for_signals_contests_none() {
    let (mut unit, mut vehicle) = (Unit::new(1, 60_000), Vehicle::new(2));
    let authority = Authority::new();
    let permissions = Permissions::AWARENESS | Permissions::HAZARD | Permissions::PRIORITY_REQUEST;
    let credential = authority.credential_with(5, |request| request.permissions = permissions);
    let car = Crafter::new(Authority::key(5), credential);
    for step in 0..30 {
        let now = at(step * 100);
        let mut green = Unit::new(4, 0);
        let theirs = [green.state(now), green.map(now)].concat();
        for frame in theirs {
            let (_, signed) = hop::parse(&frame).unwrap();
            let tbs = SignedView::parse(&frame[signed..]).unwrap().tbs;
            let said = TbsView::parse(tbs).unwrap();
            let fields = TbsRepr {
                message_type: said.message_type,
                class: said.class,
                lifetime_ms: said.lifetime_ms,
                payload: said.payload,
                ..car.fields(now)
            };
            vehicle.hear(now, &[car.full(&fields)]);
        }
        let frames = if step == 0 { unit.map(now) } else { unit.state(now) };
        vehicle.hear(now, &frames);
        vehicle.drive(now, 120.0 - step as f64, 1000);
    }
    assert!(vehicle.line(at(2_900)).unwrap().contains(": red, green in 57.1 s"));
    assert_eq!(vehicle.station.drops(), [("permission_denied", 90)].into_iter().collect());
}

#[test]
fn a_bus_is_granted_priority_and_withdraws_when_it_has_passed() {
    let (mut unit, mut bus) = (Unit::new(1, 60_000), Vehicle::new(2));
    let frames = unit.map(at(0));
    bus.hear(at(0), &frames);
    let ask = Ask {
        intersection: ID,
        role: v1::PriorityRole::PublicTransport,
        egress_lane: Some(9),
        importance: None,
        duration: Duration::from_secs(6),
    };
    bus.road.ask_priority(ask, Moment::at(at(0), &anchor())).unwrap();
    let mut heard = Vec::new();
    for step in 0..140 {
        let now = at(step * 100);
        let frames = unit.state(now);
        bus.hear(now, &frames);
        for bytes in bus.drive(now, 120.0 - step as f64, 1000) {
            unit.station.hear(now, &bytes);
            let received = unit.station.events.iter().rev().find_map(|event| match event {
                Event::Received(received) => Some(received),
                _ => None,
            });
            let received = received.unwrap();
            let request = v1::PriorityRequest::decode(received.payload.clone()).unwrap();
            heard.push(request.action);
            let status = v1::PriorityStatus {
                intersection_id: ID.number,
                region_id: u32::from(ID.region),
                answers: vec![v1::PriorityAnswer {
                    requester: Bytes::copy_from_slice(&received.id.signer.0),
                    request_id: request.request_id,
                    state: PriorityState::Granted as i32,
                    expected_us: Some(request.arrival_us),
                }],
            };
            if request.action != v1::PriorityAction::Cancel as i32 {
                let frames = unit.say(now, Class::D4, status);
                bus.hear(now, &frames);
            }
        }
    }
    use v1::PriorityAction as Action;
    assert_eq!(heard.first(), Some(&(Action::Request as i32)));
    assert_eq!(heard.last(), Some(&(Action::Cancel as i32)));
    assert_eq!(heard.iter().filter(|action| **action == Action::Request as i32).count(), 1);
    let progress = bus.news.iter().filter_map(|(_, news)| match news {
        News::Priority { progress, .. } => Some(*progress),
        _ => None,
    });
    let progress: Vec<_> = progress.collect();
    assert_eq!(progress[0], Progress::Asked);
    assert!(matches!(progress[1], Progress::Answered { state: PriorityState::Granted, .. }));
    assert!(matches!(progress.last(), Some(Progress::Ended(v2x_apps::infrastructure::End::Passed))));
    assert_eq!(bus.road.requests().iter().count(), 0);
}
