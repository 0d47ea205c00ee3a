//! The keyed hash that names a frame.

/// Names a frame by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHash(pub(crate) u64);

impl FrameHash {
    /// True for one frame in `n` (for each when `n` is 0), unforeseeable without the cache's key.
    pub fn is_one_in(self, n: u8) -> bool {
        self.0.is_multiple_of(u64::from(n.max(1)))
    }
}
