//! Keyed hash that names a frame.

use core::fmt;
use core::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use v2x_proto::Digest;

use super::rng::Stream;

/// Names a frame by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHash(pub(crate) u64);

impl FrameHash {
    /// True for one frame in `n` (for each when `n` is 0), unpredictable without the cache's key.
    pub fn is_one_in(self, n: impl Into<u32>) -> bool {
        self.0.is_multiple_of(u64::from(n.into().max(1)))
    }
}

/// Hashes frames under keys that nobody else knows, and that are never printed.
#[derive(Clone, Copy)]
pub struct FrameHasher {
    keys: (u64, u64),
}

impl fmt::Debug for FrameHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameHasher(..)")
    }
}

impl FrameHasher {
    /// With fresh random keys.
    #[must_use]
    pub fn new(stream: &mut Stream) -> Self {
        Self { keys: (stream.next_u64(), stream.next_u64()) }
    }

    /// The hash of a frame's claimed signer, signed bytes and signature.
    #[must_use]
    pub fn hash(&self, signer: &Digest, tbs: &[u8], signature: &[u8; 64]) -> FrameHash {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(&signer.0);
        hasher.write(signature);
        hasher.write(tbs);
        FrameHash(hasher.finish())
    }

    /// The keyed hash of any bytes.
    #[must_use]
    pub fn hash_of(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(bytes);
        hasher.finish()
    }
}
