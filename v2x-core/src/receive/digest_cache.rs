//! Digest cache: digests of credentials heard lately, so that one that arrives in every frame is hashed once by SHA-256
//! and then by a keyed hash at a quarter of its price.
//!
//! Nobody else knows the key, so nobody can make a credential that is mistaken for another one; and if chance did, the
//! frame would fail under the other one's key. A flood of made-up credentials evicts those of others, which then cost
//! the hash they would have cost anyway.

use v2x_proto::Digest;

use crate::base::{FrameHasher, limits};
use crate::trust::credential_hash;

/// Digests by keyed hash, the newest of each slot.
#[derive(Debug)]
pub(super) struct DigestCache {
    slots: Box<[(u64, Digest)]>,
}

impl Default for DigestCache {
    fn default() -> Self {
        Self { slots: vec![(0, Digest([0; 8])); limits::CREDENTIAL_NAMES].into_boxed_slice() }
    }
}

impl DigestCache {
    /// The digest of a credential.
    pub(super) fn digest(&mut self, credential: &[u8], hasher: &FrameHasher) -> Digest {
        // Never 0, which identifies no credential.
        let hash = hasher.hash_of(credential) | 1;
        let slot = &mut self.slots[(hash >> 1) as usize % limits::CREDENTIAL_NAMES];
        if slot.0 != hash {
            *slot = (hash, Digest::of_hash(&credential_hash(credential)));
        }
        slot.1
    }
}

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
            let mut names = DigestCache::default();
            for credential in &heard {
                let digest = Digest::of_hash(&credential_hash(credential));
                prop_assert_eq!(names.digest(credential, &hasher), digest);
            }
        }
    }

    #[test]
    fn more_credentials_than_there_is_room_for_keep_their_names() {
        let hasher = FrameHasher::new(&mut Stream::new(1, Digest([0; 8]), Purpose::CopyCacheKey));
        let mut names = DigestCache::default();
        for round in 0..2 {
            for n in 0..5 * limits::CREDENTIAL_NAMES as u32 {
                let credential = n.to_le_bytes();
                let digest = Digest::of_hash(&credential_hash(&credential));
                assert_eq!(names.digest(&credential, &hasher), digest, "{n} in round {round}");
            }
        }
    }
}
