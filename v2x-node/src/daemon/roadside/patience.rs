//! How long a caster is left alone before it is asked again. Public casters ban clients that come back too often (RTK2go:
//! more than once in ten seconds), and one that refused will refuse again for a while.

use core::time::Duration;

/// The wait before the next connection: twice as long each time, and short again only after a stream that lasted.
#[derive(Debug)]
pub struct Patience {
    next: Duration,
    least: Duration,
}

/// How a connection to a caster ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Whether the caster was reached at all; what was not does not ban anybody.
    pub reached: bool,
    /// From the first message to the last.
    pub lasted: Duration,
    /// What the caster asked for (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Patience {
    /// For a caster that was not asked yet.
    pub fn new() -> Self {
        Self::at_least(LEAST)
    }

    /// With another shortest wait.
    pub(super) fn at_least(least: Duration) -> Self {
        Self { next: least, least }
    }

    /// How long to wait now.
    pub fn wait(&mut self, ended: Ended) -> Duration {
        if ended.lasted >= SETTLED {
            self.next = self.least;
        }
        let longest = if ended.reached { LONGEST } else { LONGEST_UNREACHED };
        let wait = self.next.min(longest);
        self.next = (self.next * 2).min(LONGEST);
        wait.max(ended.retry_after.unwrap_or_default().min(LONGEST_ASKED))
    }
}

/// A stream that lasted this long is one: before that, a caster that hangs up after its first message is as bad as one that
/// hangs up at once.
pub(super) const SETTLED: Duration = Duration::from_secs(60);
const LEAST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(320);
/// A cable that is plugged in again is noticed within a minute.
const LONGEST_UNREACHED: Duration = Duration::from_secs(60);
/// A caster that asks for more is asked after an hour all the same: it may mean its own clock.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HANGS_UP: Ended = Ended { reached: true, lasted: Duration::ZERO, retry_after: None };

    fn waits(patience: &mut Patience, ended: Ended, count: usize) -> Vec<u64> {
        (0..count).map(|_| patience.wait(ended).as_secs()).collect()
    }

    #[test]
    fn a_caster_that_hangs_up_is_asked_less_and_less_often() {
        let mut patience = Patience::new();
        assert_eq!(waits(&mut patience, HANGS_UP, 8), [10, 20, 40, 80, 160, 320, 320, 320]);
        // A minute of stream, and no second less.
        let short = Ended { lasted: Duration::from_secs(59), ..HANGS_UP };
        assert_eq!(waits(&mut patience, short, 1), [320]);
        let whole = Ended { lasted: Duration::from_secs(60), ..HANGS_UP };
        assert_eq!(waits(&mut patience, whole, 2), [10, 10]);
        assert_eq!(waits(&mut patience, HANGS_UP, 2), [20, 40]);
    }

    #[test]
    fn one_that_cannot_be_reached_is_tried_each_minute() {
        let mut patience = Patience::new();
        let unreached = Ended::default();
        assert_eq!(waits(&mut patience, unreached, 6), [10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn one_that_asks_to_be_left_alone_is() {
        let mut patience = Patience::new();
        let asks = |seconds| Ended { retry_after: Some(Duration::from_secs(seconds)), ..HANGS_UP };
        assert_eq!(waits(&mut patience, asks(120), 1), [120]);
        assert_eq!(waits(&mut patience, asks(1), 1), [20], "its own patience is longer");
        assert_eq!(waits(&mut patience, asks(86_400), 1), [3_600]);
    }

    proptest! {
        #[test]
        fn no_caster_is_asked_twice_within_ten_seconds(
            ends in prop::collection::vec((any::<bool>(), 0u64..200, prop::option::of(0u64..10_000)), 1..100)
        ) {
            let mut patience = Patience::new();
            for (reached, lasted, asked) in ends {
                let (lasted, retry_after) = (Duration::from_secs(lasted), asked.map(Duration::from_secs));
                let wait = patience.wait(Ended { reached, lasted, retry_after });
                prop_assert!((LEAST..=LONGEST_ASKED).contains(&wait));
                prop_assert!(wait >= retry_after.unwrap_or_default().min(LONGEST_ASKED));
            }
        }
    }
}
