//! The schema is the committed one, and takes what the readers take.

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use v2x_proto::payload::{JsonError, Message};
use v2x_proto::{Class, Digest, EventId};

use super::answers::{ANSWERS, WATCHES};
use super::requests::{LINES, answer, definition};
use crate::request::messages::{MESSAGE_TYPES, type_name};
use crate::request::tests::{area, declaration, documented, position, reading, wish};
use crate::request::vehicle::tests::any_report;
use crate::{Answer, Declaration, Encoding, FixReport, FixTime, PriorityRequest, PublishRequest, Request};

/// What takes a line of one definition of the committed schema; answers have no keys but those that are described.
fn validator(of: &str) -> Validator {
    let mut document: Value = serde_json::from_str(COMMITTED).unwrap();
    close(&mut document["$defs"]);
    document.as_object_mut().unwrap().remove("anyOf");
    document["$ref"] = format!("#/$defs/{of}").into();
    jsonschema::draft202012::new(&document).unwrap()
}

/// Has every object refuse what is not described, as no reader of answers does.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if keys.get("type") == Some(&"object".into()) && keys.contains_key("properties") {
                keys.insert("additionalProperties".to_owned(), false.into());
            }
            keys.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// Whether the readers of the line and of the payload in it take it.
fn is_taken(line: &str) -> bool {
    match Request::parse(line.as_bytes()) {
        // Ranges within a payload are not in the schema.
        Ok(Request::Publish(publish)) => {
            let read = Message::from_json(publish.message_type, &publish.payload);
            matches!(read, Ok(_) | Err(JsonError::Refused(_)))
        }
        read => read.is_ok(),
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn the_committed_schema_is_what_readers_ask_and_types_write() {
    let made = format!("{:#}\n", super::document());
    if std::env::var_os("ROADCAST_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/control.json");
        std::fs::write(path, &made).unwrap();
        return;
    }
    let differs = made.lines().zip(COMMITTED.lines()).position(|(made, committed)| made != committed);
    assert!(
        made == COMMITTED,
        "api/schema/control.json, line {}, is not what the protocol is: run `ROADCAST_BLESS=1 cargo test -p v2x-api committed`",
        differs.map_or(0, |line| line + 1)
    );
}

#[test]
fn the_schema_is_one_and_every_definition_in_it_is_used() {
    let document = json(COMMITTED);
    jsonschema::meta::validate(&document).unwrap();
    let definitions = document["$defs"].as_object().unwrap();
    for name in definitions.keys() {
        assert!(COMMITTED.contains(&format!("\"$ref\": \"#/$defs/{name}\"")), "nothing refers to {name}");
    }
    for line in LINES {
        let request = Request::parse(line.as_bytes()).unwrap();
        assert!(definitions.contains_key(definition(&request)), "{line}");
        assert!(definitions.contains_key(answer(&request)), "{line}");
    }
}

#[test]
fn every_key_of_an_answer_is_in_the_definition_of_one() {
    let answers = ANSWERS.iter().flat_map(|(_, needed, optional)| needed.iter().chain(*optional));
    let watches = WATCHES.iter().flat_map(|watch| watch.needed.iter().chain(watch.optional));
    let always = ["v", "id", "ok", "watch", "age_us"];
    let told: BTreeSet<&str> = answers.chain(watches).copied().chain(always).collect();
    let types = include_str!("../answer.rs").split("pub struct ").nth(1).unwrap();
    let keys = types.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": "));
    assert_eq!(told, keys.map(|(key, _)| key).collect());
}

#[test]
fn every_line_of_the_documentation_is_in_the_schema() {
    let requests = validator("request");
    let blocks = CONTROL.split("```json\n").skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned());
    let (mut asked, mut answered) = (0, 0);
    for line in documented().chain(blocks) {
        let found = requests.validate(&json(&line)).map_err(|error| error.to_string());
        assert_eq!(found, Ok(()), "{line}");
        asked += 1;
    }
    let answers = validator("answer");
    for line in CONTROL.split('`').filter(|code| code.starts_with(r#"{"v":1,"#)) {
        assert!(answers.is_valid(&json(line)), "{line}");
        answered += 1;
    }
    assert!(asked > 30 && answered >= 2, "{asked} requests, {answered} answers");
}

#[test]
fn what_a_reader_refuses_the_schema_refuses() {
    let requests = validator("request");
    for line in crate::request::tests::REFUSED.iter().map(|(line, _)| *line).chain(REFUSED.iter().copied()) {
        let Ok(value) = serde_json::from_str(line) else { continue };
        assert!(Request::parse(line.as_bytes()).is_err(), "{line}");
        assert!(!requests.is_valid(&value), "{line}");
    }
}

/// Each key of each request, with values that its reader may refuse, gets from the schema what it gets from the reader.
#[test]
fn a_key_is_refused_by_the_schema_as_by_its_reader() {
    let requests = validator("request");
    let values = json!([
        null, true, false, -1, 0, 1, 2, 7, 8, 14, 15, 90, 91, 180.5, 255, 256, 360, 361, 0.5, -0.5, 163.82, 163.83, 60000, 60001,
        65535, 65536, 86400, 86401, 600001, 4294967295_u64, 4294967296_u64, u64::MAX, 1e300, -1e300, "", "D0", "D6", "accident",
        "accidents", "truck", "trusted", "all", "left", "circle", "3f01020304050607", "3f01020304050607/2", "3f/2", "x".repeat(64),
        "x".repeat(65), [], ["D0"], ["hazard"], ["trusted"], ["fog"], ["driver"], [7], ["D0", "D6"], {}, {"shape": "circle"},
        {"shape": "circle", "radius_m": 5}, {"radius_m": 5}, {"latitude_deg": 1}, {"latitude_deg": 1, "longitude_deg": 2},
        {"latitude_deg": 1, "longitude_deg": null}, {"siren": null}, {"siren": false}, {"age_ms": 1}
    ]);
    let (mut read, mut refused) = (0, 0);
    for line in LINES {
        let line = json(line);
        let objects = line.as_object().unwrap().iter().filter(|(_, value)| value.is_object());
        let within =
            objects.flat_map(|(key, value)| value.as_object().unwrap().keys().map(move |inner| (key, inner)));
        let places = line.as_object().unwrap().keys().map(|key| format!("/{key}"));
        let places = places.chain(within.map(|(key, inner)| format!("/{key}/{inner}")));
        for (place, value) in places
            .flat_map(|place| values.as_array().unwrap().iter().map(move |value| (place.clone(), value)))
        {
            let mut changed = line.clone();
            *changed.pointer_mut(&place).unwrap() = value.clone();
            let reads = is_taken(&changed.to_string());
            assert_eq!(requests.is_valid(&changed), reads, "{place} in {changed}");
            *(if reads { &mut read } else { &mut refused }) += 1;
        }
    }
    assert!(read > 500 && refused > 5_000, "{read} read, {refused} refused");
}

#[test]
fn an_answer_has_the_keys_of_its_kind_and_no_others() {
    let (answers, watches) = (validator("answer"), validator("watch"));
    assert!(answers.is_valid(&json(&Answer::done().line())));
    assert!(answers.is_valid(&json(&Answer::failure("busy", "64 programs are connected").line())));
    let lost = json!({ "v": 1, "id": "a", "watch": "lost", "of": "messages", "changes": 3 });
    assert!(watches.is_valid(&lost) && !answers.is_valid(&lost));
    for (watch, wrong) in [
        (true, json!({ "v": 1, "watch": "lost", "of": "messages" })),
        (true, json!({ "v": 1, "watch": "drop", "age_us": 1 })),
        (true, json!({ "v": 1, "watch": "concern", "age_us": 1, "change": "new", "hazard": {} })),
        (false, json!({ "v": 1, "ok": true, "reason": "busy", "error": "" })),
        (false, json!({ "v": 2, "ok": true })),
        (false, json!({ "v": 1, "ok": true, "drops": { "stale": -1 }, "frames_dropped": 1 })),
    ] {
        assert!(!if watch { &watches } else { &answers }.is_valid(&wrong), "{wrong}");
    }
}

fn any_request() -> impl Strategy<Value = Request> {
    use prop::option::of;
    let id = || {
        (any::<[u8; 8]>(), any::<u32>())
            .prop_map(|(origin, number)| EventId { origin: Digest(origin), number })
    };
    let new = declaration()
        .prop_map(|new| Request::New(Declaration { cause: new.cause.or(Some(2)), ..new }))
        .boxed();
    let events = prop_oneof![
        new,
        (id(), declaration()).prop_map(|(id, declaration)| Request::Update(id, declaration)),
        id().prop_map(Request::Cancel),
        id().prop_map(Request::Negate),
        of(id()).prop_map(Request::List),
    ];
    let priority = prop_oneof![
        wish().prop_map(PriorityRequest::Request),
        wish().prop_map(|wish| PriorityRequest::Cancel(wish.intersection)),
    ];
    let times = prop_oneof![
        (0..600_000_u64).prop_map(|ms| FixTime::Ago(core::time::Duration::from_millis(ms))),
        "[0-9TZ:.-]{1,30}".prop_map(FixTime::Utc)
    ];
    let fix = (position(), of(0.0..=163.82), of(0.0..=360.0), times).prop_map(
        |(position, speed_m_s, heading_deg, when)| {
            Box::new(FixReport { speed_m_s, heading_deg, when, ..FixReport::at(position) })
        },
    );
    let publish = (0..MESSAGE_TYPES.len(), of(0..6_usize), of(1..=600_000_u32), of(1..=u8::MAX), of(area()));
    let publish =
        (publish, of(any::<[u8; 8]>())).prop_map(|((of_type, class, lifetime_ms, hops, area), to)| {
            PublishRequest {
                message_type: MESSAGE_TYPES[of_type],
                payload: json!({}),
                class: class.map(|class| Class::ALL[class]),
                lifetime_ms,
                hops,
                area,
                to: to.map(Digest),
            }
        });
    prop_oneof![
        4 => events,
        1 => priority.prop_map(Request::Priority),
        4 => reading(),
        1 => of(fix).prop_map(Request::Fix),
        1 => publish.prop_map(|publish| Request::Publish(Box::new(publish))),
        1 => any_report().prop_map(Request::Vehicle),
        1 => prop::sample::select(vec![Encoding::Json, Encoding::Protobuf]).prop_map(Request::Encoding),
    ]
}

#[test]
fn a_payload_is_of_its_type() {
    let requests = validator("request");
    for (kind, payload, right) in [
        ("vru", json!({ "profile": "pedestrian", "speed": 120, "heading": null }), true),
        ("vru", json!({ "profile": "pedestrians" }), false),
        ("vru", json!({ "profile": 1 }), false),
        ("vru", json!({ "speed": -1 }), false),
        ("vru", json!({ "token": 1 }), false),
        ("echo", json!({ "token": u64::MAX, "padding": "00fF" }), true),
        ("echo", json!({ "padding": "00f" }), false),
        ("signal_state", json!({ "groups": [{}] }), true),
        ("signal_state", json!({ "groups": [{ "colour": 1 }] }), false),
    ] {
        let line = json!({ "publish": kind, "payload": payload });
        assert_eq!(requests.is_valid(&line), right, "{line}");
    }
    for message_type in MESSAGE_TYPES {
        let line = json!({ "publish": type_name(message_type), "payload": { "no_such_field": 1 } });
        assert!(!requests.is_valid(&line), "{line}");
    }
}

proptest! {
    #[test]
    fn the_line_of_any_request_is_in_the_schema(requests in prop::collection::vec(any_request(), 16)) {
        let (validator, any) = REQUESTS.with(|validators| validators.clone());
        for request in requests {
            let line = request.line();
            let value = json(&line);
            // What says nothing is no report.
            let reads = is_taken(&line);
            prop_assert_eq!(validator.is_valid(&value), reads, "{}", line);
            prop_assert_eq!(any.is_valid(&value), reads, "{}", line);
        }
    }
}

thread_local! {
    /// Of a request, and of any line as it is published.
    static REQUESTS: (std::rc::Rc<Validator>, std::rc::Rc<Validator>) = {
        let any = jsonschema::draft202012::new(&serde_json::from_str(COMMITTED).unwrap()).unwrap();
        (validator("request").into(), any.into())
    };
}

/// Beside those whose complaints are tested.
const REFUSED: &[&str] = &[
    r#"{"hazard":"new","cause":null}"#,
    r#"{"hazard":"new","cause":2,"latitude_deg":1,"longitude_deg":null}"#,
    r#"{"fix":{"latitude_deg":1,"longitude_deg":0,"age_ms":1,"time_utc":"x"}}"#,
    r#"{"fix":"here"}"#,
    r#"{"vehicle":{"age_ms":5}}"#,
    r#"{"vehicle":{"speed_m_s":null}}"#,
    r#"{"vehicle":null}"#,
    r#"{"publish":"denm","payload":{}}"#,
    r#"{"publish":"vru"}"#,
    r#"{"encoding":"xml"}"#,
    r#"{"hazard":"list","id":-1}"#,
    r#"{"hazard":"list","id":1.5}"#,
];
const COMMITTED: &str = include_str!("../../schema/control.json");
const CONTROL: &str = include_str!("../../../v2x-node/CONTROL.md");
