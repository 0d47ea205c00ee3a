//! Identity of a station: a credential and the key that signs under it.

use core::fmt;

use bytes::Bytes;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use v2x_proto::envelope::SIGNATURE_LEN;
use v2x_proto::{AreaView, Digest};

use super::credential::{CredentialError, credential_hash, parse_exact, signing_input, usable_key, validity};
use super::permissions::Permissions;
use super::region;
use crate::base::{DropReason, Open, Position, SealBinding, Sealed, Sign, WireTime};

/// A private key in memory, wiped when dropped and never printed.
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// The key pair of a 32-byte secret.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The public half, as a credential carries it.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl From<SigningKey> for KeyPair {
    fn from(key: SigningKey) -> Self {
        Self(key)
    }
}

impl Sign for KeyPair {
    fn sign(&mut self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        Signer::sign(&self.0, message).to_bytes()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(..)")
    }
}

/// A credential together with the key it was issued for.
#[derive(Debug)]
pub struct Identity {
    credential: Bytes,
    digest: Digest,
    hash: [u8; 32],
    key: VerifyingKey,
    starts: SequenceStarts,
    signer: Box<dyn Sign>,
    encryption_key: Option<[u8; 32]>,
    opener: Option<Box<dyn Open>>,
    permissions: Permissions,
    valid_from: WireTime,
    valid_until: WireTime,
    station_class: u8,
    region: Option<AreaView>,
    issuer: Option<Digest>,
    revocation_series: u32,
    buffer: Vec<u8>,
}

impl Identity {
    /// Joins a station's credential and its key, after the key proved that it belongs to it.
    ///
    /// The chain is not checked here: every receiver does that with its own roots.
    ///
    /// # Errors
    ///
    /// The bytes are no credential, belong to a root or issuer, or the key is another one.
    pub fn new(credential: Bytes, mut signer: Box<dyn Sign>) -> Result<Self, CredentialError> {
        let proof = Signature::from_bytes(&signer.sign(POSSESSION));
        let starts = SequenceStarts::from_proof(&proof);
        let identity = Self::recorded(credential, signer, starts)?;
        let mismatch = |_| CredentialError::KeyMismatch(identity.digest);
        identity.key.verify_strict(POSSESSION, &proof).map_err(mismatch)?;
        Ok(identity)
    }

    /// Joins a station's credential and a substitute for its key, without proof: for checking a recording, where the
    /// signatures are those the station made at the time, and so are the starts of its sequences.
    ///
    /// # Errors
    ///
    /// The bytes are no credential of a station, or their key is not usable.
    pub fn recorded(
        credential: Bytes,
        signer: Box<dyn Sign>,
        starts: SequenceStarts,
    ) -> Result<Self, CredentialError> {
        let view = parse_exact(&credential)?;
        let hash = credential_hash(&credential);
        let digest = Digest::of_hash(&hash);
        let permissions = Permissions(view.fields.permissions);
        if view.fields.issuer.is_none() || permissions.contains(Permissions::ISSUE) {
            return Err(CredentialError::NotAStation(digest));
        }
        let key = usable_key(&view.fields.public_key)?;
        let (valid_from, valid_until) = validity(&view.fields);
        let (station_class, region) = (view.fields.station_class, view.fields.region);
        let (issuer, revocation_series) = (view.fields.issuer, view.fields.revocation_series);
        let (encryption_key, opener) = (view.fields.encryption_key, None);
        let buffer = Vec::new();
        Ok(Self {
            credential,
            digest,
            hash,
            key,
            starts,
            signer,
            encryption_key,
            opener,
            permissions,
            valid_from,
            valid_until,
            station_class,
            region,
            issuer,
            revocation_series,
            buffer,
        })
    }

    /// Joins the private half of its encryption key.
    ///
    /// # Errors
    /// [`CredentialError::EncryptionKeyMismatch`]: the key is another one, or the credential has none.
    pub fn with_opener(mut self, opener: Box<dyn Open>) -> Result<Self, CredentialError> {
        if self.encryption_key != Some(opener.public_key()) {
            return Err(CredentialError::EncryptionKeyMismatch(self.digest));
        }
        self.opener = Some(opener);
        Ok(self)
    }

    /// The public half of its encryption key, when its credential has one.
    #[must_use]
    pub fn encryption_key(&self) -> Option<&[u8; 32]> {
        self.encryption_key.as_ref()
    }

    /// Whether it has the private half of its encryption key.
    #[must_use]
    pub fn opens(&self) -> bool {
        self.opener.is_some()
    }

    /// Opens what was sealed to its encryption key.
    ///
    /// # Errors
    /// [`DropReason::SealedKeyWiped`] without that key, and those of [`Open::open`].
    pub fn open(&self, bound: &SealBinding, sealed: &Sealed) -> Result<Vec<u8>, DropReason> {
        self.opener.as_ref().ok_or(DropReason::SealedKeyWiped)?.open(bound, sealed)
    }

    /// Drops, and with it wipes, the private half of its encryption key.
    pub(crate) fn wipe_opener(&mut self) {
        self.opener = None;
    }

    /// The public half of its key.
    #[must_use]
    pub fn public_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The region outside which receivers refuse its messages; `None`: none but its issuer's.
    #[must_use]
    pub fn region(&self) -> Option<&AreaView> {
        self.region.as_ref()
    }

    /// Signs the signed part of a message; the buffer is reused.
    pub fn sign(&mut self, tbs: &[u8]) -> [u8; SIGNATURE_LEN] {
        signing_input(&mut self.buffer, &self.hash, tbs);
        self.signer.sign(&self.buffer)
    }

    /// Joins the key that [`recorded`](Self::recorded) left open.
    pub(crate) fn set_signer(&mut self, signer: Box<dyn Sign>) {
        self.signer = signer;
    }

    /// The credential's bytes, to be sent in full.
    #[must_use]
    pub fn credential(&self) -> &Bytes {
        &self.credential
    }

    /// The credential's short name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// SHA-256 over the credential.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Digest of the issuer's credential.
    #[must_use]
    pub fn issuer(&self) -> Option<Digest> {
        self.issuer
    }

    /// The list it would be revoked in.
    #[must_use]
    pub fn revocation_series(&self) -> u32 {
        self.revocation_series
    }

    /// Its public key.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Where its sequence numbers start.
    #[must_use]
    pub fn starts(&self) -> &SequenceStarts {
        &self.starts
    }

    /// What this station may send.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// First moment of validity.
    #[must_use]
    pub fn valid_from(&self) -> WireTime {
        self.valid_from
    }

    /// End of validity.
    #[must_use]
    pub fn valid_until(&self) -> WireTime {
        self.valid_until
    }

    /// True within the validity.
    #[must_use]
    pub fn valid_at(&self, now: WireTime) -> bool {
        self.valid_from <= now && now < self.valid_until
    }

    /// True where the credential's region lets it send; always true for a credential without a region, although its
    /// issuer's may end.
    #[must_use]
    pub fn speaks_at(&self, position: Position) -> bool {
        self.region.as_ref().is_none_or(|area| region::contains(area, position))
    }

    /// A `StationClass` number.
    #[must_use]
    pub fn station_class(&self) -> u8 {
        self.station_class
    }
}

/// A credential that a running station is to use, without its key: the host has that
/// ([`Host::signer`](crate::base::Host::signer)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIdentity {
    /// The credential's bytes.
    pub credential: Bytes,
    /// What its key adds to the numbers of its messages, as in [`Identity::starts`].
    pub starts: SequenceStarts,
}

impl From<&Identity> for NewIdentity {
    fn from(identity: &Identity) -> Self {
        Self { credential: identity.credential.clone(), starts: identity.starts }
    }
}

/// Offset added to the sequence number a station starts with, per deadline class.
///
/// A number derived from the clock alone would reveal since when a pseudonym is in use, and be the same in all classes.
/// These come from the private key, so nobody else can know them, and a station that starts again with a credential it
/// used before has the same ones and stays ahead of the numbers it used. (An Ed25519 signature is a function of key and
/// message, RFC 8032 5.1.6. A key module that adds randomness must remember its numbers instead.)
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SequenceStarts(pub [u32; 6]);

impl fmt::Debug for SequenceStarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SequenceStarts(..)")
    }
}

impl SequenceStarts {
    fn from_proof(proof: &Signature) -> Self {
        let mut hash = Sha256::new();
        hash.update(SEQUENCE_START);
        hash.update(proof.to_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let mut starts = [0; 6];
        for (start, bytes) in starts.iter_mut().zip(hash.as_chunks::<4>().0) {
            *start = u32::from_le_bytes(*bytes);
        }
        Self(starts)
    }
}

const SEQUENCE_START: &[u8] = b"roadcast/v1/sequence-start\0";

/// The text a key signs to prove that it belongs to a credential: neither a message nor a credential.
const POSSESSION: &[u8] = b"roadcast/v1/possession\0";

#[cfg(test)]
mod tests {
    use super::super::testing::{STATION, at, authority, key};
    use super::*;

    #[test]
    fn speaks_for_its_credential() {
        let authority = authority(1);
        let mut identity = authority.station(2);
        let trusted = authority.trusted(2);
        assert_eq!((identity.digest(), identity.hash()), (trusted.digest(), &trusted.hash));
        assert_eq!((identity.permissions(), identity.station_class()), (STATION, 2));
        assert!(identity.valid_at(at(10)) && !identity.valid_at(at(0)));
        let signature = identity.sign(b"tbs");
        assert_eq!(trusted.verify(&mut Vec::new(), b"tbs", &signature), Ok(()));
    }

    #[test]
    fn refuses_a_key_that_is_not_the_credential_s() {
        let authority = authority(1);
        let other = Box::new(KeyPair::from(key(3, 2)));
        let error = Identity::new(authority.credential(2), other).unwrap_err();
        assert!(matches!(error, CredentialError::KeyMismatch(_)));
        let issuer = Identity::new(authority.issuer.clone(), Box::new(KeyPair::from(key(1, 1))));
        assert!(matches!(issuer, Err(CredentialError::NotAStation(_))));
    }

    #[test]
    fn a_recorded_identity_needs_no_proof_but_a_station_s_credential() {
        let authority = authority(1);
        let silent = || -> Box<dyn Sign> { Box::new(KeyPair::from(key(3, 2))) };
        let identity =
            Identity::recorded(authority.credential(2), silent(), SequenceStarts::default()).unwrap();
        assert_eq!(identity.digest(), authority.trusted(2).digest());
        let issuer = Identity::recorded(authority.issuer.clone(), silent(), SequenceStarts::default());
        assert!(matches!(issuer, Err(CredentialError::NotAStation(_))));
    }

    #[test]
    fn never_prints_its_key() {
        let station = authority(1).station(2);
        let shown = format!("{:?} {station:?}", KeyPair::from_secret(&[0xab; 32]));
        assert!(shown.contains("KeyPair(..)") && !shown.contains("171, 171"), "{shown}");
        assert!(shown.contains("SequenceStarts(..)"), "what the key alone gives is as secret: {shown}");
        assert!(station.starts().0.iter().all(|start| !shown.contains(&start.to_string())), "{shown}");
    }
}
