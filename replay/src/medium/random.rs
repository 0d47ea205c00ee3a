//! Random numbers as hashes of what they are used for, and distributions as tables of quantiles.
//!
//! A draw depends on nothing but a seed, its purpose, a link or station, and a number: an additional station, or another
//! order of events, changes no draw of others.

/// Draws of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RandomDraws {
    seed: u64,
}

/// What a draw is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum DrawPurpose {
    Shadowing = 1,
    Fading,
    Reception,
    BackOff,
    Vehicles,
}

impl RandomDraws {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed: mix(seed) }
    }

    /// 64 random bits for an ordered pair of stations and a number.
    pub(super) fn bits(self, purpose: DrawPurpose, from: u32, to: u32, number: u64) -> u64 {
        let link = u64::from(from) << 32 | u64::from(to);
        mix(mix(link ^ self.seed.rotate_left(purpose as u32)) ^ number.wrapping_mul(ODD))
    }

    /// From 0 to below 1.
    pub(super) fn uniform(self, purpose: DrawPurpose, from: u32, to: u32, number: u64) -> f32 {
        (self.bits(purpose, from, to, number) >> 40) as f32 / (1u32 << 24) as f32
    }
}

/// The values of a distribution at even steps of probability.
#[derive(Clone, Debug)]
pub(super) struct Quantiles {
    values: Box<[f32; QUANTILES + 1]>,
}

impl Quantiles {
    /// Of a density, not necessarily normalised, which is 0 outside `from..to`.
    fn new(from: f64, to: f64, density: impl Fn(f64) -> f64) -> Self {
        let step = (to - from) / STEPS as f64;
        let mut sums = Vec::with_capacity(STEPS + 1);
        let mut sum = 0.0;
        sums.push(0.0);
        for n in 0..STEPS {
            sum += density(from + (n as f64 + 0.5) * step);
            sums.push(sum);
        }
        let mut values = Box::new([0.0; QUANTILES + 1]);
        let mut at = 0;
        for (n, value) in values.iter_mut().enumerate() {
            // The ends are half a step inside: the tails are as long as the steps are fine.
            let share = (n as f64).clamp(0.5, QUANTILES as f64 - 0.5) / QUANTILES as f64;
            while at + 1 < STEPS && sums[at + 1] < share * sum {
                at += 1;
            }
            let within = (share * sum - sums[at]) / (sums[at + 1] - sums[at]).max(f64::MIN_POSITIVE);
            *value = (from + (at as f64 + within.clamp(0.0, 1.0)) * step) as f32;
        }
        Self { values }
    }

    /// Normal, of mean 0 and variance 1.
    pub(super) fn normal() -> Self {
        Self::new(-5.0, 5.0, |x| (-x * x / 2.0).exp())
    }

    /// The power of a signal that fades by Nakagami's distribution of shape `m`, of mean 1, in dB: a gamma distribution.
    pub(super) fn nakagami_db(m: f64) -> Self {
        Self::new(-60.0, 20.0, |db| {
            let power = 10f64.powf(db / 10.0);
            (m * power.ln() - m * power).exp()
        })
    }

    /// The value for random bits.
    pub(super) fn value(&self, bits: u64) -> f32 {
        let index = (bits >> (64 - QUANTILE_BITS)) as usize;
        let within = ((bits >> (40 - QUANTILE_BITS)) & 0xff_ffff) as f32 / (1u32 << 24) as f32;
        let (from, to) = (self.values[index], self.values[index + 1]);
        from + (to - from) * within
    }
}

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
const QUANTILE_BITS: u32 = 12;
const QUANTILES: usize = 1 << QUANTILE_BITS;
const STEPS: usize = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn draws_have_the_distribution_they_are_said_to_have() {
        let draws = RandomDraws::new(7);
        let bits = |n: u64| draws.bits(DrawPurpose::Shadowing, 1, 2, n);
        let normal = Quantiles::normal();
        let (mean, sigma) = moments((0..100_000).map(|n| f64::from(normal.value(bits(n)))));
        assert!(mean.abs() < 0.02 && (sigma - 1.0).abs() < 0.02, "{mean} {sigma}");
        let beyond = (0..100_000).filter(|n| normal.value(bits(*n)) > 1.959_964).count();
        assert!(beyond.abs_diff(2_500) < 200, "{beyond} of 100,000 beyond the 97.5th percentile");
        for m in [0.5, 1.0, 3.0] {
            let fading = Quantiles::nakagami_db(m);
            let power = (0..100_000).map(|n| 10f64.powf(f64::from(fading.value(bits(n))) / 10.0));
            let (mean, sigma) = moments(power);
            // The variance of a gamma distribution of mean 1 is 1 / m.
            let right = (1.0 / m).sqrt();
            assert!((mean - 1.0).abs() < 0.03 && (sigma / right - 1.0).abs() < 0.04, "{m}: {mean} {sigma}");
        }
    }

    #[test]
    fn a_draw_depends_on_its_link_its_number_and_its_purpose() {
        let draws = RandomDraws::new(1);
        let mut all = vec![
            draws.bits(DrawPurpose::Fading, 1, 2, 3),
            draws.bits(DrawPurpose::Reception, 1, 2, 3),
            draws.bits(DrawPurpose::Fading, 2, 1, 3),
            draws.bits(DrawPurpose::Fading, 1, 2, 4),
            RandomDraws::new(2).bits(DrawPurpose::Fading, 1, 2, 3),
        ];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5);
        assert_eq!(
            draws.bits(DrawPurpose::Fading, 1, 2, 3),
            RandomDraws::new(1).bits(DrawPurpose::Fading, 1, 2, 3)
        );
    }
}
