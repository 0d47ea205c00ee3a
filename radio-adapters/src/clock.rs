//! The machine's clocks, read only.
//!
//! Three are in use: `CLOCK_MONOTONIC` for every interval and deadline, `CLOCK_REALTIME` because the
//! kernel stamps packets with it, and wire time, which messages carry.
#![allow(unsafe_code, reason = "adjtimex has no safe wrapper in nix")]

use std::io;
use std::mem;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`: since some moment near boot, never set, not running in suspend.
pub fn monotonic_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Nanoseconds of `CLOCK_REALTIME`: since 1970-01-01T00:00:00 UTC, leap seconds left out, settable.
pub fn realtime_ns() -> u64 {
    read(ClockId::CLOCK_REALTIME)
}

/// Wire time now: microseconds of TAI since the instant 2004-01-01T00:00:00 UTC
/// (the epoch of TimestampIts, ETSI TS 102 894-2, in microseconds).
///
/// TAI was 32 s ahead of UTC at that instant and is 37 s ahead now, so wire time is 5 s more than a
/// count that ignores leap seconds. `CLOCK_TAI` is used when the kernel knows its offset (from
/// chrony, ntpd or ptp4l); otherwise UTC plus the 37 s in force since 2017-01-01. Right only as far as
/// the machine's clock is: see [`kernel_clock`].
pub fn wire_time_us() -> u64 {
    let tai_ns = match kernel_tai_offset_s() {
        Some(_) => read(ClockId::CLOCK_TAI),
        None => realtime_ns().saturating_add(LEAP_SECONDS_NOW * NS_PER_S),
    };
    wire_time_of_tai_ns(tai_ns)
}

/// Two clocks read at one moment, to carry a stamp from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockPair {
    /// `CLOCK_MONOTONIC`, ns.
    pub monotonic_ns: u64,
    /// `CLOCK_REALTIME` at the same moment, ns.
    pub realtime_ns: u64,
}

impl ClockPair {
    /// Reads both. The wall clock is read first, so a stamp taken before this call never converts
    /// to a moment after it; being preempted between the two reads makes a stamp look late.
    pub fn now() -> Self {
        let realtime_ns = realtime_ns();
        Self { monotonic_ns: monotonic_ns(), realtime_ns }
    }

    /// The monotonic time of a wall-clock stamp taken shortly before this pair.
    ///
    /// `None` if the stamp lies in the future or more than [`MAX_STAMP_AGE`] back: then the wall
    /// clock was set in between and the stamp is of no use.
    pub fn monotonic_of(self, stamp_realtime_ns: u64) -> Option<u64> {
        let age = self.realtime_ns.checked_sub(stamp_realtime_ns)?;
        if age > MAX_STAMP_AGE.as_nanos() as u64 {
            return None;
        }
        self.monotonic_ns.checked_sub(age)
    }

    /// The wall-clock time of a monotonic moment near this pair.
    pub fn realtime_of(self, monotonic_ns: u64) -> u64 {
        if monotonic_ns <= self.monotonic_ns {
            self.realtime_ns.saturating_sub(self.monotonic_ns - monotonic_ns)
        } else {
            self.realtime_ns.saturating_add(monotonic_ns - self.monotonic_ns)
        }
    }
}

/// What the kernel knows about its own wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelClock {
    /// A program disciplines it, and did so recently (`STA_UNSYNC` clear, state not `TIME_ERROR`).
    pub synchronised: bool,
    /// Bound on the error, microseconds; grows by 500 a second without discipline.
    pub max_error_us: u64,
    /// Estimated error, microseconds, as the disciplining program reported it.
    pub estimated_error_us: u64,
    /// Seconds TAI is ahead of UTC, if the kernel knows.
    pub tai_offset_s: Option<i32>,
}

/// Asks the kernel about its wall clock; changes nothing and needs no privilege.
///
/// # Errors
/// The kernel's own, where a sandbox forbids the call.
pub fn kernel_clock() -> io::Result<KernelClock> {
    let (state, timex) = adjtimex()?;
    Ok(KernelClock {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        max_error_us: u64::try_from(timex.maxerror).unwrap_or(0),
        estimated_error_us: u64::try_from(timex.esterror).unwrap_or(0),
        tai_offset_s: (timex.tai != 0).then_some(timex.tai),
    })
}

fn wire_time_of_tai_ns(tai_ns: u64) -> u64 {
    let epoch_tai_ns = (EPOCH_2004_UNIX_S + LEAP_SECONDS_2004) * NS_PER_S;
    tai_ns.saturating_sub(epoch_tai_ns) / 1000
}

fn kernel_tai_offset_s() -> Option<i32> {
    kernel_clock().ok()?.tai_offset_s
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).expect("invariant: Linux has had these clocks since 3.10");
    u64::try_from(Duration::from(time).as_nanos()).unwrap_or(u64::MAX)
}

fn adjtimex() -> io::Result<(i32, libc::timex)> {
    // SAFETY: timex is plain integers, so all-zero is a value of it; zero `modes` means read only.
    let mut timex: libc::timex = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a live, exclusively borrowed timex, which is all adjtimex(2) asks.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok((state, timex)) }
}

/// Oldest packet stamp that is believed: far above any queueing, far below any setting of a clock
/// that matters.
pub const MAX_STAMP_AGE: Duration = Duration::from_secs(10);

const NS_PER_S: u64 = 1_000_000_000;
/// 2004-01-01T00:00:00 UTC in Unix seconds.
const EPOCH_2004_UNIX_S: u64 = 1_072_915_200;
/// TAI - UTC at that instant (IERS Bulletin C 30 held it from 1999-01-01).
const LEAP_SECONDS_2004: u64 = 32;
/// TAI - UTC since 2017-01-01 (IERS Bulletin C 52).
const LEAP_SECONDS_NOW: u64 = 37;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_time_starts_at_the_2004_epoch_and_counts_leap_seconds() {
        assert_eq!(wire_time_of_tai_ns((1_072_915_200 + 32) * NS_PER_S), 0);
        // 2026-01-01T00:00:00 UTC is Unix 1767225600, TAI 37 s further.
        let tai_ns = (1_767_225_600 + 37) * NS_PER_S;
        assert_eq!(wire_time_of_tai_ns(tai_ns), (1_767_225_600 - 1_072_915_200 + 5) * 1_000_000);
        assert_eq!(wire_time_of_tai_ns(0), 0);
    }

    #[test]
    fn wire_time_agrees_with_the_wall_clock() {
        let unix_us = realtime_ns() / 1000;
        let counted = wire_time_us() + EPOCH_2004_UNIX_S * 1_000_000;
        // 5 s if the offset is right; the kernel may have been given another one.
        assert!(counted > unix_us - 60_000_000 && counted < unix_us + 60_000_000);
    }

    #[test]
    fn a_stamp_converts_to_a_moment_before_the_pair() {
        let pair = ClockPair { monotonic_ns: 5_000_000, realtime_ns: 90_000_000 };
        assert_eq!(pair.monotonic_of(89_999_000), Some(4_999_000));
        assert_eq!(pair.monotonic_of(90_000_000), Some(5_000_000));
        assert_eq!(pair.realtime_of(4_999_000), 89_999_000);
        assert_eq!(pair.realtime_of(5_000_001), 90_000_001);
    }

    #[test]
    fn a_stamp_across_a_clock_setting_is_refused() {
        let pair = ClockPair { monotonic_ns: 100 * NS_PER_S, realtime_ns: 200 * NS_PER_S };
        assert_eq!(pair.monotonic_of(pair.realtime_ns + 1), None);
        assert_eq!(pair.monotonic_of(pair.realtime_ns - 11 * NS_PER_S), None);
        assert_eq!(ClockPair { monotonic_ns: 1, ..pair }.monotonic_of(pair.realtime_ns - 2), None);
    }

    #[test]
    fn the_kernel_answers_about_its_clock() {
        let clock = kernel_clock().unwrap();
        assert!(clock.tai_offset_s.is_none_or(|s| s > 0));
    }

    #[test]
    fn monotonic_time_does_not_go_back() {
        let first = monotonic_ns();
        assert!(monotonic_ns() >= first);
    }
}
