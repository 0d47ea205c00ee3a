//! What is known of the clock's error: the bounds that chrony and the kernel state, what they are worth now, and what spoils
//! them.

use core::time::Duration;

use radio_adapters::clock::KernelClock;
use v2x_core::{Anchor, Instant};

use super::bound::{KernelBound, NEVER_US, StatedBound, WATCHED};
use super::tracking::Tracking;
use super::wander::{KERNEL_PPB, Wander};

/// What there is to know at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The machine's running time and the wire clock.
    pub anchor: Anchor,
    /// How long the machine has slept since it started.
    pub slept: Duration,
    /// The kernel's report; `None` where it gives none.
    pub kernel: Option<KernelClock>,
    /// What chrony has answered since the last reading.
    pub chrony: Option<ChronyAnswer>,
}

/// An answer of chrony.
#[derive(Clone, Copy, Debug)]
pub struct ChronyAnswer {
    /// When it was asked, running time.
    pub asked: Instant,
    /// How long before this reading chrony measured the clock.
    pub measured_ago: Duration,
    /// What it says.
    pub tracking: Tracking,
}

impl ChronyAnswer {
    /// Most of the error is an offset that it knows and has not corrected yet.
    pub fn is_correcting(&self) -> bool {
        self.tracking.correction_s.abs() * 2e6 > self.tracking.error_us() as f64
    }
}

/// What chrony does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chrony {
    /// It keeps the clock.
    Follows,
    /// It follows nothing.
    Lost,
    /// It follows nothing and serves its own time.
    Local,
    /// It has not measured the clock since that was set or the machine slept.
    Stale,
}

/// What made earlier statements worthless, until there is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// The clock was set by this much.
    Set(Duration),
    /// The machine slept for so long.
    Slept(Duration),
}

/// Everything known.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    last: Option<Reading>,
    kernel: KernelBound,
    wander: Wander,
    /// The wander when a bound was stated last. Nothing changes the frequency of a clock that nothing keeps, so it seems to
    /// wander less and less.
    stated_wander_ppb: u64,
    chrony: Option<(StatedBound, u64)>,
    chrony_seen: Option<(Instant, Chrony, ChronyAnswer)>,
    disturbed: Option<(Instant, Disturbance)>,
}

impl Evidence {
    /// Takes a reading.
    pub fn take(&mut self, reading: &Reading) {
        let now = time_of(reading);
        self.notice_disturbance(reading, now);
        if let Some(clock) = reading.kernel {
            self.kernel.take(reading.anchor.instant, now, clock);
            if !is_slewing(clock) {
                self.wander.take(now, clock.frequency_ppb);
            }
        }
        if let Some(answer) = reading.chrony {
            self.take_answer(answer, reading.slept, now);
        }
        if self.kernel.stated().is_some() || self.chrony.is_some() {
            self.disturbed = None;
        }
        self.last = Some(*reading);
        if self.age().is_some_and(|age| age < JUST_STATED) {
            self.stated_wander_ppb = self.wander.drift_ppb();
        }
    }

    /// Bound on the clock's error at the last reading, microseconds; `None`: nothing is known.
    pub fn error_us(&self) -> Option<u64> {
        let now = self.now()?;
        let steady = match self.kernel_clock() {
            Some(_) => self.wander.drift_ppb().max(self.stated_wander_ppb),
            None => KERNEL_PPB,
        };
        let chrony = self.chrony.map(|(bound, drift_ppb)| bound.at_now(now, drift_ppb.max(LEAST_SKEW_PPB)));
        if self.chrony() == Some(Chrony::Follows) {
            // It knows better than the kernel, for which it writes.
            return chrony;
        }
        let chrony = self.chrony.map(|(bound, drift_ppb)| bound.at_now(now, drift_ppb.max(steady)));
        let drift_ppb = if self.kernel.was_kept() { steady } else { KERNEL_PPB };
        // What is being worked off is not in the bound that chrony writes.
        let stated = self.kernel.stated().filter(|_| !self.is_slewing());
        let kernel = stated.map(|bound| bound.at_now(now, drift_ppb));
        chrony.into_iter().chain(kernel).min()
    }

    /// Something keeps the clock at present.
    pub fn is_kept(&self) -> bool {
        self.chrony() == Some(Chrony::Follows)
            || self.kernel_clock().is_some()
                && self.kernel.is_kept()
                && self.age().is_some_and(|age| age < WATCHED)
    }

    /// Since the last statement of a bound.
    pub fn age(&self) -> Option<Duration> {
        let now = self.now()?;
        let bounds = self.kernel.stated().into_iter().chain(self.chrony.map(|(bound, _)| bound));
        bounds.map(|bound| bound.age(now)).min()
    }

    /// A bound was stated while this program watched.
    pub fn has_seen_poll(&self) -> bool {
        self.chrony.is_some() || self.kernel.was_written()
    }

    /// What chrony does, if it has answered lately.
    pub fn chrony(&self) -> Option<Chrony> {
        let now = self.now()?;
        self.chrony_seen.filter(|(at, ..)| now.since(*at) < ANSWER_LASTS).map(|(_, chrony, _)| chrony)
    }

    /// Its last answer.
    pub fn chrony_answer(&self) -> Option<ChronyAnswer> {
        self.chrony_seen.map(|(.., answer)| answer)
    }

    /// The kernel's last report.
    pub fn kernel_clock(&self) -> Option<KernelClock> {
        self.last.as_ref().and_then(|reading| reading.kernel)
    }

    /// A program keeps the clock and states a bound, and the kernel calls it unsynchronised.
    pub fn is_unflagged(&self) -> bool {
        self.is_kept()
            && self.kernel_clock().is_some_and(|clock| !clock.flagged && clock.max_error_us < NEVER_US)
    }

    /// Something changes the clock's frequency.
    pub fn is_steered(&self) -> bool {
        self.wander.is_steered() || self.kernel_clock().is_some_and(|clock| clock.kernel_steers)
    }

    /// An offset is being worked off, of unknown size.
    pub fn is_slewing(&self) -> bool {
        self.kernel_clock().is_some_and(is_slewing)
    }

    /// The machine's running time at the last reading.
    pub fn running(&self) -> Option<Instant> {
        self.last.as_ref().map(|reading| reading.anchor.instant)
    }

    /// What has spoilt the evidence, until there is new.
    pub fn disturbed(&self) -> Option<Disturbance> {
        self.disturbed.map(|(_, disturbance)| disturbance)
    }

    fn now(&self) -> Option<Instant> {
        self.last.as_ref().map(time_of)
    }

    fn notice_disturbance(&mut self, reading: &Reading, now: Instant) {
        let Some(last) = &self.last else { return };
        let slept = reading.slept.saturating_sub(last.slept);
        let elapsed = now.since(time_of(last));
        let ran = reading.anchor.wire.since(last.anchor.wire);
        let back = last.anchor.wire.since(reading.anchor.wire);
        let moved = if back > Duration::ZERO { back + elapsed } else { ran.abs_diff(elapsed) };
        if slept > LEAST_SLEEP {
            // How long it slept is known to a second only where the oscillator slept too.
            self.disturb(now, reading, Disturbance::Slept(slept), false);
        } else if moved > MAX_STEP {
            match reading.kernel {
                // The kernel forgets the bound of a clock that is set, so this one was slewed, as chrony does.
                Some(clock)
                    if self.kernel.expects(reading.anchor.instant, clock)
                        && clock.max_error_us < NEVER_US => {}
                Some(clock) => {
                    self.disturb(now, reading, Disturbance::Set(moved), clock.max_error_us < NEVER_US);
                }
                None => self.disturb(now, reading, Disturbance::Set(moved), false),
            }
        }
    }

    /// What the kernel says now was `written_since` if it differs from what it says of a clock that was just set.
    fn disturb(&mut self, now: Instant, reading: &Reading, disturbance: Disturbance, written_since: bool) {
        self.chrony = None;
        self.kernel.forget(reading.anchor.instant, reading.kernel, written_since);
        self.disturbed = Some((now, disturbance));
    }

    fn take_answer(&mut self, answer: ChronyAnswer, slept: Duration, now: Instant) {
        let asked = answer.asked + slept;
        let measured = (now - answer.measured_ago) + MEASURED_SLACK;
        let tracking = &answer.tracking;
        // A measurement that lies ahead: the clock was set back since, perhaps before this program started.
        let set_back = answer.measured_ago == Duration::MAX;
        let stale = set_back || self.disturbed.is_some_and(|(at, _)| asked < at || measured < at);
        let chrony = match tracking {
            Tracking { synchronised: false, .. } => Chrony::Lost,
            local if local.is_local() => Chrony::Local,
            _ if stale => Chrony::Stale,
            _ => Chrony::Follows,
        };
        self.chrony_seen = Some((now, chrony, answer));
        if chrony == Chrony::Follows {
            self.chrony =
                Some((StatedBound { at: asked, error_us: tracking.error_us() }, tracking.drift_ppb()));
        }
    }
}

fn is_slewing(clock: KernelClock) -> bool {
    clock.frequency_ppb.unsigned_abs() > MOST_FREQUENCY_PPB
}

/// Running time that goes on while the machine sleeps.
fn time_of(reading: &Reading) -> Instant {
    reading.anchor.instant + reading.slept
}

/// A wire clock that moves this far within a second was set or is slewed.
const MAX_STEP: Duration = Duration::from_millis(10);
/// Below that it was a reading that was interrupted.
const LEAST_SLEEP: Duration = Duration::from_secs(1);
/// No oscillator is off by twice the 500 ppm that the kernel's fine correction covers.
const MOST_FREQUENCY_PPB: u64 = 1_000_000;
/// A statement this young was made between this reading and the last.
const JUST_STATED: Duration = Duration::from_secs(5);
/// chrony sets the clock right behind a measurement, not with it.
const MEASURED_SLACK: Duration = Duration::from_secs(2);
/// Least drift between two answers of chrony, ppb: what it assumes itself (`maxclockerror`).
const LEAST_SKEW_PPB: u64 = 1_000;
/// After this long without an answer chronyd counts as gone; it is asked every four seconds.
const ANSWER_LASTS: Duration = Duration::from_secs(15);
