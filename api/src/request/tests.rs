//! Lines and requests map onto each other; what is wrong is named with what would be right.

use core::time::Duration;
use std::collections::BTreeSet;

use proptest::prelude::*;
use v2x_proto::{Class, Digest, Shape, v1};

use super::area::{Area, SHAPES};
use super::declaration::{EVENT_CLASSES, Place, Repetition};
use super::id::RequestId;
use super::messages::{Circle, LONGEST_RADIUS_M, MESSAGE_TYPES, Standing, type_name};
use super::priority::PriorityWish;
use super::*;
use crate::point::Point;
use crate::schema::requests::{LINES, definition};
use v2x_proto::IntersectionId;

fn parse(line: &str) -> Result<Request, BadRequest> {
    Request::parse(line.as_bytes())
}

fn complaint(line: &str) -> String {
    parse(line).unwrap_err().to_string()
}

fn id() -> EventId {
    EventId { origin: Digest([0x3f, 1, 2, 3, 4, 5, 6, 7]), number: 2 }
}

const PLACE: Point = Point { latitude: 496_116_001, longitude: -61_319_999 };

#[test]
fn a_whole_declaration_reads_as_written() {
    let line = r#"{"v":1,"hazard":"new","class":"D1","cause":"hazardousLocation-AnimalOnTheRoad","sub_cause":3,
        "latitude_deg":49.6116001,"longitude_deg":-6.1319999,"speed_m_s":1.5,"heading_deg":90.1,"quality":5,
        "validity_s":600,"area":{"shape":"rectangle","half_length_m":400,"half_width_m":25,"azimuth_deg":45},
        "relevance_distance_m":500,"relevance_direction":"upstream","repeat_ms":1000,"keep_alive_ms":2000}"#;
    let expected = Declaration {
        class: Some(Class::D1),
        cause: Some(11),
        sub_cause: Some(3),
        place: Some(Place::At(PLACE)),
        speed: Some(150),
        heading: Some(901),
        quality: Some(5),
        validity: Some(Duration::from_secs(600)),
        area: Some(Area {
            shape: Shape::Rectangle,
            distance_a_m: 400,
            distance_b_m: 25,
            azimuth_deg: 45,
            centre: None,
        }),
        relevance_distance_m: Some(500),
        relevance_direction: Some(v1::RelevanceDirection::Upstream),
        repeat: Some(Repetition { every: Duration::from_secs(1), during: None }),
        keep_alive: Some(Duration::from_secs(2)),
    };
    assert_eq!(parse(&line.replace('\n', " ")).unwrap(), Request::New(expected));
    assert_eq!(parse(r#"{"station":"status"}"#).unwrap(), Request::Status);
    assert_eq!(parse(r#"{"hazard":"list","after":null}"#).unwrap(), Request::List(None));
}

#[test]
fn a_wish_for_priority_reads_as_written() {
    let line = r#"{"priority":"request","intersection":18,"region":3,"role":"truck","egress_lane":13,"importance":0,"duration_ms":8000}"#;
    let wish = PriorityWish {
        intersection: Some(IntersectionId { region: 3, number: 18 }),
        role: Some(v1::PriorityRole::Truck),
        egress_lane: Some(13),
        importance: Some(0),
        duration: Some(Duration::from_secs(8)),
    };
    assert_eq!(parse(line).unwrap(), Request::Priority(PriorityRequest::Request(wish)));
    let nothing = Request::Priority(PriorityRequest::Request(PriorityWish::default()));
    assert_eq!(parse(r#"{"priority":"request"}"#).unwrap(), nothing);
}

#[test]
fn every_complaint_names_the_key_what_was_found_and_what_would_be_right() {
    for (line, expected) in REFUSED {
        let found = complaint(line);
        assert!(found.contains(*expected), "{line}\n{found}\nlacks\n{expected}");
        assert!(!found.contains('\n'), "{found}");
    }
    let evil = complaint("{\"hazard\":\"\\u001b[31m\\n\"}");
    assert!(!evil.contains(['\x1b', '\n']), "{evil}");
}

pub(crate) fn position() -> impl Strategy<Value = Point> {
    (-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000)
        .prop_map(|(latitude, longitude)| Point { latitude, longitude })
}

pub(crate) fn area() -> impl Strategy<Value = Area> {
    let metres = 1u32..=65_535;
    (0..3usize, metres.clone(), metres, 0u32..360, prop::option::of(position())).prop_map(
        |(shape, distance_a_m, b, azimuth, centre)| {
            let circle = SHAPES[shape] == Shape::Circle;
            let (distance_b_m, azimuth_deg) = if circle { (0, 0) } else { (b, azimuth) };
            Area { shape: SHAPES[shape], distance_a_m, distance_b_m, azimuth_deg, centre }
        },
    )
}

pub(crate) fn declaration() -> impl Strategy<Value = Declaration> {
    use prop::option::of;
    let millis = |range: core::ops::RangeInclusive<u64>| range.prop_map(Duration::from_millis);
    let place = prop_oneof![Just(Place::Here), position().prop_map(Place::At)];
    let repeat = (millis(1..=86_400_000), of(millis(1..=86_400_000)))
        .prop_map(|(every, during)| Repetition { every, during });
    let direction = (0i32..4).prop_map(|number| v1::RelevanceDirection::try_from(number).unwrap());
    let first =
        (of(0..3usize), of(1..=255u8), of(any::<u8>()), of(place), of(0..=16_382u16), of(0..=3599u16));
    let then = (of(1..=7u8), of((1..=86_400u64).prop_map(Duration::from_secs)), of(area()));
    let last = (of(1..=u16::MAX), of(direction), of(repeat), of(millis(1..=10_000)));
    (first, then, last).prop_map(|(first, then, last)| {
        let (class, cause, sub_cause, place, speed, heading) = first;
        let (quality, validity, area) = then;
        let (relevance_distance_m, relevance_direction, repeat, keep_alive) = last;
        Declaration {
            class: class.map(|class| EVENT_CLASSES[class]),
            cause,
            sub_cause,
            place,
            speed,
            heading,
            quality,
            validity,
            area,
            relevance_distance_m,
            relevance_direction,
            repeat,
            keep_alive,
        }
    })
}

pub(crate) fn wish() -> impl Strategy<Value = PriorityWish> {
    use prop::option::of;
    let id = (any::<u16>(), any::<u32>()).prop_map(|(region, number)| IntersectionId { region, number });
    let role = (1..=4i32).prop_map(|role| v1::PriorityRole::try_from(role).unwrap());
    let duration = (0..=60_000u64).prop_map(Duration::from_millis);
    (of(id), of(role), of(1..=255u8), of(0..=14u8), of(duration)).prop_map(
        |(intersection, role, egress_lane, importance, duration)| PriorityWish {
            intersection,
            role,
            egress_lane,
            importance,
            duration,
        },
    )
}

fn filter() -> impl Strategy<Value = MessageFilter> {
    use prop::option::of;
    let types = prop::collection::vec(0..MESSAGE_TYPES.len(), 1..9)
        .prop_map(|types| types.into_iter().map(|index| MESSAGE_TYPES[index]).collect());
    let classes = prop::collection::vec(0..6usize, 1..7)
        .prop_map(|classes| classes.into_iter().map(|index| Class::ALL[index]).collect());
    let standing = prop::collection::vec(0..3usize, 1..4)
        .prop_map(|standing| standing.into_iter().map(|index| Standing::ALL[index]).collect());
    let area = (position(), 1..=LONGEST_RADIUS_M).prop_map(|(centre, radius_m)| Circle { centre, radius_m });
    let flags = any::<[bool; 3]>();
    (of(types), of(classes), of(area), of(standing), of(any::<bool>()), flags).prop_map(
        |(types, classes, area, standing, verified, [payload, own, credential])| MessageFilter {
            types,
            classes,
            area,
            standing,
            verified,
            payload,
            own,
            credential,
        },
    )
}

pub(crate) fn reading() -> impl Strategy<Value = Request> {
    use prop::option::of;
    let reasons = prop::collection::vec("[a-z_]{1,20}", 1..9);
    prop_oneof![
        of(any::<[u8; 8]>()).prop_map(|after| Request::Neighbours(after.map(Digest))),
        filter().prop_map(Request::WatchMessages),
        of(reasons).prop_map(Request::WatchDrops),
        of(0..3usize).prop_map(|right| Request::Rights(right.map(|right| Right::ALL[right]))),
        prop::sample::select(vec![
            Request::Reload,
            Request::WatchNeighbours,
            Request::Drops,
            Request::Stats,
            Request::WatchStats,
            Request::Signals,
            Request::WatchSignals,
            Request::WatchAfar,
        ]),
        (prop::collection::vec(any::<u8>(), 1..200), any::<u16>())
            .prop_map(|(frame, peer)| Request::Afar(AfarFrame { frame: frame.into(), peer })),
    ]
}

#[test]
fn types_of_messages_are_called_as_in_the_schema() {
    for message_type in MESSAGE_TYPES {
        let schema = message_type.as_str_name().strip_prefix("MESSAGE_TYPE_").unwrap().to_lowercase();
        assert_eq!(type_name(message_type), schema);
    }
    let known = (0..64).filter(|number| v1::MessageType::try_from(*number).is_ok());
    assert_eq!(known.count(), MESSAGE_TYPES.len() + 1, "all but the unspecified one");
}

#[test]
fn what_changes_the_station_or_what_it_says_needs_more_than_reading() {
    let needs = |line: &str| parse(line).unwrap().needs();
    for line in [
        r#"{"hazard":"new","cause":2}"#,
        r#"{"hazard":"update","event":"3f01020304050607/2"}"#,
        r#"{"hazard":"cancel","event":"3f01020304050607/2"}"#,
        r#"{"hazard":"negate","event":"3f01020304050607/2"}"#,
        r#"{"priority":"request"}"#,
        r#"{"priority":"cancel"}"#,
        r#"{"afar":{"frame":"00","peer":1}}"#,
    ] {
        assert_eq!(needs(line), Right::Declare, "{line}");
    }
    assert_eq!(needs(r#"{"station":"reload"}"#), Right::Administer);
    for line in [r#"{"priority":"watch"}"#, r#"{"messages":"watch"}"#, r#"{"rights":"read"}"#] {
        assert_eq!(needs(line), Right::Read, "{line}");
    }
}

/// The requests that the documentation shows, with what it leaves open filled in.
pub(crate) fn documented() -> impl Iterator<Item = String> {
    let control = include_str!("../../../v2x-node/CONTROL.md");
    let quoted = control.split('`').skip(1).step_by(2).filter(|code| code.starts_with("{\""));
    let filled = quoted.map(|code| {
        let code = code.replace("<id>", "3f01020304050607/2").replace("\"cause\":...", "\"cause\":2");
        let code = code.replace("\"<type>\",\"payload\":{...}", "\"vru\",\"payload\":{}");
        let code = code.replace("\"fix\":{...}", "\"fix\":{\"latitude_deg\":1,\"longitude_deg\":2}");
        let code = code.replace("\"<hex>\"", "\"1000\"");
        let code = code.replace("{...}", "{\"speed_m_s\":1}");
        code.replace(", ...}", "}").replace(",...]", "]")
    });
    filled.filter(|code| NOUNS.iter().any(|noun| code.starts_with(&format!("{{\"{noun}\""))))
}

#[test]
fn every_request_in_the_documentation_is_one_and_every_request_is_in_it() {
    let mut shown = BTreeSet::new();
    for line in documented() {
        let request = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        shown.insert(definition(&request));
    }
    let all: BTreeSet<_> = LINES.iter().map(|line| definition(&parse(line).unwrap())).collect();
    let hidden: Vec<_> = all.difference(&shown).collect();
    assert!(hidden.is_empty(), "CONTROL.md shows no {hidden:?}");
}

#[test]
fn a_request_may_have_an_id_and_a_wrong_one_is_refused() {
    let id = |line: &str| Call::parse(line.as_bytes()).map(|call| call.id);
    let text = |length| RequestId::Text("x".repeat(length));
    assert_eq!(id(r#"{"hazard":"list"}"#), Ok(None));
    assert_eq!(id(r#"{"hazard":"list","id":null}"#), Ok(None));
    assert_eq!(id(r#"{"id":18446744073709551615,"hazard":"list"}"#), Ok(Some(RequestId::Number(u64::MAX))));
    assert_eq!(id(r#"{"id":"","station":"status"}"#), Ok(Some(text(0))));
    let longest = format!(r#"{{"id":"{}","priority":"status"}}"#, "x".repeat(64));
    assert_eq!(id(&longest), Ok(Some(text(64))));
    let long = format!(r#"{{"id":"{}","priority":"status"}}"#, "x".repeat(65));
    for wrong in [
        r#"{"id":-1,"hazard":"list"}"#,
        r#"{"id":1.5,"hazard":"list"}"#,
        r#"{"id":[],"hazard":"list"}"#,
        &long,
    ] {
        let BadCall { id, error } = Call::parse(wrong.as_bytes()).unwrap_err();
        assert_eq!(id, None);
        assert!(
            error.to_string().contains("expected a text of at most 64 bytes or a whole number"),
            "{error}"
        );
    }
    let bad = Call::parse(br#"{"id":7,"hazard":"lost"}"#).unwrap_err();
    assert_eq!(bad.id, Some(RequestId::Number(7)), "the error carries its name");
}

proptest! {
    #[test]
    fn a_call_and_its_line_are_one_and_the_same(number: u64, text in "\\PC{0,16}", kind in 0..3u8) {
        let ids = [None, Some(RequestId::Number(number)), Some(RequestId::Text(text))];
        let id = ids[kind as usize].clone();
        let call = Call { id, request: Request::Status };
        prop_assert_eq!(Call::parse(call.line().as_bytes()), Ok(call));
    }

    #[test]
    fn a_request_and_its_line_are_one_and_the_same(
        declaration in declaration(), wish in wish(), origin: [u8; 8], number: u32, after: bool, verb in 0..12
    ) {
        let id = EventId { origin: Digest(origin), number };
        let request = match verb {
            0 => Request::New(Declaration { cause: declaration.cause.or(Some(2)), ..declaration }),
            1 => Request::Update(id, declaration),
            2 => Request::Cancel(id),
            3 => Request::Negate(id),
            4 => Request::List(after.then_some(id)),
            5 => Request::Watch,
            6 => Request::Priority(PriorityRequest::Request(wish)),
            7 => Request::Priority(PriorityRequest::Cancel(wish.intersection)),
            8 => Request::Priority(PriorityRequest::Status),
            9 => Request::Priority(PriorityRequest::Watch),
            10 => Request::WatchSignal,
            _ => Request::Status,
        };
        let line = request.line();
        prop_assert!(!line.contains('\n') && line.len() < LONGEST_REQUEST);
        prop_assert_eq!(parse(&line).unwrap(), request);
    }

    #[test]
    fn a_request_to_read_and_its_line_are_one_and_the_same(request in reading()) {
        let line = request.line();
        prop_assert!(!line.contains('\n') && line.len() < LONGEST_REQUEST);
        prop_assert_eq!(parse(&line).unwrap(), request);
    }

    #[test]
    fn no_change_of_a_filter_makes_the_reader_panic(
        filter in filter(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}:\",.0-9a-z-]{0,4}"
    ) {
        let line = Request::WatchMessages(filter).line();
        let at = at.index(line.len());
        if let Err(error) = parse(&format!("{}{with}{}", &line[..at], &line[at + 1..])) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(line in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Request::parse(&line));
    }

    #[test]
    fn no_change_of_a_good_line_makes_the_reader_panic(
        declaration in declaration(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}:\",.0-9a-z-]{0,4}"
    ) {
        let line = Request::Update(id(), declaration).line();
        let at = at.index(line.len());
        if let Err(error) = parse(&format!("{}{with}{}", &line[..at], &line[at + 1..])) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}

/// Lines that are no requests, and what is said of each.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("", r#"no JSON at column 0; expected one JSON object a line, such as {"hazard":"list"}"#),
    ("[1]", r#"no JSON object; expected {"hazard":"new"|"update"|"#),
    ("{}", r#"no request; expected {"hazard":"#),
    (r#"{"hazard":1}"#, "no request; expected"),
    (r#"{"station":"start"}"#, r#"station: found "start", expected "status" or "reload""#),
    (r#"{"neighbours":"lst"}"#, r#"neighbours: found "lst", expected "list" or "watch""#),
    (r#"{"neighbours":"list","after":"3f"}"#, r#"after: found "3f", expected a station's digest: 16 hex"#),
    (r#"{"messages":"list"}"#, r#"messages: found "list", expected "watch""#),
    (r#"{"messages":"watch","type":["hazard"]}"#, r#"unknown key "type"; keys here: v, id, messages, types"#),
    (r#"{"messages":"watch","types":["denm"]}"#, r#"types: found "denm", expected a list of types as in"#),
    (r#"{"messages":"watch","types":"hazard"}"#, r#"types: found "hazard", expected a list of types"#),
    (r#"{"messages":"watch","classes":[]}"#, "classes: found an empty list, expected a list of classes"),
    (r#"{"messages":"watch","classes":["D6"]}"#, r#"classes: found "D6", expected a list of classes"#),
    (r#"{"messages":"watch","standing":[7]}"#, r#"standing: found 7, expected a list of "trusted""#),
    (r#"{"messages":"watch","area":{"radius_m":5}}"#, "area.latitude_deg is missing: degrees, -90 to 90"),
    (
        r#"{"messages":"watch","area":{"latitude_deg":1e300,"longitude_deg":0,"radius_m":5}}"#,
        "area.latitude_deg: found 1e+300, expected a number, -90 to 90 degrees",
    ),
    (
        r#"{"messages":"watch","area":{"latitude_deg":0,"longitude_deg":0,"radius_m":1000001}}"#,
        "area.radius_m: found 1000001, expected a whole number, 1 to 1000000",
    ),
    (r#"{"messages":"watch","verified":1}"#, "verified: found 1, expected true or false"),
    (r#"{"messages":"watch","area":{"latitude_deg":1e400}}"#, "no JSON at column"),
    (r#"{"messages":"watch","area":{"latitude_deg":NaN}}"#, "no JSON at column"),
    (r#"{"drops":"watch","reasons":[1]}"#, "reasons: found 1, expected a list of reasons"),
    (r#"{"stats":"list"}"#, r#"stats: found "list", expected "now" or "watch""#),
    (r#"{"signals":"now"}"#, r#"signals: found "now", expected "list" or "watch""#),
    (r#"{"rights":"all"}"#, r#"rights: found "all", expected "show", "read", "declare" or "administer""#),
    (r#"{"station":"reload","now":true}"#, r#"unknown key "now"; keys here: v, id, station"#),
    (r#"{"hazard":"list","station":"status"}"#, "hazard: does not go with station"),
    (r#"{"v":2,"hazard":"list"}"#, "v: this daemon knows version 1"),
    (r#"{"hazard":"delete"}"#, r#"hazard: found "delete", expected "new", "update", "cancel""#),
    (r#"{"hazard":"new"}"#, r#"cause is missing: a cause's name or number, such as "accident" or 2"#),
    (r#"{"hazard":"new","cause":"accidents"}"#, r#"cause: found "accidents", expected a cause's name"#),
    (r#"{"hazard":"new","cause":"accidents"}"#, "near it: accident"),
    (r#"{"hazard":"new","cause":0}"#, "cause: found 0, expected"),
    (
        r#"{"hazard":"new","cause":2,"clas":"D1"}"#,
        r#"unknown key "clas"; keys here: v, id, hazard, event, class"#,
    ),
    (r#"{"hazard":"new","cause":2,"event":"a"}"#, r#"event: does not go with hazard "new""#),
    (r#"{"hazard":"new","cause":2,"class":"D2"}"#, r#"class: found "D2", expected "D0" (imminent)"#),
    (r#"{"hazard":"new","cause":2,"quality":8}"#, "quality: found 8, expected a whole number, 1 to 7"),
    (r#"{"hazard":"new","cause":2,"validity_s":86401}"#, "validity_s: found 86401, expected a whole number"),
    (r#"{"hazard":"new","cause":2,"latitude_deg":91,"longitude_deg":0}"#, "-90 to 90 degrees"),
    (r#"{"hazard":"new","cause":2,"latitude_deg":9}"#, "longitude_deg is missing: degrees, -180 to 180"),
    (
        r#"{"hazard":"new","cause":2,"here":true,"latitude_deg":9,"longitude_deg":0}"#,
        "here: does not go with latitude_deg",
    ),
    (r#"{"hazard":"new","cause":2,"area":500}"#, r#"area: found 500, expected an object, such as {"shape""#),
    (
        r#"{"hazard":"new","cause":2,"area":{}}"#,
        r#"area.shape is missing: "circle", "rectangle" or "ellipse""#,
    ),
    (
        r#"{"hazard":"new","cause":2,"area":{"shape":"circle"}}"#,
        "area.radius_m is missing: metres, 1 to 65535",
    ),
    (
        r#"{"hazard":"new","cause":2,"area":{"shape":"circle","radius_m":0}}"#,
        "area.radius_m: found 0, expected a whole number, 1 to 65535",
    ),
    (
        r#"{"hazard":"new","cause":2,"area":{"shape":"circle","radius_m":5,"azimuth_deg":9}}"#,
        r#"area.azimuth_deg: does not go with shape "circle"; a circle has radius_m"#,
    ),
    (r#"{"hazard":"new","cause":2,"area":{"shape":"circle","radius":5}}"#, r#"unknown key "area.radius""#),
    (r#"{"hazard":"new","cause":2,"relevance_direction":"left"}"#, r#"expected "all", "upstream""#),
    (r#"{"hazard":"new","cause":2,"repeat_for_ms":9}"#, "repeat_ms is missing"),
    (r#"{"hazard":"new","cause":2,"keep_alive_ms":10001}"#, "keep_alive_ms: found 10001"),
    (
        r#"{"hazard":"update","quality":1}"#,
        r#"event is missing: an event as it was named: "<16 hex digits>/"#,
    ),
    (r#"{"hazard":"cancel","event":"3f/2"}"#, r#"event: found "3f/2", expected an event as it was named"#),
    (r#"{"hazard":"cancel","event":"3f01020304050607/2","quality":1}"#, r#"unknown key "quality""#),
    (r#"{"hazard":"watch","from":1}"#, r#"unknown key "from"; keys here: v, id, hazard"#),
    (r#"{"priority":"beg"}"#, r#"priority: found "beg", expected "request", "cancel", "status" or "watch""#),
    (r#"{"priority":"status","station":"status"}"#, "priority: does not go with station"),
    (r#"{"priority":"request","region":3}"#, "intersection is missing: the number of one in that region"),
    (
        r#"{"priority":"request","role":"tram"}"#,
        r#"role: found "tram", expected emergency, public_transport,"#,
    ),
    (r#"{"priority":"request","egress_lane":0}"#, "egress_lane: found 0, expected a whole number, 1 to 255"),
    (r#"{"priority":"request","importance":15}"#, "importance: found 15, expected a whole number, 0 to 14"),
    (r#"{"priority":"request","duration_ms":60001}"#, "duration_ms: found 60001"),
    (
        r#"{"priority":"cancel","role":"truck"}"#,
        r#"unknown key "role"; keys here: v, id, priority, intersection"#,
    ),
];
