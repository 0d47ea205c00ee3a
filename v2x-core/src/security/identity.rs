//! The station itself: its credential and the key that signs.

use core::fmt;

use bytes::Bytes;
use ed25519_dalek::{Signature, Signer, SigningKey};
use v2x_proto::Digest;
use v2x_proto::envelope::SIGNATURE_LEN;

use super::credential::{CredentialError, credential_hash, parse_exact, signing_input, usable_key, validity};
use super::permissions::Permissions;
use crate::time::WireTime;

/// Makes Ed25519 signatures: a key in memory, or a module that never lets it out.
pub trait Sign: fmt::Debug + Send {
    /// The signature over exactly `message`.
    fn sign(&mut self, message: &[u8]) -> [u8; SIGNATURE_LEN];
}

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
    signer: Box<dyn Sign>,
    permissions: Permissions,
    valid_from: WireTime,
    valid_until: WireTime,
    station_class: u8,
    issuer: Option<Digest>,
    revocation_series: u32,
    buffer: Vec<u8>,
}

impl Identity {
    /// Joins a station's credential and its key, and has the key prove that it belongs to it.
    ///
    /// The chain is not checked here: every receiver does that with its own roots.
    ///
    /// # Errors
    ///
    /// The bytes are no credential, belong to a root or issuer, or the key is another one.
    pub fn new(credential: Bytes, mut signer: Box<dyn Sign>) -> Result<Self, CredentialError> {
        let proof = Signature::from_bytes(&signer.sign(POSSESSION));
        let identity = Self::recorded(credential, signer)?;
        let key = usable_key(&parse_exact(&identity.credential)?.fields.public_key)?;
        key.verify_strict(POSSESSION, &proof).map_err(|_| CredentialError::KeyMismatch(identity.digest))?;
        Ok(identity)
    }

    /// Joins a station's credential and whatever answers in place of its key, which proves nothing: for checking a
    /// recording, where the signatures are those the station made at the time.
    ///
    /// # Errors
    ///
    /// The bytes are no credential of a station, or their key is not usable.
    pub fn recorded(credential: Bytes, signer: Box<dyn Sign>) -> Result<Self, CredentialError> {
        let view = parse_exact(&credential)?;
        let hash = credential_hash(&credential);
        let digest = Digest::of_hash(&hash);
        let permissions = Permissions(view.fields.permissions);
        if view.fields.issuer.is_none() || permissions.contains(Permissions::ISSUE) {
            return Err(CredentialError::NotAStation(digest));
        }
        usable_key(&view.fields.public_key)?;
        let (valid_from, valid_until) = validity(&view.fields);
        let station_class = view.fields.station_class;
        let (issuer, revocation_series) = (view.fields.issuer, view.fields.revocation_series);
        let buffer = Vec::new();
        Ok(Self {
            credential,
            digest,
            hash,
            signer,
            permissions,
            valid_from,
            valid_until,
            station_class,
            issuer,
            revocation_series,
            buffer,
        })
    }

    /// Signs the signed part of a message; the buffer is reused.
    pub fn sign(&mut self, tbs: &[u8]) -> [u8; SIGNATURE_LEN] {
        signing_input(&mut self.buffer, &self.hash, tbs);
        self.signer.sign(&self.buffer)
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

    /// What this station may say.
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

    /// A `StationClass` number.
    #[must_use]
    pub fn station_class(&self) -> u8 {
        self.station_class
    }
}

/// What a key signs to prove that it belongs to a credential: no message, no credential.
const POSSESSION: &[u8] = b"roadcast/v1/possession\0";

#[cfg(test)]
mod tests {
    use super::super::testing::{Authority, STATION, at, key};
    use super::*;

    #[test]
    fn speaks_for_its_credential() {
        let authority = Authority::new(1);
        let mut identity = authority.identity(2);
        let trusted = authority.station(2);
        assert_eq!((identity.digest(), identity.hash()), (trusted.digest(), &trusted.hash));
        assert_eq!((identity.permissions(), identity.station_class()), (STATION, 2));
        assert!(identity.valid_at(at(10)) && !identity.valid_at(at(0)));
        let signature = identity.sign(b"tbs");
        assert_eq!(trusted.verify(&mut Vec::new(), b"tbs", &signature), Ok(()));
    }

    #[test]
    fn refuses_a_key_that_is_not_the_credential_s() {
        let authority = Authority::new(1);
        let other = Box::new(KeyPair::from(key(3, 2)));
        let error = Identity::new(authority.credential(2), other).unwrap_err();
        assert!(matches!(error, CredentialError::KeyMismatch(_)));
        let issuer = Identity::new(authority.issuer.clone(), Box::new(KeyPair::from(key(1, 1))));
        assert!(matches!(issuer, Err(CredentialError::NotAStation(_))));
    }

    #[test]
    fn a_recorded_identity_needs_no_proof_but_a_station_s_credential() {
        let authority = Authority::new(1);
        let silent = || -> Box<dyn Sign> { Box::new(KeyPair::from(key(3, 2))) };
        let identity = Identity::recorded(authority.credential(2), silent()).unwrap();
        assert_eq!(identity.digest(), authority.station(2).digest());
        let issuer = Identity::recorded(authority.issuer.clone(), silent());
        assert!(matches!(issuer, Err(CredentialError::NotAStation(_))));
    }

    #[test]
    fn never_prints_its_key() {
        let shown = format!("{:?} {:?}", KeyPair::from_secret(&[0xab; 32]), Authority::new(1).identity(2));
        assert!(shown.contains("KeyPair(..)") && !shown.contains("171, 171"), "{shown}");
    }
}
