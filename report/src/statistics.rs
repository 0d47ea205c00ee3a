//! Means of repeated runs: how far they spread, and whether two of them, run with the same seeds, differ.
//!
//! Student's t distribution comes from the regularised incomplete beta function (NIST Digital Library of Mathematical
//! Functions, 8.17), good to nine digits.

use serde::{Deserialize, Serialize};

/// Mean and spread of one figure over several runs, in the figure's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Runs that have the figure.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the sample (divided by `count - 1`); absent for one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// Lower and upper end of the 95 % confidence interval of the mean, by Student's t; absent for one run. It may reach
    /// beyond what the figure can be, such as a ratio below 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci95: Option<(f64, f64)>,
}

impl Spread {
    /// Of at least one figure; `None` without any.
    pub fn of(figures: &[f64]) -> Option<Self> {
        if figures.is_empty() {
            return None;
        }
        let count = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let spread = (figures.len() > 1).then(|| {
            let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
            let sd = (squares / (count - 1.0)).sqrt();
            let half = t_quantile(0.975, count - 1.0) * sd / count.sqrt();
            (sd, (mean - half, mean + half))
        });
        Some(Self {
            count: figures.len() as u64,
            mean,
            sd: spread.map(|(sd, _)| sd),
            ci95: spread.map(|(_, interval)| interval),
        })
    }

    /// The paired t-test, two-sided, where the figures are differences: how probable a mean at least this far from 0 is when there is
    /// none. `None` with fewer than two differences, or when all are the same: there is no spread to judge by.
    pub fn paired(&self) -> Option<f64> {
        let error = self.sd.filter(|sd| *sd > 0.0)? / (self.count as f64).sqrt();
        Some(t_two_sided(self.mean / error, self.count as f64 - 1.0))
    }
}

/// Holm's correction: the probabilities of several tests, each raised so that calling all below a limit a finding is wrong in any
/// of them with at most that probability, however the tests depend on each other (S. Holm, Scandinavian Journal of Statistics 6,
/// 1979).
pub fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|one, other| probabilities[*one].total_cmp(&probabilities[*other]));
    let mut adjusted = vec![1.0; probabilities.len()];
    let mut least = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(probabilities[index] * (probabilities.len() - rank) as f64).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

/// How probable a t at least this far from 0 is.
fn t_two_sided(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The t below which a share `probability` (above a half) of Student's distribution lies.
fn t_quantile(probability: f64, freedom: f64) -> f64 {
    let tails = 2.0 * (1.0 - probability);
    let (mut low, mut high) = (0.0, 1.0);
    while t_two_sided(high, freedom) > tails {
        high *= 2.0;
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if t_two_sided(middle, freedom) > tails { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below this; above, the function's symmetry leads there.
    if x > (a + 1.0) / (a + b + 2.0) { 1.0 - beta_fraction(1.0 - x, b, a) } else { beta_fraction(x, a, b) }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let front = (a * x.ln() + b * (1.0 - x).ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..=TERMS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            factor = c * d;
            fraction *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function, for positive `x`: Stirling's series (DLMF 5.11.1), after as many steps of the
/// recurrence as make it exact to twelve digits.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * square)) / square) / x;
    (x - 0.5) * x.ln() - x + 0.5 * core::f64::consts::TAU.ln() + series - shift
}

/// Keeps a fraction from a division by 0.
const TINY: f64 = 1e-300;
/// More than any number of runs needs.
const TERMS: u32 = 500;
/// Halvings of an interval until nothing is left of a number's 53 bits.
const HALVINGS: u32 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64, by: f64) {
        assert!((found - wanted).abs() <= by, "{found} should be {wanted}");
    }

    #[test]
    fn quantiles_of_student_s_t_are_those_of_the_tables() {
        for (freedom, wanted) in
            [(1.0, 12.706_205), (2.0, 4.302_653), (4.0, 2.776_445), (9.0, 2.262_157), (19.0, 2.093_024)]
        {
            near(t_quantile(0.975, freedom), wanted, 1e-6);
        }
        near(t_quantile(0.975, 1e6), 1.959_966, 1e-5);
    }

    #[test]
    fn the_gamma_function_of_whole_numbers_is_a_factorial() {
        near(ln_gamma(1.0), 0.0, 1e-11);
        near(ln_gamma(6.0), 120f64.ln(), 1e-11);
        near(ln_gamma(0.5), core::f64::consts::PI.sqrt().ln(), 1e-11);
    }

    #[test]
    fn a_spread_is_mean_deviation_and_interval() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        near(spread.mean, 3.0, 1e-12);
        near(spread.sd.unwrap(), 2.5f64.sqrt(), 1e-12);
        let (low, high) = spread.ci95.unwrap();
        near(low, 1.036_756, 1e-6);
        near(high, 4.963_244, 1e-6);
        let alone = Spread::of(&[7.0]).unwrap();
        assert_eq!((alone.mean, alone.sd, alone.ci95), (7.0, None, None));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_paired_test_finds_a_difference_and_none() {
        // Mean 2, deviation 1, three differences: t = 3.464102, two degrees of freedom.
        near(Spread::of(&[1.0, 2.0, 3.0]).unwrap().paired().unwrap(), 0.074_180, 1e-6);
        near(Spread::of(&[-1.0, 1.0]).unwrap().paired().unwrap(), 1.0, 1e-12);
        assert_eq!(Spread::of(&[3.0, 3.0]).unwrap().paired(), None, "nothing varies");
        assert_eq!(Spread::of(&[3.0]).unwrap().paired(), None, "one run says nothing of the spread");
    }

    #[test]
    fn several_tests_are_judged_together() {
        // Holm's own order: 0.01 x 4, then 0.02 x 3, 0.03 x 2 and 0.04, never falling.
        assert_eq!(holm(&[0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06]);
        assert_eq!(holm(&[0.6, 0.7]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
