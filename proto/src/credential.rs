//! Credentials: which station may send what, in 126 to 203 bytes. Schema: `credential.proto`.
//!
//! Reading one verifies nothing: signature, chain, validity and region are checked by code that has a
//! clock and the pinned roots.

use bytes::BufMut;

use crate::Digest;
use crate::area::AreaView;
use crate::envelope::{MAX_CREDENTIAL, SIGNATURE_LEN};
use crate::wire::{self, Reader, WireError};

/// The version of credential this code reads and writes.
pub const VERSION: u32 = 1;

/// Prefix of the bytes an Ed25519 signature over a credential covers; the SHA-256 of the issuer's credential
/// (32 zero bytes for a root) and the signed bytes follow.
pub const CREDENTIAL_DOMAIN: &[u8; 17] = b"roadcast/v1/cred\0";

/// A `Credential`, split into its parts, its fields in range. Nothing in it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialView<'a> {
    /// The signed bytes, as received: a `CredentialTbs` message.
    pub tbs: &'a [u8],
    /// The issuer's Ed25519 signature; a root's own.
    pub signature: &'a [u8; SIGNATURE_LEN],
    /// The fields of the signed bytes.
    pub fields: CredentialFields,
}

impl<'a> CredentialView<'a> {
    /// Reads a credential of at most [`MAX_CREDENTIAL`] bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CredentialError> {
        if bytes.len() > MAX_CREDENTIAL {
            return Err(CredentialError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes, "Credential");
        let mut tbs = &bytes[..0];
        let mut signature = &[0; SIGNATURE_LEN];
        while let Some(tag) = reader.tag()? {
            match tag {
                TBS => {
                    reader.once(tag, "tbs")?;
                    tbs = reader.bytes()?;
                }
                SIGNATURE => {
                    reader.once(tag, "signature")?;
                    signature = reader.array_field("signature")?;
                }
                other => reader.skip(other, &FIELDS)?,
            }
        }
        reader.require(TBS, "tbs")?;
        reader.require(SIGNATURE, "signature")?;
        Ok(Self { tbs, signature, fields: CredentialFields::parse(tbs)? })
    }
}

/// Whether bytes are the two parts of a `Credential` in their one encoding, and nothing else. The parts are not looked into.
pub fn is_exact(bytes: &[u8]) -> bool {
    let Some((parts, _)) = bytes.split_last_chunk::<SIGNATURE_LEN>() else { return false };
    match *parts {
        [0x0a, len @ 1..0x80, ref tbs @ .., 0x12, 0x40] => tbs.len() == usize::from(len),
        [0x0a, low @ 0x80..=0xff, high @ 1..0x80, ref tbs @ .., 0x12, 0x40] => {
            tbs.len() == usize::from(low & 0x7f) | usize::from(high) << 7
        }
        _ => false,
    }
}

/// Appends a `Credential`.
pub fn encode_credential(out: &mut impl BufMut, tbs: &[u8], signature: &[u8; SIGNATURE_LEN]) {
    wire::put_bytes_field(out, 1, tbs);
    wire::put_bytes_field(out, 2, signature);
}

/// The fields of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialFields {
    /// Digest of the issuer's credential; `None` for a root, which signs itself.
    pub issuer: Option<Digest>,
    /// Start of validity, TAI seconds since 2004-01-01T00:00:00Z.
    pub not_before_s: u32,
    /// Length of validity, minutes, at least 1.
    pub duration_min: u32,
    /// Permission bits.
    pub permissions: u64,
    /// A `StationClass`, or a number this code does not know; 1..=255.
    pub station_class: u8,
    /// Where the credential is valid; anywhere its issuer's is when absent.
    pub region: Option<AreaView>,
    /// Ed25519 public key, not checked to be a point.
    pub public_key: [u8; 32],
    /// The revocation list this credential would appear in.
    pub revocation_series: u32,
    /// X25519 public key for confidential messages, not checked; `None`: it takes none.
    pub encryption_key: Option<[u8; 32]>,
}

impl CredentialFields {
    /// Reads the signed bytes of a credential.
    pub fn parse(tbs: &[u8]) -> Result<Self, CredentialError> {
        let mut reader = Reader::new(tbs, "CredentialTbs");
        let mut version = 0;
        let mut fields = Self {
            issuer: None,
            not_before_s: 0,
            duration_min: 0,
            permissions: 0,
            station_class: 0,
            region: None,
            public_key: [0; 32],
            revocation_series: 0,
            encryption_key: None,
        };
        while let Some(tag) = reader.tag()? {
            match tag {
                TBS_VERSION => {
                    reader.once(tag, "version")?;
                    version = reader.varint32("version")?;
                }
                ISSUER => {
                    reader.once(tag, "issuer")?;
                    let issuer = reader.bytes()?;
                    fields.issuer = match (Digest::from_slice(issuer), issuer) {
                        (None, []) => None,
                        (Some(digest), _) => Some(digest),
                        (None, other) => {
                            return Err(CredentialError::Wire(WireError::Length {
                                field: "issuer",
                                found: other.len(),
                            }));
                        }
                    };
                }
                NOT_BEFORE => {
                    reader.once(tag, "not_before_s")?;
                    fields.not_before_s = reader.fixed32()?;
                }
                DURATION => {
                    reader.once(tag, "duration_min")?;
                    fields.duration_min = reader.varint32("duration_min")?;
                }
                PERMISSIONS => {
                    reader.once(tag, "permissions")?;
                    fields.permissions = reader.fixed64()?;
                }
                STATION_CLASS => {
                    reader.once(tag, "station_class")?;
                    fields.station_class = u8::try_from(reader.varint32("station_class")?)
                        .map_err(|_| WireError::OutOfRange("station_class"))?;
                }
                REGION => {
                    reader.once(tag, "region")?;
                    fields.region = Some(AreaView::parse(reader.bytes()?)?);
                }
                PUBLIC_KEY => {
                    reader.once(tag, "public_key")?;
                    fields.public_key = *reader.array_field("public_key")?;
                }
                REVOCATION_SERIES => {
                    reader.once(tag, "revocation_series")?;
                    fields.revocation_series = reader.varint32("revocation_series")?;
                }
                ENCRYPTION_KEY => {
                    reader.once(tag, "encryption_key")?;
                    let key = reader.bytes()?;
                    fields.encryption_key = match (<[u8; 32]>::try_from(key), key) {
                        (Ok(key), _) => Some(key),
                        (Err(_), []) => None,
                        (Err(_), other) => {
                            let found = other.len();
                            return Err(WireError::Length { field: "encryption_key", found }.into());
                        }
                    };
                }
                other => reader.skip(other, &TBS_FIELDS)?,
            }
        }
        if version != VERSION {
            return Err(CredentialError::Version(version));
        }
        reader.require(PUBLIC_KEY, "public_key")?;
        fields.check()?;
        Ok(fields)
    }

    /// An error naming the first field that a receiver would refuse.
    pub fn check(&self) -> Result<(), CredentialError> {
        if self.duration_min == 0 {
            Err(WireError::Missing("duration_min").into())
        } else if self.station_class == 0 {
            Err(WireError::Missing("station_class").into())
        } else if let Some(region) = &self.region {
            Ok(region.check()?)
        } else {
            Ok(())
        }
    }

    /// Appends the `CredentialTbs` message: the bytes an issuer signs.
    pub fn encode(&self, out: &mut impl BufMut) {
        wire::put_varint_field(out, 1, u64::from(VERSION));
        if let Some(issuer) = &self.issuer {
            wire::put_bytes_field(out, 2, &issuer.0);
        }
        wire::put_fixed32_field(out, 3, self.not_before_s);
        wire::put_varint_field(out, 4, u64::from(self.duration_min));
        wire::put_fixed64_field(out, 5, self.permissions);
        wire::put_varint_field(out, 6, u64::from(self.station_class));
        if let Some(region) = &self.region {
            region.encode_field(out, 7);
        }
        wire::put_bytes_field(out, 8, &self.public_key);
        wire::put_varint_field(out, 9, u64::from(self.revocation_series));
        if let Some(key) = &self.encryption_key {
            wire::put_bytes_field(out, 10, key);
        }
    }
}

/// Why bytes are not a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CredentialError {
    /// The encoding is broken, or a field missing, doubled or out of range.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// More bytes than a credential may have.
    #[error("credential has {0} bytes, at most {MAX_CREDENTIAL} are allowed")]
    TooLong(usize),
    /// A version this code does not know.
    #[error("credential version {0}, this station reads version {VERSION}")]
    Version(u32),
}

const TBS: u32 = wire::bytes_tag(1);
const SIGNATURE: u32 = wire::bytes_tag(2);
const FIELDS: [&str; 2] = ["tbs", "signature"];

const TBS_VERSION: u32 = wire::varint_tag(1);
const ISSUER: u32 = wire::bytes_tag(2);
const NOT_BEFORE: u32 = wire::fixed32_tag(3);
const DURATION: u32 = wire::varint_tag(4);
const PERMISSIONS: u32 = wire::fixed64_tag(5);
const STATION_CLASS: u32 = wire::varint_tag(6);
const REGION: u32 = wire::bytes_tag(7);
const PUBLIC_KEY: u32 = wire::bytes_tag(8);
const REVOCATION_SERIES: u32 = wire::varint_tag(9);
const ENCRYPTION_KEY: u32 = wire::bytes_tag(10);
const TBS_FIELDS: [&str; 10] = [
    "version",
    "issuer",
    "not_before_s",
    "duration_min",
    "permissions",
    "station_class",
    "region",
    "public_key",
    "revocation_series",
    "encryption_key",
];

#[cfg(test)]
mod tests;
