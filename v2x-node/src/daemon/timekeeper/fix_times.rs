//! Whether the times of fixes agree with the clock, come late, or contradict it, and which of the two moved.

use core::time::Duration;

use v2x_core::{Instant, WireTime};

/// What the last fixes say of clock and receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Agreement {
    /// Within [`MAX_DISAGREEMENT`] of each other, or no fix yet.
    Agree,
    /// Fixes arrive this late, each time: the way from the receiver is slow. No word against the clock.
    Late {
        /// The latest delay.
        lag: Duration,
        /// Between the least and the most of the last ones.
        jitter: Duration,
    },
    /// One of the two is wrong.
    Disagree {
        /// The clock is this much ahead of the fixes; negative: behind.
        ahead_s: f64,
        /// Which of them was right before.
        moved: Moved,
    },
}

/// Which of two times jumped against the machine's own running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The clock was set.
    Clock,
    /// The receiver's time jumped.
    Fixes,
    /// They have never agreed.
    Unknown,
}

/// Judges the times of fixes, one after the other.
#[derive(Clone, Debug)]
pub struct FixTimes {
    belief: Agreement,
    /// Lags of the last fixes, microseconds, the newest last; positive when the clock is ahead of the fix.
    lags: [i64; LAGS],
    known: usize,
    contrary: u8,
    /// When they agreed last: clock and fix, each less the machine's own running time, microseconds.
    agreed: Option<(i64, i64)>,
}

impl Default for FixTimes {
    /// Nothing known.
    fn default() -> Self {
        Self { belief: Agreement::Agree, lags: [0; LAGS], known: 0, contrary: 0, agreed: None }
    }
}

impl FixTimes {
    /// Takes a fix that was true at `time` and came at `received`, which the clock calls `wire`. True when what is believed
    /// is another kind of agreement than before.
    pub fn take(&mut self, time: WireTime, wire: WireTime, received: Instant) -> bool {
        let lag = micros(wire.as_micros()).saturating_sub(micros(time.as_micros()));
        self.lags.rotate_left(1);
        self.lags[LAGS - 1] = lag;
        self.known = (self.known + 1).min(LAGS);
        let running = micros(received.as_nanos() / 1000);
        let (clock, fix) = (
            micros(wire.as_micros()).saturating_sub(running),
            micros(time.as_micros()).saturating_sub(running),
        );
        let seen = self.kind(lag, clock, fix);
        if same_kind(seen, self.belief) {
            self.contrary = 0;
            match (&mut self.belief, seen) {
                // What is told stays what it was at the change; what the status line says is of now.
                (Agreement::Disagree { ahead_s, .. }, Agreement::Disagree { ahead_s: now_s, .. }) => {
                    *ahead_s = now_s;
                }
                (belief, seen) => *belief = seen,
            }
            if self.belief == Agreement::Agree {
                self.agreed = Some((clock, fix));
            }
            return false;
        }
        self.contrary += 1;
        if self.contrary < CONTRARY_FIXES {
            return false;
        }
        self.contrary = 0;
        self.belief = seen;
        true
    }

    /// What is believed.
    pub fn belief(&self) -> Agreement {
        self.belief
    }

    fn kind(&self, lag: i64, clock: i64, fix: i64) -> Agreement {
        let most = micros_of(MAX_DISAGREEMENT);
        if lag.abs() <= most {
            return Agreement::Agree;
        }
        let moved = match self.agreed {
            None => Moved::Unknown,
            Some((agreed_clock, agreed_fix)) => {
                let by = |now: i64, then: i64| now.saturating_sub(then).saturating_abs();
                if by(clock, agreed_clock) > by(fix, agreed_fix) { Moved::Clock } else { Moved::Fixes }
            }
        };
        // A clock that jumped so that fixes look late has jumped all the same.
        let jumped =
            moved == Moved::Clock && self.agreed.is_some_and(|(agreed, _)| clock.abs_diff(agreed) > JUMP_US);
        if (most..=micros_of(LATEST)).contains(&lag) && !jumped {
            return Agreement::Late { lag: Duration::from_micros(lag.unsigned_abs()), jitter: self.jitter() };
        }
        Agreement::Disagree { ahead_s: lag as f64 / 1e6, moved }
    }

    /// Of those lags that are late as well: the first ones after a change would make it look wild.
    fn jitter(&self) -> Duration {
        let late = || {
            self.lags[LAGS - self.known..].iter().copied().filter(|lag| *lag > micros_of(MAX_DISAGREEMENT))
        };
        let (least, most) = (late().min().unwrap_or(0), late().max().unwrap_or(0));
        Duration::from_micros(most.abs_diff(least))
    }
}

fn same_kind(one: Agreement, other: Agreement) -> bool {
    core::mem::discriminant(&one) == core::mem::discriminant(&other)
}

fn micros(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A fix is true up to half a second before it comes over a slow line, and 0.9 s over a very slow one.
pub const MAX_DISAGREEMENT: Duration = Duration::from_secs(1);
/// At 9,600 baud a full sky of sentences takes 1.2 s; at 4,800, and through a radio link to the receiver, twice that. What is later is
/// no line.
const LATEST: Duration = Duration::from_secs(3);
/// This many fixes in a row change the belief; a single one that waited in a buffer does not.
const CONTRARY_FIXES: u8 = 3;
/// A clock that was moved this far was set, not steered.
const JUMP_US: u64 = 250_000;
/// Lags kept.
const LAGS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START_MS: i64 = 720_000_000_000;

    fn wire(millis: i64) -> WireTime {
        WireTime::from_micros(((START_MS + millis) * 1000) as u64)
    }

    /// Feeds fixes, one every 200 ms from `from_ms` on, by clock and receiver that are each so much ahead of the truth.
    fn feed(
        times: &mut FixTimes,
        from_ms: i64,
        clock_ms: i64,
        lag_ms: impl Fn(i64) -> i64,
        count: i64,
    ) -> Vec<Agreement> {
        let mut changes = Vec::new();
        for n in 0..count {
            let now = from_ms + n * 200;
            let received = Instant::from_millis(now as u64);
            if times.take(wire(now - lag_ms(n)), wire(now + clock_ms), received) {
                changes.push(times.belief());
            }
        }
        changes
    }

    #[test]
    fn a_full_sky_over_9600_baud_is_late_and_no_word_against_the_clock() {
        let mut times = FixTimes::default();
        let changes = feed(&mut times, 0, 0, |n| 1_110 + n * 7 % 60, 40);
        assert_eq!(changes.len(), 1);
        let Agreement::Late { lag, jitter } = times.belief() else { panic!("{:?}", times.belief()) };
        assert!(
            lag > Duration::from_millis(1_100) && jitter < Duration::from_millis(60),
            "{lag:?} {jitter:?}"
        );
        // More satellites rise: it was on time before and creeps over the second.
        let mut times = FixTimes::default();
        let changes = feed(&mut times, 0, 0, |n| 900 + n * 5, 40);
        assert!(matches!(changes[..], [Agreement::Late { .. }]), "{changes:?}");
    }

    #[test]
    fn a_clock_that_was_set_has_moved() {
        for ahead in [1_400, 5_000, -5_000, -1_200, 86_400_000] {
            let mut times = FixTimes::default();
            assert!(feed(&mut times, 0, 0, |_| 150, 20).is_empty());
            let changes = feed(&mut times, 4_000, ahead, |_| 150, 20);
            let [Agreement::Disagree { ahead_s, moved: Moved::Clock }] = changes[..] else {
                panic!("{ahead}: {changes:?}")
            };
            assert!((ahead_s - (ahead + 150) as f64 / 1e3).abs() < 1e-6);
            assert_eq!(feed(&mut times, 8_000, 0, |_| 150, 20), [Agreement::Agree]);
        }
    }

    #[test]
    fn a_receiver_whose_weeks_or_leap_seconds_change_has_moved() {
        for by in [619_315_200_000, -18_000, 4_000, -1_200] {
            let mut times = FixTimes::default();
            feed(&mut times, 0, 0, |_| 150, 20);
            let changes = feed(&mut times, 4_000, 0, |_| 150 + by, 20);
            assert!(
                matches!(changes[..], [Agreement::Disagree { moved: Moved::Fixes, .. }]),
                "{by}: {changes:?}"
            );
        }
        let mut times = FixTimes::default();
        let changes = feed(&mut times, 0, 0, |_| 619_315_200_000, 20);
        assert!(matches!(changes[..], [Agreement::Disagree { moved: Moved::Unknown, .. }]), "{changes:?}");
    }

    #[test]
    fn single_fixes_that_waited_in_a_buffer_change_nothing() {
        let mut times = FixTimes::default();
        assert!(feed(&mut times, 0, 0, |n| if n % 3 == 0 { 150 } else { 1_900 }, 60).is_empty());
        assert_eq!(times.belief(), Agreement::Agree);
    }

    proptest! {
        #[test]
        fn no_times_make_it_panic(all in proptest::collection::vec(any::<(u64, u64, u64)>(), 0..40)) {
            let mut times = FixTimes::default();
            for (time, wire, received) in all {
                let received = Instant::from_nanos(received);
                times.take(WireTime::from_micros(time), WireTime::from_micros(wire), received);
                if let Agreement::Late { lag, .. } = times.belief() {
                    prop_assert!(lag > MAX_DISAGREEMENT && lag <= LATEST);
                }
            }
        }
    }
}
