//! The form of a payload: what any two protobuf readers read alike.
//!
//! A signature covers bytes. If two stations may read different values in the same signed bytes, it protects neither, and
//! protobuf leaves much to its readers: a field that occurs twice, a number too large for its type, a truth value of 2, text
//! that is not UTF-8. This walk refuses all of that before anything is decoded, by tables made from the schema. What cannot
//! be read in two ways is allowed: fields in any order, a zero that is written out, an empty list, fields this code does
//! not know. Source of the encoding: protobuf.dev, "Encoding".

use core::str;

use crate::v1::MessageType;
use crate::wire::{Reader, WireError, bytes_tag, fixed32_tag, fixed64_tag, varint_tag};

/// The fields of every message in a payload, made from `proto/schema` and committed.
#[rustfmt::skip]
#[cfg_attr(not(feature = "json"), expect(dead_code, reason = "a walk over bytes needs no names"))]
mod tables;

/// Checks the payload of a message type against the schema, without allocating.
///
/// # Errors
///
/// The first violation, with the field it is in.
pub(super) fn check(message_type: MessageType, payload: &[u8]) -> Result<(), FormError> {
    tables::of(message_type).check(payload)
}

/// The fields of a message type's payload.
#[cfg(feature = "json")]
pub(super) const fn of(message_type: MessageType) -> &'static MessageForm {
    tables::of(message_type)
}

#[cfg(feature = "json")]
pub(super) use tables::{MESSAGE_TYPE, STATION_TYPE};

/// Where a payload is not in its form, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("field `{field}` {fault}")]
pub struct FormError {
    /// The innermost field, named as in the schema; the message itself, such as `Awareness`, where no known field is
    /// at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: FormFault,
}

/// What is wrong with a field's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FormFault {
    /// It reaches beyond the end of its message.
    #[error("reaches beyond the end of its message")]
    Truncated,
    /// A varint longer than its value needs, or than 64 bits.
    #[error("has a varint that is not in its shortest form or exceeds 64 bits")]
    Varint,
    /// A number that its type cannot hold.
    #[error("has a number that is too large for its type")]
    TooLarge,
    /// A truth value that is neither 0 nor 1.
    #[error("has a truth value other than 0 and 1")]
    NotBool,
    /// A known field in another wire type, an unpacked list of numbers, or a group.
    #[error("has a wire type it cannot have (lists of numbers are packed; groups do not occur)")]
    WireType,
    /// A field number of 0 or above 2^29 - 1.
    #[error("holds a field number outside 1..=536870911")]
    FieldNumber,
    /// A field that is no list, or a packed list, occurs twice.
    #[error("occurs twice")]
    Twice,
    /// A packed list of fixed numbers ends within one.
    #[error("ends within a number")]
    PartOfNumber,
    /// Text that is not UTF-8, or holds a zero byte, which ends a text in C.
    #[error("is not UTF-8 text without zero bytes")]
    Text,
    /// Refused by the protobuf library all the same.
    #[error("is not protobuf of its message")]
    Undecodable,
}

impl From<WireError> for FormFault {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Varint(_) => Self::Varint,
            WireError::FieldNumber(_) => Self::FieldNumber,
            WireError::WireType(_) => Self::WireType,
            _ => Self::Truncated,
        }
    }
}

/// The fields of a message, by number.
#[derive(Debug)]
pub(super) struct MessageForm {
    pub(super) name: &'static str,
    pub(super) fields: &'static [FieldForm],
}

/// A field of a message.
#[derive(Debug)]
#[cfg_attr(not(feature = "json"), expect(dead_code, reason = "a walk over bytes needs no presence"))]
pub(super) struct FieldForm {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) value: ValueForm,
    pub(super) repeated: bool,
    /// It can be absent, which is not the same as 0 or empty.
    pub(super) optional: bool,
}

/// The values of an enum with their names, lower case and without the enum's own, by number.
#[derive(Debug)]
#[cfg_attr(not(feature = "json"), expect(dead_code, reason = "a walk over bytes needs no names"))]
pub(super) struct EnumForm(pub(super) &'static [(i32, &'static str)]);

/// The type of a field's value.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "json"), expect(dead_code, reason = "a walk over bytes needs no names"))]
pub(super) enum ValueForm {
    Uint32,
    Uint64,
    Sint32,
    Bool,
    Enum(&'static EnumForm),
    Fixed32,
    Sfixed32,
    Fixed64,
    Bytes,
    Text,
    Message(&'static MessageForm),
}

impl MessageForm {
    fn check(&self, bytes: &[u8]) -> Result<(), FormError> {
        let mut reader = Reader::new(bytes, self.name);
        let (mut seen, mut place) = (0_u64, 0);
        while let Some(tag) = reader.tag().map_err(|error| self.fault(error))? {
            // Senders write fields in their order, so the next one is near.
            place = self.find(tag >> 3, place);
            let Some(field) = self.fields.get(place) else {
                reader.skip(tag, &[]).map_err(|error| self.fault(error))?;
                continue;
            };
            if !field.may_recur() && seen & 1 << place != 0 {
                return Err(field.error(FormFault::Twice));
            }
            seen |= 1 << place;
            field.check(tag, &mut reader)?;
        }
        Ok(())
    }

    /// Where the field of this number stands, looking from `start` on; past the end when there is none.
    fn find(&self, number: u32, start: usize) -> usize {
        let start = match self.fields.get(start) {
            Some(field) if field.number <= number => start,
            _ => 0,
        };
        let rest = self.fields[start..].iter();
        rest.clone()
            .position(|field| field.number >= number)
            .map(|place| start + place)
            .filter(|place| self.fields[*place].number == number)
            .unwrap_or(self.fields.len())
    }

    #[cold]
    fn fault(&self, error: WireError) -> FormError {
        FormError { field: self.name, fault: error.into() }
    }
}

impl FieldForm {
    fn check(&self, tag: u32, reader: &mut Reader<'_>) -> Result<(), FormError> {
        let packed = self.repeated && self.value.is_number();
        let expected = if packed { bytes_tag(self.number) } else { self.value.tag(self.number) };
        if tag != expected {
            return Err(self.error(FormFault::WireType));
        }
        if packed {
            let column = reader.bytes().map_err(|error| self.fault(error))?;
            return self.check_column(column);
        }
        match self.value {
            ValueForm::Fixed32 | ValueForm::Sfixed32 => {
                reader.fixed32().map(drop).map_err(|error| self.fault(error))
            }
            ValueForm::Fixed64 => reader.fixed64().map(drop).map_err(|error| self.fault(error)),
            ValueForm::Bytes => reader.bytes().map(drop).map_err(|error| self.fault(error)),
            ValueForm::Text => {
                let text = reader.bytes().map_err(|error| self.fault(error))?;
                let good = str::from_utf8(text).is_ok() && !text.contains(&0);
                if good { Ok(()) } else { Err(self.error(FormFault::Text)) }
            }
            ValueForm::Message(form) => form.check(reader.bytes().map_err(|error| self.fault(error))?),
            _ => self.check_varint(reader),
        }
    }

    /// The numbers of a packed list.
    fn check_column(&self, column: &[u8]) -> Result<(), FormError> {
        let size = match self.value {
            ValueForm::Fixed32 | ValueForm::Sfixed32 => 4,
            ValueForm::Fixed64 => 8,
            _ => {
                let mut numbers = Reader::new(column, self.name);
                while !numbers.is_empty() {
                    self.check_varint(&mut numbers)?;
                }
                return Ok(());
            }
        };
        if column.len().is_multiple_of(size) { Ok(()) } else { Err(self.error(FormFault::PartOfNumber)) }
    }

    #[inline]
    fn check_varint(&self, reader: &mut Reader<'_>) -> Result<(), FormError> {
        let value = reader.varint().map_err(|error| self.fault(error))?;
        let (most, fault) = match self.value {
            ValueForm::Uint64 => return Ok(()),
            ValueForm::Bool => (1, FormFault::NotBool),
            // No value of an enum is negative.
            ValueForm::Enum(_) => (i32::MAX as u64, FormFault::TooLarge),
            _ => (u64::from(u32::MAX), FormFault::TooLarge),
        };
        if value > most { Err(self.error(fault)) } else { Ok(()) }
    }

    /// A list whose entries are fields of their own.
    const fn may_recur(&self) -> bool {
        self.repeated && !self.value.is_number()
    }

    #[cold]
    const fn error(&self, fault: FormFault) -> FormError {
        FormError { field: self.name, fault }
    }

    #[cold]
    fn fault(&self, error: WireError) -> FormError {
        self.error(error.into())
    }
}

impl ValueForm {
    pub(super) const fn is_number(self) -> bool {
        !matches!(self, Self::Bytes | Self::Text | Self::Message(_))
    }

    pub(super) const fn tag(self, number: u32) -> u32 {
        match self {
            Self::Fixed32 | Self::Sfixed32 => fixed32_tag(number),
            Self::Fixed64 => fixed64_tag(number),
            Self::Bytes | Self::Text | Self::Message(_) => bytes_tag(number),
            _ => varint_tag(number),
        }
    }
}

#[cfg(test)]
mod tests;
