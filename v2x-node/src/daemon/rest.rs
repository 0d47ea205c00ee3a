//! Rest: the share of the time that a station under a flood leaves to others.
//!
//! Under a flood of forged frames there is always one more to verify. A thread of real-time priority that never sleeps is
//! stopped by the kernel for the rest of its second (`sched_rt_runtime_us`: 50 ms), and honest alerts wait that long. So
//! while only demoted frames wait the station sleeps for a ninth of the time, in rests of a millisecond. A frame in good
//! standing does not wait: its arrival wakes the station.

use core::time::Duration;

use v2x_core::Instant;

/// How much rest a station owes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rest {
    owed: Duration,
    /// Whether it rests until nothing is owed.
    resting: bool,
    /// When it last woke, or fell asleep.
    since: Instant,
}

impl Rest {
    /// The station wakes: what it slept is no longer owed.
    pub fn wake(&mut self, now: Instant) {
        self.owed = self.owed.saturating_sub(now.since(self.since));
        self.resting &= !self.owed.is_zero();
        self.since = now;
    }

    /// The station sleeps, or gives way to others.
    pub fn sleep(&mut self, now: Instant) {
        // More than one rest is not saved up, however long other work takes.
        self.owed = self.owed_at(now).min(2 * LENGTH);
        self.since = now;
    }

    /// Whether it is time for a rest, while it is awake.
    pub fn is_due(&mut self, now: Instant) -> bool {
        self.resting |= self.owed_at(now) >= LENGTH;
        self.resting
    }

    /// When the rest is over that begins now; now when none does.
    pub fn until(&self, now: Instant) -> Instant {
        if self.resting { now + self.owed_at(now) } else { now }
    }

    fn owed_at(&self, now: Instant) -> Duration {
        self.owed + now.since(self.since) / WORK_FOR_REST
    }
}

/// Time awake for which as much rest as a part of it is owed: eight ninths are 89 %, well below the kernel's 95.
const WORK_FOR_REST: u32 = 8;
/// Of a rest.
const LENGTH: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn us(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1000)
    }

    /// Time asleep in ten seconds, when work of `step` us is always there and each rest ends `late` us late.
    fn asleep(step: u64, late: u64) -> u64 {
        let (mut rest, mut now, mut slept) = (Rest::default(), 0, 0);
        rest.wake(us(0));
        while now < 10_000_000 {
            if rest.is_due(us(now)) {
                let until = rest.until(us(now)).as_nanos().div_ceil(1000) + late;
                rest.sleep(us(now));
                slept += until - now;
                now = until;
                rest.wake(us(now));
            } else {
                now += step;
            }
        }
        slept
    }

    #[test]
    fn a_ninth_of_the_time_is_left_to_others() {
        for step in [35, 200, 1_000] {
            let slept = asleep(step, 0);
            assert!((1_050_000..1_250_000).contains(&slept), "{slept} us");
        }
        assert!(asleep(35, 60) < 1_300_000);
    }

    #[test]
    fn who_sleeps_enough_anyway_owes_nothing() {
        let mut rest = Rest::default();
        for n in 0..10_000 {
            rest.wake(us(n * 100));
            assert!(!rest.is_due(us(n * 100 + 80)));
            rest.sleep(us(n * 100 + 80));
        }
    }

    #[test]
    fn a_frame_that_wakes_it_early_does_not_end_its_rest() {
        let mut rest = Rest::default();
        rest.wake(us(0));
        assert!(rest.is_due(us(9_000)));
        rest.sleep(us(9_000));
        rest.wake(us(9_100));
        assert!(rest.is_due(us(9_101)), "most of it is still owed");
        rest.sleep(us(9_101));
        rest.wake(us(10_500));
        assert!(!rest.is_due(us(10_501)));
    }
}
