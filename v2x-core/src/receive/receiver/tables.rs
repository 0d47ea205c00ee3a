//! How full the tables of the receive path are.

use super::Receiver;
use crate::base::{Table, limits};

impl Receiver {
    /// Every table of the receive path.
    pub fn tables(&self) -> impl Iterator<Item = Table> + use<> {
        let (bad, revoked) = self.keys.refused();
        let (lists, digests) = self
            .revocations
            .lists()
            .fold((0, 0), |(lists, most), list| (lists + 1, usize::max(most, list.digests as usize)));
        [
            Table::new("credentials", self.keys.len(), self.keys.capacity()),
            Table::new("credentials that failed", bad, limits::MAX_BAD_CREDENTIALS),
            Table::new("credentials known to be revoked", revoked, limits::MAX_KNOWN_REVOKED),
            Table::new("revocation lists", lists, limits::MAX_REVOCATION_LISTS),
            Table::new("digests of a revocation list", digests, limits::MAX_REVOKED_PER_LIST),
            Table::new("frames known by their hash", self.copies.len(), 2 * limits::COPY_CACHE_GENERATION),
            Table::new("frames held for their credential", self.hold.len(), limits::MAX_HELD),
            Table::new("frames to verify", self.queue.len(), limits::MAX_VERIFY_QUEUE),
            Table::new("demoted frames to verify", self.queue.demoted(), limits::MAX_DEMOTED),
        ]
        .into_iter()
    }
}
