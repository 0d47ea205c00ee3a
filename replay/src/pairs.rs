//! Something of each pair of sender and receiver, sender by sender: the receivers of a frame come one after the other, and what is kept
//! of one sender fits a near cache where that of all pairs fits none.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// Values by sender and receiver, each a station's number.
#[derive(Debug)]
pub(crate) struct Pairs<T> {
    rows: HashMap<u32, HashMap<u32, T>>,
    len: usize,
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self { rows: HashMap::new(), len: 0 }
    }
}

impl<T> Pairs<T> {
    /// Number of pairs.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The value of a pair.
    pub(crate) fn get(&self, (sender, receiver): (u32, u32)) -> Option<&T> {
        self.rows.get(&sender)?.get(&receiver)
    }

    /// The value of a pair.
    pub(crate) fn get_mut(&mut self, (sender, receiver): (u32, u32)) -> Option<&mut T> {
        self.rows.get_mut(&sender)?.get_mut(&receiver)
    }

    /// Sets the value of a pair.
    pub(crate) fn insert(&mut self, (sender, receiver): (u32, u32), value: T) -> &mut T {
        let entry = self.rows.entry(sender).or_default().entry(receiver);
        self.len += usize::from(matches!(entry, Entry::Vacant(_)));
        entry.insert(value).into_mut()
    }

    /// Takes out the value of a pair.
    pub(crate) fn remove(&mut self, (sender, receiver): (u32, u32)) -> Option<T> {
        let value = self.rows.get_mut(&sender)?.remove(&receiver)?;
        self.len -= 1;
        Some(value)
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ((u32, u32), &T)> {
        self.rows
            .iter()
            .flat_map(|(sender, row)| row.iter().map(|(receiver, value)| ((*sender, *receiver), value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_agree_with_a_map(steps in proptest::collection::vec((0u32..4, 0u32..4, any::<Option<u8>>()), 0..100)) {
            let mut pairs = Pairs::default();
            let mut map = BTreeMap::new();
            for (sender, receiver, value) in steps {
                let pair = (sender, receiver);
                match value {
                    Some(value) => {
                        pairs.insert(pair, value);
                        map.insert(pair, value);
                    }
                    None => prop_assert_eq!(pairs.remove(pair), map.remove(&pair)),
                }
                prop_assert_eq!(pairs.get(pair), map.get(&pair));
                prop_assert_eq!(pairs.get_mut(pair).copied(), map.get(&pair).copied());
                prop_assert_eq!(pairs.len(), map.len());
                let all: BTreeMap<_, _> = pairs.iter().map(|(pair, value)| (pair, *value)).collect();
                prop_assert_eq!(&all, &map);
            }
        }
    }
}
