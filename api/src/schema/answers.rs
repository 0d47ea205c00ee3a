//! Definitions of the answers and of the lines of a watch: which keys each has, and the types that are written there.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use v2x_proto::payload::schema::Side;

use super::{payload_by_type, reference};
use crate::Answer;

pub fn define(definitions: &mut Map<String, Value>) {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.subschema_for::<Answer>();
    let mut types = generator.take_definitions(true);
    types.values_mut().for_each(tidy);
    let answer = types.remove("Answer").expect("it was asked for");
    let keys = answer["properties"].as_object().expect("an answer is an object");
    for (name, needed, optional) in ANSWERS {
        let mut line = line(keys, needed, optional);
        line["properties"]["ok"] = json!({ "const": *name != "answer_refusal" });
        line["required"].as_array_mut().expect("a list").push("ok".into());
        match *name {
            "answer_started" => line["properties"]["watch"] = json!({ "const": "started" }),
            "answer_published" => line["properties"]["message"] = json!({ "type": "string" }),
            _ => {}
        }
        definitions.insert((*name).to_owned(), line);
    }
    for WatchForm { name: watch, changes, needed, optional } in WATCHES {
        let mut line = line(keys, &[&["watch"], *needed].concat(), &[&["age_us"], *optional].concat());
        line["properties"]["watch"] = json!({ "const": watch });
        if !changes.is_empty() {
            line["properties"]["change"] = json!({ "enum": changes });
        }
        match *watch {
            "message" => line["properties"]["message"] = reference("Message"),
            "afar" => {
                line["properties"]["message"] = json!({ "type": "string" });
                line["properties"]["outcome"] = json!({ "enum": ["delivered", "aired", "dropped"] });
            }
            _ => {}
        }
        if *watch != "lost" {
            line["required"].as_array_mut().expect("a list").push("age_us".into());
        }
        definitions.insert(format!("watch_{watch}"), line);
    }
    let answers: Vec<_> = ANSWERS.iter().map(|(name, ..)| reference(name)).collect();
    definitions.insert("answer".to_owned(), json!({ "anyOf": answers }));
    let watches: Vec<_> = WATCHES.iter().map(|watch| reference(&format!("watch_{}", watch.name))).collect();
    definitions.insert("watch".to_owned(), json!({ "oneOf": watches }));
    let message = types.get_mut("Message").expect("a message is watched");
    message["allOf"] = payload_by_type(Side::Written, "type").into();
    message["properties"]["payload"]["type"] = "object".into();
    // A name or a message: each line says which.
    types.remove("AnsweredMessage");
    definitions.extend(types);
}

fn line(keys: &Map<String, Value>, needed: &[&str], optional: &[&str]) -> Value {
    let mut properties = Map::new();
    for key in needed.iter().chain(optional).chain(&["v", "id"]) {
        let schema = keys.get(*key).unwrap_or_else(|| panic!("an answer has no {key}"));
        properties.insert((*key).to_owned(), schema.clone());
    }
    properties["v"] = json!({ "const": crate::VERSION });
    properties["id"] = reference("RequestId");
    let required = [&["v"], needed].concat();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A key that may be left out is left out instead of being `null`; what a reader would take for it is not said.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            keys.remove("default");
            let required = keys.get("required").cloned().unwrap_or_default();
            let always = |key: &str| required.as_array().is_some_and(|all| all.iter().any(|one| one == key));
            if let Some(Value::Object(properties)) = keys.get_mut("properties") {
                let optional = properties.iter_mut().filter(|(key, _)| !always(key));
                optional.for_each(|(_, schema)| not_null(schema));
            }
            keys.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn not_null(schema: &mut Value) {
    for list in ["type", "anyOf"] {
        if let Some(Value::Array(all)) = schema.get_mut(list) {
            all.retain(|one| one != "null" && one["type"] != "null");
        }
    }
    if let Some([one]) = schema["type"].as_array().map(Vec::as_slice) {
        schema["type"] = one.clone();
    }
}

/// Each answer: the keys that it has beside `v`, `id` and `ok`, and those that it may have.
pub const ANSWERS: &[(&str, &[&str], &[&str])] = &[
    ("answer_done", &[], &[]),
    ("answer_refusal", &["reason", "error"], &[]),
    ("answer_event", &["event"], &[]),
    ("answer_hazards", &["hazards"], &["more_after"]),
    ("answer_priority", &["priority"], &[]),
    ("answer_priorities", &["priorities"], &[]),
    ("answer_started", &["watch"], &[]),
    ("answer_status", &["status"], &[]),
    ("answer_neighbours", &["neighbours"], &["more_after"]),
    ("answer_drops", &["drops", "frames_dropped"], &[]),
    ("answer_stats", &["stats"], &[]),
    ("answer_signals", &["signals"], &[]),
    ("answer_rights", &["rights"], &[]),
    ("answer_published", &["message", "bytes", "sent_us"], &[]),
];

/// A line of a watch.
pub struct WatchForm {
    /// What `watch` is.
    pub name: &'static str,
    /// What `change` may be.
    pub changes: &'static [&'static str],
    /// Keys that it has beside `v`, `id`, `watch` and `age_us`.
    pub needed: &'static [&'static str],
    /// Keys that it may have.
    pub optional: &'static [&'static str],
}

/// Each line of a watch.
pub const WATCHES: &[WatchForm] = &[
    WatchForm { name: "hazard", changes: EVENT_CHANGES, needed: &["change", "hazard"], optional: &[] },
    WatchForm { name: "alert", changes: EVENT_CHANGES, needed: &["change", "hazard"], optional: &[] },
    WatchForm { name: "concern", changes: &["began", "ended"], needed: &["change", "hazard"], optional: &[] },
    WatchForm { name: "renamed", changes: &[], needed: &["event", "former"], optional: &[] },
    WatchForm { name: "priority", changes: &[], needed: &["priority"], optional: &[] },
    WatchForm { name: "signal", changes: &[], needed: &[], optional: &["signal"] },
    WatchForm { name: "red_light", changes: &[], needed: &["signal"], optional: &[] },
    WatchForm {
        name: "neighbour",
        changes: &["present", "new", "updated", "lost"],
        needed: &["change", "neighbour"],
        optional: &[],
    },
    WatchForm { name: "message", changes: &[], needed: &["message"], optional: &[] },
    WatchForm { name: "drop", changes: &[], needed: &["drop"], optional: &[] },
    WatchForm { name: "stats", changes: &[], needed: &["stats"], optional: &[] },
    WatchForm { name: "signals", changes: &[], needed: &["signals"], optional: &[] },
    WatchForm { name: "afar", changes: &[], needed: &["peer", "outcome"], optional: &["message", "reason"] },
    WatchForm { name: "lost", changes: &[], needed: &["of", "changes"], optional: &[] },
];
const EVENT_CHANGES: &[&str] = &["new", "updated", "cancelled", "negated", "expired"];
