//! Definitions of the requests: lines that show every key of each, and what the reader makes of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use v2x_proto::envelope::MAX_FRAME;
use v2x_proto::payload::schema::Side;

use super::rules::Lines;
use super::{payload_by_type, reference};
use crate::cause;
use crate::fields::asked;
use crate::request::afar::FRAME_RIGHT;
use crate::request::declaration::CAUSE_RIGHT;
use crate::request::id::LONGEST_ID;
use crate::request::messages::{MESSAGE_TYPES, type_name};
use crate::request::priority::PriorityRequest;
use crate::request::{DIGEST_RIGHT, EVENT_RIGHT, Request};

pub fn define(definitions: &mut Map<String, Value>) {
    definitions.insert(
        "RequestId".to_owned(),
        json!({
            "description": "The program's name for a request; a text has at most 64 bytes.",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": u64::MAX },
                { "type": "string", "maxLength": LONGEST_ID },
            ],
        }),
    );
    let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in LINES {
        shown.entry(definition(&request(line))).or_default().push(line);
    }
    for (name, lines) in &shown {
        let mut schema = schema(lines);
        let request = request(lines[0]);
        let (needs, answer) = (request.needs().name(), answer(&request));
        schema["description"] =
            format!("Needs the right to {needs}. Answered by #/$defs/{answer}, or refused.").into();
        definitions.insert((*name).to_owned(), schema);
    }
    let all: Vec<_> = shown.keys().map(|name| reference(name)).collect();
    definitions.insert("request".to_owned(), json!({ "oneOf": all }));
    let areas = ["circle", "rectangle", "ellipse"].map(|shape| {
        let new = LINES.iter().filter(|line| definition(&request(line)) == "request_hazard_new");
        let lines: Vec<_> = new.copied().filter(|line| object(line)["area"]["shape"] == shape).collect();
        let mut schema = read(&lines).within("area");
        schema["properties"]["shape"] = json!({ "const": shape });
        schema
    });
    definitions.insert("area".to_owned(), json!({ "oneOf": areas }));
}

fn schema(lines: &[&str]) -> Value {
    let read = read(lines);
    let (noun, verb) = noun(&read);
    let verbs: BTreeSet<&str> = match noun {
        "publish" => MESSAGE_TYPES.into_iter().map(type_name).collect(),
        _ => read.lines.iter().filter_map(|line| line[noun].as_str()).collect(),
    };
    let mut schema = read.line(if verb { json!({ "enum": verbs }) } else { Value::Bool(true) });
    if noun == "publish" {
        schema["allOf"] = payload_by_type(Side::Read, "publish").into();
    }
    schema
}

/// The key that says what is asked, and whether a verb stands there.
fn noun(read: &Lines) -> (&'static str, bool) {
    let noun = crate::request::NOUNS.into_iter().find(|noun| read.lines[0].contains_key(*noun));
    let noun = noun.expect("a line has a noun");
    (noun, read.lines[0][noun].is_string())
}

fn read(lines: &[&str]) -> Lines {
    let mut all = asked::Asked::new();
    for line in lines {
        let (request, asked) = asked::of(|| Request::parse(line.as_bytes()));
        request.unwrap_or_else(|error| panic!("{line}: {error}"));
        for (path, object) in asked {
            let into = all.entry(path).or_default();
            into.known = object.known;
            into.rules.extend(object.rules);
        }
    }
    Lines { lines: lines.iter().map(|line| object(line)).collect(), asked: all }
}

fn object(line: &str) -> Map<String, Value> {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn request(line: &str) -> Request {
    Request::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// What a text has to be that has a reader of its own.
pub fn form(right: &str) -> Value {
    match right {
        EVENT_RIGHT => json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{16}/0*[0-9]{1,10}$" }),
        FRAME_RIGHT => {
            json!({ "type": "string", "pattern": "^([0-9A-Fa-f]{2})+$", "maxLength": 2 * MAX_FRAME })
        }
        DIGEST_RIGHT => json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{16}$" }),
        // The reader ignores case, hyphens and spaces too.
        CAUSE_RIGHT => {
            let names = cause::all().flat_map(|(_, name, standard)| [name, standard]);
            let names: BTreeSet<_> = names.filter(|name| !name.is_empty()).collect();
            json!({ "anyOf": [{ "enum": names }, { "type": "integer", "minimum": 1, "maximum": 255 }] })
        }
        other => panic!("what is {other}?"),
    }
}

/// The definition of a request.
pub fn definition(request: &Request) -> &'static str {
    match request {
        Request::New(_) => "request_hazard_new",
        Request::Update(..) => "request_hazard_update",
        Request::Cancel(_) => "request_hazard_cancel",
        Request::Negate(_) => "request_hazard_negate",
        Request::List(_) => "request_hazard_list",
        Request::Watch => "request_hazard_watch",
        Request::Priority(PriorityRequest::Request(_)) => "request_priority_request",
        Request::Priority(PriorityRequest::Cancel(_)) => "request_priority_cancel",
        Request::Priority(PriorityRequest::Status) => "request_priority_status",
        Request::Priority(PriorityRequest::Watch) => "request_priority_watch",
        Request::WatchSignal => "request_signal_watch",
        Request::Status => "request_station_status",
        Request::Reload => "request_station_reload",
        Request::Neighbours(_) => "request_neighbours_list",
        Request::WatchNeighbours => "request_neighbours_watch",
        Request::WatchMessages(_) => "request_messages_watch",
        Request::Drops => "request_drops_list",
        Request::WatchDrops(_) => "request_drops_watch",
        Request::Stats => "request_stats_now",
        Request::WatchStats => "request_stats_watch",
        Request::Signals => "request_signals_list",
        Request::WatchSignals => "request_signals_watch",
        Request::Rights(_) => "request_rights",
        Request::Encoding(_) => "request_encoding",
        Request::Publish(_) => "request_publish",
        Request::Fix(_) => "request_fix",
        Request::Vehicle(_) => "request_vehicle",
        Request::Afar(_) => "request_afar",
        Request::WatchAfar => "request_afar_watch",
    }
}

/// The definition of the answer to a request that is done.
pub fn answer(request: &Request) -> &'static str {
    match request {
        Request::New(_) | Request::Update(..) | Request::Cancel(_) | Request::Negate(_) => "answer_event",
        Request::List(_) => "answer_hazards",
        Request::Priority(PriorityRequest::Request(_) | PriorityRequest::Cancel(_)) => "answer_priority",
        Request::Priority(PriorityRequest::Status) => "answer_priorities",
        Request::Watch
        | Request::Priority(PriorityRequest::Watch)
        | Request::WatchSignal
        | Request::WatchNeighbours
        | Request::WatchMessages(_)
        | Request::WatchDrops(_)
        | Request::WatchStats
        | Request::WatchSignals
        | Request::WatchAfar => "answer_started",
        Request::Status => "answer_status",
        Request::Neighbours(_) => "answer_neighbours",
        Request::Drops => "answer_drops",
        Request::Stats => "answer_stats",
        Request::Signals => "answer_signals",
        Request::Rights(_) => "answer_rights",
        Request::Publish(_) => "answer_published",
        Request::Reload | Request::Encoding(_) | Request::Fix(_) | Request::Vehicle(_) | Request::Afar(_) => {
            "answer_done"
        }
    }
}

/// Every key of every request; of keys that do not go together, each in a line of its own.
pub const LINES: &[&str] = &[
    r#"{"v":1,"id":7,"hazard":"new","class":"D1","cause":"accident","sub_cause":3,"latitude_deg":49.6,"longitude_deg":6.1,
        "speed_m_s":1.5,"heading_deg":90.1,"quality":5,"validity_s":600,
        "area":{"shape":"rectangle","half_length_m":400,"half_width_m":25,"azimuth_deg":45,"latitude_deg":49.6,"longitude_deg":6.1},
        "relevance_distance_m":500,"relevance_direction":"upstream","repeat_ms":1000,"repeat_for_ms":9000,"keep_alive_ms":2000}"#,
    r#"{"v":1,"id":7,"hazard":"new","class":"D1","cause":2,"here":true,
        "area":{"shape":"ellipse","half_length_m":400,"half_width_m":25,"azimuth_deg":45,"latitude_deg":49.6,"longitude_deg":6.1}}"#,
    r#"{"v":1,"id":7,"hazard":"new","class":"D1","cause":2,
        "area":{"shape":"circle","radius_m":400,"latitude_deg":49.6,"longitude_deg":6.1}}"#,
    r#"{"v":1,"id":7,"hazard":"update","event":"3f01020304050607/2","class":"D1","cause":"accident","sub_cause":3,"latitude_deg":49.6,
        "longitude_deg":6.1,"speed_m_s":1.5,"heading_deg":90.1,"quality":5,"validity_s":600,"area":{"shape":"circle","radius_m":400},
        "relevance_distance_m":500,"relevance_direction":"upstream","repeat_ms":1000,"repeat_for_ms":9000,"keep_alive_ms":2000}"#,
    r#"{"v":1,"id":7,"hazard":"update","event":"3f01020304050607/2","here":true}"#,
    r#"{"v":1,"id":7,"hazard":"cancel","event":"3f01020304050607/2"}"#,
    r#"{"v":1,"id":7,"hazard":"negate","event":"3f01020304050607/2"}"#,
    r#"{"v":1,"id":7,"hazard":"list","after":"3f01020304050607/2"}"#,
    r#"{"v":1,"id":7,"hazard":"watch"}"#,
    r#"{"v":1,"id":7,"priority":"request","intersection":18,"region":3,"role":"truck","egress_lane":13,"importance":0,"duration_ms":8000}"#,
    r#"{"v":1,"id":7,"priority":"cancel","intersection":18,"region":3}"#,
    r#"{"v":1,"id":7,"priority":"status"}"#,
    r#"{"v":1,"id":7,"priority":"watch"}"#,
    r#"{"v":1,"id":7,"signal":"watch"}"#,
    r#"{"v":1,"id":7,"station":"status"}"#,
    r#"{"v":1,"id":7,"station":"reload"}"#,
    r#"{"v":1,"id":7,"neighbours":"list","after":"3f01020304050607"}"#,
    r#"{"v":1,"id":7,"neighbours":"watch"}"#,
    r#"{"v":1,"id":7,"messages":"watch","types":["hazard"],"classes":["D0"],"standing":["trusted"],"verified":true,"payload":true,"own":true,"credential":true,
        "area":{"latitude_deg":49.6,"longitude_deg":6.1,"radius_m":500}}"#,
    r#"{"v":1,"id":7,"drops":"list"}"#,
    r#"{"v":1,"id":7,"drops":"watch","reasons":["stale"]}"#,
    r#"{"v":1,"id":7,"stats":"now"}"#,
    r#"{"v":1,"id":7,"stats":"watch"}"#,
    r#"{"v":1,"id":7,"signals":"list"}"#,
    r#"{"v":1,"id":7,"signals":"watch"}"#,
    r#"{"v":1,"id":7,"rights":"show"}"#,
    r#"{"v":1,"id":7,"rights":"read"}"#,
    r#"{"v":1,"id":7,"rights":"declare"}"#,
    r#"{"v":1,"id":7,"rights":"administer"}"#,
    r#"{"v":1,"id":7,"encoding":"json"}"#,
    r#"{"v":1,"id":7,"encoding":"protobuf"}"#,
    r#"{"v":1,"id":7,"publish":"vru","payload":{},"class":"D2","lifetime_ms":500,"hops":1,"area":{"shape":"circle","radius_m":50},
        "to":"00112233aabbccdd"}"#,
    r#"{"v":1,"id":7,"fix":{"latitude_deg":49.6,"longitude_deg":6.1,"speed_m_s":13.9,"heading_deg":271.5,"accuracy_m":1.5,"altitude_m":300,
        "age_ms":5}}"#,
    r#"{"v":1,"id":7,"fix":{"latitude_deg":49.6,"longitude_deg":6.1,"time_utc":"2026-01-01T00:00:00.500Z"}}"#,
    r#"{"v":1,"id":7,"vehicle":{"age_ms":5,"speed_m_s":22.2,"acceleration_m_s2":-6.5,"yaw_rate_deg_s":3,"steering_angle_deg":-90,
        "brake_pedal":true,"gas_pedal":true,"emergency_brake":true,"collision_warning":true,"adaptive_cruise_control":true,
        "cruise_control":true,"speed_limiter":true,"lights":["fog"],"doors_open":["driver"],"light_bar":true,"siren":true}}"#,
    r#"{"v":1,"id":7,"afar":{"frame":"1000","peer":7}}"#,
    r#"{"v":1,"id":7,"afar":"watch"}"#,
];
