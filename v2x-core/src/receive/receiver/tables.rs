//! Fill levels of the receive path's tables.

use super::Receiver;
use crate::base::{TableFill, limits};

impl Receiver {
    /// Every table of the receive path.
    pub fn tables(&self) -> impl Iterator<Item = TableFill> + use<> {
        let (bad, revoked) = self.keys.refused();
        let (lists, digests) = self
            .revocations
            .lists()
            .fold((0, 0), |(lists, most), list| (lists + 1, usize::max(most, list.digests as usize)));
        [
            TableFill::new("credentials", self.keys.len(), self.keys.capacity()),
            TableFill::new(
                "credentials not used yet",
                self.keys.unproven(),
                limits::MAX_UNPROVEN_CREDENTIALS,
            ),
            TableFill::new("credentials that failed", bad, limits::MAX_BAD_CREDENTIALS),
            TableFill::new("credentials known to be revoked", revoked, limits::MAX_KNOWN_REVOKED),
            TableFill::new("revocation lists", lists, limits::MAX_REVOCATION_LISTS),
            TableFill::new("digests of a revocation list", digests, limits::MAX_REVOKED_PER_LIST),
            TableFill::new(
                "frames known by their hash",
                self.copies.len(),
                2 * limits::COPY_CACHE_GENERATION,
            ),
            TableFill::new("frames held for their credential", self.hold.len(), limits::MAX_HELD),
            TableFill::new("frames to verify", self.queue.len(), limits::MAX_VERIFY_QUEUE),
            TableFill::new("demoted frames to verify", self.queue.demoted(), limits::MAX_DEMOTED),
        ]
        .into_iter()
        .chain(self.afar.as_ref().map(|book| book.tables()).into_iter().flatten())
    }
}
