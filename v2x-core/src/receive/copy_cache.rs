//! Exact-copy cache: drops a frame whose signer, signed bytes and signature were seen before, for the
//! price of one keyed hash.
//!
//! The key is unknown to others and the hash covers all that a verification depends on: the signer's credential (by its
//! digest, whichever way the frame names it), `tbs` and signature. So a stranger cannot make a frame that is mistaken
//! for one not yet heard, not even by sending another's signed bytes under a wrong digest: entries made before
//! verification cannot suppress a genuine frame. (signer, sequence) has no place here: a forger could use up a victim's
//! numbers.

use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashSet;

use crate::base::{FrameHash, FrameHasher, Instant, Reserve, Stream, limits};

/// Remembers frames for one to two generations of [`limits::COPY_CACHE_AGE`], and never more than two
/// generations of [`limits::COPY_CACHE_GENERATION`].
#[derive(Debug)]
pub struct CopyCache {
    hasher: FrameHasher,
    current: Hashes,
    previous: Hashes,
    since: Instant,
}

impl CopyCache {
    /// An empty cache with fresh random keys.
    pub fn new(stream: &mut Stream, reserve: Reserve) -> Self {
        let room = reserve.at_start(limits::COPY_CACHE_GENERATION);
        Self {
            hasher: FrameHasher::new(stream),
            current: Hashes::with_capacity_and_hasher(room, BuildHasherDefault::default()),
            previous: Hashes::with_capacity_and_hasher(room, BuildHasherDefault::default()),
            since: Instant::ZERO,
        }
    }

    /// The hasher of this cache's frames.
    pub fn hasher(&self) -> FrameHasher {
        self.hasher
    }

    /// Whether the frame was remembered.
    pub fn contains(&self, hash: FrameHash) -> bool {
        self.current.contains(&hash.0) || self.previous.contains(&hash.0)
    }

    /// Remembers the frame.
    pub fn insert(&mut self, hash: FrameHash, now: Instant) {
        let full = self.current.len() >= limits::COPY_CACHE_GENERATION;
        if full || now.since(self.since) >= limits::COPY_CACHE_AGE {
            core::mem::swap(&mut self.current, &mut self.previous);
            self.current.clear();
            self.since = now;
        }
        self.current.insert(hash.0);
    }

    /// Frames remembered.
    pub fn len(&self) -> usize {
        self.current.len() + self.previous.len()
    }

    /// Forgets a frame that was shed unverified, so that its next copy gets a chance.
    pub fn remove(&mut self, hash: FrameHash) {
        self.current.remove(&hash.0);
        self.previous.remove(&hash.0);
    }
}

/// Frames' hashes, which need no second hashing to be spread over a table: nobody else knows their key.
type Hashes = HashSet<u64, BuildHasherDefault<AsIs>>;

/// Hashes a number that is a keyed hash already to itself.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Purpose;
    use v2x_proto::Digest;

    const SIGNER: Digest = Digest([9; 8]);

    fn cache(seed: u64) -> CopyCache {
        CopyCache::new(&mut Stream::new(seed, Digest([0; 8]), Purpose::CopyCacheKey), Reserve::AsHeard)
    }

    #[test]
    fn a_copy_is_known_for_a_generation_and_gone_after_two() {
        let mut cache = cache(1);
        let hash = cache.hasher().hash(&SIGNER, b"tbs", &[1; 64]);
        assert!(!cache.contains(hash));
        cache.insert(hash, Instant::ZERO);
        assert!(cache.contains(hash));
        let other = |cache: &CopyCache, n: u8| cache.hasher().hash(&SIGNER, &[n], &[2; 64]);
        let age = limits::COPY_CACHE_AGE;
        cache.insert(other(&cache, 1), Instant::ZERO + age);
        assert!(cache.contains(hash), "one generation later");
        cache.insert(other(&cache, 2), Instant::ZERO + age * 2);
        assert!(!cache.contains(hash), "two generations later");
    }

    #[test]
    fn it_never_grows_past_two_generations() {
        let mut cache = cache(1);
        for n in 0..(limits::COPY_CACHE_GENERATION as u32 * 5) {
            let hash = cache.hasher().hash(&SIGNER, &n.to_le_bytes(), &[0; 64]);
            cache.insert(hash, Instant::ZERO);
        }
        assert!(cache.current.len() + cache.previous.len() <= 2 * limits::COPY_CACHE_GENERATION);
    }

    #[test]
    fn hashes_depend_on_the_stations_own_key() {
        assert_ne!(
            cache(1).hasher().hash(&SIGNER, b"x", &[0; 64]),
            cache(2).hasher().hash(&SIGNER, b"x", &[0; 64])
        );
    }

    #[test]
    fn the_same_bytes_under_another_name_are_another_frame() {
        let cache = cache(1);
        assert_ne!(
            cache.hasher().hash(&SIGNER, b"x", &[0; 64]),
            cache.hasher().hash(&Digest([8; 8]), b"x", &[0; 64])
        );
    }

    #[test]
    fn a_shed_frame_is_forgotten() {
        let mut cache = cache(1);
        let hash = cache.hasher().hash(&SIGNER, b"x", &[0; 64]);
        cache.insert(hash, Instant::ZERO);
        cache.remove(hash);
        assert!(!cache.contains(hash));
    }
}
