//! Credential checked under its issuer: its content, with the key ready for verification.

use bytes::Bytes;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use v2x_proto::credential::{CREDENTIAL_DOMAIN, CredentialFields, CredentialView, encode_credential};
use v2x_proto::envelope::{MAX_CREDENTIAL, MESSAGE_DOMAIN, SIGNATURE_LEN};
use v2x_proto::{AreaView, Digest};

use super::permissions::Permissions;
use super::region;
use crate::base::{DropReason, Position, WireTime};

/// A credential whose chain was checked. Its key is decompressed once, here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trusted {
    /// The whole credential, as its issuer wrote it: relays bring it along with its holder's messages.
    pub bytes: Box<[u8]>,
    /// SHA-256 over the whole credential; bound into every signature made with its key.
    pub hash: [u8; 32],
    /// The key, a point of large order.
    pub key: VerifyingKey,
    /// First moment of validity.
    pub valid_from: WireTime,
    /// End of validity; no longer valid at this very moment.
    pub valid_until: WireTime,
    /// What its holder may send.
    pub permissions: Permissions,
    /// Where its holder may use it; anywhere its issuer's credential is valid when absent.
    pub region: Option<AreaView>,
    /// The list it would be revoked in.
    pub revocation_series: u32,
    /// Digest of the issuer's credential; `None` for a root.
    pub issuer: Option<Digest>,
    /// A `StationClass` number.
    pub station_class: u8,
}

impl Trusted {
    /// The short name of the credential: first eight bytes of its hash.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_hash(&self.hash)
    }

    /// True within the validity.
    #[must_use]
    pub fn valid_at(&self, now: WireTime) -> bool {
        self.valid_from <= now && now < self.valid_until
    }

    /// True when all of `permissions` are granted.
    #[must_use]
    pub fn permits(&self, permissions: Permissions) -> bool {
        self.permissions.contains(permissions)
    }

    /// True when the credential is valid at `position`.
    #[must_use]
    pub fn covers(&self, position: Position) -> bool {
        self.grant().covers(position)
    }

    /// The key to which confidential messages for its holder are sealed; `None`: it takes none.
    #[must_use]
    pub fn encryption_key(&self) -> Option<[u8; 32]> {
        // Read when a message is sealed, so that those who seal none keep no room for it.
        CredentialView::parse(&self.bytes).ok().and_then(|view| view.fields.encryption_key)
    }

    /// What it permits, and where and when.
    #[must_use]
    pub fn grant(&self) -> Grant {
        let Self { permissions, region, valid_from, valid_until, .. } = *self;
        Grant { permissions, region, valid_from, valid_until }
    }

    /// Verifies a message signature by the strict rule: canonical, no key or nonce of small order.
    ///
    /// `buffer` is scratch space, kept by the caller so that no message allocates.
    ///
    /// # Errors
    ///
    /// [`DropReason::SignatureInvalid`].
    pub fn verify(
        &self,
        buffer: &mut Vec<u8>,
        tbs: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), DropReason> {
        signing_input(buffer, &self.hash, tbs);
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(buffer, &signature).map_err(|_| DropReason::SignatureInvalid)
    }
}

/// What a credential permits its holder, and where and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What its holder may send.
    pub permissions: Permissions,
    /// Where its holder may use it; anywhere when absent.
    pub region: Option<AreaView>,
    /// First moment of validity.
    pub valid_from: WireTime,
    /// End of validity; no longer valid at this very moment.
    pub valid_until: WireTime,
}

impl Grant {
    /// True when the credential is valid at `position`.
    #[must_use]
    pub fn covers(&self, position: Position) -> bool {
        self.region.as_ref().is_none_or(|region| region::contains(region, position))
    }
}

/// Writes into `buffer` what a message signature covers: the domain, the hash of the signer's
/// credential, the signed bytes.
pub fn signing_input(buffer: &mut Vec<u8>, hash: &[u8; 32], tbs: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(MESSAGE_DOMAIN);
    buffer.extend_from_slice(hash);
    buffer.extend_from_slice(tbs);
}

/// SHA-256 over the bytes of a credential.
#[must_use]
pub fn credential_hash(credential: &[u8]) -> [u8; 32] {
    Sha256::digest(credential).into()
}

/// Why a credential is not accepted or not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The bytes are no credential.
    #[error("not a credential: {0}")]
    Malformed(#[from] v2x_proto::credential::CredentialError),
    /// It has bytes added, repeated or reordered outside the signed part.
    #[error(
        "credential has bytes outside its signed part and signature; use it exactly as its issuer wrote it"
    )]
    NotCanonical,
    /// The key is not a point of the curve, not in its one canonical encoding, or of small order and would verify many
    /// messages.
    #[error("public key is not a usable Ed25519 key; make a new key pair")]
    WeakKey,
    /// No root was pinned.
    #[error("no root credential is pinned; at least one is needed to trust any station")]
    NoRoot,
    /// A credential was pinned as root that names an issuer.
    #[error("credential {0} is pinned as root but was issued by another; pin a self-signed credential")]
    NotARoot(Digest),
    /// The issuer is not in the trust store.
    #[error("issuer {0} is not known; add its credential to the issuers, or pin its root")]
    UnknownIssuer(Digest),
    /// The credential of a root or issuer is used as if it were a station's.
    #[error("credential {0} belongs to a root or issuer; a station needs one of its own")]
    NotAStation(Digest),
    /// The signature of the issuer is invalid.
    #[error("the issuer's signature of this credential is invalid")]
    Signature,
    /// The issuer has no permission to issue.
    #[error("credential {0} has no `issue` permission, so it can issue nothing")]
    MayNotIssue(Digest),
    /// An issuer would issue an issuer.
    #[error("an issuer cannot grant `issue`; only a root can")]
    TooDeep,
    /// A root would issue a station.
    #[error("a root issues only issuers; grant `issue`, or use an issuer's credential")]
    RootIssuesIssuers,
    /// More permissions than the issuer has.
    #[error("the issuer may not grant the permissions {0}")]
    Permissions(Permissions),
    /// Valid before or after its issuer.
    #[error("validity {from:?} to {until:?} is not within the issuer's, {issuer_from:?} to {issuer_until:?}")]
    Validity {
        /// First moment of validity.
        from: WireTime,
        /// End of validity.
        until: WireTime,
        /// First moment of the issuer's validity.
        issuer_from: WireTime,
        /// End of the issuer's validity.
        issuer_until: WireTime,
    },
    /// Valid where its issuer is not.
    #[error(
        "region is not within the issuer's; it must be the same, or fit in the largest circle about its centre"
    )]
    Region,
    /// Its validity has not begun.
    #[error("credential is not valid before {0:?}")]
    NotYetValid(WireTime),
    /// Its validity is over.
    #[error("credential expired at {0:?}")]
    Expired(WireTime),
    /// The key at hand is not the one in the credential.
    #[error("this key is not the one in credential {0}")]
    KeyMismatch(Digest),
    /// The encryption key at hand is not the one in the credential, or the credential has none.
    #[error("this encryption key is not the one in credential {0}")]
    EncryptionKeyMismatch(Digest),
}

impl CredentialError {
    /// The reason for which a frame with this credential is dropped.
    #[must_use]
    pub const fn drop_reason(&self) -> DropReason {
        match self {
            Self::Malformed(_) | Self::NotCanonical => DropReason::CredentialMalformed,
            Self::WeakKey => DropReason::WeakKey,
            Self::NoRoot | Self::UnknownIssuer(_) => DropReason::UnknownIssuer,
            Self::Signature | Self::KeyMismatch(_) | Self::EncryptionKeyMismatch(_) => {
                DropReason::CredentialSignature
            }
            Self::NotYetValid(_) => DropReason::CredentialNotYetValid,
            Self::Expired(_) => DropReason::CredentialExpired,
            Self::NotARoot(_)
            | Self::NotAStation(_)
            | Self::MayNotIssue(_)
            | Self::TooDeep
            | Self::RootIssuesIssuers
            | Self::Permissions(_)
            | Self::Validity { .. }
            | Self::Region => DropReason::CredentialNesting,
        }
    }

    /// True when no later time and no other issuer can make the same bytes acceptable.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::NoRoot | Self::UnknownIssuer(_) | Self::NotYetValid(_) | Self::Expired(_))
    }
}

/// Parses a credential and refuses any encoding but the one its issuer wrote: its name is the hash of all its bytes, so
/// nobody may be able to make a second name for the same signed content.
pub(super) fn parse_exact(bytes: &[u8]) -> Result<CredentialView<'_>, CredentialError> {
    let view = CredentialView::parse(bytes)?;
    // On the stack, because strangers' credentials arrive as fast as the channel carries them. Both parts and their
    // tags are shorter than two whole credentials.
    let mut buffer = [0; 2 * MAX_CREDENTIAL];
    let mut rest = buffer.as_mut_slice();
    encode_credential(&mut rest, view.tbs, view.signature);
    let unused = rest.len();
    let canonical = &buffer[..buffer.len() - unused];
    if canonical == bytes { Ok(view) } else { Err(CredentialError::NotCanonical) }
}

/// First moment and end of the validity of a credential.
pub(super) fn validity(fields: &CredentialFields) -> (WireTime, WireTime) {
    let from = WireTime::from_secs(fields.not_before_s);
    (from, from + core::time::Duration::from_secs(u64::from(fields.duration_min) * 60))
}

/// Refuses a credential that claims what its issuer may not grant.
pub(super) fn check_nesting(
    fields: &CredentialFields,
    issuer: &CredentialFields,
    issuer_digest: Digest,
) -> Result<(), CredentialError> {
    let granted = Permissions(issuer.permissions);
    if !granted.contains(Permissions::ISSUE) {
        return Err(CredentialError::MayNotIssue(issuer_digest));
    }
    let excess = Permissions(fields.permissions).without(granted);
    if excess != Permissions::NONE {
        return Err(CredentialError::Permissions(excess));
    }
    let (from, until) = validity(fields);
    let (issuer_from, issuer_until) = validity(issuer);
    if from < issuer_from || until > issuer_until {
        return Err(CredentialError::Validity { from, until, issuer_from, issuer_until });
    }
    let within = match (&fields.region, &issuer.region) {
        // No region of its own: it is used only where the issuer's is.
        (_, None) | (None, Some(_)) => true,
        (Some(inner), Some(outer)) => region::nests(inner, outer),
    };
    if within { Ok(()) } else { Err(CredentialError::Region) }
}

/// Checks a signature over a message under a key: [`crate::base::strict`], or a caching host.
pub type Verify<'v> = &'v mut dyn FnMut(&VerifyingKey, &[u8], &[u8; SIGNATURE_LEN]) -> bool;

/// Verifies the signature over a credential, whose key is [usable](usable_key), and prepares it for use. The issuer's hash is 32
/// zero bytes for a root.
///
/// `issuer_region` is where the issuer's credential is valid: it stands in for a region that is absent.
pub(super) fn verify_credential(
    bytes: &[u8],
    view: &CredentialView<'_>,
    key: VerifyingKey,
    (issuer_key, issuer_hash): (&VerifyingKey, &[u8; 32]),
    issuer_region: Option<AreaView>,
    verify: Verify<'_>,
) -> Result<Trusted, CredentialError> {
    let input = credential_input(issuer_hash, view.tbs);
    if !verify(issuer_key, &input, view.signature) {
        return Err(CredentialError::Signature);
    }
    let (valid_from, valid_until) = validity(&view.fields);
    Ok(Trusted {
        bytes: bytes.into(),
        hash: credential_hash(bytes),
        key,
        valid_from,
        valid_until,
        permissions: Permissions(view.fields.permissions),
        region: view.fields.region.or(issuer_region),
        revocation_series: view.fields.revocation_series,
        issuer: view.fields.issuer,
        station_class: view.fields.station_class,
    })
}

/// The point of a public key; none when it is no point, of small order, or encoded in a second way.
///
/// The library reads coordinates of 2^255 - 19 and above too (ZIP 215); RFC 8032 5.1.3 refuses them,
/// and so would another implementation.
pub(super) fn usable_key(bytes: &[u8; 32]) -> Result<VerifyingKey, CredentialError> {
    let [lowest, middle @ .., highest] = bytes;
    let above_prime = highest & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *lowest >= 0xed;
    match VerifyingKey::from_bytes(bytes) {
        Ok(key) if !above_prime && !key.is_weak() => Ok(key),
        _ => Err(CredentialError::WeakKey),
    }
}

/// The bytes an issuer signs.
pub(super) fn credential_input(issuer_hash: &[u8; 32], tbs: &[u8]) -> Vec<u8> {
    [CREDENTIAL_DOMAIN.as_slice(), issuer_hash, tbs].concat()
}

/// The bytes of a credential from its two parts.
pub(super) fn assemble(tbs: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Bytes {
    let mut out = Vec::new();
    encode_credential(&mut out, tbs, signature);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{STATION, at, authority};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_verifies_under_its_credential_and_no_other() {
        let authority = authority(1);
        let (mut buffer, tbs) = (Vec::new(), b"signed bytes".as_slice());
        let signature = authority.station(2).sign(tbs);
        let (mine, other) = (authority.trusted(2), authority.trusted(3));
        assert_eq!(mine.verify(&mut buffer, tbs, &signature), Ok(()));
        let invalid = Err(DropReason::SignatureInvalid);
        assert_eq!(other.verify(&mut buffer, tbs, &signature), invalid);
        assert_eq!(mine.verify(&mut buffer, b"other bytes", &signature), invalid);
        // The same key under a credential with other bytes: the hash in the signature tells them apart.
        let renamed = Trusted { hash: [0; 32], ..mine.clone() };
        assert_eq!(renamed.verify(&mut buffer, tbs, &signature), invalid);
    }

    #[test]
    fn a_signature_made_non_canonical_is_refused() {
        let authority = authority(1);
        let mut signature = authority.station(2).sign(b"x");
        // Adds the group order to S: the same equation is satisfied, strict verification refuses it.
        let order = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
        ];
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        let verified = authority.trusted(2).verify(&mut Vec::new(), b"x", &signature);
        assert_eq!(verified, Err(DropReason::SignatureInvalid));
    }

    #[test]
    fn says_what_was_requested() {
        let station = authority(1).trusted(2);
        assert_eq!((station.valid_from, station.valid_until), (at(2), at(2 + 800 * 60)));
        assert!(!station.valid_at(at(1)) && station.valid_at(at(2)));
        assert!(station.valid_at(at(48_001)) && !station.valid_at(at(48_002)));
        assert!(station.permits(STATION) && !station.permits(STATION | Permissions::ISSUE));
        assert_eq!((station.revocation_series, station.station_class), (7, 2));
        assert_eq!(station.digest().0, station.hash[..8]);
    }

    #[test]
    fn a_second_name_for_the_same_content_is_refused() {
        let authority = authority(1);
        let mut bytes = authority.credential(2).to_vec();
        bytes.extend_from_slice(&[0x18, 0x01]); // an unknown field 3 outside the signed part
        assert!(authority.trust.check_station(&bytes, at(10)).is_err());
        let view_bytes = authority.credential(2);
        let view = CredentialView::parse(&view_bytes).unwrap();
        let mut swapped = Vec::new();
        swapped.extend_from_slice(&view_bytes[view_bytes.len() - 66..]);
        swapped.extend_from_slice(&view_bytes[..view_bytes.len() - 66]);
        assert_eq!(CredentialView::parse(&swapped).unwrap().fields, view.fields);
        assert_eq!(authority.trust.check_station(&swapped, at(10)), Err(CredentialError::NotCanonical));
    }

    #[test]
    fn keys_of_small_order_or_with_a_second_encoding_are_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert_eq!(usable_key(&identity_point), Err(CredentialError::WeakKey));
        assert_eq!(usable_key(&[0; 32]), Err(CredentialError::WeakKey));
        assert_eq!(usable_key(&[0xff; 32]), Err(CredentialError::WeakKey));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let authority = authority(1);
            prop_assert!(authority.trust.check_station(&bytes, at(10)).is_err());
        }

        #[test]
        fn a_credential_with_any_bit_changed_is_refused(place in 0_usize..1200) {
            let authority = authority(1);
            let mut bytes = authority.credential(2).to_vec();
            let place = place % (bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
            prop_assert!(authority.trust.check_station(&bytes, at(10)).is_err());
        }
    }
}
