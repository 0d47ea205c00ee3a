//! Stations whose frames are validly signed, whatever they say: an insider as a fuzzer needs it.

use std::sync::LazyLock;

use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use v2x_core::{
    CredentialRequest, Identity, KeyPair, Permissions, Pool, TrustStore, credential_hash, issue, make_root,
    signing_input,
};
use v2x_proto::Digest;
use v2x_proto::envelope::{SignerRef, encode_signed};
use v2x_proto::hop::HopHeader;

use crate::station::START;

/// A root, an issuer, and every station of the fuzzer's world; made once.
#[derive(Debug)]
pub struct World {
    /// The root's credential.
    pub root: Bytes,
    /// The issuer's credential.
    pub issuer: Bytes,
    /// The issuer's key.
    pub issuer_key: SigningKey,
    /// What every station pins.
    pub trust: TrustStore,
    /// Who may sign. The first [`OWN`] are the pseudonyms of the station under test.
    pub signers: Vec<Signer>,
}

/// A credential and its key.
#[derive(Debug)]
pub struct Signer {
    /// The credential.
    pub credential: Bytes,
    /// Its digest.
    pub digest: Digest,
    hash: [u8; 32],
    key: SigningKey,
}

/// The one world all inputs play in.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(World::new);
    &WORLD
}

impl World {
    fn new() -> Self {
        let [root_key, issuer_key] = [1, 2].map(|n| SigningKey::from_bytes(&[n; 32]));
        let root = make_root(&root_key, Permissions(u64::MAX), NOT_BEFORE_S, LIFE_MIN).expect(VALID);
        let request = request(&issuer_key, Permissions(u64::MAX), 0);
        let issuer = issue(&root, &root_key, &request).expect(VALID);
        let trust = TrustStore::new(std::slice::from_ref(&root), std::slice::from_ref(&issuer)).expect(VALID);
        let signers = (0..SIGNERS).map(|number| Signer::new(number, &issuer, &issuer_key)).collect();
        Self { root, issuer, issuer_key, trust, signers }
    }

    /// The identities of the station under test: one, or all of its pseudonyms.
    pub fn own(&self, pseudonyms: bool) -> Pool {
        let count = if pseudonyms { OWN } else { 1 };
        let identities = self.signers[..count].iter().map(|signer| {
            let key = Box::new(KeyPair::from(signer.key.clone()));
            Identity::new(signer.credential.clone(), key).expect(VALID)
        });
        Pool::new(identities.collect()).expect(VALID)
    }
}

impl Signer {
    fn new(number: u8, issuer: &[u8], issuer_key: &SigningKey) -> Self {
        let key = SigningKey::from_bytes(&[100 + number; 32]);
        let all = Permissions(u64::MAX).without(Permissions::ISSUE);
        // The last is a plain car: what it may not say has to be refused.
        let permissions =
            if number + 1 == SIGNERS { Permissions::AWARENESS | Permissions::HAZARD } else { all };
        let series = if usize::from(number) < OWN { 1 } else { 2 };
        let credential = issue(issuer, issuer_key, &request(&key, permissions, series)).expect(VALID);
        let hash = credential_hash(&credential);
        Self { credential, digest: Digest::of_hash(&hash), hash, key }
    }

    /// A frame that carries these signed bytes.
    pub fn frame(&self, header: &HopHeader, tbs: &[u8], with_credential: bool) -> Bytes {
        let mut input = Vec::new();
        signing_input(&mut input, &self.hash, tbs);
        let signature = self.key.sign(&input).to_bytes();
        let signer = if with_credential {
            SignerRef::Credential(&self.credential)
        } else {
            SignerRef::Digest(self.digest)
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        encode_signed(&mut bytes, tbs, &signature, signer);
        bytes.into()
    }
}

fn request(key: &SigningKey, permissions: Permissions, revocation_series: u32) -> CredentialRequest {
    CredentialRequest {
        public_key: key.verifying_key().to_bytes(),
        permissions,
        not_before_s: NOT_BEFORE_S,
        duration_min: LIFE_MIN,
        region: None,
        station_class: 2,
        revocation_series,
    }
}

/// Pseudonyms of the station under test.
pub const OWN: usize = 3;
const SIGNERS: u8 = 8;
const NOT_BEFORE_S: u32 = (START.as_micros() / 1_000_000) as u32 - 3600;
const LIFE_MIN: u32 = 24 * 60;
const VALID: &str = "invariant: the constants of this file are within what a credential may say";
