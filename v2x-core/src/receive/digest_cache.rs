//! Digest cache: digests of credentials heard lately, so that one that arrives in every frame is hashed once by SHA-256
//! and then by a keyed hash at a quarter of its price.
//!
//! Nobody else knows the key, so nobody can make a credential that is mistaken for another one; and if chance did, the
//! frame would fail under the other one's key. A flood of made-up credentials evicts those of others, which then cost
//! the hash they would have cost anyway.

use v2x_proto::Digest;

use crate::base::{FrameHasher, Reserve, limits};
use crate::trust::credential_hash;

/// Digests by keyed hash, the newest of each slot.
#[derive(Debug)]
pub(super) struct DigestCache {
    /// A power of two, up to [`limits::CREDENTIAL_NAMES`].
    slots: Box<[(u64, Digest)]>,
    taken: usize,
}

impl DigestCache {
    /// An empty one. What it has room for shows in what is hashed twice, and in nothing else.
    pub(super) fn new(reserve: Reserve) -> Self {
        let room = match reserve {
            Reserve::Whole => limits::CREDENTIAL_NAMES,
            Reserve::AsHeard => FEWEST,
        };
        Self { slots: empty(room), taken: 0 }
    }

    /// The digest of a credential.
    pub(super) fn digest(&mut self, credential: &[u8], hasher: &FrameHasher) -> Digest {
        // Never 0, which identifies no credential.
        let hash = hasher.hash_of(credential) | 1;
        let slot = self.slot(hash);
        if self.slots[slot].0 == hash {
            return self.slots[slot].1;
        }
        let digest = Digest::of_hash(&credential_hash(credential));
        if self.taken >= self.slots.len() / 2 && self.slots.len() < limits::CREDENTIAL_NAMES {
            self.grow();
        }
        self.put(hash, digest);
        digest
    }

    fn grow(&mut self) {
        let larger = empty(2 * self.slots.len());
        let former = core::mem::replace(&mut self.slots, larger);
        self.taken = 0;
        for (hash, digest) in former.into_iter().filter(|(hash, _)| *hash != 0) {
            self.put(hash, digest);
        }
    }

    fn put(&mut self, hash: u64, digest: Digest) {
        let slot = self.slot(hash);
        self.taken += usize::from(self.slots[slot].0 == 0);
        self.slots[slot] = (hash, digest);
    }

    fn slot(&self, hash: u64) -> usize {
        (hash >> 1) as usize & (self.slots.len() - 1)
    }
}

fn empty(room: usize) -> Box<[(u64, Digest)]> {
    vec![(0, Digest([0; 8])); room].into_boxed_slice()
}

/// Slots that a cache which grows begins with.
const FEWEST: usize = 8;

const _: () = assert!(limits::CREDENTIAL_NAMES.is_power_of_two() && FEWEST.is_power_of_two());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Stream};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_its_credential_s_digest_whatever_came_before(
            heard in proptest::collection::vec(proptest::collection::vec(0_u8..3, 0..4), 0..200),
        ) {
            let hasher = FrameHasher::new(&mut Stream::new(1, Digest([0; 8]), Purpose::CopyCacheKey));
            let mut names = DigestCache::new(Reserve::AsHeard);
            for credential in &heard {
                let digest = Digest::of_hash(&credential_hash(credential));
                prop_assert_eq!(names.digest(credential, &hasher), digest);
            }
        }
    }

    #[test]
    fn more_credentials_than_there_is_room_for_keep_their_names() {
        let hasher = FrameHasher::new(&mut Stream::new(1, Digest([0; 8]), Purpose::CopyCacheKey));
        let mut names = DigestCache::new(Reserve::AsHeard);
        for round in 0..2 {
            for n in 0..5 * limits::CREDENTIAL_NAMES as u32 {
                let credential = n.to_le_bytes();
                let digest = Digest::of_hash(&credential_hash(&credential));
                assert_eq!(names.digest(&credential, &hasher), digest, "{n} in round {round}");
            }
        }
    }
}
