//! When to try again: soon at first, then less and less often, for as long as it takes.

use std::io;
use std::task::{Context, Poll, ready};

use crate::clock::monotonic_ns;
use crate::timer::DeadlineTimer;

/// Paces attempts, from [`FIRST_NS`] apart to [`LAST_NS`] apart, doubling.
#[derive(Debug)]
pub(super) struct Backoff {
    timer: DeadlineTimer,
    next_ns: u64,
}

impl Backoff {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { timer: DeadlineTimer::new()?, next_ns: FIRST_NS })
    }

    /// The next attempt is a first one.
    pub(super) fn restart(&mut self) {
        self.next_ns = FIRST_NS;
    }

    /// Ready when it is time for an attempt; the one after it is further off.
    pub(super) fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.timer.deadline().is_none() {
            self.timer.set(Some(monotonic_ns().saturating_add(self.next_ns)))?;
        }
        ready!(self.timer.poll_expired(cx))?;
        self.next_ns = following(self.next_ns);
        Poll::Ready(Ok(()))
    }
}

fn following(ns: u64) -> u64 {
    ns.saturating_mul(2).min(LAST_NS)
}

/// An interface that was only reconfigured is back within this.
const FIRST_NS: u64 = 50_000_000;
/// Asking more rarely would be noticed by the person who plugged the radio in again.
const LAST_NS: u64 = 2_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_grow_apart_up_to_two_seconds() {
        let gaps: Vec<_> = std::iter::successors(Some(FIRST_NS), |ns| Some(following(*ns)))
            .take(8)
            .map(|ns| ns / 1_000_000)
            .collect();
        assert_eq!(gaps, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
