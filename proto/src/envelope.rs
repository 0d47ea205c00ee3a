//! The signed message and the signed bytes inside it, read without allocating and without trust.
//!
//! Two shallow walks give a receiver all it needs before it verifies: [`SignedView`] splits the
//! frame into signed bytes, signature and signer, [`TbsView`] reads the signed bytes. The payload
//! is left alone. Schema: `envelope.proto`.

use bytes::BufMut;

use crate::area::AreaView;
use crate::wire::{self, Reader, WireError};
use crate::{Class, Digest};

/// Largest frame in bytes, hop header included (EN 302 636-4-1, largest service data unit).
pub const MAX_FRAME: usize = 1398;

/// Largest credential in bytes.
pub const MAX_CREDENTIAL: usize = 256;

/// Most credentials one message may ask for.
pub const MAX_CREDENTIAL_REQUESTS: usize = 8;

/// Most fields of a `ToBeSigned` that a reader does not know: anybody can send a frame full of them, and they are read before the
/// signature.
pub const MAX_UNKNOWN_FIELDS: usize = 16;

/// Bytes of one entry of `credential_requests`: the start of a digest.
pub const CREDENTIAL_REQUEST_LEN: usize = 3;

/// Bytes of an Ed25519 signature (RFC 8032).
pub const SIGNATURE_LEN: usize = 64;

/// Prefix of the bytes an Ed25519 signature over a message covers; the SHA-256 of the signer's credential
/// and the signed bytes follow.
pub const MESSAGE_DOMAIN: &[u8; 16] = b"roadcast/v1/msg\0";

/// A `SignedMessage`, split into its parts. Nothing in it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedView<'a> {
    /// The signed bytes, as received: a `ToBeSigned` message, to be read by [`TbsView::parse`].
    pub tbs: &'a [u8],
    /// Ed25519 signature.
    pub signature: &'a [u8; SIGNATURE_LEN],
    /// The claimed signer.
    pub signer: SignerRef<'a>,
}

/// How a message names its signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerRef<'a> {
    /// By the digest of a credential that the receiver has, or requests.
    Digest(Digest),
    /// By the credential itself, 1 to [`MAX_CREDENTIAL`] bytes, not looked into.
    Credential(&'a [u8]),
}

impl<'a> SignedView<'a> {
    /// Splits a message from what a link has put behind it, such as padding or a check sequence: the message ends with
    /// its signer, its last field.
    ///
    /// For whoever takes frames from a link or a capture: a station's core takes them whole, or not at all.
    pub fn parse_prefix(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), EnvelopeError> {
        let mut reader = Reader::new(bytes, "SignedMessage");
        while let Some(tag) = reader.tag()? {
            match tag {
                TBS | SIGNATURE => drop(reader.bytes()?),
                DIGEST | CREDENTIAL => {
                    reader.bytes()?;
                    let (message, behind) = bytes.split_at(bytes.len() - reader.left());
                    return Ok((Self::parse(message)?, behind));
                }
                _ => break,
            }
        }
        Ok((Self::parse(bytes)?, &[]))
    }

    /// Splits the bytes that follow a hop header, which have one encoding: field 1, 2, and 3 or 4, nothing else.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_FRAME {
            return Err(EnvelopeError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes, "SignedMessage");
        let mut tbs = &bytes[..0];
        let mut signature = &[0; SIGNATURE_LEN];
        let (mut signer, mut last) = (None, 0);
        while let Some(tag) = reader.tag()? {
            if tag < last {
                return Err(EnvelopeError::NotExact);
            }
            last = tag;
            match tag {
                TBS => {
                    reader.once(tag, "tbs")?;
                    tbs = reader.bytes()?;
                }
                SIGNATURE => {
                    reader.once(tag, "signature")?;
                    signature = reader.array_field("signature")?;
                }
                DIGEST => {
                    reader.once(tag, "digest")?;
                    let digest = Digest(*reader.array_field("digest")?);
                    if signer.replace(SignerRef::Digest(digest)).is_some() {
                        return Err(EnvelopeError::BothSigners);
                    }
                }
                CREDENTIAL => {
                    reader.once(tag, "credential")?;
                    let credential = reader.bytes()?;
                    if credential.is_empty() || credential.len() > MAX_CREDENTIAL {
                        return Err(length("credential", credential));
                    }
                    if signer.replace(SignerRef::Credential(credential)).is_some() {
                        return Err(EnvelopeError::BothSigners);
                    }
                }
                other => {
                    reader.skip(other, &SIGNED_FIELDS)?;
                    return Err(EnvelopeError::NotExact);
                }
            }
        }
        if tbs.is_empty() {
            return Err(WireError::Missing("tbs").into());
        }
        reader.require(SIGNATURE, "signature")?;
        Ok(Self { tbs, signature, signer: signer.ok_or(WireError::Missing("signer"))? })
    }
}

/// Appends a `SignedMessage`.
pub fn encode_signed(
    out: &mut impl BufMut,
    tbs: &[u8],
    signature: &[u8; SIGNATURE_LEN],
    signer: SignerRef<'_>,
) {
    wire::put_bytes_field(out, 1, tbs);
    wire::put_bytes_field(out, 2, signature);
    match signer {
        SignerRef::Digest(digest) => wire::put_bytes_field(out, 3, &digest.0),
        SignerRef::Credential(credential) => wire::put_bytes_field(out, 4, credential),
    }
}

/// Length in bytes of the `SignedMessage` around `tbs_len` (at least 1) signed bytes.
pub fn signed_len(tbs_len: usize, signer: SignerRef<'_>) -> usize {
    let signer = match signer {
        SignerRef::Digest(_) => Digest::LEN,
        SignerRef::Credential(credential) => credential.len(),
    };
    wire::bytes_field_len(tbs_len) + wire::bytes_field_len(SIGNATURE_LEN) + wire::bytes_field_len(signer)
}

/// The fields of a `ToBeSigned`: what the signer states about the message.
///
/// Read by [`parse`](Self::parse) they are in range, though not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TbsView<'a> {
    /// What the payload is, a `MessageType` or a number this code does not know; 1..=2^31 - 1.
    pub message_type: u32,
    /// When the message was made: TAI microseconds since 2004-01-01T00:00:00Z; never 0.
    pub generation_time_us: u64,
    /// Counts the signer's messages of this class, wrapping.
    pub sequence: u32,
    /// Where the message was made: latitude, 1e-7 degree, ±900000000.
    pub latitude: i32,
    /// Where the message was made: longitude, 1e-7 degree, ±1800000000.
    pub longitude: i32,
    /// Deadline class.
    pub class: Class,
    /// The message expires this many milliseconds after its generation time.
    pub lifetime_ms: u32,
    /// Most hops it may make; 1: it is not forwarded. Stations drop 0.
    pub max_hops: u8,
    /// The area it concerns.
    pub area: Option<AreaView>,
    /// Starts of digests whose credentials the signer requests: 3 bytes each, at most 8.
    pub credential_requests: &'a [u8],
    /// The message itself, encoded as its `message_type`; never empty.
    pub payload: &'a [u8],
}

/// The same fields, for writing.
pub type TbsRepr<'a> = TbsView<'a>;

impl<'a> TbsView<'a> {
    /// Reads the signed bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_FRAME {
            return Err(EnvelopeError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes, "ToBeSigned");
        let (mut class, mut unknown) = (0, 0);
        let mut tbs = Self {
            message_type: 0,
            generation_time_us: 0,
            sequence: 0,
            latitude: 0,
            longitude: 0,
            class: Class::D5,
            lifetime_ms: 0,
            max_hops: 0,
            area: None,
            credential_requests: &bytes[..0],
            payload: &bytes[..0],
        };
        while let Some(tag) = reader.tag()? {
            match tag {
                TYPE => {
                    reader.once(tag, "type")?;
                    tbs.message_type = reader.varint32("type")?;
                }
                GENERATION_TIME => {
                    reader.once(tag, "generation_time_us")?;
                    tbs.generation_time_us = reader.fixed64()?;
                }
                SEQUENCE => {
                    reader.once(tag, "sequence")?;
                    tbs.sequence = reader.varint32("sequence")?;
                }
                LATITUDE => {
                    reader.once(tag, "latitude")?;
                    tbs.latitude = reader.sfixed32()?;
                }
                LONGITUDE => {
                    reader.once(tag, "longitude")?;
                    tbs.longitude = reader.sfixed32()?;
                }
                CLASS => {
                    reader.once(tag, "deadline_class")?;
                    class = reader.varint32("deadline_class")?;
                }
                LIFETIME => {
                    reader.once(tag, "lifetime_ms")?;
                    tbs.lifetime_ms = reader.varint32("lifetime_ms")?;
                }
                MAX_HOPS => {
                    reader.once(tag, "max_hops")?;
                    tbs.max_hops = u8::try_from(reader.varint32("max_hops")?)
                        .map_err(|_| WireError::OutOfRange("max_hops"))?;
                }
                AREA => {
                    reader.once(tag, "area")?;
                    tbs.area = Some(AreaView::parse(reader.bytes()?)?);
                }
                REQUESTS => {
                    reader.once(tag, "credential_requests")?;
                    tbs.credential_requests = reader.bytes()?;
                }
                PAYLOAD => {
                    reader.once(tag, "payload")?;
                    tbs.payload = reader.bytes()?;
                }
                other => {
                    unknown += 1;
                    if unknown > MAX_UNKNOWN_FIELDS {
                        return Err(EnvelopeError::UnknownFields);
                    }
                    reader.skip(other, &TBS_FIELDS)?;
                }
            }
        }
        reader.require(CLASS, "deadline_class")?;
        tbs.class = u8::try_from(class)
            .ok()
            .and_then(|class| Class::try_from(class).ok())
            .ok_or(EnvelopeError::Class(class))?;
        tbs.check()?;
        Ok(tbs)
    }

    /// An error naming the first field that a receiver would refuse.
    pub fn check(&self) -> Result<(), EnvelopeError> {
        let requests = self.credential_requests.len();
        if self.message_type == 0 {
            Err(WireError::Missing("type").into())
        } else if self.message_type > i32::MAX as u32 {
            Err(WireError::OutOfRange("type").into())
        } else if self.generation_time_us == 0 {
            Err(WireError::Missing("generation_time_us").into())
        } else if !wire::on_the_globe(self.latitude, self.longitude) {
            Err(WireError::OutOfRange("latitude, longitude").into())
        } else if !requests.is_multiple_of(CREDENTIAL_REQUEST_LEN)
            || requests > MAX_CREDENTIAL_REQUESTS * CREDENTIAL_REQUEST_LEN
        {
            Err(EnvelopeError::Requests(requests))
        } else if self.payload.is_empty() {
            Err(WireError::Missing("payload").into())
        } else if let Some(area) = &self.area {
            Ok(area.check()?)
        } else {
            Ok(())
        }
    }

    /// When the message expires, TAI microseconds since 2004; the last moment there is when the
    /// sum does not fit.
    pub fn expiry_us(&self) -> u64 {
        self.generation_time_us.saturating_add(u64::from(self.lifetime_ms) * 1000)
    }

    /// The requested credentials, by the start of their digests.
    pub fn requests(&self) -> impl Iterator<Item = &'a [u8; CREDENTIAL_REQUEST_LEN]> + use<'a> {
        self.credential_requests.as_chunks().0.iter()
    }

    /// Appends the `ToBeSigned` message, in the order of its fields and without those that have
    /// proto3's default. Values are written as they are; [`check`](Self::check) judges them.
    pub fn encode(&self, out: &mut impl BufMut) {
        wire::put_varint_field(out, 1, u64::from(self.message_type));
        wire::put_fixed64_field(out, 2, self.generation_time_us);
        wire::put_varint_field(out, 3, u64::from(self.sequence));
        wire::put_fixed32_field(out, 4, self.latitude as u32);
        wire::put_fixed32_field(out, 5, self.longitude as u32);
        // `optional`: class 0 is written.
        wire::put_varint(out, u64::from(CLASS));
        wire::put_varint(out, self.class as u64);
        wire::put_varint_field(out, 7, u64::from(self.lifetime_ms));
        wire::put_varint_field(out, 8, u64::from(self.max_hops));
        if let Some(area) = &self.area {
            area.encode_field(out, 9);
        }
        wire::put_bytes_field(out, 10, self.credential_requests);
        wire::put_bytes_field(out, 11, self.payload);
    }
}

/// Why bytes are not a signed message, or its signed bytes not what they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EnvelopeError {
    /// The encoding is broken, or a field missing, doubled or out of range.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// More bytes than a frame may have.
    #[error("message has {0} bytes, a frame at most {MAX_FRAME}")]
    TooLong(usize),
    /// Something beside the parts of a signed message, or these in another order: what is not signed has one encoding,
    /// because everybody could add to it.
    #[error("a signed message has something beside tbs, signature and signer, in this order")]
    NotExact,
    /// A digest and a credential.
    #[error("both signer digest and signer credential are present")]
    BothSigners,
    /// More signed fields that this reader does not know than a later version adds.
    #[error("more than {MAX_UNKNOWN_FIELDS} signed fields of unknown numbers")]
    UnknownFields,
    /// No such deadline class.
    #[error("deadline class {0} does not exist: classes are 0 to 5")]
    Class(u32),
    /// Credential requests that are not whole, or too many.
    #[error("credential requests of {0} bytes: 3 bytes each, at most {MAX_CREDENTIAL_REQUESTS}")]
    Requests(usize),
}

impl EnvelopeError {
    /// The field at fault, named as in the schema; the message itself where no known field is.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Wire(error) => error.field(),
            Self::TooLong(_) | Self::NotExact => "SignedMessage",
            Self::BothSigners => "signer",
            Self::UnknownFields => "ToBeSigned",
            Self::Class(_) => "deadline_class",
            Self::Requests(_) => "credential_requests",
        }
    }
}

#[cold]
fn length(field: &'static str, value: &[u8]) -> EnvelopeError {
    EnvelopeError::Wire(WireError::Length { field, found: value.len() })
}

const TBS: u32 = wire::bytes_tag(1);
const SIGNATURE: u32 = wire::bytes_tag(2);
const DIGEST: u32 = wire::bytes_tag(3);
const CREDENTIAL: u32 = wire::bytes_tag(4);
const SIGNED_FIELDS: [&str; 4] = ["tbs", "signature", "digest", "credential"];

const TYPE: u32 = wire::varint_tag(1);
const GENERATION_TIME: u32 = wire::fixed64_tag(2);
const SEQUENCE: u32 = wire::varint_tag(3);
const LATITUDE: u32 = wire::fixed32_tag(4);
const LONGITUDE: u32 = wire::fixed32_tag(5);
const CLASS: u32 = wire::varint_tag(6);
const LIFETIME: u32 = wire::varint_tag(7);
const MAX_HOPS: u32 = wire::varint_tag(8);
const AREA: u32 = wire::bytes_tag(9);
const REQUESTS: u32 = wire::bytes_tag(10);
const PAYLOAD: u32 = wire::bytes_tag(11);
const TBS_FIELDS: [&str; 11] = [
    "type",
    "generation_time_us",
    "sequence",
    "latitude",
    "longitude",
    "deadline_class",
    "lifetime_ms",
    "max_hops",
    "area",
    "credential_requests",
    "payload",
];

#[cfg(test)]
mod tests;
