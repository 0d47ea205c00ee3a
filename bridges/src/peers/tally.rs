//! How many of something each has at once, bounded for one and for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by key; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Tally<K> {
    counts: Arc<Mutex<BTreeMap<K, usize>>>,
    of_one: usize,
    of_all: usize,
}

/// One that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket<K: Ord> {
    counts: Arc<Mutex<BTreeMap<K, usize>>>,
    key: K,
}

impl<K: Ord + Clone> Tally<K> {
    pub(super) fn new(of_one: usize, of_all: usize) -> Self {
        Self { counts: Arc::default(), of_one, of_all }
    }

    /// Another for `key`, unless it or all together have as many as they may.
    pub(super) fn take(&self, key: K) -> Option<Ticket<K>> {
        let mut counts = lock(&self.counts);
        if counts.values().sum::<usize>() >= self.of_all {
            return None;
        }
        let count = counts.entry(key.clone()).or_default();
        if *count >= self.of_one {
            return None;
        }
        *count += 1;
        Some(Ticket { counts: Arc::clone(&self.counts), key })
    }
}

impl<K: Ord> Drop for Ticket<K> {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

fn lock<K>(counts: &Mutex<BTreeMap<K, usize>>) -> MutexGuard<'_, BTreeMap<K, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_its_share_all_have_theirs_and_what_ends_makes_room() {
        let tally = Tally::new(2, 3);
        let mut first = [tally.take("a").unwrap(), tally.take("a").unwrap()].map(Some);
        assert!(tally.take("a").is_none(), "its share");
        let _other = tally.take("b").unwrap();
        assert!(tally.take("c").is_none(), "all together");
        first[0] = None;
        let third = tally.take("c");
        assert!(third.is_some());
        drop((first, third));
        assert_eq!(lock(&tally.counts).len(), 1, "who has none is not kept");
    }
}
