//! What the receive path keeps of frames from afar: apart from all that frames by air have, so that none of those gives way.
//!
//! Signers heard from afar have a table of the neighbours' kind, for their replay windows and rates alone, and a cache of
//! credentials; neither is looked into for a frame by air, but to see that its message was not delivered already. Frames that wait
//! for their verification do so here, and are no copies to a frame by air: that one is verified first.

use super::afar_queue::AfarQueue;
use crate::base::{FairShares, Instant, MessageId, Position, Reserve, TableFill, WireTime, limits};
use crate::neighbour::{Heard, NeighbourTable};
use crate::trust::KeyCache;

/// Frames from afar, and their signers.
#[derive(Debug)]
pub(super) struct AfarBook {
    pub signers: NeighbourTable,
    pub keys: KeyCache,
    pub queue: AfarQueue,
    /// The peers' shares of the budget.
    shares: FairShares<u16>,
}

impl Default for AfarBook {
    fn default() -> Self {
        Self {
            signers: NeighbourTable::with_capacity(limits::MAX_AFAR_SIGNERS, Reserve::AsHeard),
            keys: KeyCache::for_neighbours(limits::MAX_AFAR_SIGNERS, Reserve::AsHeard),
            queue: AfarQueue::default(),
            shares: FairShares::new(limits::AFAR_RATE),
        }
    }
}

impl AfarBook {
    /// Whether one more frame is within its peer's share of the budget, which it is charged to.
    pub fn allows(&mut self, peer: u16, now: Instant) -> bool {
        self.shares.take(peer, now)
    }

    /// Whether a message may be accepted that is new to the neighbours' table.
    pub fn is_new(&self, id: &MessageId, generation: WireTime) -> bool {
        self.signers.is_new(id, generation)
    }

    /// Whether its signer has a message of its class left to say.
    pub fn is_within_rate(&self, id: &MessageId, now: Instant) -> bool {
        self.signers.get(&id.signer).is_none_or(|signer| signer.rates().allows(id.class, now))
    }

    /// A message was verified. Its signer makes no neighbour.
    pub fn hear(
        &mut self,
        id: MessageId,
        generation: WireTime,
        position: Position,
        at: Instant,
        wire: WireTime,
    ) {
        // Those not heard for long make room; their windows are kept as long as they are needed.
        while self.signers.expire(at, wire).is_some() {}
        let (link, direct, signal_dbm) = ([0; 6], false, None);
        self.signers.hear(&Heard { id, generation, position, at, wire, link, direct, signal_dbm }, None);
    }

    /// Its tables.
    pub fn tables(&self) -> impl Iterator<Item = TableFill> + use<> {
        [
            TableFill::new("signers from afar", self.signers.len(), limits::MAX_AFAR_SIGNERS),
            TableFill::new("remembered signers from afar", self.signers.remembered(), limits::MAX_REMEMBERED),
            TableFill::new("credentials from afar", self.keys.len(), self.keys.capacity()),
            TableFill::new("frames from afar to verify", self.queue.len(), limits::MAX_AFAR_WAITING),
            TableFill::new(
                "peers with frames from afar",
                self.shares.takers(),
                2 * limits::AFAR_BURST as usize,
            ),
        ]
        .into_iter()
    }
}
