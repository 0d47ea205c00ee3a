//! The floods that a beacon names.

/// Floods of several hops that a station holds, each by its tag in this beacon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloodTags {
    tags: [u32; Self::MAX],
    count: u8,
}

impl FloodTags {
    /// Most that a beacon names.
    pub const MAX: usize = 16;

    /// The first [`FloodTags::MAX`] of `tags`.
    #[must_use]
    pub fn new(tags: &[u32]) -> Self {
        let mut these = Self::default();
        for (place, tag) in these.tags.iter_mut().zip(tags) {
            *place = *tag;
            these.count += 1;
        }
        these
    }

    /// Takes them from a packed column of fixed numbers; false when it has more than there may be, or part of one.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        let (whole, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || whole.len() > Self::MAX {
            return false;
        }
        for (place, tag) in self.tags.iter_mut().zip(whole) {
            *place = u32::from_le_bytes(*tag);
        }
        self.count = whole.len() as u8;
        true
    }

    /// Whether this flood is named.
    #[must_use]
    pub fn contains(&self, tag: u32) -> bool {
        self.tags[..usize::from(self.count)].contains(&tag)
    }

    /// The floods named.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.tags[..usize::from(self.count)].iter().copied()
    }

    /// Whether there may be more than are named.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.count) == Self::MAX
    }
}
