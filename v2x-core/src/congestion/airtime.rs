//! Channel busy ratio estimated from the frames heard, for links that cannot measure it.
//!
//! It sees only what could be decoded, so the channel is at least this busy.

use v2x_proto::link::{DataRate, airtime_ns};

use crate::base::Instant;

/// Airtime of the last second, in steps of 100 ms.
#[derive(Clone, Debug, Default)]
pub struct Airtime {
    /// Nanoseconds on the air in each step, by the step's number modulo their count.
    steps: [u64; STEPS as usize],
    /// Number of the newest step.
    newest: u64,
}

impl Airtime {
    /// A frame of `len` bytes after the link's own header was heard or sent at `now`; counted at 6 Mb/s, because the
    /// link does not report the rate.
    pub fn add(&mut self, now: Instant, len: usize) {
        self.forget(now);
        self.steps[(self.newest % STEPS) as usize] += airtime_ns(len, DataRate::default());
    }

    /// Share of the last second that frames were on the air, 0..=1.
    pub fn busy(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let second = STEP_NS * STEPS;
        self.steps.iter().sum::<u64>().min(second) as f64 / second as f64
    }

    /// Share of the last whole step of 100 ms that frames were on the air, 0..=1: the interval of ETSI TS 102 687.
    pub fn last_step(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let last = (self.newest + STEPS - 1) % STEPS;
        self.steps[last as usize].min(STEP_NS) as f64 / STEP_NS as f64
    }

    fn forget(&mut self, now: Instant) {
        let step = now.as_nanos() / STEP_NS;
        for passed in (self.newest + 1..=step).take(STEPS as usize) {
            self.steps[(passed % STEPS) as usize] = 0;
        }
        self.newest = self.newest.max(step);
    }
}

const STEPS: u64 = 10;

const STEP_NS: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_frames_is_counted_and_then_forgotten() {
        let mut airtime = Airtime::default();
        assert_eq!(airtime.busy(Instant::ZERO), 0.0);
        for ms in 0..1000 {
            airtime.add(Instant::from_millis(ms), 300);
        }
        assert!((airtime.busy(Instant::from_millis(999)) - 0.496).abs() < 1e-9);
        assert!((airtime.busy(Instant::from_millis(1500)) - 0.2232).abs() < 0.03);
        assert_eq!(airtime.busy(Instant::from_millis(2100)), 0.0);
    }

    #[test]
    fn the_last_whole_step_is_known_for_itself() {
        let mut airtime = Airtime::default();
        for ms in 100..150 {
            airtime.add(Instant::from_millis(ms), 300);
        }
        let at = |airtime: &mut Airtime, ms| airtime.last_step(Instant::from_millis(ms));
        assert_eq!(at(&mut airtime, 199), 0.0);
        assert!((at(&mut airtime, 200) - 0.248).abs() < 1e-9);
        assert_eq!(at(&mut airtime, 300), 0.0);
    }

    #[test]
    fn more_than_fits_is_busy_and_no_gap_in_time_is_too_long() {
        let mut airtime = Airtime::default();
        for _ in 0..20_000 {
            airtime.add(Instant::from_millis(10), 1398);
        }
        assert_eq!(airtime.busy(Instant::from_millis(11)), 1.0);
        assert_eq!(airtime.busy(Instant::FAR_FUTURE), 0.0);
    }
}
