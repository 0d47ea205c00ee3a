//! Key cache: checked credentials of other stations with their decompressed keys, and those that failed.
//!
//! A lookup moves the entry to the front and allocates nothing. When the cache is full the least recently used
//! credential is evicted: it is requested from its station again. Credentials under which no message was verified yet have
//! a room of their own, because anybody can repeat credentials that it heard somewhere: that evicts nobody who is here. Issuers and roots are not here but in
//! [`TrustStore`](super::store::TrustStore), and are never evicted.

use core::fmt;
use std::sync::Arc;

use v2x_proto::Digest;

use super::credential::Trusted;
use crate::base::limits::{MAX_BAD_CREDENTIALS, MAX_KNOWN_REVOKED, MAX_UNPROVEN_CREDENTIALS, NEIGHBOURS};
use crate::base::{LruTable, Reserve, WireTime};

/// Checked credentials by digest, least recently used out first.
pub struct KeyCache {
    good: LruTable<Arc<Trusted>>,
    /// Those under which no message was verified yet.
    unproven: LruTable<Arc<Trusted>>,
    bad: LruTable<()>,
    revoked: LruTable<()>,
}

/// State of a credential in the cache.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// It was checked and is valid now.
    Known(&'a Trusted),
    /// It was checked, but its validity is over or has not begun.
    Expired,
    /// It was checked, and its issuer has revoked it.
    Revoked,
    /// It was never seen, or has been evicted since.
    Unknown,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyCache {
    /// An empty cache with room for the credentials of [`NEIGHBOURS`].
    #[must_use]
    pub fn new() -> Self {
        Self::for_neighbours(NEIGHBOURS, Reserve::Whole)
    }

    /// An empty cache with room for a credential of each of this many neighbours, at least 1.
    #[must_use]
    pub fn for_neighbours(neighbours: usize, reserve: Reserve) -> Self {
        Self::with_capacity(neighbours, MAX_BAD_CREDENTIALS, reserve)
    }

    /// State of the credential named `digest` at `now`.
    pub fn lookup(&mut self, digest: &Digest, now: WireTime) -> Lookup<'_> {
        let trusted = match self.good.get(digest) {
            None if !self.unproven.is_empty() => self.unproven.get(digest),
            known => known,
        };
        match trusted {
            Some(trusted) if trusted.valid_at(now) => Lookup::Known(trusted),
            Some(_) => Lookup::Expired,
            None if self.revoked.get(digest).is_some() => Lookup::Revoked,
            None => Lookup::Unknown,
        }
    }

    /// The credential named `digest`, valid or not; it stays where it is in the order of eviction.
    pub fn peek(&self, digest: &Digest) -> Option<&Trusted> {
        self.good.peek(digest).or_else(|| self.unproven.peek(digest)).map(|trusted| &**trusted)
    }

    /// Something of all that [`lookup`](Self::lookup) visits: to have it fetched.
    pub fn spread(&self, digest: &Digest) -> u64 {
        let (trusted, links) = self.good.spread(digest);
        let kept = |trusted: &Arc<Trusted>| {
            u64::from(trusted.hash[0] ^ trusted.key.as_bytes()[0]) ^ trusted.valid_until.as_micros()
        };
        trusted.map_or(0, kept) ^ links
    }

    /// Adds a checked credential. Returns the digest of the evicted one, under which no message was verified either.
    ///
    /// Another credential with the same digest is not replaced: nobody takes the place of a station
    /// that is already known.
    pub fn insert(&mut self, trusted: impl Into<Arc<Trusted>>) -> Option<Digest> {
        let trusted = trusted.into();
        let digest = trusted.digest();
        if self.good.contains(&digest) || self.unproven.contains(&digest) {
            return None;
        }
        self.unproven.push(digest, trusted).map(|evicted| evicted.digest)
    }

    /// A message was verified under this credential: its holder is near. Returns the digest of the one that makes room.
    pub fn prove(&mut self, digest: &Digest) -> Option<Digest> {
        if self.unproven.is_empty() {
            return None;
        }
        let trusted = self.unproven.pop(digest)?;
        self.good.push(*digest, trusted).map(|evicted| evicted.digest)
    }

    /// Forgets a credential: revoked, or expired.
    pub fn remove(&mut self, digest: &Digest) -> bool {
        self.good.pop(digest).or_else(|| self.unproven.pop(digest)).is_some()
    }

    /// Removes every credential for which `revoked` is true, and remembers it as revoked. Their digests are returned,
    /// most recently used first.
    pub fn revoke(&mut self, mut revoked: impl FnMut(&Trusted) -> bool) -> Vec<Digest> {
        let gone = self.take_out(&mut revoked);
        for digest in &gone {
            self.remember_revoked(*digest);
        }
        gone
    }

    /// Forgets every credential for which `gone` is true, and all found revoked: their chains are to be checked anew.
    pub fn forget(&mut self, mut gone: impl FnMut(&Trusted) -> bool) -> Vec<Digest> {
        self.revoked.clear();
        self.take_out(&mut gone)
    }

    /// Remembers that a checked credential is revoked.
    pub fn remember_revoked(&mut self, digest: Digest) {
        self.revoked.push(digest, ());
    }

    fn take_out(&mut self, which: &mut dyn FnMut(&Trusted) -> bool) -> Vec<Digest> {
        let all = self.good.iter().chain(self.unproven.iter());
        let chosen = all.filter(|(_, trusted)| which(trusted));
        let digests: Vec<_> = chosen.map(|(digest, _)| *digest).collect();
        for digest in &digests {
            self.remove(digest);
        }
        digests
    }

    /// Remembers that the credential with these bytes failed its check for good.
    ///
    /// Only for errors that no later check can turn to success; see
    /// [`CredentialError::is_final`](super::credential::CredentialError::is_final).
    pub fn remember_bad(&mut self, digest: Digest) {
        self.bad.push(digest, ());
    }

    /// True when a credential with this digest failed its check before.
    pub fn is_bad(&mut self, digest: &Digest) -> bool {
        self.bad.get(digest).is_some()
    }

    /// Checked credentials there is room for, under which messages were verified.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.good.capacity()
    }

    /// Number of checked credentials under which messages were verified.
    #[must_use]
    pub fn len(&self) -> usize {
        self.good.len()
    }

    /// Number of checked credentials under which no message was verified yet.
    #[must_use]
    pub fn unproven(&self) -> usize {
        self.unproven.len()
    }

    /// Numbers of credentials that failed, and of those that are revoked.
    #[must_use]
    pub fn refused(&self) -> (usize, usize) {
        (self.bad.len(), self.revoked.len())
    }

    /// True when no credential is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.good.is_empty() && self.unproven.is_empty()
    }

    fn with_capacity(good: usize, bad: usize, reserve: Reserve) -> Self {
        // Unproven, bad and revoked credentials are rare: their room is bounded, but not taken in advance.
        Self {
            good: LruTable::new(good, reserve),
            unproven: LruTable::new(MAX_UNPROVEN_CREDENTIALS, Reserve::AsHeard),
            bad: LruTable::new(bad, Reserve::AsHeard),
            revoked: LruTable::new(MAX_KNOWN_REVOKED, Reserve::AsHeard),
        }
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").field("good", &self.good.len()).field("bad", &self.bad.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, authority};
    use super::*;

    #[test]
    fn knows_what_was_inserted_while_it_is_valid() {
        let authority = authority(1);
        let trusted = authority.trusted(2);
        let digest = trusted.digest();
        let mut cache = KeyCache::new();
        assert!(matches!(cache.lookup(&digest, at(10)), Lookup::Unknown));
        assert_eq!(cache.insert(trusted), None);
        assert!(matches!(cache.lookup(&digest, at(10)), Lookup::Known(found) if found.digest() == digest));
        assert!(matches!(cache.lookup(&digest, at(u32::MAX)), Lookup::Expired));
        assert!(cache.remove(&digest) && cache.is_empty());
    }

    #[test]
    fn the_credential_used_longest_ago_makes_room() {
        let authority = authority(1);
        let stations = [2, 3, 4].map(|seed| authority.trusted(seed));
        let digests = stations.each_ref().map(Trusted::digest);
        let mut cache = KeyCache::with_capacity(2, 1, Reserve::AsHeard);
        let [a, b, c] = stations;
        for (trusted, digest) in [a, b].into_iter().zip(digests) {
            cache.insert(trusted);
            assert_eq!(cache.prove(&digest), None);
        }
        assert!(matches!(cache.lookup(&digests[0], at(10)), Lookup::Known(_)));
        assert_eq!(cache.insert(c), None);
        assert_eq!(cache.prove(&digests[2]), Some(digests[1]));
        assert_eq!(cache.len(), 2);
        assert!(matches!(cache.lookup(&digests[0], at(10)), Lookup::Known(_)));
    }

    #[test]
    fn credentials_that_somebody_repeats_evict_nobody_whose_messages_were_verified() {
        let authority = authority(1);
        let near = authority.trusted(2);
        let mut cache = KeyCache::with_capacity(2, 1, Reserve::AsHeard);
        cache.insert(near.clone());
        cache.prove(&near.digest());
        for n in 0..2 * MAX_UNPROVEN_CREDENTIALS as u32 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&(n + 1).to_le_bytes());
            cache.insert(Trusted { hash, ..near.clone() });
        }
        assert_eq!((cache.len(), cache.unproven()), (1, MAX_UNPROVEN_CREDENTIALS));
        assert!(matches!(cache.lookup(&near.digest(), at(10)), Lookup::Known(_)));
    }

    #[test]
    fn bad_credentials_are_remembered_up_to_a_bound() {
        let mut cache = KeyCache::with_capacity(1, 2, Reserve::AsHeard);
        for n in 1..=3 {
            cache.remember_bad(Digest([n; 8]));
        }
        let known = [1, 2, 3].map(|n| cache.is_bad(&Digest([n; 8])));
        assert_eq!(known, [false, true, true]);
    }

    #[test]
    fn a_lookup_says_the_same_whatever_the_order_of_insertion() {
        let authority = authority(1);
        let digests: Vec<_> = (2..40).map(|seed| authority.trusted(seed).digest()).collect();
        let mut forward = KeyCache::new();
        let mut backward = KeyCache::new();
        for seed in 2..40 {
            forward.insert(authority.trusted(seed));
            backward.insert(authority.trusted(41 - seed));
        }
        for digest in &digests {
            assert!(matches!(forward.lookup(digest, at(10)), Lookup::Known(_)));
            assert!(matches!(backward.lookup(digest, at(10)), Lookup::Known(_)));
        }
    }
}
