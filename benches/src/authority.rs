//! Credentials for as many stations as a benchmark needs: a root, an issuer, stations by number.

use std::collections::BTreeSet;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use v2x_core::{
    Anchor, CredentialError, CredentialRequest, Identity, Instant, KeyPair, Permissions, RevocationRequest,
    RevokeError, TrustStore, WireTime, issue, make_root, revoke,
};
use v2x_proto::Digest;

/// A root with one issuer under it, by fixed keys.
#[derive(Debug)]
pub struct Authority {
    issuer: Bytes,
    issuer_key: SigningKey,
    trust: TrustStore,
}

impl Authority {
    /// Makes both.
    ///
    /// # Errors
    ///
    /// None while the constants here are what a credential may say.
    pub fn new() -> Result<Self, CredentialError> {
        let (root_key, issuer_key) = (key(0, 1), key(0, 2));
        let root = make_root(&root_key, STATION, VALID_FROM_S, 60 * 24 * 3650)?;
        let request = CredentialRequest {
            permissions: STATION | Permissions::ISSUE,
            duration_min: 60 * 24 * 1825,
            station_class: 1,
            ..request(&issuer_key)
        };
        let issuer = issue(&root, &root_key, &request)?;
        let trust = TrustStore::new(&[root], std::slice::from_ref(&issuer))?;
        Ok(Self { issuer, issuer_key, trust })
    }

    /// What a receiver pins.
    pub fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Credential of station `number`.
    ///
    /// # Errors
    ///
    /// As [`Authority::new`].
    pub fn credential(&self, number: u32) -> Result<Bytes, CredentialError> {
        issue(&self.issuer, &self.issuer_key, &request(&station_key(number)))
    }

    /// Credential of station `number`, with something about it changed.
    ///
    /// # Errors
    ///
    /// What is asked for is more than the issuer may give.
    pub fn credential_with(
        &self,
        number: u32,
        change: impl FnOnce(&mut CredentialRequest),
    ) -> Result<Bytes, CredentialError> {
        let mut request = request(&station_key(number));
        change(&mut request);
        issue(&self.issuer, &self.issuer_key, &request)
    }

    /// A revocation delta that names these credentials.
    ///
    /// # Errors
    ///
    /// More digests than fit into one.
    pub fn revoke(&self, digests: BTreeSet<Digest>) -> Result<Bytes, RevokeError> {
        let request = RevocationRequest {
            series: 1,
            from_number: 0,
            to_number: 1,
            issued_s: VALID_FROM_S + 3600,
            next_s: VALID_FROM_S + 3600 * 24,
            whole_series: false,
            digests,
        };
        revoke(&self.issuer, &self.issuer_key, &request)
    }

    /// Credential and key of station `number`.
    ///
    /// # Errors
    ///
    /// As [`Authority::new`].
    pub fn identity(&self, number: u32) -> Result<Identity, CredentialError> {
        Identity::new(self.credential(number)?, Box::new(KeyPair::from(station_key(number))))
    }
}

/// The private key of station `number`.
pub fn station_key(number: u32) -> SigningKey {
    key(number, 3)
}

/// When a benchmark's virtual time starts: all credentials are valid.
pub fn start() -> Anchor {
    Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(VALID_FROM_S + 3600) }
}

fn request(key: &SigningKey) -> CredentialRequest {
    CredentialRequest {
        public_key: key.verifying_key().to_bytes(),
        permissions: STATION,
        not_before_s: VALID_FROM_S,
        duration_min: 60 * 24 * 7,
        region: None,
        station_class: 2,
        revocation_series: 1,
    }
}

fn key(number: u32, role: u8) -> SigningKey {
    let mut secret = [role; 32];
    secret[..4].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&secret)
}

const STATION: Permissions =
    Permissions(Permissions::AWARENESS.0 | Permissions::HAZARD.0 | Permissions::IMMINENT.0);
/// 2026, in TAI seconds since 2004.
const VALID_FROM_S: u32 = 694_224_000;
