//! Messages that were seen, until they end.

use std::collections::{BTreeSet, HashMap};

use v2x_core::WireTime;

/// Hashes of signed messages; at most a fixed number, of which the first to end goes first.
#[derive(Debug)]
pub struct SeenMessages {
    most: usize,
    ends: HashMap<[u8; 16], WireTime>,
    order: BTreeSet<(WireTime, [u8; 16])>,
}

impl SeenMessages {
    pub fn new(most: usize) -> Self {
        Self { most, ends: HashMap::new(), order: BTreeSet::new() }
    }

    /// Remembers a message; false when it was known.
    pub fn insert(&mut self, hash: [u8; 16], expires: WireTime, now: WireTime) -> bool {
        self.forget(now);
        if self.ends.contains_key(&hash) {
            return false;
        }
        if self.ends.len() >= self.most
            && let Some((end, first)) = self.order.pop_first()
        {
            debug_assert!(end >= now);
            self.ends.remove(&first);
        }
        self.ends.insert(hash, expires);
        self.order.insert((expires, hash));
        true
    }

    pub fn contains(&mut self, hash: &[u8; 16], now: WireTime) -> bool {
        self.forget(now);
        self.ends.contains_key(hash)
    }

    fn forget(&mut self, now: WireTime) {
        while let Some((end, hash)) = self.order.first().copied()
            && end < now
        {
            self.order.remove(&(end, hash));
            self.ends.remove(&hash);
        }
    }
}
