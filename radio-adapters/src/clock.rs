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
/// count that ignores leap seconds. The offset is the kernel's when it can be right, otherwise the 37 s in force
/// since 2017-01-01: see [`TaiOffset`]. Right only as far as the machine's clock is: see [`kernel_clock`].
pub fn wire_time_us() -> u64 {
    let mut offset = tai_offset_s();
    loop {
        let realtime_ns = realtime_ns();
        // At a leap second both change at one moment, which may lie between the readings.
        let before = mem::replace(&mut offset, tai_offset_s());
        if before == offset {
            let tai_ns = realtime_ns.saturating_add_signed(i64::from(offset) * NS_PER_S as i64);
            return wire_time_of_tai_ns(tai_ns);
        }
    }
}

/// How long the machine has slept since it started: `CLOCK_BOOTTIME`, which runs in suspend, less `CLOCK_MONOTONIC`,
/// which does not. Changes by less than a millisecond while the machine is awake.
pub fn slept() -> Duration {
    // The least of three: being preempted between the two readings looks like sleep.
    let once = || {
        let monotonic_ns = monotonic_ns();
        read(ClockId::CLOCK_BOOTTIME).saturating_sub(monotonic_ns)
    };
    Duration::from_nanos(once().min(once()).min(once()))
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
    /// A program says that it disciplines the clock (`STA_UNSYNC` clear, state not `TIME_ERROR`). Programs may discipline it
    /// and not say so: chrony without `rtcsync`.
    pub flagged: bool,
    /// Bound on the error, microseconds, as a program wrote it and 500 more for each second since; 16,000,000 when nobody
    /// wrote one, or the clock was set.
    pub max_error_us: u64,
    /// Estimated error, microseconds, as the disciplining program wrote it; does not grow.
    pub estimated_error_us: u64,
    /// By how much the oscillator's frequency is corrected, parts in 1,000,000,000.
    pub frequency_ppb: i64,
    /// The kernel's own control loop steers (`STA_PLL`), as timesyncd and ntpd want it; chrony and phc2sys steer themselves.
    pub kernel_steers: bool,
    /// Seconds TAI is ahead of UTC, as far as the kernel knows.
    pub tai_offset: TaiOffset,
}

/// What the kernel says of TAI - UTC. Only a program that knows sets it: chrony with `leapsectz`, ntpd with a leap file,
/// ptp4l and phc2sys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaiOffset {
    /// Set, and possible: 37 s or more.
    Set(i32),
    /// Not set since the machine started; the kernel has counted this many leap seconds itself.
    Unset(i32),
    /// Set to a value that was in force before 2017, or never: a wrong setting, which is not used.
    Wrong(i32),
}

impl TaiOffset {
    /// Judges `timex.tai`.
    pub fn of_kernel(tai_s: i32) -> Self {
        match tai_s {
            LEAP_SECONDS_NOW..=MOST_LEAP_SECONDS => Self::Set(tai_s),
            counted if counted.unsigned_abs() <= MOST_COUNTED => Self::Unset(counted),
            wrong => Self::Wrong(wrong),
        }
    }

    /// The seconds to use.
    pub fn seconds(self) -> i32 {
        match self {
            Self::Set(seconds) => seconds,
            Self::Unset(counted) => LEAP_SECONDS_NOW + counted,
            Self::Wrong(_) => LEAP_SECONDS_NOW,
        }
    }
}

/// Asks the kernel about its wall clock; changes nothing and needs no privilege.
///
/// # Errors
/// The kernel's own, where a sandbox forbids the call.
pub fn kernel_clock() -> io::Result<KernelClock> {
    let (state, timex) = adjtimex()?;
    let unsigned = |value| u64::try_from(value).unwrap_or(u64::MAX);
    Ok(KernelClock {
        flagged: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        max_error_us: unsigned(timex.maxerror),
        estimated_error_us: unsigned(timex.esterror),
        frequency_ppb: frequency_ppb(timex.freq, timex.tick),
        kernel_steers: timex.status & libc::STA_PLL != 0,
        tai_offset: TaiOffset::of_kernel(timex.tai),
    })
}

/// `freq` is in units of 2^-16 ppm; `tick` in microseconds per hundredth of a second, where one more is 100 ppm.
fn frequency_ppb(freq: i64, tick: i64) -> i64 {
    let fine = i128::from(freq) * 1000 / 65_536;
    let coarse = (i128::from(tick) - NOMINAL_TICK_US) * 100_000;
    i64::try_from(fine + coarse).unwrap_or(i64::MAX)
}

fn tai_offset_s() -> i32 {
    kernel_clock().map_or(LEAP_SECONDS_NOW, |clock| clock.tai_offset.seconds())
}

fn wire_time_of_tai_ns(tai_ns: u64) -> u64 {
    let epoch_tai_ns = (EPOCH_2004_UNIX_S + LEAP_SECONDS_2004) * NS_PER_S;
    tai_ns.saturating_sub(epoch_tai_ns) / 1000
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
const LEAP_SECONDS_NOW: i32 = 37;
/// A dozen leap seconds ahead; at the pace of 1972 to 2017 that is 2037.
const MOST_LEAP_SECONDS: i32 = 49;
/// The kernel counts leap seconds from 0 while nobody sets the offset; so many while a machine is up is more than ever was.
const MOST_COUNTED: u32 = 3;
/// 10 ms at 100 ticks a second, the kernel's `USER_HZ`.
const NOMINAL_TICK_US: i128 = 10_000;

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
        assert!(clock.tai_offset.seconds() >= 34);
        assert!(slept() < Duration::from_secs(100 * 366 * 86_400));
    }

    #[test]
    fn an_offset_to_tai_that_cannot_be_right_is_not_used() {
        for (kernel, offset, seconds) in [
            (37, TaiOffset::Set(37), 37),
            (38, TaiOffset::Set(38), 38),
            (0, TaiOffset::Unset(0), 37),
            // A leap second went by while nobody had set the offset: the kernel counts it.
            (1, TaiOffset::Unset(1), 38),
            (-1, TaiOffset::Unset(-1), 36),
            (36, TaiOffset::Wrong(36), 37),
            (10, TaiOffset::Wrong(10), 37),
            (i32::MIN, TaiOffset::Wrong(i32::MIN), 37),
            (3600, TaiOffset::Wrong(3600), 37),
        ] {
            assert_eq!(TaiOffset::of_kernel(kernel), offset);
            assert_eq!(offset.seconds(), seconds, "{kernel}");
        }
    }

    #[test]
    fn frequency_is_the_fine_and_the_coarse_correction() {
        assert_eq!(frequency_ppb(65_536, 10_000), 1000);
        assert_eq!(frequency_ppb(-32_768, 10_001), 99_500);
        assert_eq!(frequency_ppb(i64::MAX, i64::MAX), i64::MAX);
    }

    #[test]
    fn monotonic_time_does_not_go_back() {
        let first = monotonic_ns();
        assert!(monotonic_ns() >= first);
    }
}
