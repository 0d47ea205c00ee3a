//! How far a disciplined oscillator wanders: the spread of the kernel's frequency correction over the last hour.

use core::time::Duration;

use v2x_core::Instant;

/// The frequency as it was in each of the last sixty minutes.
#[derive(Clone, Debug, Default)]
pub struct Wander {
    /// One sample a minute, ppb, the oldest at `next` once it is full.
    samples: Vec<i64>,
    next: usize,
    minute_ends: Option<Instant>,
}

impl Wander {
    /// Takes the correction at `now`, time that runs while the machine sleeps too.
    pub fn take(&mut self, now: Instant, frequency_ppb: i64) {
        if self.minute_ends.is_some_and(|end| now < end) {
            return;
        }
        self.minute_ends = Some(now + SAMPLE_EVERY);
        if self.samples.len() < SAMPLES {
            self.samples.push(frequency_ppb);
        } else {
            self.samples[self.next] = frequency_ppb;
            self.next = (self.next + 1) % SAMPLES;
        }
    }

    /// By how much the error of a clock grows that keeps its present correction, parts in 1,000,000,000.
    pub fn drift_ppb(&self) -> u64 {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        // An offset that is being worked off shows as another frequency for some seconds.
        let trimmed = sorted.len() / 20;
        let spread = match &sorted[trimmed..sorted.len() - trimmed] {
            [least, .., most] => most.abs_diff(*least),
            _ => 0,
        };
        let least = if self.samples.len() < SETTLED_SAMPLES { YOUNG_PPB } else { LEAST_PPB };
        spread.clamp(least, KERNEL_PPB)
    }

    /// Whether something has changed the frequency while it was watched.
    pub fn is_steered(&self) -> bool {
        self.samples.iter().any(|sample| Some(sample) != self.samples.first())
    }
}

/// An hour: longer than any usual poll interval (2,048 s), and what the day's warmth changes shows within it.
const SAMPLES: usize = 60;
const SAMPLE_EVERY: Duration = Duration::from_secs(60);
/// An oscillator in steady surroundings wanders no less than this.
const LEAST_PPB: u64 = 1_000;
/// The least that is assumed before ten minutes are seen: a machine that has just started is still warming up.
const YOUNG_PPB: u64 = 10_000;
const SETTLED_SAMPLES: usize = 10;
/// The kernel's own assumption, by which `maxerror` grows (`MAXFREQ`): a clock of which nothing is known.
pub const KERNEL_PPB: u64 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: u64) -> Instant {
        Instant::from_millis(n * 60_000)
    }

    #[test]
    fn an_oscillator_that_keeps_its_frequency_drifts_by_the_least_that_is_assumed() {
        let mut wander = Wander::default();
        assert_eq!(wander.drift_ppb(), YOUNG_PPB);
        for n in 0..SETTLED_SAMPLES as u64 {
            assert_eq!(wander.drift_ppb(), YOUNG_PPB, "not seen for long");
            wander.take(minute(n), 12_345);
        }
        assert_eq!(wander.drift_ppb(), LEAST_PPB);
        assert!(!wander.is_steered());
    }

    #[test]
    fn the_spread_of_the_last_hour_counts_and_what_is_older_does_not() {
        let mut wander = Wander::default();
        for n in 0..60 {
            wander.take(minute(n), 1_000 * n as i64);
        }
        assert!(wander.is_steered());
        assert_eq!(wander.drift_ppb(), 53_000, "0 to 59 ppm, the three highest and lowest left out");
        for n in 60..120 {
            wander.take(minute(n), 59_000);
        }
        assert_eq!(wander.drift_ppb(), LEAST_PPB);
    }

    #[test]
    fn a_correction_of_some_seconds_is_not_the_oscillator_s() {
        let mut wander = Wander::default();
        for n in 0..40 {
            wander.take(minute(n), if n == 20 { 90_000_000 } else { -7_000 });
        }
        assert_eq!(wander.drift_ppb(), LEAST_PPB);
        let mut wild = Wander::default();
        for n in 0..40 {
            wild.take(minute(n), if n % 2 == 0 { i64::MAX } else { i64::MIN });
        }
        assert_eq!(wild.drift_ppb(), KERNEL_PPB, "no worse than a clock nobody knows");
    }

    #[test]
    fn one_sample_a_minute_is_kept() {
        let mut wander = Wander::default();
        for second in 0..3_600 * 3 {
            wander.take(Instant::from_millis(second * 1000), second as i64);
        }
        assert_eq!(wander.samples.len(), SAMPLES);
    }
}
