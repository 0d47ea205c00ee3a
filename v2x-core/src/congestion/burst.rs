//! The burst budget of imminent warnings.

use core::time::Duration;

use crate::base::{Instant, Rate};

/// What imminent warnings may take that the rate gate would not give: a [`Burst`], and at other times up to four frames at once and
/// ten a second, as often as events are repeated. None of them waits: one beyond the budget is refused, because it would be too late.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImminentBudget {
    burst: Burst,
    /// Up to when the steady rate is spent.
    spent_until: Instant,
}

impl ImminentBudget {
    /// Whether one more frame is within the budget.
    pub fn allows(&self, now: Instant) -> bool {
        self.burst.allows(now) || STEADY.allows(self.spent_until, now)
    }

    /// A frame leaves.
    pub fn note(&mut self, now: Instant) {
        self.burst.note(now);
        self.spent_until = STEADY.charged(self.spent_until, now);
    }
}

/// How many imminent warnings may be sent at once: 20 frames within a second, once in ten (C2C-CC Basic System
/// Profile).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Burst {
    since: Option<Instant>,
    frames: u32,
}

impl Burst {
    /// A frame of D0 leaves at its usual time: it counts, and is never held back.
    pub fn note(&mut self, now: Instant) {
        self.renew(now);
        self.frames += 1;
    }

    /// Whether one more is within the burst; the first one begins it.
    pub fn allows(&self, now: Instant) -> bool {
        let mut after = *self;
        after.renew(now);
        after.since.is_some_and(|since| now < since + BURST_TIME) && after.frames < BURST_FRAMES
    }

    /// Whether one more may leave right after another.
    pub fn take(&mut self, now: Instant) -> bool {
        self.renew(now);
        let within = self.allows(now);
        self.frames += u32::from(within);
        within
    }

    fn renew(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now >= since + BURST_PAUSE) {
            (self.since, self.frames) = (Some(now), 0);
        }
    }
}

/// Frames of D0 in a burst.
pub const BURST_FRAMES: u32 = 20;

/// How long a burst may take.
pub const BURST_TIME: Duration = Duration::from_secs(1);

/// From the start of one burst to that of the next.
pub const BURST_PAUSE: Duration = Duration::from_secs(10);

/// Events are repeated at 10 Hz at most (TS 101 539-1), all imminent ones of a station together. As many at once as alerts
/// have in their reservation: a repetition may be punctual after one that a busy processor sent late, and a new warning may
/// come between two of others.
const STEADY: Rate = Rate::new(10, 4);

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a frame leaves now.
    fn leaves(budget: &mut ImminentBudget, now: Instant) -> bool {
        let allowed = budget.allows(now);
        if allowed {
            budget.note(now);
        }
        allowed
    }

    #[test]
    fn a_burst_is_20_frames_in_a_second_once_in_ten() {
        let ms = Instant::from_millis;
        let mut burst = Burst::default();
        let taken = |burst: &mut Burst, from, to| (from..to).filter(|at| burst.take(ms(*at))).count();
        assert_eq!(taken(&mut burst, 0, 500), 20);
        assert_eq!(taken(&mut burst, 500, 10_000), 0);
        assert_eq!(taken(&mut burst, 10_000, 10_005), 5);
        assert_eq!(taken(&mut burst, 11_000, 19_000), 0, "the second is over");
        assert_eq!(taken(&mut burst, 20_000, 29_000), 20);
    }

    #[test]
    fn of_thirty_warnings_at_once_twenty_leave_and_then_one_each_100_ms() {
        let mut budget = ImminentBudget::default();
        let mut leave = |ms| leaves(&mut budget, Instant::from_millis(ms));
        assert_eq!((0..30).filter(|_| leave(5)).count(), 20);
        assert!(!leave(104) && leave(105) && !leave(106) && leave(205));
        assert_eq!((3..100).filter(|tenth| leave(tenth * 100 + 5)).count(), 97, "as long as it lasts");
        assert_eq!((0..30).filter(|_| leave(10_006)).count(), 20, "and a burst again after ten seconds");
    }

    #[test]
    fn repetitions_leave_however_late_a_processor_sends_some_of_them() {
        let mut budget = ImminentBudget::default();
        let mut leave = |us: u64| leaves(&mut budget, Instant::from_nanos(us * 1_000));
        assert!((0..20).all(|_| leave(0)), "the burst is taken");
        // Each is late by something else, up to 30 ms, and none puts the next off.
        let late = |tenth: u64| tenth * 7_919 % 30_000;
        let left = (5..90).filter(|tenth| leave(tenth * 100_000 + late(*tenth))).count();
        assert_eq!(left, 85);
    }

    #[test]
    fn new_warnings_leave_between_the_repetitions_of_another() {
        let mut budget = ImminentBudget::default();
        let mut leave = |ms| leaves(&mut budget, Instant::from_millis(ms));
        assert!((0..20).all(|_| leave(0)), "the burst is taken");
        assert!((5..20).all(|tenth| leave(tenth * 100)));
        assert!(leave(1_950) && leave(1_960), "two more within the interval of the first");
        // Three are repeated at a third of the rate each.
        assert!((0..20).all(|round| [2_000, 2_250, 2_260].iter().all(|at| leave(at + round * 300))));
    }
}
