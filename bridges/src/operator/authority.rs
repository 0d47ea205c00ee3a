//! An authority of the tests: it makes what an operator makes with `roadcast keys`.

use std::fs;
use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use v2x_core::{CredentialRequest, Permissions, RevocationRequest, WireTime, issue, make_root, revoke};
use v2x_proto::Digest;

use super::fixture::NOW;
use crate::pem;

pub struct TestAuthority {
    root: Vec<u8>,
    issuer: Vec<u8>,
    issuer_key: SigningKey,
}

impl TestAuthority {
    pub fn new(seed: u8) -> Self {
        let (root_key, issuer_key) =
            (SigningKey::from_bytes(&[100 + seed; 32]), SigningKey::from_bytes(&[200 + seed; 32]));
        let all = Permissions::AWARENESS | Permissions::HAZARD | Permissions::UPDATE_RELAY;
        let began = NOW.since(WireTime::from_secs(0)).as_secs() as u32 - 3_600;
        let root = make_root(&root_key, all, began, 1_000_000).unwrap().to_vec();
        let request = request(&issuer_key, all | Permissions::ISSUE, began, 1_000_000);
        let issuer = issue(&root, &root_key, &request).unwrap().to_vec();
        Self { root, issuer, issuer_key }
    }

    pub fn root_text(&self) -> String {
        pem::block("ROADCAST CREDENTIAL", &self.root)
    }

    pub fn issuer_text(&self) -> String {
        pem::block("ROADCAST CREDENTIAL", &self.issuer)
    }

    /// A station's credential and its key; the seed is the key's.
    pub fn station_texts(&self, seed: u8) -> (String, String) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let began = NOW.since(WireTime::from_secs(0)).as_secs() as u32 - 60;
        let permissions = Permissions::AWARENESS | Permissions::HAZARD;
        let request = request(&key, permissions, began, 1_440);
        let credential = issue(&self.issuer, &self.issuer_key, &request).unwrap();
        let der = key.to_pkcs8_der().unwrap();
        (pem::block("ROADCAST CREDENTIAL", &credential), pem::block("PRIVATE KEY", der.as_bytes()))
    }

    /// A delta that revokes the digest of eight such bytes.
    pub fn delta_text(&self, revoked: u8) -> String {
        let issued_s = NOW.since(WireTime::from_secs(0)).as_secs() as u32 - 30;
        let request = RevocationRequest {
            series: 0,
            from_number: 0,
            to_number: 1,
            issued_s,
            next_s: issued_s + 3_600,
            whole_series: false,
            digests: [Digest([revoked; 8])].into(),
        };
        pem::block("ROADCAST REVOCATION", &revoke(&self.issuer, &self.issuer_key, &request).unwrap())
    }

    /// `root.cred` and `issuer.cred`.
    pub fn write(&self, folder: &Path) {
        fs::write(folder.join("root.cred"), self.root_text()).unwrap();
        fs::write(folder.join("issuer.cred"), self.issuer_text()).unwrap();
    }
}

fn request(
    key: &SigningKey,
    permissions: Permissions,
    not_before_s: u32,
    duration_min: u32,
) -> CredentialRequest {
    CredentialRequest {
        public_key: key.verifying_key().to_bytes(),
        permissions,
        not_before_s,
        duration_min,
        region: None,
        station_class: 2,
        revocation_series: 0,
        encryption_key: None,
    }
}
