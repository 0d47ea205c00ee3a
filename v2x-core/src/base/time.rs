//! The three kinds of time of a station, never mixed: the core's own [`Instant`], [`WireTime`] and fix time (a
//! `WireTime` that tells when a position was true).

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A point of the core's monotonic time: nanoseconds since an arbitrary start.
///
/// Made from a number, so that a test, a trace or a recording can carry it. In the daemon it is
/// `CLOCK_MONOTONIC`; in replay it is virtual.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant(u64);

impl Instant {
    /// The start of time.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens: the deadline of a node that waits for nothing.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the start (saturating).
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Nanoseconds passed since `earlier`; zero when `earlier` is later.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_nanos(duration)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FAR_FUTURE {
            return f.write_str("never");
        }
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Time on the wire: TAI microseconds since 2004-01-01T00:00:00 UTC (the epoch of ETSI TS 102 894-2
/// `TimestampIts`, there in milliseconds).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WireTime(u64);

impl WireTime {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From seconds since the epoch, as credentials carry them.
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs as u64 * 1_000_000)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time `micros` microseconds after 1970-01-01T00:00:00Z, as UTC counts them; `None` before 2004.
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        let wire = micros.checked_sub(EPOCH_UNIX_US)?.checked_add(LEAP_SINCE_EPOCH_US)?;
        u64::try_from(wire).ok().map(Self)
    }

    /// Microseconds from 1970-01-01T00:00:00Z, as UTC counts them; `None` beyond what they can hold.
    pub fn unix_micros(self) -> Option<i64> {
        i64::try_from(self.0).ok()?.checked_add(EPOCH_UNIX_US - LEAP_SINCE_EPOCH_US)
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for WireTime {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for WireTime {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

impl fmt::Debug for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wire {}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Ties the core's time to wire time: at `instant` the wire clock read `wire`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The core's time of the reading.
    pub instant: Instant,
    /// The wire clock's reading.
    pub wire: WireTime,
}

impl Anchor {
    /// Wire time at `now`; before the anchor it runs backwards from it.
    pub fn wire_at(&self, now: Instant) -> WireTime {
        if now >= self.instant {
            self.wire + now.since(self.instant)
        } else {
            self.wire - self.instant.since(now)
        }
    }

    /// The core's time at which the wire clock reads `wire`, clamped to the start of time.
    pub fn instant_at(&self, wire: WireTime) -> Instant {
        if wire >= self.wire {
            self.instant + wire.since(self.wire)
        } else {
            self.instant - self.wire.since(wire)
        }
    }
}

const fn saturating_nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

/// 2004-01-01T00:00:00Z in Unix time.
const EPOCH_UNIX_US: i64 = 1_072_915_200_000_000;
/// Leap seconds from 2004 to the last one, 2016-12-31 (IERS Bulletin C). Earlier dates come out up to 5 s late, which
/// does no harm: such a fix is years old.
const LEAP_SINCE_EPOCH_US: i64 = 5_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::FAR_FUTURE + Duration::MAX, Instant::FAR_FUTURE);
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::ZERO.since(Instant::from_millis(5)), Duration::ZERO);
        assert_eq!(WireTime::from_micros(u64::MAX) + Duration::MAX, WireTime::from_micros(u64::MAX));
    }

    #[test]
    fn unix_time_lacks_the_leap_seconds_and_starts_earlier() {
        let new_year = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z
        let wire = WireTime::from_unix_micros(new_year).unwrap();
        assert_eq!(wire.as_micros(), (1_767_225_600 - 1_072_915_200 + 5) * 1_000_000);
        assert_eq!(wire.unix_micros(), Some(new_year));
        for before in [i64::MIN, 0, 1_072_915_194_999_999] {
            assert_eq!(WireTime::from_unix_micros(before), None, "{before}");
        }
        assert_eq!(WireTime::from_micros(u64::MAX).unix_micros(), None);
    }

    #[test]
    fn an_anchor_maps_there_and_back_on_both_sides() {
        let anchor = Anchor { instant: Instant::from_millis(500), wire: WireTime::from_micros(9_000_000) };
        for millis in [0, 499, 500, 501, 90_000] {
            let now = Instant::from_millis(millis);
            assert_eq!(anchor.instant_at(anchor.wire_at(now)), now);
        }
        assert_eq!(anchor.instant_at(WireTime::from_micros(0)), Instant::ZERO);
    }
}
