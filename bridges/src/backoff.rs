//! Waits that grow between attempts, spread so that many units do not come back at once.

use std::time::Duration;

/// Doubles from the first to the longest; each is drawn between half of it and all of it.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    now: Duration,
}

impl Backoff {
    /// Begins at `first`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, now: first }
    }

    /// Begins again.
    pub const fn reset(&mut self) {
        self.now = self.first;
    }

    /// How long to wait this time.
    pub fn wait(&mut self) -> Duration {
        let mut random = [0; 2];
        // Without randomness all wait alike, which does no harm but to the broker's peaks.
        let drawn = getrandom::fill(&mut random).map_or(u16::MAX, |()| u16::from_le_bytes(random));
        let most = self.now;
        self.now = (most * 2).min(self.longest);
        most / 2 + (most / 2).mul_f64(f64::from(drawn) / f64::from(u16::MAX))
    }
}
