//! JSON Schemas of payloads (draft 2020-12), by the same tables as their form. Ranges of single fields are not in the tables, and
//! so not here: `proto/schema` has them.

use serde_json::{Map, Value, json};

use super::super::form::{self, FieldForm, MessageForm, ValueForm};
use crate::v1::MessageType;

/// Whose JSON is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What [`Message::from_json`](super::super::Message::from_json) reads.
    Read,
    /// What [`Message::to_json`](super::super::Message::to_json) writes.
    Written,
}

impl Side {
    /// The name among definitions of the payload of a message type: `payload_Vru` or `watched_Vru`.
    pub fn payload(self, message_type: MessageType) -> String {
        self.definition(form::of(message_type))
    }

    fn definition(self, form: &MessageForm) -> String {
        let side = match self {
            Self::Read => "payload",
            Self::Written => "watched",
        };
        format!("{side}_{}", form.name)
    }

    /// Adds what describes the payload of a message type, and the messages within it, to `definitions`.
    pub fn define(self, message_type: MessageType, definitions: &mut Map<String, Value>) {
        self.define_form(form::of(message_type), definitions);
    }

    fn define_form(self, form: &MessageForm, definitions: &mut Map<String, Value>) {
        let name = self.definition(form);
        if definitions.contains_key(&name) {
            return;
        }
        let properties: Map<_, _> =
            form.fields.iter().map(|field| (field.name.to_owned(), self.field(field))).collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        match self {
            Self::Read => schema["additionalProperties"] = false.into(),
            Self::Written => {
                let always = form.fields.iter().filter(|field| !field.repeated && !field.optional);
                schema["required"] = always.map(|field| field.name).collect();
            }
        }
        definitions.insert(name, schema);
        for field in form.fields {
            if let ValueForm::Message(inner) = field.value {
                self.define_form(inner, definitions);
            }
        }
    }

    fn field(self, field: &FieldForm) -> Value {
        let value = self.value(field.value);
        let value = if field.repeated { json!({ "type": "array", "items": value }) } else { value };
        match self {
            // `null` counts as absent.
            Self::Read => json!({ "anyOf": [value, { "type": "null" }] }),
            Self::Written => value,
        }
    }

    fn value(self, form: ValueForm) -> Value {
        let within = |least: i64, most: u64| json!({ "type": "integer", "minimum": least, "maximum": most });
        match form {
            ValueForm::Uint32 | ValueForm::Fixed32 => within(0, u64::from(u32::MAX)),
            ValueForm::Uint64 | ValueForm::Fixed64 => within(0, u64::MAX),
            ValueForm::Sint32 | ValueForm::Sfixed32 => within(i64::from(i32::MIN), i32::MAX as u64),
            ValueForm::Bool => json!({ "type": "boolean" }),
            ValueForm::Enum(names) => {
                let names: Vec<_> = names.0.iter().map(|(_, name)| *name).collect();
                match self {
                    Self::Read => json!({ "enum": names }),
                    // A number that a later version of the schema gives a name.
                    Self::Written => json!({ "anyOf": [{ "enum": names }, { "type": "integer" }] }),
                }
            }
            ValueForm::Bytes => json!({ "type": "string", "pattern": "^([0-9A-Fa-f]{2})*$" }),
            ValueForm::Text => json!({ "type": "string" }),
            ValueForm::Message(form) => json!({ "$ref": format!("#/$defs/{}", self.definition(form)) }),
        }
    }
}
