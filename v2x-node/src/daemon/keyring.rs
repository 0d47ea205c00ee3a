//! Keys of credentials that a running station is to use, on their way from the files to the node.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use v2x_core::{EncryptionKey, Host, Instant, KeyPair, Open, SealBinding, Sealed, Sign};
use v2x_proto::Digest;

use crate::daemon::ahead::CheckedAhead;
use crate::daemon::station::{Live, monotonic};

/// Keys that wait for the node to ask for them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Arc<Mutex<Vec<HeldKeys>>>, Arc<Verifications>, CheckedAhead);

/// Keys of one credential, each until the node takes it.
#[derive(Debug)]
pub struct HeldKeys {
    /// The credential's.
    pub digest: Digest,
    /// Its signing key.
    pub key: Option<KeyPair>,
    /// Its encryption key, where it has one.
    pub opener: Option<EncryptionKey>,
}

/// Signatures that the station has verified by itself, and the time that took.
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
    pub fn fill(&self, keys: Vec<HeldKeys>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// What the host of these keys has verified.
    pub fn verifications(&self) -> &Verifications {
        &self.1
    }

    /// Where its host finds signatures that were checked ahead.
    pub fn checked_ahead(&self) -> &CheckedAhead {
        &self.2
    }

    /// Takes one of a credential's keys; the last that is taken ends its place.
    fn take<T>(&self, credential: Digest, which: impl FnOnce(&mut HeldKeys) -> Option<T>) -> Option<T> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = keys.iter().position(|held| held.digest == credential)?;
        let taken = which(&mut keys[place]);
        if keys[place].key.is_none() && keys[place].opener.is_none() {
            keys.swap_remove(place);
        }
        taken
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
        if let Some(valid) = self.0.2.answer(key, message, signature) {
            return valid;
        }
        let began = monotonic();
        let valid = Live.verify(key, message, signature);
        let Verifications { count, took_ns } = &*self.0.1;
        count.fetch_add(1, Relaxed);
        took_ns.fetch_add(monotonic().nanos_since(began), Relaxed);
        valid
    }

    fn signer(&mut self, credential: Digest, key: &VerifyingKey) -> Option<Box<dyn Sign>> {
        let pair = self.0.take(credential, |held| held.key.take())?;
        (pair.public_key() == key.to_bytes()).then(|| Box::new(pair) as Box<dyn Sign>)
    }

    fn opener(&mut self, credential: Digest, key: &[u8; 32]) -> Option<Box<dyn Open>> {
        let opener = self.0.take(credential, |held| held.opener.take())?;
        (opener.public_key() == *key).then(|| Box::new(opener) as Box<dyn Open>)
    }

    fn seal(&mut self, to: &[u8; 32], bound: &SealBinding, content: &[u8]) -> Option<Sealed> {
        Live.seal(to, bound, content)
    }
}
