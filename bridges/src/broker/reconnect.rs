//! When to connect again.
//!
//! A broker that restarts is away for seconds, and until units are back it knows nothing of what it had retained: so waits stay short
//! at first. Later they grow to a minute. All are drawn, for thousands of units lose the same broker at the same moment.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// The waits between connections.
#[derive(Debug)]
pub(super) struct Reconnect {
    soon: Backoff,
    later: Backoff,
    /// Since when there has been no connection that lasted.
    away: Option<Instant>,
}

impl Reconnect {
    pub const fn new() -> Self {
        Self {
            soon: Backoff::new(FIRST_WAIT, LONGEST_SOON),
            later: Backoff::new(LONGEST_SOON, LONGEST_WAIT),
            away: None,
        }
    }

    /// How long to wait after a connection that was there for `up` and ended `now`. A broker that was there for long is worth asking at
    /// once; after one that closes each second the waits grow as after one that is not there.
    pub fn wait(&mut self, up: Duration, now: Instant) -> Duration {
        if up >= LONG_UP {
            *self = Self { away: Some(now), ..Self::new() };
            return Duration::ZERO;
        }
        let away = *self.away.get_or_insert(now);
        if now.duration_since(away) < RESTART { self.soon.wait() } else { self.later.wait() }
    }
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Within the first [`RESTART`]: who subscribes again has every hazard within five seconds.
const LONGEST_SOON: Duration = Duration::from_secs(4);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// As long as a broker takes to restart, with room for one that reads a large file first.
const RESTART: Duration = Duration::from_secs(30);
/// A connection that lasted as long was no accident.
const LONG_UP: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_short_at_first_grow_to_a_minute_and_begin_again_after_a_connection_that_lasted() {
        let (mut reconnect, start) = (Reconnect::new(), Instant::now());
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..40 {
            // One that closes each second.
            now += Duration::from_secs(1);
            let wait = reconnect.wait(Duration::from_secs(1), now);
            waits.push((now - start, wait));
            now += wait;
        }
        let (_, first) = waits[0];
        assert!(first >= FIRST_WAIT / 2 && first <= FIRST_WAIT, "{waits:?}");
        for (at, wait) in &waits {
            let most = if *at < RESTART { LONGEST_SOON } else { LONGEST_WAIT };
            assert!(*wait <= most, "{waits:?}");
        }
        let (_, last) = waits[39];
        assert!(last >= LONGEST_WAIT / 2, "{waits:?}");
        assert_eq!(reconnect.wait(LONG_UP, now), Duration::ZERO);
        assert!(reconnect.wait(Duration::ZERO, now) <= FIRST_WAIT);
    }
}
