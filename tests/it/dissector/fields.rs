//! Messages in which every field of the schema has a value, and how Wireshark shows them.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};
use v2x_proto::v1;

use crate::generated;

/// Fills messages: no value twice, none zero.
pub struct Filler<'a> {
    pool: &'a DescriptorPool,
    /// Name of the message in `ToBeSigned.payload`.
    payload: &'a str,
    /// Field of `SignedMessage` that names the signer.
    signer: &'static str,
    last: u32,
}

impl<'a> Filler<'a> {
    pub fn new(pool: &'a DescriptorPool, payload: &'a str, signer: &'static str) -> Self {
        Self { pool, payload, signer, last: 0 }
    }

    /// A message of this name with all of its fields.
    pub fn message(&mut self, name: &str) -> DynamicMessage {
        let descriptor = self.pool.get_message_by_name(&format!("v2x.v1.{name}")).unwrap();
        self.fill(descriptor)
    }

    fn fill(&mut self, descriptor: MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in in_order(&descriptor) {
            let one_of = field.containing_oneof().filter(|one_of| !one_of.is_synthetic());
            if one_of.is_some() && field.name() != self.signer {
                continue;
            }
            let value = if field.is_list() {
                Value::List(vec![self.value(&field), self.value(&field)])
            } else {
                self.value(&field)
            };
            message.set_field(&field, value);
        }
        message
    }

    fn value(&mut self, field: &FieldDescriptor) -> Value {
        self.last += 1;
        let number = self.last;
        match field.kind() {
            Kind::Bool => Value::Bool(true),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(number << 8 | 1),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::from(number) << 40 | 1),
            Kind::Sint32 | Kind::Sfixed32 => Value::I32(-(number as i32)),
            Kind::String => Value::String(format!("text {number}, Straße")),
            Kind::Enum(_) if field.full_name() == "v2x.v1.ToBeSigned.type" => {
                Value::EnumNumber(self.message_type())
            }
            Kind::Enum(values) => {
                let known: Vec<i32> =
                    values.values().map(|value| value.number()).filter(|one| *one != 0).collect();
                Value::EnumNumber(known[number as usize % known.len()])
            }
            Kind::Bytes => Value::Bytes(match inside(field, self.payload) {
                Some(name) => self.nested(field, &name),
                None => number.to_be_bytes().repeat(2).into(),
            }),
            Kind::Message(descriptor) => Value::Message(self.fill(descriptor)),
            other => panic!("{}: the schema has no {other:?}", field.full_name()),
        }
    }

    fn nested(&mut self, field: &FieldDescriptor, name: &str) -> Bytes {
        if field.name() == "evidence" {
            // A message of somebody else, of another type.
            let mut inner = Filler { payload: "Echo", signer: "digest", ..*self };
            let message = inner.message(name);
            self.last = inner.last;
            return encoded(&message).into();
        }
        encoded(&self.message(name)).into()
    }

    fn message_type(&self) -> i32 {
        let mut types = (1..64).filter_map(|number| v1::MessageType::try_from(number).ok());
        types.find(|found| format!("{found:?}") == self.payload).unwrap() as i32
    }
}

/// The message in a field of bytes, if there is one.
fn inside(field: &FieldDescriptor, payload: &str) -> Option<String> {
    let name = match field.full_name().strip_prefix("v2x.v1.").unwrap() {
        "SignedMessage.tbs" => "ToBeSigned",
        "SignedMessage.credential" | "CredentialResponse.credentials" => "Credential",
        "ToBeSigned.payload" => payload,
        "Credential.tbs" => "CredentialTbs",
        "MisbehaviourReport.evidence" => "SignedMessage",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The bytes of a message, its fields by number.
pub fn encoded(message: &DynamicMessage) -> Vec<u8> {
    message.encode_to_vec()
}

/// Names and values of all fields in it, in the order of its bytes, as Wireshark shows them.
pub fn shown(message: &DynamicMessage, out: &mut Vec<[String; 2]>) {
    shown_with(message, "", out);
}

fn shown_with(message: &DynamicMessage, payload: &str, out: &mut Vec<[String; 2]>) {
    let descriptor = message.descriptor();
    let payload = match message.get_field_by_name("type").as_deref() {
        Some(Value::EnumNumber(number)) if descriptor.name() == "ToBeSigned" => {
            format!("{:?}", v1::MessageType::try_from(*number).unwrap())
        }
        _ => payload.to_owned(),
    };
    for field in in_order(&descriptor).into_iter().filter(|field| message.has_field(field)) {
        let value = message.get_field(&field);
        let values = match value.as_ref() {
            Value::List(values) => &values[..],
            one => std::slice::from_ref(one),
        };
        for value in values {
            out.push([name(&field), text(&field, value)]);
            match (value, inside(&field, &payload)) {
                (Value::Message(inner), _) => shown_with(inner, &payload, out),
                (Value::Bytes(bytes), Some(inner)) => {
                    let inner =
                        descriptor.parent_pool().get_message_by_name(&format!("v2x.v1.{inner}")).unwrap();
                    shown_with(&DynamicMessage::decode(inner, bytes.clone()).unwrap(), &payload, out);
                }
                _ => {}
            }
        }
    }
}

fn text(field: &FieldDescriptor, value: &Value) -> String {
    match value {
        Value::Bool(value) => u8::from(*value).to_string(),
        Value::I32(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::EnumNumber(number) => {
            let values = field.kind();
            let value = values.as_enum().unwrap().get_value(*number).unwrap();
            format!("{} ({number})", value.name())
        }
        Value::Bytes(bytes) => hex(bytes),
        Value::Message(message) => hex(&encoded(message)),
        other => panic!("{}: {other:?}", field.full_name()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// `Awareness.speed`.
fn name(field: &FieldDescriptor) -> String {
    field.full_name().strip_prefix("v2x.v1.").unwrap().to_owned()
}

/// Names of all fields that can be in a frame.
pub fn on_air(pool: &DescriptorPool) -> impl Iterator<Item = String> {
    let mut left = vec!["SignedMessage".to_owned()];
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    left.extend(generated::payloads(pool).into_iter().map(|(name, _)| name));
    while let Some(message) = left.pop() {
        if !seen.insert(message.clone()) {
            continue;
        }
        for field in pool.get_message_by_name(&format!("v2x.v1.{message}")).unwrap().fields() {
            names.insert(name(&field));
            match field.kind() {
                Kind::Message(inner) => left.push(inner.name().to_owned()),
                Kind::Bytes if field.name() != "payload" => left.extend(inside(&field, "")),
                _ => {}
            }
        }
    }
    assert!(names.len() > 200, "only {} fields", names.len());
    names.into_iter()
}

fn in_order(descriptor: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = descriptor.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    fields
}
