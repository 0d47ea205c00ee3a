use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::form::{self, FieldForm, MessageForm, ValueForm};
use super::super::{Message, PayloadError, decode_library};
use super::read::encode;
use super::*;
use crate::v1;
use crate::wire::{put_bytes_head, put_varint};

fn every_type() -> impl Iterator<Item = MessageType> {
    MESSAGE_TYPE.0.iter().filter_map(|(number, name)| {
        let one = MessageType::try_from(*number).ok().filter(|_| *number != 0)?;
        assert_eq!((type_named(name), type_name(one as u32)), (Some(one), Some(*name)));
        Some(one)
    })
}

/// A number for each choice that makes a message, used from the front and then from the start again.
struct Choices<'a> {
    numbers: &'a [u64],
    next: usize,
}

impl Choices<'_> {
    fn any(&mut self) -> u64 {
        let number = self.numbers[self.next % self.numbers.len()];
        // What was used is not used again unchanged.
        let number = number.rotate_left((self.next / self.numbers.len()) as u32);
        self.next += 1;
        number
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.any() >> 7) as usize % limit
    }
}

/// Fields of the schema's types with any values, out of range too, as this crate encodes them.
fn any_fields(form: &MessageForm, choices: &mut Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for field in form.fields {
        match (field.repeated, choices.below(4)) {
            (false, 0) => (),
            (false, _) => any_singular(&mut out, field, choices),
            (true, entries) if field.value.is_number() => {
                let mut column = Vec::new();
                for _ in 0..entries {
                    any_value(&mut column, field.value, choices);
                }
                if entries > 0 {
                    put_bytes_head(&mut out, field.number, column.len());
                    out.extend(column);
                }
            }
            (true, entries) => {
                for _ in 0..entries {
                    put_varint(&mut out, u64::from(field.value.tag(field.number)));
                    any_value(&mut out, field.value, choices);
                }
            }
        }
    }
    out
}

fn any_singular(out: &mut Vec<u8>, field: &FieldForm, choices: &mut Choices<'_>) {
    let start = out.len();
    put_varint(out, u64::from(field.value.tag(field.number)));
    let is_default = any_value(out, field.value, choices);
    if is_default && !field.optional {
        out.truncate(start);
    }
}

fn any_value(out: &mut Vec<u8>, form: ValueForm, choices: &mut Choices<'_>) -> bool {
    let number = choices.any();
    // Small, large, and the ends.
    let number = match number % 5 {
        0 => 0,
        1 => u64::MAX,
        2 => number >> 56,
        _ => number,
    };
    let put_bytes = |out: &mut Vec<u8>, bytes: &[u8]| {
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
        bytes.is_empty()
    };
    match form {
        ValueForm::Uint32 | ValueForm::Sint32 => put_varint(out, number & 0xffff_ffff),
        ValueForm::Uint64 => put_varint(out, number),
        ValueForm::Bool => {
            put_varint(out, number & 1);
            return number & 1 == 0;
        }
        ValueForm::Enum(names) => {
            let number = names.0[choices.below(names.0.len())].0;
            put_varint(out, number as u64);
            return number == 0;
        }
        ValueForm::Fixed32 | ValueForm::Sfixed32 => out.extend_from_slice(&(number as u32).to_le_bytes()),
        ValueForm::Fixed64 => out.extend_from_slice(&number.to_le_bytes()),
        ValueForm::Bytes => return put_bytes(out, &number.to_le_bytes()[..choices.below(9)]),
        ValueForm::Text => {
            return put_bytes(out, ["", "a", "\"Zoë\"\n", "\u{1f6a6}"][choices.below(4)].as_bytes());
        }
        ValueForm::Message(form) => {
            let inner = any_fields(form, choices);
            return put_bytes(out, &inner);
        }
    }
    match form {
        ValueForm::Uint64 | ValueForm::Fixed64 => number == 0,
        _ => number & 0xffff_ffff == 0,
    }
}

/// JSON of any kind, some of its keys and texts those of the schema.
fn any_json() -> impl Strategy<Value = Value> {
    let word = || {
        prop_oneof![
            "\\PC{0,6}",
            prop::sample::select(vec![
                "groups",
                "lanes",
                "group",
                "phase",
                "area",
                "id",
                "origin",
                "number",
                "speed",
                "position",
                "latitude",
                "rtcm",
                "text",
                "signs",
                "zones",
                "delivered",
                "00ff",
                "car",
                "unspecified",
            ])
            .prop_map(str::to_owned),
        ]
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((word(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_message_is_read_back_from_its_json(numbers in vec(any::<u64>(), 20..60)) {
        for one in every_type() {
            let bytes = any_fields(form::of(one), &mut Choices { numbers: &numbers, next: 0 });
            let message = decode_library(one, bytes.clone().into()).unwrap();
            let json = message.to_json();
            prop_assert_eq!(&serde_json::from_str::<Value>(&serde_json::to_string(&message).unwrap()).unwrap(), &json);
            // Byte for byte, whatever receivers think of its values; and then their judgement.
            prop_assert_eq!(encode(one, &json), Ok(bytes), "{}", json);
            let expected = message.check().map(|()| message).map_err(JsonError::Refused);
            prop_assert_eq!(Message::from_json(one, &json), expected, "{}", json);
        }
    }

    #[test]
    fn any_json_is_a_message_or_an_error_with_a_place(json in any_json()) {
        for one in every_type() {
            match Message::from_json(one, &json) {
                Ok(message) => prop_assert_eq!(Message::from_json(one, &message.to_json()), Ok(message)),
                Err(error) => prop_assert!(!error.place().is_empty() && error.to_string().contains('`')),
            }
        }
    }
}

#[test]
fn a_message_reads_as_its_schema_has_it() {
    let message = Message::from(v1::SignalState {
        intersection_id: 18,
        state_time_us: 700_000_000_000_000,
        groups: vec![
            v1::SignalGroup {
                group: 2,
                phase: v1::SignalPhase::ProtectedGo as i32,
                min_end: Some(0),
                ..Default::default()
            },
            v1::SignalGroup { group: 3, phase: 99, ..Default::default() },
        ],
        ..Default::default()
    });
    let expected = json!({
        "intersection_id": 18, "region_id": 0, "map_revision": 0, "state_time_us": 700_000_000_000_000_u64, "status": 0,
        "groups": [{"group": 2, "phase": "protected_go", "min_end": 0}, {"group": 3, "phase": 99}],
    });
    assert_eq!(message.to_json(), expected);
    let echo = Message::from(v1::Echo { target: vec![1, 0xab].into(), ..Default::default() });
    let expected = json!({"token": 0, "reply": false, "sent_us": 0, "target": "01ab", "padding": ""});
    assert_eq!(echo.to_json(), expected);
    assert_eq!(
        Message::from(v1::PriorityStatus::default()).to_json(),
        json!({"intersection_id": 0, "region_id": 0})
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_would_be_right() {
    let state =
        |group: Value| json!({"intersection_id": 1, "state_time_us": 5, "groups": [{"group": 1}, group]});
    for (json, expected) in [
        (json!([]), "`signal_state` is a list, and must be an object of the fields"),
        (json!({"status": -1}), "`signal_state.status` is -1, and must be a whole number, 0 to 4294967295"),
        (json!({"status": 1.5}), "`signal_state.status` is 1.5, and must be a whole number, 0 to 4294967295"),
        (json!({"status": 4_294_967_296_u64}), "0 to 4294967295"),
        (
            json!({"state_time_us": "5"}),
            "`signal_state.state_time_us` is \"5\", and must be a whole number, 0 to 184467",
        ),
        (json!({"groups": {}}), "`signal_state.groups` is an object, and must be a list"),
        (
            state(json!({"group": 2, "colour": "red"})),
            "`signal_state.groups[1].colour` is not known; there are group, phase, ",
        ),
        (
            state(json!({"phase": "green"})),
            "`signal_state.groups[1].phase` is \"green\", and must be one of unspecified, dark,",
        ),
        (state(json!({"phase": 6})), "`signal_state.groups[1].phase` is 6, and must be one of"),
        (
            state(json!({"group": 2, "min_end": 36_001})),
            "field `min_end` is out of its range, as the schema has it",
        ),
        (state(json!({"group": 1})), "field `group` is out of its range"),
    ] {
        let error = Message::from_json(MessageType::SignalState, &json).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    for (text, right) in [("0", false), ("0g", false), ("é0", false), ("00Ff", true)] {
        let found = Message::from_json(MessageType::Echo, &json!({"padding": text}));
        assert_eq!(found.is_ok(), right, "{text}");
    }
    let long = json!({"x".repeat(5_000): 1});
    assert!(Message::from_json(MessageType::Echo, &long).unwrap_err().to_string().len() < 200);
    let error =
        Message::from_json(MessageType::RsuAdvert, &json!({"name": "a\u{0}b", "position": {}})).unwrap_err();
    assert!(matches!(error, JsonError::Refused(PayloadError::Form(_))), "{error}");
}

#[test]
fn null_is_absent() {
    let json = json!({"speed": null, "position_confidence": null, "path_delta_time": null, "heading": 0});
    let expected = v1::Awareness { heading: Some(0), ..Default::default() };
    assert_eq!(Message::from_json(MessageType::Awareness, &json), Ok(expected.into()));
}

#[test]
fn brackets_nested_without_end_are_refused_before_they_are_a_value() {
    for nested in ["[".repeat(10_000), "{\"groups\":".repeat(10_000)] {
        assert!(serde_json::from_str::<Value>(&nested).is_err());
    }
    // As deep as a line can be, below a field that takes no list.
    let deep = format!("{{\"status\":{}1{}}}", "[".repeat(120), "]".repeat(120));
    let value = serde_json::from_str(&deep).unwrap();
    let error = Message::from_json(MessageType::SignalState, &value).unwrap_err();
    assert_eq!(error.place(), "signal_state.status");
}
