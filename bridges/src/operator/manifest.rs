//! What an operator signs: whom it is for, what it is, its version, hash and length, and when it ends.
//!
//! A manifest is the payload of `v2x.v1.UpdateManifest`, the same in a file, over a link and on the air. It names no place and no
//! file: content is known by its hash.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use v2x_core::WireTime;
use v2x_proto::payload::{Message, PayloadError};
use v2x_proto::{payload, v1};

use super::kind::ContentKind;

/// The hash of content: what it is known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits, lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for ContentHash {
    /// 64 hexadecimal digits: also the name of its file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// The public keys of an operator: one, or two while it changes from one to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorKeys(Vec<VerifyingKey>);

impl OperatorKeys {
    /// The most keys: the present one and the next.
    pub const MOST: usize = 2;

    /// These keys, 1 to [`MOST`](Self::MOST).
    #[must_use]
    pub fn new(keys: Vec<VerifyingKey>) -> Option<Self> {
        (1..=Self::MOST).contains(&keys.len()).then_some(Self(keys))
    }
}

/// A manifest whose signature was verified with one of the operator's keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The unit or group that it is for.
    pub target: String,
    /// What it is.
    pub kind: ContentKind,
    /// Its version, 1..=[`HIGHEST_VERSION`].
    pub version: u64,
    /// What the content is known by.
    pub hash: ContentHash,
    /// Length of the content, bytes, at least 1.
    pub size: u64,
    /// From then on it is not taken any more.
    pub ends: WireTime,
    encoded: Bytes,
}

/// What an operator is to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestDraft {
    /// The unit or group that it is for: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub target: String,
    /// What it is.
    pub kind: ContentKind,
    /// Its version, 1..=[`HIGHEST_VERSION`].
    pub version: u64,
    /// What the content is known by.
    pub hash: ContentHash,
    /// Length of the content, bytes, at least 1.
    pub size: u64,
    /// From then on it is not taken any more; whole seconds count.
    pub ends: WireTime,
}

/// Why bytes are no manifest of the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not a manifest, or a field is out of its range.
    #[error("no manifest: {0}")]
    Malformed(#[from] PayloadError),
    /// Text that is no manifest.
    #[error(
        "no manifest; expected \"-----BEGIN ROADCAST UPDATE-----\" as `roadcast-bridge operator sign` writes"
    )]
    NotArmoured,
    /// Of a kind that a newer version knows.
    #[error("its kind {0} is not known to this version")]
    UnknownKind(i32),
    /// By a key that is none of `[operator] keys`.
    #[error("signed by the key {0}, which is none of the operator's keys here")]
    UnknownKey(String),
    /// The signature does not hold.
    #[error("the operator's signature over it is invalid")]
    Signature,
}

impl ManifestError {
    /// Its name, for counters and programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::NotArmoured => "malformed",
            Self::UnknownKind(_) => "unknown_kind",
            Self::UnknownKey(_) => "unknown_key",
            Self::Signature => "bad_signature",
        }
    }
}

impl Manifest {
    /// Reads a manifest and verifies its signature. Its end and its target are the reader's to judge.
    ///
    /// # Errors
    /// The first thing wrong with it.
    pub fn read(bytes: &[u8], keys: &OperatorKeys) -> Result<Self, ManifestError> {
        let message = parse(bytes)?;
        Self::of_message(&message, keys)
    }

    /// As [`read`](Self::read), of a payload that was read already.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of_message(message: &v1::UpdateManifest, keys: &OperatorKeys) -> Result<Self, ManifestError> {
        let kind = ContentKind::of(message.kind).ok_or(ManifestError::UnknownKind(message.kind))?;
        let key = keys.0.iter().find(|key| key_name(key) == message.operator[..]);
        let unknown = || ManifestError::UnknownKey(data_encoding::HEXLOWER.encode(&message.operator));
        let key = key.ok_or_else(unknown)?;
        let signature = Signature::from_slice(&message.signature).map_err(|_| ManifestError::Signature)?;
        key.verify_strict(&signing_input(key, message), &signature).map_err(|_| ManifestError::Signature)?;
        let too_long = PayloadError::OutOfRange { field: "sha256" };
        Ok(Self {
            target: message.target.clone(),
            kind,
            version: message.version,
            hash: ContentHash(message.sha256[..].try_into().map_err(|_| too_long)?),
            size: message.size,
            ends: WireTime::from_secs(message.not_after_s),
            encoded: encode(message.clone()),
        })
    }

    /// Reads one as [`armour`](Self::armour) writes it.
    ///
    /// # Errors
    /// As [`read`](Self::read), and text that is none.
    pub fn read_armoured(text: &[u8], keys: &OperatorKeys) -> Result<Self, ManifestError> {
        Self::read(&unarmour(text)?, keys)
    }

    /// Signs a draft.
    ///
    /// # Errors
    /// A field that is out of its range.
    pub fn sign(draft: &ManifestDraft, key: &SigningKey) -> Result<Self, ManifestError> {
        let public = key.verifying_key();
        let ends_s = draft.ends.since(WireTime::from_secs(0)).as_secs();
        let mut message = v1::UpdateManifest {
            target: draft.target.clone(),
            kind: draft.kind.number(),
            version: draft.version,
            sha256: Bytes::copy_from_slice(&draft.hash.0),
            size: draft.size,
            not_after_s: u32::try_from(ends_s).unwrap_or(u32::MAX),
            operator: Bytes::copy_from_slice(&key_name(&public)),
            signature: Bytes::new(),
        };
        let signature = key.sign(&signing_input(&public, &message));
        message.signature = Bytes::copy_from_slice(&signature.to_bytes());
        Message::from(message.clone()).check()?;
        Self::of_message(&message, &OperatorKeys(vec![public]))
    }

    /// The manifest as it travels.
    #[must_use]
    pub const fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The manifest as text, PEM.
    #[must_use]
    pub fn armour(&self) -> String {
        crate::pem::block(LABEL, &self.encoded)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, now: WireTime) -> bool {
        now >= self.ends
    }

    /// How long it still counts.
    #[must_use]
    pub fn left(&self, now: WireTime) -> Duration {
        self.ends.since(now)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, kind, version, hash, size, .. } = self;
        write!(f, "Manifest({kind} {version} for {target}, {hash}, {size} B)")
    }
}

/// The fields of a manifest, nothing verified: to show one.
///
/// # Errors
/// It is none.
pub fn parse(bytes: &[u8]) -> Result<v1::UpdateManifest, ManifestError> {
    let payload = Bytes::copy_from_slice(bytes);
    match payload::decode(v1::MessageType::UpdateManifest as u32, payload)? {
        Message::UpdateManifest(message) => Ok(message),
        other => Err(PayloadError::UnknownType(other.message_type() as u32).into()),
    }
}

/// The bytes of an armoured manifest.
///
/// # Errors
/// [`ManifestError::NotArmoured`].
pub fn unarmour(text: &[u8]) -> Result<Vec<u8>, ManifestError> {
    let mut blocks = crate::pem::blocks(text, 1).map_err(|_| ManifestError::NotArmoured)?;
    let block = blocks.pop().filter(|block| block.label == LABEL).ok_or(ManifestError::NotArmoured)?;
    Ok(block.bytes.to_vec())
}

/// What a manifest calls a key: the first 8 bytes of its SHA-256.
#[must_use]
pub fn key_name(key: &VerifyingKey) -> [u8; 8] {
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    *hash.first_chunk().expect("32 bytes have 8")
}

fn signing_input(key: &VerifyingKey, message: &v1::UpdateManifest) -> Vec<u8> {
    let mut input = Vec::with_capacity(192);
    input.extend_from_slice(UPDATE_DOMAIN);
    input.extend_from_slice(key.as_bytes());
    input.extend_from_slice(&message.kind.to_le_bytes());
    input.extend_from_slice(&message.version.to_le_bytes());
    input.extend_from_slice(&message.size.to_le_bytes());
    input.extend_from_slice(&message.not_after_s.to_le_bytes());
    input.extend_from_slice(&message.sha256);
    input.extend_from_slice(message.target.as_bytes());
    input
}

fn encode(message: v1::UpdateManifest) -> Bytes {
    let message = Message::from(message);
    let mut bytes = Vec::with_capacity(message.encoded_len());
    message.encode(&mut bytes);
    bytes.into()
}

/// What every reader of JSON keeps exactly (`v2x.v1.UpdateManifest`).
pub const HIGHEST_VERSION: u64 = (1 << 53) - 1;
/// The longest manifest, bytes: its fields at their longest, with their tags.
pub const LONGEST_MANIFEST: usize = 256;
/// Keeps the signature from being used for another purpose.
const UPDATE_DOMAIN: &[u8; 16] = b"roadcast/v1/upd\0";
const LABEL: &str = "ROADCAST UPDATE";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn keys(seeds: &[u8]) -> OperatorKeys {
        OperatorKeys::new(seeds.iter().map(|seed| key(*seed).verifying_key()).collect()).unwrap()
    }

    fn draft() -> ManifestDraft {
        ManifestDraft {
            target: "rsu-7".to_owned(),
            kind: ContentKind::Software,
            version: 12,
            hash: ContentHash::of(b"bundle"),
            size: 6,
            ends: WireTime::from_secs(700_000_000),
        }
    }

    #[test]
    fn what_was_signed_reads_back_as_it_was() {
        let signed = Manifest::sign(&draft(), &key(1)).unwrap();
        assert!(signed.encoded().len() <= LONGEST_MANIFEST, "{}", signed.encoded().len());
        assert_eq!(Manifest::read(signed.encoded(), &keys(&[1])), Ok(signed.clone()));
        assert_eq!(Manifest::read(signed.encoded(), &keys(&[2, 1])), Ok(signed.clone()));
        assert_eq!(Manifest::read_armoured(signed.armour().as_bytes(), &keys(&[1])), Ok(signed.clone()));
        assert!(signed.armour().starts_with("-----BEGIN ROADCAST UPDATE-----\n"));
        assert!(!signed.is_over(WireTime::from_secs(699_999_999)) && signed.is_over(signed.ends));
    }

    #[test]
    fn a_key_that_is_not_the_operator_s_is_named() {
        let signed = Manifest::sign(&draft(), &key(1)).unwrap();
        let name = data_encoding::HEXLOWER.encode(&key_name(&key(1).verifying_key()));
        let error = Manifest::read(signed.encoded(), &keys(&[2, 3])).unwrap_err();
        assert_eq!((error.name(), error), ("unknown_key", ManifestError::UnknownKey(name)));
    }

    #[test]
    fn each_field_is_under_the_signature() {
        let signed = parse(Manifest::sign(&draft(), &key(1)).unwrap().encoded()).unwrap();
        let changes: [fn(&mut v1::UpdateManifest); 6] = [
            |it| it.target = "rsu-8".to_owned(),
            |it| it.kind = ContentKind::Trust.number(),
            |it| it.version += 1,
            |it| it.sha256 = Bytes::from_static(&[7; 32]),
            |it| it.size += 1,
            |it| it.not_after_s += 1,
        ];
        for (place, change) in changes.iter().enumerate() {
            let mut changed = signed.clone();
            change(&mut changed);
            let read = Manifest::of_message(&changed, &keys(&[1]));
            assert_eq!(read, Err(ManifestError::Signature), "field {place}");
        }
        // Not even another key of the operator's makes it hold.
        let mut other = signed;
        other.operator = Bytes::copy_from_slice(&key_name(&key(2).verifying_key()));
        assert_eq!(Manifest::of_message(&other, &keys(&[1, 2])), Err(ManifestError::Signature));
    }

    #[test]
    fn the_longest_fields_still_fit_a_frame() {
        let longest = ManifestDraft {
            target: "x".repeat(64),
            version: HIGHEST_VERSION,
            size: HIGHEST_VERSION,
            ends: WireTime::from_secs(u32::MAX),
            ..draft()
        };
        let signed = Manifest::sign(&longest, &key(1)).unwrap();
        assert!(signed.encoded().len() <= LONGEST_MANIFEST, "{}", signed.encoded().len());
    }

    #[test]
    fn fields_out_of_their_range_are_neither_signed_nor_read() {
        let versions = [0, HIGHEST_VERSION + 1, u64::MAX].map(|version| ManifestDraft { version, ..draft() });
        let sizes = [0, u64::MAX].map(|size| ManifestDraft { size, ..draft() });
        let targets = ["", "../etc", "a b", "a/b", &"x".repeat(65)]
            .map(|target| ManifestDraft { target: target.to_owned(), ..draft() });
        for bad in versions.iter().chain(&sizes).chain(&targets) {
            let error = Manifest::sign(bad, &key(1)).unwrap_err();
            assert_eq!(error.name(), "malformed", "{bad:?}");
        }
        let mut message = parse(Manifest::sign(&draft(), &key(1)).unwrap().encoded()).unwrap();
        message.kind = 99;
        let read = Manifest::of_message(&message, &keys(&[1]));
        assert_eq!(read, Err(ManifestError::UnknownKind(99)));
        message.version = u64::MAX;
        let read = Manifest::read(&message.encode_to_vec(), &keys(&[1]));
        assert_eq!(read, Err(PayloadError::OutOfRange { field: "version" }.into()));
    }

    #[test]
    fn an_operator_has_one_key_or_two() {
        assert_eq!(OperatorKeys::new(Vec::new()), None);
        assert_eq!(OperatorKeys::new(vec![key(1).verifying_key(); 3]), None);
        assert!(OperatorKeys::new(vec![key(1).verifying_key(), key(2).verifying_key()]).is_some());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_manifest(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Manifest::read(&bytes, &keys(&[1])).is_err());
            prop_assert!(Manifest::read_armoured(&bytes, &keys(&[1])).is_err());
        }

        #[test]
        fn a_changed_byte_makes_it_none(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let signed = Manifest::sign(&draft(), &key(1)).unwrap();
            let mut bytes = signed.encoded().to_vec();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert!(Manifest::read(&bytes, &keys(&[1])).is_err());
        }

        #[test]
        fn armour_with_a_changed_byte_never_panics(place in any::<prop::sample::Index>(), byte: u8) {
            let signed = Manifest::sign(&draft(), &key(1)).unwrap();
            let mut text = signed.armour().into_bytes();
            let place = place.index(text.len());
            text[place] = byte;
            let read = Manifest::read_armoured(&text, &keys(&[1]));
            prop_assert!(read.is_err() || read == Ok(signed));
        }
    }
}
