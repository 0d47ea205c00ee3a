//! How far the machine's clock may be trusted: what chrony and the kernel report, and whether positions agree.
//!
//! Locked while something keeps the clock and bounds its error under [`LOCKED_ERROR_US`]: the bound as it was stated last,
//! and grown since by what the oscillator drifts. Held over when nothing keeps it any more, and the station signs by the clock
//! until the bound reaches [`HOLDOVER_ERROR_US`]. Untrusted otherwise, and whatever else is reported while the times of fixes
//! contradict the clock: one of the two is wrong, and a station cannot know which. Fixes that only come late are no contradiction.

mod bound;
pub mod evidence;
pub mod fix_times;
pub mod tracking;
mod wander;
mod words;

use core::time::Duration;

use radio_adapters::clock::TaiOffset;
use v2x_core::{ClockState, Instant, WireTime};

use self::evidence::{Chrony, Evidence, Reading};
use self::fix_times::{Agreement, FixTimes};
use crate::config::ClockTrust;

/// Judges a clock over time. Reads no clock itself: every reading is an argument.
#[derive(Clone, Debug)]
pub struct Timekeeper {
    trust: ClockTrust,
    /// Speed of the line that fixes come by, where this program opened it.
    baud: Option<u32>,
    state: ClockState,
    evidence: Evidence,
    fixes: FixTimes,
    last_fix: Option<Instant>,
    news: News,
}

/// What is to be told, and what was.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    agreement: bool,
    /// Whether chrony kept the clock when it was told last.
    chrony_keeps: bool,
    /// Chrony began or ceased to, not for the first time.
    chrony: bool,
    chrony_ceased: bool,
    unflagged: Told,
    tai: Told,
}

/// Told once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    No,
    Due,
    Yes,
}

impl Timekeeper {
    /// Untrusted until the first reading. `baud` is the speed of the serial line that positions come by, if it is one.
    pub fn new(trust: ClockTrust, baud: Option<u32>) -> Self {
        Self {
            trust,
            baud,
            state: ClockState::Untrusted,
            evidence: Evidence::default(),
            fixes: FixTimes::default(),
            last_fix: None,
            news: News::default(),
        }
    }

    /// Takes what there is to know of the clock.
    pub fn read(&mut self, reading: &Reading) -> ClockState {
        self.evidence.take(reading);
        self.state = match self.trust {
            ClockTrust::Always => ClockState::Locked,
            ClockTrust::Kernel => self.judge(),
        };
        let keeps = self.evidence.chrony() == Some(Chrony::Follows);
        let kept = core::mem::replace(&mut self.news.chrony_keeps, keeps);
        if kept != keeps && self.trust == ClockTrust::Kernel {
            // The first time is no news; nor is a change that was undone before it was told.
            self.news.chrony = (kept || self.news.chrony_ceased) && !self.news.chrony;
            self.news.chrony_ceased |= kept;
        }
        if self.evidence.is_unflagged() && self.trust == ClockTrust::Kernel {
            self.news.unflagged.due();
        }
        if reading.kernel.is_some_and(|clock| matches!(clock.tai_offset, TaiOffset::Wrong(_))) {
            self.news.tai.due();
        }
        self.state
    }

    /// Takes the time of a fix that came at `received`, which is `wire` by our clock.
    pub fn fix(&mut self, time: WireTime, wire: WireTime, received: Instant) {
        self.last_fix = Some(received);
        self.news.agreement |= self.fixes.take(time, wire, received);
    }

    /// Lines about the clock since the last call: fixes that come late, disagree or agree again; chrony that ceased to keep the
    /// clock; and once each, that it is kept but not flagged, and that its offset to TAI is wrong.
    pub fn take_news(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        if core::mem::take(&mut self.news.agreement) {
            lines.push(words::agreement(self.fixes.belief(), self.trust, self.baud));
        }
        if core::mem::take(&mut self.news.chrony) {
            lines.push(words::chrony(&self.evidence));
        }
        if self.news.unflagged.take() {
            lines.push(words::unflagged(&self.evidence));
        }
        if let Some(clock) = self.evidence.kernel_clock().filter(|_| self.news.tai.take()) {
            lines.push(words::tai(clock.tai_offset));
        }
        lines
    }

    /// Why the clock is not trusted, in words for the status line.
    pub fn silence(&self) -> String {
        match self.fixes.belief() {
            disagreement @ Agreement::Disagree { .. } => {
                words::agreement(disagreement, self.trust, self.baud)
            }
            _ => words::untrusted(&self.evidence, LOCKED_ERROR_US),
        }
    }

    /// How far the clock may be off, microseconds, as of the last reading; `None`: nothing bounds it.
    pub fn bound_us(&self) -> Option<u64> {
        self.evidence.error_us()
    }

    /// The last judgement.
    pub fn state(&self) -> ClockState {
        self.state
    }

    /// Why fixes that do come are of no use, in words for the status line: they are late or of another time. A clock that
    /// is trusted whatever they say leaves the latter to the positions: then it is they that are old.
    pub fn fixes_refused(&self) -> Option<String> {
        let comes = self
            .evidence
            .running()
            .zip(self.last_fix)
            .is_some_and(|(now, last)| now.since(last) < FIXES_CEASE);
        match self.fixes.belief() {
            Agreement::Agree => None,
            Agreement::Disagree { .. } if self.trust == ClockTrust::Always => None,
            useless => comes.then(|| words::agreement(useless, self.trust, self.baud)),
        }
    }

    fn judge(&self) -> ClockState {
        if matches!(self.fixes.belief(), Agreement::Disagree { .. }) {
            return ClockState::Untrusted;
        }
        match self.evidence.error_us() {
            Some(..LOCKED_ERROR_US) if self.evidence.is_kept() => ClockState::Locked,
            Some(..LOCKED_ERROR_US) => ClockState::Holdover,
            Some(..HOLDOVER_ERROR_US) if self.state != ClockState::Untrusted => ClockState::Holdover,
            _ => ClockState::Untrusted,
        }
    }
}

impl Told {
    fn due(&mut self) {
        if *self == Self::No {
            *self = Self::Due;
        }
    }

    fn take(&mut self) -> bool {
        let due = *self == Self::Due;
        if due {
            *self = Self::Yes;
        }
        due
    }
}

/// Largest error of a locked clock. Receivers accept 220 ms from the future: two stations that are each less than
/// 100 ms off, one ahead and one behind, still hear each other.
pub const LOCKED_ERROR_US: u64 = 100_000;
/// A receiver that says nothing for this long has other troubles than the time.
const FIXES_CEASE: Duration = Duration::from_secs(5);
/// Largest error of a clock held over: half of the 220 ms.
pub const HOLDOVER_ERROR_US: u64 = 110_000;

#[cfg(test)]
mod tests;
