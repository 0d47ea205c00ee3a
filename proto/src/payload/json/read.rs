//! JSON as a message: each value checked against the schema's type, then the message as a receiver checks it.

use serde_json::{Map, Value};

use super::super::form::{self, EnumForm, FieldForm, MessageForm, ValueForm};
use super::super::{Message, PayloadError, decode};
use super::type_name;
use crate::v1::MessageType;
use crate::wire::{put_bytes_head, put_varint};

impl Message {
    /// Reads a message from JSON in the form that [`to_json`](Self::to_json) writes. What is left out, or `null`, is absent.
    ///
    /// # Errors
    ///
    /// The first field that is unknown or not of its type, by its path; or else the first that a receiver would refuse.
    pub fn from_json(message_type: MessageType, value: &Value) -> Result<Self, JsonError> {
        let payload = encode(message_type, value)?;
        Ok(decode(message_type as u32, payload.into())?)
    }
}

/// The payload that `value` describes, whatever a receiver thinks of its values.
pub(super) fn encode(message_type: MessageType, value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut payload = Vec::new();
    let name = type_name(message_type as u32).unwrap_or("message");
    put_fields(&mut payload, form::of(message_type), value).map_err(|fault| fault.of(name))?;
    Ok(payload)
}

/// Why JSON is not the message of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// A field that the schema does not have.
    #[error("`{path}` is not known; there are {known}")]
    Unknown {
        /// Where it is, from the message on: `signal_state.groups[2].colour`.
        path: String,
        /// The fields there are.
        known: String,
    },
    /// A value that its type cannot hold.
    #[error("`{path}` is {found}, and must be {right}")]
    Type {
        /// Where it is, from the message on.
        path: String,
        /// What is there, shortened.
        found: String,
        /// What may be there.
        right: String,
    },
    /// A message that receivers refuse.
    #[error("{0}, as the schema has it")]
    Refused(#[from] PayloadError),
}

impl JsonError {
    /// The place at fault: a path from the message on, or the name of a field.
    pub fn place(&self) -> &str {
        match self {
            Self::Unknown { path, .. } | Self::Type { path, .. } => path,
            Self::Refused(error) => error.field().unwrap_or("message"),
        }
    }
}

/// An error whose path is known from its end only.
struct Fault {
    /// From the innermost on.
    steps: Vec<Step>,
    kind: Kind,
}

enum Step {
    /// A field, or a key that is none.
    Field(String),
    Entry(usize),
}

enum Kind {
    Unknown { known: String },
    Type { found: String, right: String },
}

impl Fault {
    fn wrong(value: &Value, right: impl Into<String>) -> Self {
        Self { steps: Vec::new(), kind: Kind::Type { found: shown(value), right: right.into() } }
    }

    fn at(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn of(self, message: &str) -> JsonError {
        let mut path = message.to_owned();
        for step in self.steps.iter().rev() {
            match step {
                Step::Field(name) => path.extend([".", name]),
                Step::Entry(place) => path += &format!("[{place}]"),
            }
        }
        match self.kind {
            Kind::Unknown { known } => JsonError::Unknown { path, known },
            Kind::Type { found, right } => JsonError::Type { path, found, right },
        }
    }
}

fn put_fields(out: &mut Vec<u8>, form: &MessageForm, value: &Value) -> Result<(), Fault> {
    let object = value.as_object().ok_or_else(|| Fault::wrong(value, "an object of the fields"))?;
    refuse_unknown(form, object)?;
    for field in form.fields {
        let Some(value) = object.get(field.name).filter(|value| !value.is_null()) else { continue };
        put_field(out, field, value).map_err(|fault| fault.at(Step::Field(field.name.to_owned())))?;
    }
    Ok(())
}

fn refuse_unknown(form: &MessageForm, object: &Map<String, Value>) -> Result<(), Fault> {
    let unknown = object.keys().find(|key| form.fields.iter().all(|field| field.name != key.as_str()));
    let Some(key) = unknown else { return Ok(()) };
    let known: Vec<_> = form.fields.iter().map(|field| field.name).collect();
    let kind = Kind::Unknown { known: known.join(", ") };
    Err(Fault { steps: vec![Step::Field(key.chars().take(LONGEST_SHOWN).collect())], kind })
}

fn put_field(out: &mut Vec<u8>, field: &FieldForm, value: &Value) -> Result<(), Fault> {
    if !field.repeated {
        let start = out.len();
        put_varint(out, u64::from(field.value.tag(field.number)));
        let is_default = put_value(out, field.value, value)?;
        if is_default && !field.optional {
            out.truncate(start);
        }
        return Ok(());
    }
    let entries = value.as_array().ok_or_else(|| Fault::wrong(value, "a list"))?;
    let packed = field.value.is_number();
    let mut column = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let into = if packed { &mut column } else { &mut *out };
        if !packed {
            put_varint(into, u64::from(field.value.tag(field.number)));
        }
        put_value(into, field.value, entry).map_err(|fault| fault.at(Step::Entry(place)))?;
    }
    if !column.is_empty() {
        put_bytes_head(out, field.number, column.len());
        out.extend_from_slice(&column);
    }
    Ok(())
}

/// Writes a value without its tag; true when it is proto3's default, zero or empty.
fn put_value(out: &mut Vec<u8>, form: ValueForm, value: &Value) -> Result<bool, Fault> {
    let number = match form {
        ValueForm::Uint32 | ValueForm::Fixed32 => unsigned(value, u64::from(u32::MAX))?,
        ValueForm::Uint64 | ValueForm::Fixed64 => unsigned(value, u64::MAX)?,
        ValueForm::Sint32 => {
            let number = signed(value)?;
            u64::from((number << 1 ^ number >> 31) as u32)
        }
        ValueForm::Sfixed32 => u64::from(signed(value)? as u32),
        ValueForm::Bool => u64::from(value.as_bool().ok_or_else(|| Fault::wrong(value, "true or false"))?),
        ValueForm::Enum(names) => named(value, names)?,
        ValueForm::Bytes => {
            let bytes = unhex(value)?;
            return Ok(put_bytes(out, &bytes));
        }
        ValueForm::Text => {
            let text = value.as_str().ok_or_else(|| Fault::wrong(value, "a text"))?;
            return Ok(put_bytes(out, text.as_bytes()));
        }
        ValueForm::Message(form) => {
            let mut inner = Vec::new();
            put_fields(&mut inner, form, value)?;
            return Ok(put_bytes(out, &inner));
        }
    };
    match form {
        ValueForm::Fixed32 | ValueForm::Sfixed32 => out.extend_from_slice(&(number as u32).to_le_bytes()),
        ValueForm::Fixed64 => out.extend_from_slice(&number.to_le_bytes()),
        _ => put_varint(out, number),
    }
    Ok(number == 0)
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    bytes.is_empty()
}

fn unsigned(value: &Value, most: u64) -> Result<u64, Fault> {
    let number = value.as_u64().filter(|number| *number <= most);
    number.ok_or_else(|| Fault::wrong(value, format!("a whole number, 0 to {most}")))
}

fn signed(value: &Value) -> Result<i32, Fault> {
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| Fault::wrong(value, format!("a whole number, {} to {}", i32::MIN, i32::MAX)))
}

fn named(value: &Value, names: &EnumForm) -> Result<u64, Fault> {
    let number = value.as_str().and_then(|name| names.number(name));
    let number = number.ok_or_else(|| Fault::wrong(value, format!("one of {}", names.list())))?;
    Ok(u64::from(number.unsigned_abs()))
}

fn unhex(value: &Value) -> Result<Vec<u8>, Fault> {
    let digits = value.as_str().filter(|text| text.len().is_multiple_of(2));
    let digits = digits.and_then(|text| {
        text.bytes()
            .map(|byte| char::from(byte).to_digit(16).map(|digit| digit as u8))
            .collect::<Option<Vec<_>>>()
    });
    let digits = digits.ok_or_else(|| Fault::wrong(value, "hex, two digits for each byte"))?;
    Ok(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}

/// A value for an error's line.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) if text.chars().count() > LONGEST_SHOWN => {
            let start: String = text.chars().take(LONGEST_SHOWN).collect();
            format!("{start:?}...")
        }
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// Characters of what a program sent that an error repeats.
const LONGEST_SHOWN: usize = 40;
