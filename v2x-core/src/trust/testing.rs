//! A test authority by a seed, and stations under it, for the unit tests of this crate.
//!
//! All other tests use `testkit`, which depends on this crate and so cannot be used in it.

use bytes::Bytes;
use ed25519_dalek::SigningKey;

use super::authority::Authority;
use super::credential::Trusted;
use super::identity::Identity;
use super::issue::CredentialRequest;
use super::permissions::Permissions;
use crate::base::WireTime;

/// All permissions of stations in these tests.
pub(crate) const STATION: Permissions =
    Permissions(Permissions::AWARENESS.0 | Permissions::HAZARD.0 | Permissions::IMMINENT.0);

/// Root and issuer are valid from second 1 and stations from 2; stations end first.
pub(crate) fn authority(seed: u8) -> Authority {
    let issuer_key = key(seed, 1);
    let request = issuer_request(&issuer_key);
    Authority::new(key(seed, 0), issuer_key, &request).unwrap()
}

impl Authority {
    pub(crate) fn credential(&self, seed: u8) -> Bytes {
        self.issue(&station_request(&key(seed, 2))).unwrap()
    }

    pub(crate) fn trusted(&self, seed: u8) -> Trusted {
        self.trust.check_station(&self.credential(seed), at(10)).unwrap()
    }

    pub(crate) fn station(&self, seed: u8) -> Identity {
        self.identity(key(seed, 2), &station_request(&key(seed, 2))).unwrap()
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
        encryption_key: None,
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
