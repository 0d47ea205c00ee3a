//! The names of messages that are settled.

use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;
use v2x_proto::Class;

/// The names of the last messages settled.
#[derive(Debug)]
pub(super) struct Settled<M> {
    /// With whether all stations it was meant for had it.
    names: HashMap<M, (Class, bool)>,
    order: VecDeque<M>,
}

impl<M: Copy + Eq + Hash> Settled<M> {
    pub(super) fn find(&self, message: &M) -> Option<(Class, bool)> {
        self.names.get(message).copied()
    }

    pub(super) fn insert(&mut self, message: M, class: Class, complete: bool) {
        if self.order.len() >= MAX_SETTLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        if self.names.insert(message, (class, complete)).is_none() {
            self.order.push_back(message);
        }
    }
}

impl<M> Default for Settled<M> {
    fn default() -> Self {
        Self { names: HashMap::default(), order: VecDeque::new() }
    }
}

/// About 20 MB: what a thousand stations send in a minute, which is longer than most floods are repeated.
const MAX_SETTLED: usize = 600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_of_settled_messages_is_bounded() {
        let mut settled = Settled::default();
        for number in 0..MAX_SETTLED as u32 + 5 {
            settled.insert(number, Class::D2, true);
        }
        assert_eq!((settled.names.len(), settled.order.len()), (MAX_SETTLED, MAX_SETTLED));
        assert_eq!((settled.find(&4), settled.find(&5)), (None, Some((Class::D2, true))));
    }
}
