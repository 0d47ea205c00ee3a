//! How much was heard, and at which distance.

use serde::Serialize;

use crate::spatial::EDGES_M;

/// A share of chances that came true, with its 95 % confidence interval by Wilson's score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DeliveredShare {
    /// Pairs of a message and a station that was recording when it was sent.
    pub chances: u64,
    /// Of those, messages that the station heard from anyone.
    pub heard: u64,
    /// Of those, from the sender itself.
    pub direct: u64,
    /// `heard / chances`; absent without chances.
    pub share: Option<f64>,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

impl DeliveredShare {
    pub(super) fn of(chances: u64, heard: u64, direct: u64) -> Self {
        let share = (chances > 0).then(|| heard as f64 / chances as f64);
        Self { chances, heard, direct, share, interval: wilson(heard, chances) }
    }
}

/// Ranges of distances, as reports have them.
pub(super) fn ranges() -> impl Iterator<Item = (u32, Option<u32>)> {
    EDGES_M.into_iter().enumerate().map(|(number, from)| (from, EDGES_M.get(number + 1).copied()))
}

/// E. B. Wilson, Journal of the American Statistical Association 22, 1927: stays within 0 and 1, also for few.
fn wilson(came_true: u64, chances: u64) -> Option<(f64, f64)> {
    if chances == 0 {
        return None;
    }
    let (n, share) = (chances as f64, came_true as f64 / chances as f64);
    let z2 = Z95 * Z95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    Some(((centre - half).max(0.0), (centre + half).min(1.0)))
}

/// Of the normal distribution, for 95 %.
pub(super) const Z95: f64 = 1.959_964;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_s_interval_is_the_published_one_and_stays_within_0_and_1() {
        // R. G. Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263, 0 of 20.
        let (low, high) = wilson(81, 263).unwrap();
        assert!((low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4, "{low} {high}");
        let (low, high) = wilson(0, 20).unwrap();
        assert!(low == 0.0 && (high - 0.1611).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 0), None);
    }
}
