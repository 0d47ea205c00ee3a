//! An authority for tests: a root, an issuer under it, and stations by seed.

use bytes::Bytes;
use ed25519_dalek::SigningKey;

use super::credential::Trusted;
use super::identity::{Identity, KeyPair};
use super::issue::{CredentialRequest, issue, make_root};
use super::permissions::Permissions;
use super::trust::TrustStore;
use crate::time::WireTime;

/// All that stations of these tests may say.
pub(crate) const STATION: Permissions =
    Permissions(Permissions::AWARENESS.0 | Permissions::HAZARD.0 | Permissions::IMMINENT.0);

/// The root is valid from second 0, the issuer from 1 and stations from 2; stations end first.
pub(crate) struct Authority {
    pub root: Bytes,
    pub issuer: Bytes,
    pub issuer_key: SigningKey,
    pub root_key: SigningKey,
    pub store: TrustStore,
}

impl Authority {
    pub(crate) fn new(seed: u8) -> Self {
        let root_key = key(seed, 0);
        let issuer_key = key(seed, 1);
        let root = make_root(&root_key, STATION, 0, 1000).unwrap();
        let issuer = issue(&root, &root_key, &issuer_request(&issuer_key)).unwrap();
        let store = TrustStore::new(std::slice::from_ref(&root), std::slice::from_ref(&issuer)).unwrap();
        Self { root, issuer, issuer_key, root_key, store }
    }

    pub(crate) fn credential(&self, seed: u8) -> Bytes {
        issue(&self.issuer, &self.issuer_key, &station_request(&key(seed, 2))).unwrap()
    }

    pub(crate) fn station(&self, seed: u8) -> Trusted {
        self.store.check_station(&self.credential(seed), at(10)).unwrap()
    }

    pub(crate) fn identity(&self, seed: u8) -> Identity {
        Identity::new(self.credential(seed), Box::new(KeyPair::from(key(seed, 2)))).unwrap()
    }
}

pub(crate) fn issuer_request(key: &SigningKey) -> CredentialRequest {
    CredentialRequest {
        public_key: key.verifying_key().to_bytes(),
        permissions: STATION | Permissions::ISSUE,
        not_before_s: 1,
        duration_min: 900,
        region: None,
        station_class: 1,
        revocation_series: 1,
    }
}

pub(crate) fn station_request(key: &SigningKey) -> CredentialRequest {
    CredentialRequest {
        permissions: STATION,
        station_class: 2,
        not_before_s: 2,
        duration_min: 800,
        revocation_series: 7,
        ..issuer_request(key)
    }
}

pub(crate) fn key(seed: u8, role: u8) -> SigningKey {
    let mut secret = [role; 32];
    secret[0] = seed;
    SigningKey::from_bytes(&secret)
}

pub(crate) fn at(seconds: u32) -> WireTime {
    WireTime::from_secs(seconds)
}
