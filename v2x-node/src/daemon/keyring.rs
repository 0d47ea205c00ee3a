//! Keys of credentials that a running station is to use, on their way from the files to the node.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use v2x_core::{Host, Instant, KeyPair, Sign};
use v2x_proto::Digest;

use crate::daemon::station::{Live, monotonic};

/// Keys that wait for the node to ask for them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Arc<Mutex<Vec<(Digest, KeyPair)>>>, Arc<Verifications>);

/// Signatures that the station has verified, and the time that took.
#[derive(Debug, Default)]
pub struct Verifications {
    count: AtomicU64,
    took_ns: AtomicU64,
}

impl Verifications {
    /// How many, and how long all of them together, ns.
    pub fn counts(&self) -> (u64, u64) {
        (self.count.load(Relaxed), self.took_ns.load(Relaxed))
    }
}

impl Keyring {
    /// The keys of the credentials in the next [`Input::Identities`](v2x_core::Input::Identities), in place of any
    /// that nobody asked for.
    pub fn fill(&self, keys: Vec<(Digest, KeyPair)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// What the host of these keys has verified.
    pub fn verifications(&self) -> &Verifications {
        &self.1
    }

    fn take(&self, credential: Digest) -> Option<KeyPair> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = keys.iter().position(|(digest, _)| *digest == credential)?;
        Some(keys.swap_remove(place).1)
    }
}

/// The live host of a station whose credentials may be replaced.
#[derive(Debug)]
pub struct KeyringHost(pub Keyring);

impl Host for KeyringHost {
    fn stamp(&mut self, now: Instant) -> Instant {
        Live.stamp(now)
    }

    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let began = monotonic();
        let valid = Live.verify(key, message, signature);
        let Verifications { count, took_ns } = &*self.0.1;
        count.fetch_add(1, Relaxed);
        took_ns.fetch_add(monotonic().nanos_since(began), Relaxed);
        valid
    }

    fn signer(&mut self, credential: Digest, key: &VerifyingKey) -> Option<Box<dyn Sign>> {
        let pair = self.0.take(credential)?;
        (pair.public_key() == key.to_bytes()).then(|| Box::new(pair) as Box<dyn Sign>)
    }
}
