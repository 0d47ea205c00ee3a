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
