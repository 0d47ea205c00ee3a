//! Reserve of a table: whether its memory is taken at the start, or as it fills.

/// When a station's tables take their memory. Never shows in what the station does: bounds, evictions and outputs are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reserve {
    /// Each at its full size, at the start: a station in service allocates no table afterwards.
    #[default]
    Whole,
    /// As they fill, up to the same bounds: a world of a thousand stations of which each hears sixty.
    AsHeard,
}

impl Reserve {
    /// Room to take at the start, of `most`.
    #[must_use]
    pub const fn at_start(self, most: usize) -> usize {
        match self {
            Self::Whole => most,
            Self::AsHeard => 0,
        }
    }

    /// An empty list that never holds more than `most`.
    pub fn list<T>(self, most: usize) -> Vec<T> {
        Vec::with_capacity(self.at_start(most))
    }
}

/// Appends to a list that may hold `most`. A full one grows by an eighth, so that little is left unused; memory doubled each
/// time would be a third too much, and what is copied more often is copied while a station gets to know its surroundings.
pub fn append<T>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() == list.capacity() {
        let more = (list.len() / 8).max(FIRST);
        list.reserve_exact(more.min(most.saturating_sub(list.len())).max(1));
    }
    list.push(item);
}

/// Entries a list grows by at least.
const FIRST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reserved_whole_never_moves_and_one_that_grows_is_seldom_an_eighth_larger_than_needed() {
        let mut whole = Reserve::Whole.list(100);
        let mut grown = Reserve::AsHeard.list(100);
        let first = whole.as_ptr();
        for n in 0..100 {
            append(&mut whole, n, 100);
            append(&mut grown, n, 100);
            assert!(grown.capacity() <= (grown.len() * 9 / 8).max(grown.len() + FIRST), "{n}");
        }
        assert_eq!((whole.as_ptr(), whole.capacity(), grown.capacity()), (first, 100, 100));
    }
}
