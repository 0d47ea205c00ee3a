//! Stations whose frames are validly signed, whatever their content: the insiders of the fuzzer.
//!
//! Credentials are real, with real signatures of a real issuer. Messages carry a *seal* instead of an Ed25519 signature:
//! a hash over the signer's key and the signed bytes, as long as a signature, that the fuzzer's host takes for one. The
//! station asks its host whether a signature holds and learns nothing else of it, so that its paths are the same, and a
//! script costs a tenth: the search spends its time in the station and not in curve arithmetic.

use std::collections::{HashMap, hash_map::DefaultHasher};
use std::hash::Hasher;
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use testkit::Authority;
use testkit::craft::{self, Crafter};
use v2x_core::{
    Host, Identity, Permissions, Pool, SequenceStarts, Sign, credential_hash, signing_input, strict,
};
use v2x_proto::Digest;
use v2x_proto::envelope::{MESSAGE_DOMAIN, SignerRef};
use v2x_proto::hop::HopHeader;

/// A root, an issuer, and every station of the fuzzer's world; made once.
#[derive(Debug)]
pub struct World {
    /// The root and the issuer, and what every station pins.
    pub authority: Authority,
    /// All signers. The first [`OWN`] are the pseudonyms of the station under test.
    pub signers: Vec<Signer>,
}

/// One station: a credential, and its seals.
#[derive(Debug)]
pub struct Signer {
    /// The credential it signs under.
    pub credential: Bytes,
    /// Short name of the credential.
    pub digest: Digest,
    hash: [u8; 32],
    public: [u8; 32],
    starts: SequenceStarts,
}

/// The host of a station in the fuzzer's world.
#[derive(Clone, Copy, Debug, Default)]
pub struct SealHost;

/// The one world all inputs play in.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| World::new(SIGNERS));
    &WORLD
}

impl World {
    /// A world of this many stations.
    pub fn new(stations: u32) -> Self {
        let authority = Authority::new();
        let signers = (0..stations).map(|number| Signer::new(&authority, number)).collect();
        Self { signers, authority }
    }

    /// The signer of this number, round and round.
    pub fn signer(&self, number: u8) -> &Signer {
        &self.signers[usize::from(number) % self.signers.len()]
    }

    /// The identities of the station under test: one, or all of its pseudonyms.
    pub fn own(&self, pseudonyms: bool) -> Pool {
        let count = if pseudonyms { OWN } else { 1 };
        let identities = self.signers[..count].iter().map(Signer::identity);
        Pool::new(identities.collect()).expect("invariant: the pseudonyms of one station are a pool")
    }
}

impl Signer {
    fn new(authority: &Authority, number: u32) -> Self {
        let key = Authority::key(number);
        let public = key.verifying_key().to_bytes();
        let crafter = Crafter::new(key, credential(authority, number));
        let starts = *crafter.identity().starts();
        let hash = credential_hash(&crafter.credential);
        Self { credential: crafter.credential.clone(), digest: crafter.digest, hash, public, starts }
    }

    /// The seal under these signed fields.
    pub fn sign(&self, tbs: &[u8]) -> [u8; 64] {
        let mut input = Vec::with_capacity(tbs.len() + 64);
        signing_input(&mut input, &self.hash, tbs);
        seal(&self.public, &input)
    }

    /// A frame that carries these signed bytes, with its credential or with its digest.
    pub fn frame(&self, header: &HopHeader, tbs: &[u8], with_credential: bool) -> Bytes {
        self.frame_around(header, tbs, &self.sign(tbs), with_credential)
    }

    /// The same with any signature.
    pub fn frame_around(
        &self,
        header: &HopHeader,
        tbs: &[u8],
        signature: &[u8; 64],
        with_credential: bool,
    ) -> Bytes {
        let named = if with_credential {
            SignerRef::Credential(&self.credential)
        } else {
            SignerRef::Digest(self.digest)
        };
        craft::frame(header, tbs, signature, named)
    }

    fn identity(&self) -> Identity {
        let signer = Box::new(Sealer(self.public));
        Identity::recorded(self.credential.clone(), signer, self.starts)
            .expect("invariant: the credential is a station's")
    }
}

/// What signs in the place of a private key.
#[derive(Debug)]
struct Sealer([u8; 32]);

impl Sign for Sealer {
    fn sign(&mut self, message: &[u8]) -> [u8; 64] {
        seal(&self.0, message)
    }
}

impl Host for SealHost {
    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        if message.starts_with(MESSAGE_DOMAIN) {
            return *signature == seal(key.as_bytes(), message);
        }
        remembered(key, message, signature)
    }

    fn signer(&mut self, _credential: Digest, key: &VerifyingKey) -> Option<Box<dyn Sign>> {
        Some(Box::new(Sealer(key.to_bytes())))
    }
}

/// Whether a credential's signature holds, by the strict rule: once for each of the world's, and for the first thousand
/// that the search makes up.
fn remembered(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    static CHECKED: LazyLock<Mutex<HashMap<Vec<u8>, bool>>> = LazyLock::new(Mutex::default);
    let question = [key.as_bytes(), signature.as_slice(), message].concat();
    let mut checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = checked.get(&question) {
        return *answer;
    }
    let answer = strict(key, message, signature);
    if checked.len() < MAX_CHECKED {
        checked.insert(question, answer);
    }
    answer
}

/// 64 bytes that follow from a key and a message. Not a signature: whoever knows the public key can make it.
fn seal(public: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let mut hasher = DefaultHasher::new();
    hasher.write(public);
    hasher.write(message);
    let mut word = hasher.finish();
    let mut seal = [0; 64];
    for bytes in seal.as_chunks_mut::<8>().0 {
        *bytes = word.to_le_bytes();
        word = (word ^ word >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    seal
}

fn credential(authority: &Authority, number: u32) -> Bytes {
    authority.credential_with(number, |request| {
        request.revocation_series = if number < OWN as u32 { 1 } else { SERIES };
        // One is a plain car: messages it has no permission for must be refused.
        if number == PLAIN {
            request.permissions = Permissions::AWARENESS | Permissions::HAZARD;
        }
    })
}

/// Pseudonyms of the station under test.
pub const OWN: usize = 3;
/// Which list of revocations the other stations are on.
pub const SERIES: u32 = 2;
/// More than a station of the fuzzer's world has room for.
const SIGNERS: u32 = 40;
const PLAIN: u32 = 7;
const MAX_CHECKED: usize = 1024;
