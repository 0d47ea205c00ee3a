//! How long a station's turns take: from the moment the event loop calls it until it waits again.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use v2x_core::Instant;

use crate::daemon::station::monotonic;

/// The turns of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// The longest.
    pub longest: Duration,
    /// Turns longer than [`SLOW`], from their beginning to their end; the first [`MOST_KEPT`] of them.
    pub slow: Vec<(Instant, Instant)>,
}

impl Turns {
    /// With room for the slow ones, so that keeping one allocates nothing.
    pub fn new() -> Self {
        Self { longest: Duration::ZERO, slow: Vec::with_capacity(MOST_KEPT) }
    }

    /// Runs `station`, and times each of its turns; `longest` has the longest so far, ns. Two readings of the clock a turn.
    pub async fn time<T>(&mut self, station: impl Future<Output = T>, longest: &AtomicU64) -> T {
        let mut station = pin!(station);
        poll_fn(|cx| {
            let began = monotonic();
            let polled = station.as_mut().poll(cx);
            self.add(began, monotonic());
            longest.store(u64::try_from(self.longest.as_nanos()).unwrap_or(u64::MAX), Relaxed);
            polled
        })
        .await
    }

    fn add(&mut self, began: Instant, ended: Instant) {
        let took = ended.since(began);
        self.longest = self.longest.max(took);
        if took > SLOW && self.slow.len() < MOST_KEPT {
            self.slow.push((began, ended));
        }
    }
}

/// What no turn should take: a frame that comes meanwhile waits for its end.
pub const SLOW: Duration = Duration::from_millis(1);
/// A run with more has its answer.
pub const MOST_KEPT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_turns_are_kept_and_the_longest_is_known() {
        let mut turns = Turns::new();
        let at = |us: u64| Instant::from_nanos(us * 1000);
        for n in 0..2 * MOST_KEPT as u64 {
            turns.add(at(n), at(n + 1001));
            turns.add(at(n), at(n + 1000));
        }
        turns.add(at(5), at(5005));
        assert_eq!(turns.slow.len(), MOST_KEPT);
        assert_eq!((turns.slow[0], turns.longest), ((at(0), at(1001)), Duration::from_millis(5)));
    }
}
