//! How far the machine's clock may be trusted: what the kernel reports, and whether positions agree.
//!
//! Locked while the kernel reports that something disciplines the clock and bounds its error under [`LOCKED_ERROR_US`].
//! When that ends, held over: the bound grows by `DRIFT_PPM`, and the station signs by the clock until the bound
//! reaches [`HOLDOVER_ERROR_US`]. Untrusted otherwise, and whatever the kernel reports while the times of fixes lie
//! more than [`MAX_DISAGREEMENT`] off: one of the two is wrong, and a station cannot know which.

use core::time::Duration;

use radio_adapters::clock::KernelClock;
use v2x_core::{ClockState, Instant, WireTime};

use crate::config::ClockTrust;

/// Judges a clock over time. Reads no clock itself: every reading is an argument.
#[derive(Clone, Debug)]
pub struct Timekeeper {
    trust: ClockTrust,
    state: ClockState,
    locked: Option<Bound>,
    fixes: Fixes,
    news: Option<Disagreement>,
}

/// How far the clock and the positions' times lie apart, or that they agree again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// The clock is ahead of the fixes (or they are late) by this much.
    Ahead(Duration),
    /// The clock is behind the fixes by this much.
    Behind(Duration),
    /// No longer.
    Resolved,
}

/// The error of the clock was at most this when it was last locked.
#[derive(Clone, Copy, Debug)]
struct Bound {
    at: Instant,
    error_us: u64,
}

/// Fixes in a row that contradict the current belief.
#[derive(Clone, Copy, Debug, Default)]
struct Fixes {
    disagree: bool,
    contrary: u8,
}

impl Timekeeper {
    /// Untrusted until the first reading.
    pub fn new(trust: ClockTrust) -> Self {
        Self { trust, state: ClockState::Untrusted, locked: None, fixes: Fixes::default(), news: None }
    }

    /// Takes the kernel's report at `now`; `None` when there is none. `step` is how far the wire clock has moved
    /// against the machine's own since the last reading.
    pub fn read(&mut self, now: Instant, kernel: Option<KernelClock>, step: Duration) -> ClockState {
        self.state = match self.trust {
            ClockTrust::Always => ClockState::Locked,
            ClockTrust::Kernel => self.judge(now, kernel, step),
        };
        self.state
    }

    /// Takes the time of a fix that came at `wire` by our clock.
    pub fn fix(&mut self, time: WireTime, wire: WireTime) {
        let (ahead, behind) = (wire.since(time), time.since(wire));
        let disagrees = ahead.max(behind) > MAX_DISAGREEMENT;
        if disagrees == self.fixes.disagree {
            self.fixes.contrary = 0;
            return;
        }
        self.fixes.contrary += 1;
        if self.fixes.contrary >= CONTRARY_FIXES {
            self.fixes = Fixes { disagree: disagrees, contrary: 0 };
            self.news = Some(match disagrees {
                false => Disagreement::Resolved,
                true if ahead > behind => Disagreement::Ahead(ahead),
                true => Disagreement::Behind(behind),
            });
        }
    }

    /// Whether positions began or ceased to disagree with the clock since the last call. Always quiet when the
    /// configuration trusts the clock whatever happens.
    pub fn take_news(&mut self) -> Option<Disagreement> {
        self.news.take().filter(|_| self.trust == ClockTrust::Kernel)
    }

    /// Why the clock is not trusted, in words for the status line.
    pub fn silence(&self) -> String {
        "the clock is not synchronised (run chrony or ptp4l; in a laboratory set clock.trust = \"always\")"
            .to_owned()
    }

    /// The last judgement.
    pub fn state(&self) -> ClockState {
        self.state
    }

    fn judge(&mut self, now: Instant, kernel: Option<KernelClock>, step: Duration) -> ClockState {
        let disciplined = kernel.filter(|clock| clock.synchronised).map(|clock| clock.max_error_us);
        if let Some(error_us) = disciplined.filter(|error_us| *error_us < LOCKED_ERROR_US) {
            self.locked = Some(Bound { at: now, error_us });
        } else if self.locked.is_some_and(|bound| bound.at_now(now) >= HOLDOVER_ERROR_US) || step > MAX_STEP {
            // Set by hand while nothing disciplined it: the bound no longer means anything.
            self.locked = None;
        }
        match self.locked {
            _ if self.fixes.disagree => ClockState::Untrusted,
            Some(bound) if bound.at == now => ClockState::Locked,
            Some(_) => ClockState::Holdover,
            None => ClockState::Untrusted,
        }
    }
}

impl Bound {
    fn at_now(self, now: Instant) -> u64 {
        let grown = now.since(self.at).as_micros() * DRIFT_PPM / 1_000_000;
        self.error_us.saturating_add(u64::try_from(grown).unwrap_or(u64::MAX))
    }
}

/// Largest error of a locked clock. Receivers accept 220 ms from the future: two stations that are each less than
/// 100 ms off, one ahead and one behind, still hear each other.
pub const LOCKED_ERROR_US: u64 = 100_000;
/// Largest error of a clock held over: half of the 220 ms.
pub const HOLDOVER_ERROR_US: u64 = 110_000;
/// Growth of the bound without discipline: the 500 ppm by which the kernel lets `maxerror` grow (`adjtimex`).
const DRIFT_PPM: u128 = 500;
/// A wire clock that nothing disciplines and that still jumps this far within a second was set by hand.
const MAX_STEP: Duration = Duration::from_millis(10);
/// A fix is true up to half a second before it comes over a slow line; beyond a second one of the clocks is wrong.
pub const MAX_DISAGREEMENT: Duration = Duration::from_secs(1);
/// This many fixes in a row change the belief; a single one that waited in a buffer does not.
const CONTRARY_FIXES: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: Duration = Duration::ZERO;

    fn kernel(synchronised: bool, max_error_us: u64) -> Option<KernelClock> {
        Some(KernelClock { synchronised, max_error_us, estimated_error_us: 0, tai_offset_s: Some(37) })
    }

    fn secs(secs: u64) -> Instant {
        Instant::from_millis(secs * 1000)
    }

    fn wire(millis: u64) -> WireTime {
        WireTime::from_micros(720_000_000_000_000 + millis * 1000)
    }

    #[test]
    fn a_clock_is_locked_while_the_kernel_bounds_its_error() {
        let mut keeper = Timekeeper::new(ClockTrust::Kernel);
        assert_eq!(keeper.state(), ClockState::Untrusted);
        assert_eq!(keeper.read(secs(0), kernel(true, 100_000), STILL), ClockState::Untrusted, "too vague");
        assert_eq!(keeper.read(secs(1), kernel(true, 99_999), STILL), ClockState::Locked);
        assert_eq!(keeper.read(secs(2), kernel(true, 16_000_000), STILL), ClockState::Holdover);
        assert_eq!(keeper.read(secs(3), kernel(true, 5_000), STILL), ClockState::Locked);
    }

    #[test]
    fn a_clock_never_locked_is_not_held_over() {
        let mut keeper = Timekeeper::new(ClockTrust::Kernel);
        for s in 0..10 {
            assert_eq!(keeper.read(secs(s), kernel(false, 0), STILL), ClockState::Untrusted);
        }
        assert_eq!(keeper.read(secs(10), None, STILL), ClockState::Untrusted);
    }

    #[test]
    fn holdover_ends_when_the_bound_has_grown_to_its_limit() {
        let mut keeper = Timekeeper::new(ClockTrust::Kernel);
        keeper.read(secs(0), kernel(true, 10_000), STILL);
        // 100 ms more at 500 us a second: 200 s.
        assert_eq!(keeper.read(secs(199), kernel(false, 16_000_000), STILL), ClockState::Holdover);
        assert_eq!(keeper.read(secs(200), kernel(false, 16_000_000), STILL), ClockState::Untrusted);
        assert_eq!(keeper.read(secs(201), kernel(false, 0), STILL), ClockState::Untrusted, "for good");
        assert_eq!(keeper.read(secs(202), kernel(true, 10_000), STILL), ClockState::Locked);
    }

    #[test]
    fn a_clock_set_by_hand_is_not_held_over() {
        let mut keeper = Timekeeper::new(ClockTrust::Kernel);
        keeper.read(secs(0), kernel(true, 1_000), STILL);
        let stepped = Duration::from_secs(3600);
        assert_eq!(keeper.read(secs(1), kernel(false, 16_000_000), stepped), ClockState::Untrusted);
        // A disciplined clock may step: the program that disciplines it knows.
        assert_eq!(keeper.read(secs(2), kernel(true, 1_000), stepped), ClockState::Locked);
    }

    #[test]
    fn fixes_that_disagree_end_the_trust_and_are_told_once() {
        let mut keeper = Timekeeper::new(ClockTrust::Kernel);
        keeper.read(secs(0), kernel(true, 1_000), STILL);
        keeper.fix(wire(0), wire(5_000));
        keeper.fix(wire(5_100), wire(5_200));
        assert_eq!((keeper.take_news(), keeper.fixes.disagree), (None, false), "one that waited in a buffer");
        for n in 0..5 {
            keeper.fix(wire(n * 100), wire(n * 100 + 1_001));
        }
        assert_eq!(keeper.take_news(), Some(Disagreement::Ahead(Duration::from_millis(1_001))));
        assert_eq!(keeper.take_news(), None);
        assert_eq!(keeper.read(secs(1), kernel(true, 1_000), STILL), ClockState::Untrusted);
        for n in 0..3 {
            keeper.fix(wire(n * 100), wire(n * 100 + 1_000));
        }
        assert_eq!(keeper.take_news(), Some(Disagreement::Resolved));
        assert_eq!(keeper.read(secs(2), kernel(true, 1_000), STILL), ClockState::Locked);
    }

    #[test]
    fn a_laboratory_s_clock_is_trusted_whatever_happens() {
        let mut keeper = Timekeeper::new(ClockTrust::Always);
        for n in 0..5 {
            keeper.fix(wire(n), wire(n + 86_400_000));
        }
        assert_eq!(keeper.read(secs(1), None, Duration::from_secs(9)), ClockState::Locked);
        assert_eq!(keeper.take_news(), None);
    }
}
