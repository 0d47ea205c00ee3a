//! A message as JSON, without a tree in between.

use core::fmt;

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::super::Message;
use super::super::form::{self, FieldForm, MessageForm, ValueForm};
use crate::wire::{Reader, WireError};

impl Message {
    /// The message as JSON: fields named as in the schema, enums by lower-case name, bytes in hex.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("its own encoding can be read")
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode(&mut bytes);
        Fields { form: form::of(self.message_type()), bytes: &bytes }.serialize(serializer)
    }
}

/// A message as this crate encodes it: fields in order, numbers of a list packed.
struct Fields<'a> {
    form: &'static MessageForm,
    bytes: &'a [u8],
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut rest = Reader::new(self.bytes, self.form.name);
        for field in self.form.fields {
            let mut after = rest.clone();
            let found = after.tag().map_err(S::Error::custom)?.is_some_and(|tag| tag >> 3 == field.number);
            if !found {
                if !field.repeated && !field.optional {
                    map.serialize_entry(field.name, &Value::absent(field.value).map_err(S::Error::custom)?)?;
                }
            } else if field.repeated && !field.value.is_number() {
                let list = List { field, entries: rest.clone() };
                rest = list.end().map_err(S::Error::custom)?;
                map.serialize_entry(field.name, &list)?;
            } else if field.repeated {
                let numbers = after.bytes().map_err(S::Error::custom)?;
                map.serialize_entry(field.name, &Column { value: field.value, numbers })?;
                rest = after;
            } else {
                let value = Value::read(field.value, &mut after).map_err(S::Error::custom)?;
                map.serialize_entry(field.name, &value)?;
                rest = after;
            }
        }
        map.end()
    }
}

/// Entries that are fields of their own, one after another.
struct List<'a> {
    field: &'static FieldForm,
    /// From the first entry's tag on.
    entries: Reader<'a>,
}

impl<'a> List<'a> {
    /// What comes after the list.
    fn end(&self) -> Result<Reader<'a>, WireError> {
        let mut rest = self.entries.clone();
        loop {
            let mut after = rest.clone();
            if after.tag()?.is_none_or(|tag| tag >> 3 != self.field.number) {
                return Ok(rest);
            }
            after.bytes()?;
            rest = after;
        }
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut rest = self.entries.clone();
        while rest.tag().map_err(S::Error::custom)?.is_some_and(|tag| tag >> 3 == self.field.number) {
            let value = Value::read(self.field.value, &mut rest).map_err(S::Error::custom)?;
            list.serialize_element(&value)?;
        }
        list.end()
    }
}

/// A packed list of numbers.
struct Column<'a> {
    value: ValueForm,
    numbers: &'a [u8],
}

impl Serialize for Column<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut rest = Reader::new(self.numbers, "list");
        while !rest.is_empty() {
            let value = Value::read(self.value, &mut rest).map_err(S::Error::custom)?;
            list.serialize_element(&value)?;
        }
        list.end()
    }
}

/// One value.
enum Value<'a> {
    Unsigned(u64),
    Signed(i32),
    Bool(bool),
    Name(&'static str),
    Hex(&'a [u8]),
    Text(&'a str),
    Fields(Fields<'a>),
}

impl<'a> Value<'a> {
    fn read(value: ValueForm, reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(match value {
            ValueForm::Uint32 | ValueForm::Uint64 => Self::Unsigned(reader.varint()?),
            ValueForm::Sint32 => {
                let value = reader.varint()?;
                Self::Signed((value >> 1) as i32 ^ -((value & 1) as i32))
            }
            ValueForm::Bool => Self::Bool(reader.varint()? != 0),
            ValueForm::Enum(names) => {
                let number = reader.varint()? as i32;
                names.name(number).map_or(Self::Signed(number), Self::Name)
            }
            ValueForm::Fixed32 => Self::Unsigned(u64::from(reader.fixed32()?)),
            ValueForm::Sfixed32 => Self::Signed(reader.sfixed32()?),
            ValueForm::Fixed64 => Self::Unsigned(reader.fixed64()?),
            ValueForm::Bytes => Self::Hex(reader.bytes()?),
            ValueForm::Text => {
                Self::Text(str::from_utf8(reader.bytes()?).map_err(|_| WireError::OutOfRange("text"))?)
            }
            ValueForm::Message(form) => Self::Fields(Fields { form, bytes: reader.bytes()? }),
        })
    }

    /// What a field without presence has when its bytes have nothing: zero, or empty.
    fn absent(value: ValueForm) -> Result<Self, WireError> {
        Self::read(value, &mut Reader::new(&[0; 8], "default"))
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i32(*value),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Name(name) => serializer.serialize_str(name),
            Self::Hex(bytes) => serializer.collect_str(&Hex(bytes)),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Fields(fields) => fields.serialize(serializer),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
