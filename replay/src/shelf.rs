//! Shelf of checked credentials: one copy for all stations of a world that know it.
//!
//! A car's credential and its decompressed key take half a kilobyte, and each of a hundred neighbours would keep its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ed25519_dalek::VerifyingKey;
use hashbrown::HashMap;
use v2x_core::{CredentialShelf, Trusted, credential_hash};
use v2x_proto::Digest;

/// Credentials by digest, as long as a station knows them.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    kept: HashMap<Digest, Weak<Trusted>>,
    /// The same by public key.
    by_key: HashMap<[u8; 32], Weak<Trusted>>,
    /// At so many, those that no station knows are cleared away.
    full: usize,
}

impl Shelf {
    /// Credentials on it, those included that no station knows any more.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.state().kept.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CredentialShelf for Shelf {
    fn find(&self, bytes: &[u8]) -> Option<Arc<Trusted>> {
        let digest = Digest::of_hash(&credential_hash(bytes));
        let shelved = self.state().kept.get(&digest).and_then(Weak::upgrade);
        shelved.filter(|shelved| shelved.bytes[..] == *bytes)
    }

    fn shelve(&self, trusted: Trusted) -> Arc<Trusted> {
        let mut state = self.state();
        let digest = trusted.digest();
        // The whole content, because a digest is eight bytes of a hash.
        let shelved = state.kept.get(&digest).and_then(Weak::upgrade).filter(|shelved| **shelved == trusted);
        if let Some(shelved) = shelved {
            return shelved;
        }
        if state.kept.len() >= state.full {
            state.kept.retain(|_, kept| kept.strong_count() > 0);
            state.by_key.retain(|_, kept| kept.strong_count() > 0);
            state.full = (2 * state.kept.len()).max(FEW);
        }
        let trusted = Arc::new(trusted);
        state.kept.insert(digest, Arc::downgrade(&trusted));
        state.by_key.insert(*trusted.key.as_bytes(), Arc::downgrade(&trusted));
        trusted
    }

    fn key(&self, public_key: &[u8; 32]) -> Option<VerifyingKey> {
        self.state().by_key.get(public_key).and_then(Weak::upgrade).map(|trusted| trusted.key)
    }
}

/// Too few to be worth clearing away.
pub(crate) const FEW: usize = 1024;
