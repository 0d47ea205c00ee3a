//! Shallow reading and writing of the protobuf wire format, without allocation.
//!
//! Stricter than a protobuf library, because these values are used before any signature is
//! checked: a varint has its shortest form and fits its field, a singular field occurs once, a
//! known field has its wire type, groups do not occur. Unknown fields are skipped.
//! Source: protobuf.dev, "Encoding".

use bytes::BufMut;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WireError {
    /// A value reaches beyond the end of its message.
    #[error("`{0}` reaches beyond the end of the message")]
    Truncated(&'static str),
    /// A varint longer than its value needs, or than 64 bits.
    #[error("`{0}` has a varint that is not in its shortest form or exceeds 64 bits")]
    Varint(&'static str),
    /// A field number of 0 or above 2^29 - 1.
    #[error("`{0}` holds a field number outside 1..=536870911")]
    FieldNumber(&'static str),
    /// A known field in another wire type, a group, or a wire type that does not exist.
    #[error("`{0}` has a wire type it cannot have")]
    WireType(&'static str),
    /// A singular field occurs twice.
    #[error("field `{0}` occurs twice")]
    Duplicate(&'static str),
    /// A required field is missing.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field of fixed length has another length.
    #[error("field `{field}` has {found} bytes")]
    Length {
        /// The field's name in the schema.
        field: &'static str,
        /// Bytes it has.
        found: usize,
    },
    /// A value outside the range its comment in the schema gives.
    #[error("field `{0}` is out of its range")]
    OutOfRange(&'static str),
}

impl WireError {
    /// The field at fault, named as in the schema; the message itself, such as `ToBeSigned`, where no known field is.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Truncated(field)
            | Self::Varint(field)
            | Self::FieldNumber(field)
            | Self::WireType(field)
            | Self::Duplicate(field)
            | Self::Missing(field)
            | Self::Length { field, .. }
            | Self::OutOfRange(field) => field,
        }
    }
}

/// Whether a latitude and longitude, 1e-7 degree, are on the globe (±900000000, ±1800000000).
pub const fn on_the_globe(latitude: i32, longitude: i32) -> bool {
    latitude >= -900_000_000
        && latitude <= 900_000_000
        && longitude >= -1_800_000_000
        && longitude <= 1_800_000_000
}

/// Tag of a varint field.
pub(crate) const fn varint_tag(number: u32) -> u32 {
    number << 3 | VARINT
}

/// Tag of a fixed64 or sfixed64 field.
pub(crate) const fn fixed64_tag(number: u32) -> u32 {
    number << 3 | FIXED64
}

/// Tag of a bytes, string or message field.
pub(crate) const fn bytes_tag(number: u32) -> u32 {
    number << 3 | LENGTH_DELIMITED
}

/// Tag of a fixed32 or sfixed32 field.
pub(crate) const fn fixed32_tag(number: u32) -> u32 {
    number << 3 | FIXED32
}

/// The unread rest of a message, and which of its singular fields were seen.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    seen: u32,
    message: &'static str,
    /// What is being read: a field, or the message itself.
    at: &'static str,
}

impl<'a> Reader<'a> {
    /// For the message of this name.
    pub(crate) const fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self { rest: bytes, seen: 0, message, at: message }
    }

    /// Bytes not read yet.
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// True at the end of the message.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field's tag, or `None` at the end of the message.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<Option<u32>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.at = self.message;
        let tag = u32::try_from(self.varint()?).map_err(|_| WireError::FieldNumber(self.message))?;
        if tag >> 3 == 0 {
            return Err(WireError::FieldNumber(self.message));
        }
        Ok(Some(tag))
    }

    /// Notes that the field of this tag (number below 32) occurs, an error the second time.
    #[inline]
    pub(crate) fn once(&mut self, tag: u32, name: &'static str) -> Result<(), WireError> {
        let bit = 1 << (tag >> 3);
        if self.seen & bit != 0 {
            return Err(WireError::Duplicate(name));
        }
        self.seen |= bit;
        self.at = name;
        Ok(())
    }

    /// An error unless the field of this tag occurred.
    #[inline]
    pub(crate) fn require(&self, tag: u32, name: &'static str) -> Result<(), WireError> {
        if self.seen & 1 << (tag >> 3) == 0 {
            return Err(WireError::Missing(name));
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match *self.rest {
            [first, ref rest @ ..] if first < 0x80 => {
                self.rest = rest;
                Ok(u64::from(first))
            }
            _ => self.long_varint(),
        }
    }

    /// A varint that must fit 32 bits.
    #[inline]
    pub(crate) fn varint32(&mut self, name: &'static str) -> Result<u32, WireError> {
        u32::try_from(self.varint()?).map_err(|_| WireError::OutOfRange(name))
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn sfixed32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length-delimited value.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated(self.at))?;
        let (value, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated(self.at))?;
        self.rest = rest;
        Ok(value)
    }

    /// A length-delimited value of exactly `N` bytes.
    #[inline]
    pub(crate) fn array_field<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<&'a [u8; N], WireError> {
        let value = self.bytes()?;
        value.try_into().map_err(|_| WireError::Length { field, found: value.len() })
    }

    /// Steps over the value of a field that no arm of the reader's `match` took.
    ///
    /// `known` are the names of the message's fields, from number 1: one of them got here because its wire type is
    /// wrong.
    #[cold]
    pub(crate) fn skip(&mut self, tag: u32, known: &[&'static str]) -> Result<(), WireError> {
        if let Some(name) = known.get(((tag >> 3) as usize).wrapping_sub(1)) {
            return Err(WireError::WireType(name));
        }
        match tag & 7 {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            LENGTH_DELIMITED => self.bytes().map(drop),
            FIXED32 => self.fixed32().map(drop),
            _ => Err(WireError::WireType(self.message)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated(self.at))?;
        self.rest = rest;
        Ok(*value)
    }

    /// Not inlined: inlined at every call, it takes LLVM's constraint elimination minutes.
    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        // A second byte of zero would not be the shortest form.
        if let [first, second @ 1..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(first & 0x7f) | u64::from(*second) << 7);
        }
        let mut value = 0;
        for (place, &byte) in self.rest.iter().enumerate().take(MAX_VARINT) {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                // A last byte of zero adds nothing; the tenth byte holds one bit only.
                if byte == 0 && place > 0 || place == MAX_VARINT - 1 && byte > 1 {
                    return Err(WireError::Varint(self.at));
                }
                self.rest = self.rest.get(place + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.rest.len() < MAX_VARINT {
            WireError::Truncated(self.at)
        } else {
            WireError::Varint(self.at)
        })
    }
}

/// Writes a varint field, or nothing when `value` is proto3's default.
pub(crate) fn put_varint_field(out: &mut impl BufMut, number: u32, value: u64) {
    if value != 0 {
        put_varint(out, u64::from(varint_tag(number)));
        put_varint(out, value);
    }
}

/// Writes a 4-byte field, or nothing when `value` is proto3's default.
pub(crate) fn put_fixed32_field(out: &mut impl BufMut, number: u32, value: u32) {
    if value != 0 {
        put_varint(out, u64::from(fixed32_tag(number)));
        out.put_u32_le(value);
    }
}

/// Writes an 8-byte field, or nothing when `value` is proto3's default.
pub(crate) fn put_fixed64_field(out: &mut impl BufMut, number: u32, value: u64) {
    if value != 0 {
        put_varint(out, u64::from(fixed64_tag(number)));
        out.put_u64_le(value);
    }
}

/// Writes a bytes field, or nothing when `value` is proto3's default.
pub(crate) fn put_bytes_field(out: &mut impl BufMut, number: u32, value: &[u8]) {
    if !value.is_empty() {
        put_bytes_head(out, number, value.len());
        out.put_slice(value);
    }
}

/// Writes tag and length of a bytes or message field, also of an empty one.
pub(crate) fn put_bytes_head(out: &mut impl BufMut, number: u32, length: usize) {
    put_varint(out, u64::from(bytes_tag(number)));
    put_varint(out, length as u64);
}

pub(crate) fn put_varint(out: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

pub(crate) const fn varint_len(value: u64) -> usize {
    // One byte for each seven bits, at least one.
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Length of a bytes or message field of a one-byte tag.
pub(crate) const fn bytes_field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;
const FIXED32: u32 = 5;
const MAX_VARINT: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_are_read_back_and_have_the_length_said(value: u64, shift in 0..64u32) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            prop_assert_eq!(bytes.len(), varint_len(value));
            let mut reader = Reader::new(&bytes, "m");
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.rest.is_empty());
        }

        #[test]
        fn a_varint_that_is_accepted_has_its_shortest_form(bytes in proptest::collection::vec(any::<u8>(), 0..14)) {
            let mut reader = Reader::new(&bytes, "m");
            if let Ok(value) = reader.varint() {
                let mut again = Vec::new();
                put_varint(&mut again, value);
                prop_assert_eq!(&bytes[..bytes.len() - reader.rest.len()], &again[..]);
            }
        }
    }

    #[test]
    fn overlong_and_cut_varints_are_refused() {
        for (bytes, error) in [
            (&[0x80, 0x00][..], WireError::Varint("m")),
            (&[0x80], WireError::Truncated("m")),
            (&[], WireError::Truncated("m")),
            (&[0xff; 10], WireError::Varint("m")),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], WireError::Varint("m")),
        ] {
            assert_eq!(Reader::new(bytes, "m").varint(), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn unknown_fields_are_skipped_but_groups_are_not() {
        for (bytes, tag, result) in [
            (&[0x05][..], varint_tag(40), Ok(())),
            (&[0; 8], fixed64_tag(40), Ok(())),
            (&[0x01, 0x05], bytes_tag(40), Ok(())),
            (&[0; 4], fixed32_tag(40), Ok(())),
            (&[0x05], varint_tag(3), Err(WireError::WireType("c"))),
            (&[0x05], 40 << 3 | 3, Err(WireError::WireType("m"))),
            (&[0x02, 0x05], bytes_tag(40), Err(WireError::Truncated("m"))),
        ] {
            let mut reader = Reader::new(bytes, "m");
            assert_eq!(reader.skip(tag, &["a", "b", "c"]), result);
        }
    }
}
