//! How many messages and bytes a second one end may send.

use std::time::Duration;

/// Most messages and bytes a second; a second's worth may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Messages a second, at least 1.
    pub messages_s: u32,
    /// Bytes a second, at least 1398.
    pub bytes_s: u32,
}

/// What is left of a [`BudgetLimits`].
#[derive(Clone, Debug)]
pub struct Budget {
    limits: BudgetLimits,
    messages: f64,
    bytes: f64,
    at: Duration,
}

impl Budget {
    /// A full one.
    #[must_use]
    pub fn new(limits: BudgetLimits) -> Self {
        let (messages, bytes) = (f64::from(limits.messages_s), f64::from(limits.bytes_s));
        Self { limits, messages, bytes, at: Duration::ZERO }
    }

    /// Takes a message of `bytes` at `now`, a time since any fixed moment; false when there is not enough left.
    pub fn take(&mut self, bytes: usize, now: Duration) -> bool {
        let has = self.has(bytes, now);
        if has {
            self.messages -= 1.0;
            self.bytes -= bytes as f64;
        }
        has
    }

    /// Whether a message of `bytes` could be taken at `now`.
    pub fn has(&mut self, bytes: usize, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let (messages, all) = (f64::from(self.limits.messages_s), f64::from(self.limits.bytes_s));
        self.messages = (self.messages + messages * passed).min(messages);
        self.bytes = (self.bytes + all * passed).min(all);
        self.messages >= 1.0 && self.bytes >= bytes as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_comes_at_once_and_then_as_many_as_time_brings() {
        let mut budget = Budget::new(BudgetLimits { messages_s: 10, bytes_s: 2000 });
        let mut taken = |bytes: usize, at: u64| {
            (0..100).filter(|_| budget.take(bytes, Duration::from_millis(at))).count()
        };
        assert_eq!(taken(100, 0), 10);
        assert_eq!(taken(100, 500), 5);
        assert_eq!(taken(400, 1500), 5, "bytes run out first");
        assert_eq!(taken(100, 1000), 0, "time that runs backwards brings nothing");
    }
}
