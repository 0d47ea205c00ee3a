//! The JSON Schema of the protocol (draft 2020-12), `api/schema/control.json`, made from what the readers of requests ask and from
//! the types of answers.

mod answers;
pub(crate) mod requests;
mod rules;

use serde_json::{Map, Value, json};
use v2x_proto::payload::schema::Side;

use crate::request::messages::MESSAGE_TYPES;

/// All of it.
pub(crate) fn document() -> Value {
    let mut definitions = Map::new();
    for message_type in MESSAGE_TYPES {
        Side::Read.define(message_type, &mut definitions);
        Side::Written.define(message_type, &mut definitions);
    }
    answers::define(&mut definitions);
    requests::define(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Roadcast's control protocol, version 1",
        "description": "A line of the control socket: #/$defs/request is what a program writes, #/$defs/answer what it reads, and \
                        #/$defs/watch what it reads of a watch. v2x-node/CONTROL.md says what each is.",
        "anyOf": [reference("request"), reference("answer"), reference("watch")],
        "$defs": definitions,
    })
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{definition}") })
}

/// What the payload of each type is, beside the key that names its type.
fn payload_by_type(side: Side, key: &str) -> Vec<Value> {
    let of = |message_type| {
        let name = crate::request::messages::type_name(message_type);
        json!({
            "if": { "properties": { key: { "const": name } } },
            "then": { "properties": { "payload": reference(&side.payload(message_type)) } },
        })
    };
    MESSAGE_TYPES.into_iter().map(of).collect()
}

mod tests;
