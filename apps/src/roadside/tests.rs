//! The unit as a whole, without sockets.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::roadside::content::{Advert, Intersection, SignalGroup};
use v2x_core::{Position, SendRequest};
use v2x_proto::Class;

fn config(feed: Option<String>) -> Content {
    let group =
        |group| SignalGroup { group, green_ms: 20_000, yellow_ms: 3_000, red_ms: 27_000, offset_ms: 0 };
    let intersection = Intersection::planned(7, Position::default(), vec![group(1), group(2)]);
    let description = "charging".to_owned();
    let advert = Advert { service_id: 130, description, channel: None, address: None };
    Content { intersections: vec![intersection], adverts: vec![advert], feed, ..Content::default() }
}

fn fed() -> Roadside {
    let feed = Some("unix:/run/feed".to_owned());
    Roadside::new(&config(feed), "unit", v1::Position::default(), Instant::ZERO)
}

fn wire(now: Instant) -> WireTime {
    WireTime::from_micros(9_000_000_000 + now.as_nanos() / 1000)
}

fn sent(unit: &mut Roadside, now: Instant) -> Vec<SendRequest> {
    let sends = unit.due(now, wire(now)).into_iter().filter_map(|input| match input {
        Input::Send(request) => Some(request),
        _ => None,
    });
    sends.collect()
}

#[test]
fn states_go_ten_times_a_second_and_adverts_once() {
    let mut unit = Roadside::new(&config(None), "unit", v1::Position::default(), Instant::ZERO);
    let mut counts = (0, 0);
    for ms in 0..1000 {
        for request in sent(&mut unit, Instant::from_millis(ms)) {
            v2x_proto::payload::decode(request.message_type, request.payload).unwrap();
            match request.class {
                Class::D4 => counts.0 += 1,
                _ => counts.1 += 1,
            }
        }
    }
    assert_eq!(counts, (10, 1));
    assert_eq!(unit.describe(), "intersection 7, 2 signal groups by plan; 1 advert");
}

#[test]
fn a_late_unit_says_the_newest_state_once() {
    let mut unit = Roadside::new(&config(None), "unit", v1::Position::default(), Instant::ZERO);
    assert_eq!(sent(&mut unit, Instant::from_millis(950)).len(), 2);
    assert_eq!(unit.next_due(), Some(Instant::from_millis(1000)), "the next advert keeps its second");
    assert!(sent(&mut unit, Instant::from_millis(960)).is_empty());
}

const LINE: &[u8] = br#"{"intersection":7,"groups":[{"group":1,"phase":"protected_go","min_end_s":3}]}"#;

#[test]
fn a_line_of_the_controller_is_on_its_way_at_once_and_answers_need_a_speaker() {
    let mut unit = fed();
    let now = Instant::from_millis(500);
    let answer =
        br#"{"intersection":7,"answers":[{"requester":"0102030405060708","request":3,"state":"granted"}]}"#;
    let error = unit.line(ClientId(1), line::parse(answer), now, wire(now)).unwrap().to_string();
    assert_eq!(error, "client 1 does not speak for intersection 7: report what its signals show first");
    assert_eq!(unit.line(ClientId(1), line::parse(LINE), now, wire(now)), None);
    let state = sent(&mut unit, now).remove(0);
    assert_eq!((state.due, state.subject), (Some(now), 7));
    let state = v1::SignalState::decode(state.payload).unwrap();
    assert_eq!((state.state_time_us, state.groups[0].min_end), (wire(now).as_micros(), Some(30)));
    let error = unit.line(ClientId(1), line::parse(answer), now, wire(now)).unwrap().to_string();
    assert!(error.starts_with("1 answers to requests that are not known"), "{error}");
}

#[test]
fn bad_lines_are_counted_and_told_now_and_then() {
    let mut unit = fed();
    let mut news = Vec::new();
    for second in 0..25 {
        let now = Instant::from_millis(second * 1000);
        for _ in 0..1000 {
            assert!(unit.line(ClientId(4), line::parse(b"{\"x\":1}"), now, wire(now)).is_some());
        }
        news.extend(unit.take_news(now));
    }
    assert_eq!(news.len(), 3, "{news:?}");
    assert!(
        news[0].starts_with(
            "feed: 1000 lines refused, the last by client 4: intersection is missing: it has to"
        )
    );
    let warnings = unit.warnings(Instant::from_millis(25_000));
    assert!(
        warnings[0].starts_with("25000 lines of the feed refused, the last by client 4: "),
        "{warnings:?}"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Line(u64, Vec<u8>),
    Gone(u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let line = prop_oneof![
        3 => Just(LINE.to_vec()),
        1 => Just(String::from_utf8_lossy(LINE).replace("protected_go", "dark").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
    ];
    prop_oneof![
        6 => (1..4_u64, line).prop_map(|(client, line)| Step::Line(client, line)),
        1 => (1..4_u64).prop_map(Step::Gone),
        4 => (0..700_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever controllers do: no state is older than a second, and receivers accept everything, at their rate.
    #[test]
    fn no_state_outlives_its_controller(steps in prop::collection::vec(step(), 0..60)) {
        let mut unit = fed();
        let (mut ms, mut last_line, mut states) = (0, None, Vec::new());
        for step in steps {
            match step {
                Step::Line(client, line) => {
                    let now = Instant::from_millis(ms);
                    if unit.line(ClientId(client), line::parse(&line), now, wire(now)).is_none() {
                        last_line = Some(ms);
                    }
                }
                Step::Gone(client) => unit.gone(ClientId(client), Instant::from_millis(ms), wire(Instant::from_millis(ms))),
                Step::Wait(wait) => ms += wait,
            }
            let now = Instant::from_millis(ms);
            while unit.next_due().is_some_and(|due| due <= now) {
                for request in sent(&mut unit, now) {
                    prop_assert!(v2x_proto::payload::decode(request.message_type, request.payload).is_ok());
                    if request.class == Class::D4 {
                        prop_assert!(last_line.is_some_and(|line| ms - line < 1000));
                        states.push(ms);
                    }
                }
            }
        }
        prop_assert!(states.windows(22).all(|window| window[21] - window[0] >= 1000), "{states:?}");
    }
}
