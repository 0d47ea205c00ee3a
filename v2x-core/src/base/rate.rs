//! Rates: the generic cell rate algorithm (ITU-T I.371).

use core::time::Duration;

use super::time::Instant;

/// An even rate with a burst (the generic cell rate algorithm): its state is one [`Instant`], the moment up
/// to which the rate is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub(crate) each_ns: u64,
    pub(crate) burst: u32,
}

impl Rate {
    /// `per_second` in the long run, `burst` at once; neither may be 0.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { each_ns: 1_000_000_000 / per_second as u64, burst }
    }

    /// Whether one more is within the rate.
    #[must_use]
    pub fn allows(self, spent_until: Instant, now: Instant) -> bool {
        spent_until.nanos_since(now) <= self.each_ns * u64::from(self.burst - 1)
    }

    /// At most this many pass within `time`, whatever the pattern.
    #[must_use]
    pub fn most_in(self, time: Duration) -> usize {
        self.burst as usize + (time.as_nanos() / u128::from(self.each_ns)) as usize
    }

    /// The state after one more. It never runs further ahead than one burst.
    #[must_use]
    pub fn charged(self, spent_until: Instant, now: Instant) -> Instant {
        let most = now + Duration::from_nanos(self.each_ns * u64::from(self.burst));
        (spent_until.max(now) + Duration::from_nanos(self.each_ns)).min(most)
    }

    /// Charges one if it is within the rate.
    pub fn take(self, spent_until: &mut Instant, now: Instant) -> bool {
        let allowed = self.allows(*spent_until, now);
        if allowed {
            *spent_until = self.charged(*spent_until, now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rate_in_the_long_run() {
        let rate = Rate::new(10, 5);
        let mut spent = Instant::ZERO;
        let taken = |spent: &mut Instant, now| (0..100).filter(|_| rate.take(spent, now)).count();
        assert_eq!(taken(&mut spent, ms(1000)), 5);
        assert_eq!(taken(&mut spent, ms(1099)), 0);
        assert_eq!(taken(&mut spent, ms(1100)), 1);
        assert_eq!(taken(&mut spent, ms(9000)), 5, "what was not used is not saved up beyond a burst");
    }

    proptest! {
        #[test]
        fn no_pattern_gets_more_than_the_burst_and_the_rate(steps in proptest::collection::vec(0u64..300, 1..400)) {
            let rate = Rate::new(20, 20);
            let (mut spent, mut now, mut taken) = (Instant::ZERO, 0, 0);
            for step in steps {
                now += step;
                taken += u64::from(rate.take(&mut spent, ms(now)));
            }
            prop_assert!(taken <= 20 + now / 50);
        }
    }
}
