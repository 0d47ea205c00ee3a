//! Which topics are watched: asked by the station at each event, said by the programs' thread.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is watched, for both sides. The station begins watches, the programs' thread ends them; what it says of those that it
/// knows never covers one that is on its way to it.
#[derive(Debug, Default)]
pub struct Watched {
    /// Bits of what is watched, and above them how many watches began.
    word: AtomicU64,
}

impl Watched {
    /// Bits of what is watched.
    pub fn bits(&self) -> u32 {
        self.word.load(Relaxed) as u32
    }

    /// The station's side: a watch of these begins, of which the thread is told next.
    pub fn begin(&self, bits: u32) {
        let next = |word: u64| Some((word | u64::from(bits)).wrapping_add(ONE));
        self.word.fetch_update(Relaxed, Relaxed, next).expect("invariant: there is always a next word");
    }

    /// The thread's side: it knows of as many watches, and all that are left want these. Nothing where another has begun: the
    /// thread says so again once it knows of that one.
    pub fn publish(&self, known: u32, bits: u32) {
        let word = self.word.load(Relaxed);
        if begun(word) == known {
            let next = word & !u64::from(u32::MAX) | u64::from(bits);
            // A failure is a watch that has begun just now.
            let _raced = self.word.compare_exchange(word, next, Relaxed, Relaxed).is_err();
        }
    }
}

/// How many watches began.
fn begun(word: u64) -> u32 {
    (word >> u32::BITS) as u32
}

/// One watch, above the bits.
const ONE: u64 = 1 << u32::BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_on_its_way_is_not_covered_by_what_the_thread_says_before_it_knows() {
        let watched = Watched::default();
        watched.begin(0b01);
        watched.publish(1, 0b01);
        watched.begin(0b10);
        watched.publish(1, 0b01);
        assert_eq!(watched.bits(), 0b11, "the second watch is lost");
        watched.publish(2, 0b10);
        assert_eq!(watched.bits(), 0b10);
        watched.publish(2, 0);
        assert_eq!(watched.bits(), 0);
    }

    #[test]
    fn the_number_of_watches_begins_anew_after_its_last_and_leaves_the_bits_alone() {
        let watched = Watched { word: AtomicU64::new(u64::MAX << u32::BITS | 0b100) };
        watched.begin(0b1);
        assert_eq!(watched.bits(), 0b101);
        watched.publish(0, 0b1);
        assert_eq!(watched.bits(), 0b1);
    }
}
