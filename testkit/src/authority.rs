//! Authorities and credentials for tests: a root, an issuer, and stations by number.
//!
//! Keys are derived from small numbers: never use them on the road.

use std::collections::BTreeSet;
use std::ops::Deref;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use v2x_core::{
    CredentialRequest, EncryptionKey, Identity, Open as _, Permissions, RevocationRequest, revoke,
};
use v2x_proto::Digest;

use crate::start::START;

/// A root with one issuer under it, by fixed keys; both are public, as fields of [`v2x_core::Authority`].
#[derive(Debug)]
pub struct Authority {
    held: v2x_core::Authority,
    usual: Usual,
}

/// Default permissions of a station.
#[derive(Clone, Copy, Debug)]
struct Usual {
    permissions: Permissions,
    duration_min: u32,
    revocation_series: u32,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// The authority that all test stations trust: it grants each every permission a station may have, for two hours.
    pub fn new() -> Self {
        Self::numbered(1)
    }

    /// Another authority, whose stations do not trust the first: number 1 is [`new`](Self::new)'s, and there are 100.
    pub fn numbered(number: u8) -> Self {
        let CredentialRequest { permissions, duration_min, revocation_series, .. } =
            Self::request(&Self::key(0));
        Self::of(number, Usual { permissions, duration_min, revocation_series })
    }

    /// An authority that grants private cars their usual permissions, for a day and with a revocation list, and may
    /// grant no others.
    pub fn of_cars() -> Self {
        let permissions = Permissions::AWARENESS | Permissions::HAZARD | Permissions::IMMINENT;
        Self::of(1, Usual { permissions, duration_min: DAY_MIN, revocation_series: 1 })
    }

    fn of(number: u8, usual: Usual) -> Self {
        let [root_key, issuer_key] =
            [2 * number - 1, 2 * number].map(|byte| SigningKey::from_bytes(&[byte; 32]));
        let request = CredentialRequest {
            permissions: usual.permissions | Permissions::ISSUE,
            not_before_s: start_s() - 3600,
            duration_min: if usual.duration_min < DAY_MIN { DAY_MIN } else { 4 * DAY_MIN },
            station_class: 1,
            ..Self::request(&issuer_key)
        };
        let held = v2x_core::Authority::new(root_key, issuer_key, &request)
            .expect("invariant: the constants here are what a credential may say");
        Self { held, usual }
    }

    /// The credential of station `number`.
    pub fn credential(&self, number: u32) -> Bytes {
        self.credential_with(number, |_| {})
    }

    /// The credential of station `number`, modified by `change`.
    ///
    /// # Panics
    ///
    /// The request asks for more than the issuer may grant.
    pub fn credential_with(&self, number: u32, change: impl FnOnce(&mut CredentialRequest)) -> Bytes {
        let mut request = self.usual_request(number);
        change(&mut request);
        self.issue(&request)
    }

    /// A credential for `request`.
    ///
    /// # Panics
    ///
    /// The request asks for more than the issuer may grant.
    pub fn issue(&self, request: &CredentialRequest) -> Bytes {
        self.held.issue(request).expect("the issuer may give what is asked for")
    }

    /// The identity of station `number`.
    pub fn identity(&self, number: u32) -> Identity {
        self.identity_as(number, &self.usual_request(number))
    }

    /// The identity of station `number`, which takes confidential messages.
    ///
    /// # Panics
    ///
    /// Never: the key is the one that the credential is asked for with.
    pub fn confidant(&self, number: u32) -> Identity {
        let key = Self::encryption_key(number);
        let request =
            CredentialRequest { encryption_key: Some(key.public_key()), ..self.usual_request(number) };
        let identity = self.identity_as(number, &request);
        identity.with_opener(Box::new(key)).expect("invariant: the credential was asked for with this key")
    }

    /// The encryption key of station `number`.
    pub fn encryption_key(number: u32) -> EncryptionKey {
        let mut secret = [0x5e; 32];
        secret[..4].copy_from_slice(&number.to_le_bytes());
        EncryptionKey::from_secret(&secret)
    }

    /// The identity of station `number` with other permissions.
    ///
    /// # Panics
    ///
    /// They are more than the issuer may grant.
    pub fn identity_with(&self, number: u32, permissions: Permissions) -> Identity {
        self.identity_as(number, &CredentialRequest { permissions, ..self.usual_request(number) })
    }

    /// The identity of station `number`, with a credential for `request`.
    ///
    /// # Panics
    ///
    /// The request asks for more than the issuer may grant, or has another station's key.
    pub fn identity_as(&self, number: u32, request: &CredentialRequest) -> Identity {
        self.held.identity(Self::key(number), request).expect("the issuer may give what is asked for")
    }

    /// A revocation delta that names these credentials.
    ///
    /// # Panics
    ///
    /// There are more than fit into one.
    pub fn revoke(&self, digests: BTreeSet<Digest>) -> Bytes {
        let start_s = start_s();
        let request = RevocationRequest {
            series: self.usual.revocation_series,
            from_number: 0,
            to_number: 1,
            issued_s: start_s,
            next_s: start_s + 3600 * 24,
            whole_series: false,
            digests,
        };
        revoke(&self.issuer, &self.issuer_key, &request).expect("few enough digests for one delta")
    }

    /// What the credential of station `number` is usually asked for with.
    pub fn usual_request(&self, number: u32) -> CredentialRequest {
        let Usual { permissions, duration_min, revocation_series } = self.usual;
        CredentialRequest {
            permissions,
            duration_min,
            revocation_series,
            ..Self::request(&Self::key(number))
        }
    }

    /// The key of station `number`.
    pub fn key(number: u32) -> SigningKey {
        let [low, high @ ..] = number.to_le_bytes();
        let mut secret = [low.wrapping_add(100); 32];
        for (byte, part) in secret[1..].iter_mut().zip(high) {
            *byte ^= part;
        }
        SigningKey::from_bytes(&secret)
    }

    /// The usual request: every permission a station may have, from a minute before [`START`], for two hours.
    pub fn request(key: &SigningKey) -> CredentialRequest {
        CredentialRequest {
            encryption_key: None,
            public_key: key.verifying_key().to_bytes(),
            permissions: Permissions(u64::MAX).without(Permissions::ISSUE),
            not_before_s: start_s() - 60,
            duration_min: 120,
            region: None,
            station_class: 2,
            revocation_series: 0,
        }
    }
}

impl Deref for Authority {
    type Target = v2x_core::Authority;

    fn deref(&self) -> &Self::Target {
        &self.held
    }
}

fn start_s() -> u32 {
    (START.as_micros() / 1_000_000) as u32
}

const DAY_MIN: u32 = 60 * 24;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stations_have_keys_of_their_own() {
        let numbers = (0..1000).chain((1000..u32::MAX).step_by(1 << 22));
        let keys: Vec<_> = numbers.map(|number| Authority::key(number).to_bytes()).collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }

    #[test]
    fn an_authority_trusts_its_own_stations_alone() {
        let [one, other] = [1, 2].map(Authority::numbered);
        assert!(one.trust.check_station(&one.credential(5), START).is_ok());
        assert!(one.trust.check_station(&other.credential(5), START).is_err());
    }
}
