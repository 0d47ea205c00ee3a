//! The bound on the clock's error: as a program stated it last, and grown since by what the oscillator drifts.

use core::time::Duration;

use radio_adapters::clock::KernelClock;
use v2x_core::Instant;

use super::wander::KERNEL_PPB;

/// At `at` the clock was at most `error_us` microseconds off. Times here run while the machine sleeps too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatedBound {
    /// When it was stated.
    pub at: Instant,
    /// The error then.
    pub error_us: u64,
}

impl StatedBound {
    /// The bound at `now`, microseconds: grown by `drift_ppb` for an hour, which is as long as the drift was watched, and as
    /// the kernel's own bound after that.
    pub fn at_now(self, now: Instant, drift_ppb: u64) -> u64 {
        let age = now.since(self.at);
        let watched = growth_us(age.min(WATCHED), drift_ppb);
        let unwatched = growth_us(age.saturating_sub(WATCHED), KERNEL_PPB);
        self.error_us.saturating_add(watched).saturating_add(unwatched)
    }

    /// Time since it was stated.
    pub fn age(self, now: Instant) -> Duration {
        now.since(self.at)
    }
}

/// The bound that programs write into the kernel (`maxerror`), and when they last did.
#[derive(Clone, Debug, Default)]
pub struct KernelBound {
    /// The last reading that a program's writing explains, and its time awake.
    base: Option<(Instant, u64)>,
    read: Option<Instant>,
    flagged: bool,
    stated: Option<StatedBound>,
    withdrawn: bool,
    refreshed: bool,
    seen_written: bool,
    kept_once: bool,
}

impl KernelBound {
    /// Takes the kernel's report at `awake`, time that does not run in sleep, and `now`, which does. True when a program wrote the
    /// bound since the last report.
    ///
    /// The kernel adds 500 us in each second, awake. A reading below that, or above, was written.
    pub fn take(&mut self, awake: Instant, now: Instant, clock: KernelClock) -> bool {
        if core::mem::replace(&mut self.flagged, clock.flagged) && !clock.flagged {
            // The program that kept the clock says that it no longer does.
            self.refreshed = false;
        }
        let gap = self.read.replace(awake).map(|read| awake.since(read));
        let value = clock.max_error_us.min(NEVER_US);
        if self.expects(awake, clock) {
            return false;
        }
        let first = self.base.is_none();
        self.base = Some((awake, value));
        let since_zero = Duration::from_secs(value / TICK_US);
        // 16 s: nobody. 10 s: a program that lost its source takes back what it said. 0 without the flag: neither says anything.
        self.withdrawn = value >= WITHDRAWN_US || (value == 0 && !clock.flagged);
        if self.withdrawn {
            return false;
        }
        if first && clock.flagged && clock.estimated_error_us == 0 && value.is_multiple_of(TICK_US) {
            // Whole steps from nothing, with no estimate: timesyncd wrote 0 so many seconds ago.
            self.stated = Some(StatedBound { at: now - since_zero, error_us: NO_BOUND_US });
        } else if since_zero <= gap.unwrap_or_default() + Duration::from_secs(1) {
            self.stated = Some(StatedBound { at: now, error_us: NO_BOUND_US });
        } else {
            self.stated = Some(StatedBound { at: now, error_us: value });
        }
        self.refreshed |= !first;
        self.seen_written |= !first;
        self.kept_once |= self.is_kept();
        !first
    }

    /// The report is what the kernel's own growth has made of the one before, at `awake`.
    pub fn expects(&self, awake: Instant, clock: KernelClock) -> bool {
        self.base.is_some_and(|(at, base)| {
            let age = awake.since(at);
            let expected = base.saturating_add(growth_us(age, KERNEL_PPB)).min(NEVER_US);
            // The kernel's seconds are the wall clock's, which chrony stretches by a tenth at most.
            let slack = TICKS_US + growth_us(age, KERNEL_PPB) / 10;
            clock.max_error_us.min(NEVER_US).abs_diff(expected) <= slack
        })
    }

    /// A program says that it keeps the clock, or was seen writing a bound; else the clock may have been set once and left
    /// alone.
    pub fn is_kept(&self) -> bool {
        (self.flagged || self.refreshed) && !self.is_withdrawn()
    }

    /// A program was seen writing it.
    pub fn was_written(&self) -> bool {
        self.seen_written
    }

    /// A program has kept it, so that its frequency is right, and may have ceased to.
    pub fn was_kept(&self) -> bool {
        self.kept_once
    }

    /// What a program stated last, if the clock has kept time since.
    pub fn stated(&self) -> Option<StatedBound> {
        self.stated
    }

    /// Nobody states a bound at present: never, or taken back.
    pub fn is_withdrawn(&self) -> bool {
        self.base.is_none() || self.withdrawn
    }

    /// The clock was set, or the machine slept: what was stated before says nothing. The reading `clock` counts as written
    /// after it if `written_since`, and else as known and worthless.
    pub fn forget(&mut self, awake: Instant, clock: Option<KernelClock>, written_since: bool) {
        self.stated = None;
        self.withdrawn = true;
        (self.refreshed, self.kept_once) = (false, false);
        self.base = clock.filter(|_| !written_since).map(|clock| (awake, clock.max_error_us.min(NEVER_US)));
    }
}

fn growth_us(age: Duration, ppb: u64) -> u64 {
    u64::try_from(age.as_micros() * u128::from(ppb) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// The kernel's `NTP_PHASE_LIMIT`: no program has written a bound since the clock was set. timedated calls a clock
/// synchronised below it.
pub const NEVER_US: u64 = 16_000_000;
/// chrony writes 10 s when it follows nothing. Two seconds are no bound either, but something states them.
const WITHDRAWN_US: u64 = 10_000_000;
/// What a bound of 0 stands for, which timesyncd, ptp4l and phc2sys write whatever the error is: what NTP over a cellular
/// network attains.
pub const NO_BOUND_US: u64 = 20_000;
/// What the kernel adds to the bound a second.
const TICK_US: u64 = 500;
/// Two such steps may fall into the wrong reading.
const TICKS_US: u64 = 2 * TICK_US;
/// The hour over which drift is watched.
pub const WATCHED: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use radio_adapters::clock::TaiOffset;

    use super::*;

    fn clock(flagged: bool, max_error_us: u64, estimated_error_us: u64) -> KernelClock {
        KernelClock {
            flagged,
            max_error_us,
            estimated_error_us,
            frequency_ppb: 0,
            kernel_steers: false,
            tai_offset: TaiOffset::Unset(0),
        }
    }

    fn secs(secs: u64) -> Instant {
        Instant::from_millis(secs * 1000)
    }

    /// Feeds one reading a second and returns the seconds in which something was written.
    fn run(readings: impl Iterator<Item = u64>) -> (KernelBound, Vec<u64>) {
        let mut bound = KernelBound::default();
        let mut written = Vec::new();
        for (second, value) in (100..).zip(readings) {
            if bound.take(secs(second), secs(second), clock(true, value, 7)) {
                written.push(second - 100);
            }
        }
        (bound, written)
    }

    #[test]
    fn a_bound_that_only_grows_as_the_kernel_makes_it_was_not_written() {
        let (bound, written) = run((0..900).map(|s| 15_000 + 500 * s));
        assert_eq!(written, Vec::<u64>::new());
        assert_eq!(bound.stated(), Some(StatedBound { at: secs(100), error_us: 15_000 }));
    }

    #[test]
    fn a_bound_that_falls_or_jumps_was_written_now() {
        let (bound, written) =
            run((0..900).map(|s| if s < 512 { 15_007 + 500 * s } else { 17_007 + 500 * (s - 512) }));
        assert_eq!(written, [512]);
        assert_eq!(bound.stated(), Some(StatedBound { at: secs(612), error_us: 17_007 }));
        let (bound, written) = run((0..20).map(|s| if s < 10 { 5_000 } else { 60_000 } + 500 * s));
        assert_eq!(written, [10], "a worse one is believed as well");
        assert_eq!(bound.stated(), Some(StatedBound { at: secs(110), error_us: 65_000 }));
    }

    #[test]
    fn a_bound_that_stands_still_is_written_all_the_time() {
        let (bound, written) = run((0..60).map(|_| 5_000));
        assert!(written.len() >= 15, "{written:?}");
        assert!(bound.stated().unwrap().age(secs(160)) < Duration::from_secs(5));
    }

    #[test]
    fn a_bound_of_zero_is_none_whatever_the_second_it_is_read_in() {
        for seen in [0, 12, 500, 1_000] {
            let (bound, _) = run([90_000, seen].into_iter());
            assert_eq!(bound.stated(), Some(StatedBound { at: secs(101), error_us: NO_BOUND_US }), "{seen}");
        }
        let (bound, written) = run((0..60).map(|s| 500 * (s % 2)));
        assert!(written.len() > 10, "phc2sys writes it every second: {written:?}");
        assert_eq!(bound.stated().unwrap().error_us, NO_BOUND_US);
    }

    #[test]
    fn a_start_in_the_middle_of_a_poll_interval_of_timesyncd_knows_when_the_last_poll_was() {
        let mut bound = KernelBound::default();
        bound.take(secs(5_000), secs(5_000), clock(true, 500_000, 0));
        assert_eq!(bound.stated(), Some(StatedBound { at: secs(4_000), error_us: NO_BOUND_US }));
        // Without the marks of timesyncd it is what it says.
        let mut bound = KernelBound::default();
        bound.take(secs(5_000), secs(5_000), clock(true, 500_000, 9));
        assert_eq!(bound.stated(), Some(StatedBound { at: secs(5_000), error_us: 500_000 }));
    }

    #[test]
    fn nobody_has_stated_sixteen_seconds_and_ten_are_taken_back() {
        let (bound, _) = run([NEVER_US; 5].into_iter());
        assert!(bound.is_withdrawn() && bound.stated().is_none());
        let (bound, _) = run([5_000, 5_500, 10_000_000, 10_000_500].into_iter());
        assert!(bound.is_withdrawn());
        assert_eq!(bound.stated(), Some(StatedBound { at: secs(100), error_us: 5_000 }), "good for holdover");
    }

    #[test]
    fn sleep_ages_a_bound_and_is_not_taken_for_a_refresh() {
        let mut bound = KernelBound::default();
        bound.take(secs(10), secs(10), clock(true, 5_003, 7));
        assert!(!bound.take(secs(11), secs(7_211), clock(true, 5_503, 7)));
        assert_eq!(bound.stated().unwrap().age(secs(7_211)), Duration::from_secs(7_201));
    }

    #[test]
    fn growth_is_the_drift_for_an_hour_and_the_kernel_s_after_it() {
        let bound = StatedBound { at: secs(0), error_us: 20_000 };
        assert_eq!(bound.at_now(secs(2_048), 1_000), 22_048);
        assert_eq!(bound.at_now(secs(3_600), 10_000), 56_000);
        assert_eq!(bound.at_now(secs(3_700), 10_000), 106_000);
        assert_eq!(bound.at_now(Instant::FAR_FUTURE, KERNEL_PPB) / 1_000_000, 18_446_744_073 / 2_000);
    }
}
