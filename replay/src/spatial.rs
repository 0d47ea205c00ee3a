//! Age of information and inter-packet gap, by distance between sender and receiver.
//!
//! The *age of information* of a pair of stations is how old the newest message the receiver has of the sender is, at
//! any moment, counted from the message's generation. It is sampled evenly in time, each [`SAMPLE_NS`] of the run's
//! clock, so that a long silence weighs as much as it lasts. The *inter-packet gap* is the time between two receptions.
//! Both are filed under the distance at the reception that ends the interval.
//!
//! A pair that hears nothing for [`SEPARATED_NS`] counts as out of range: the silence is neither age nor gap.

use v2x_report::{DistanceBin, StageHistogram};

use crate::pairs::Pairs;

/// Ages and gaps of every pair of stations within reach of one another.
#[derive(Debug)]
pub struct Spatial {
    /// Pairs heard since the last turn, and in the turn before: old pairs are dropped without a search.
    recent: Pairs<Pair>,
    former: Pairs<Pair>,
    turned_ns: u64,
    limit: usize,
    untracked: u64,
    ages: Vec<StageHistogram>,
    gaps: Vec<StageHistogram>,
}

impl Spatial {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self::with_limit(MAX_PAIRS)
    }

    fn with_limit(limit: usize) -> Self {
        let bins = || EDGES_M.iter().map(|_| StageHistogram::new()).collect();
        Self {
            recent: Pairs::default(),
            former: Pairs::default(),
            turned_ns: 0,
            limit,
            untracked: 0,
            ages: bins(),
            gaps: bins(),
        }
    }

    /// `receiver` got, at `received_ns`, what `sender` generated at `generated_ns`, from `distance_m` away.
    ///
    /// A message older than the newest known refreshes nothing but still counts as a reception.
    pub fn received(
        &mut self,
        sender: u32,
        receiver: u32,
        distance_m: f32,
        generated_ns: u64,
        received_ns: u64,
    ) {
        self.turn(received_ns);
        let key = (sender, receiver);
        let known = match self.recent.get_mut(key) {
            Some(known) => known,
            None => {
                if self.recent.len() >= self.limit {
                    self.untracked += 1;
                    return;
                }
                let Some(previous) = self.former.remove(key) else {
                    // Nothing lies between the first reception and another.
                    self.recent.insert(key, Pair { generated_ns, received_ns });
                    return;
                };
                self.recent.insert(key, previous)
            }
        };
        let previous = *known;
        known.generated_ns = generated_ns;
        known.received_ns = received_ns.max(previous.received_ns);
        let gap_ns = received_ns.saturating_sub(previous.received_ns);
        if gap_ns <= SEPARATED_NS {
            known.generated_ns = generated_ns.max(previous.generated_ns);
            let bin = bin(distance_m);
            self.gaps[bin].record(gap_ns);
            let first = previous.received_ns / SAMPLE_NS + 1;
            for sample in first..=received_ns / SAMPLE_NS {
                self.ages[bin].record((sample * SAMPLE_NS).saturating_sub(previous.generated_ns));
            }
        }
    }

    /// Age of information by distance; ranges without samples are included, with a count of 0.
    pub fn age_of_information(&self) -> Vec<DistanceBin> {
        summaries(&self.ages)
    }

    /// Inter-packet gap by distance; ranges without samples are included, with a count of 0.
    pub fn inter_packet_gap(&self) -> Vec<DistanceBin> {
        summaries(&self.gaps)
    }

    /// Receptions left out because too many pairs were in reach at once: a warning for the report.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Forgets, each [`SEPARATED_NS`], the pairs not heard since the turn before.
    fn turn(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.turned_ns) > SEPARATED_NS {
            self.turned_ns = now_ns;
            self.former = core::mem::take(&mut self.recent);
        }
    }
}

impl Default for Spatial {
    fn default() -> Self {
        Self::new()
    }
}

/// The grid the age of information is sampled on, ns.
pub const SAMPLE_NS: u64 = 20_000_000;

/// A silence longer than this separates a pair, ns: five times the longest awareness interval (EN 302 637-2: 1 s).
pub const SEPARATED_NS: u64 = 5_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Pair {
    generated_ns: u64,
    received_ns: u64,
}

/// The range a distance falls in. NaN counts as far.
pub(crate) fn bin(distance_m: f32) -> usize {
    let above = EDGES_M.iter().skip(1).take_while(|edge| distance_m >= **edge as f32).count();
    if distance_m.is_nan() { EDGES_M.len() - 1 } else { above }
}

fn summaries(histograms: &[StageHistogram]) -> Vec<DistanceBin> {
    histograms
        .iter()
        .enumerate()
        .map(|(index, histogram)| DistanceBin {
            from_m: EDGES_M[index],
            to_m: EDGES_M.get(index + 1).copied(),
            count: histogram.count(),
            p50_ns: histogram.quantile_ns(0.5),
            p95_ns: histogram.quantile_ns(0.95),
            p99_ns: histogram.quantile_ns(0.99),
            max_ns: histogram.quantile_ns(1.0),
        })
        .collect()
}

/// Lower edges of the ranges, m; the last one is open.
pub(crate) const EDGES_M: [u32; 8] = [0, 50, 100, 150, 200, 300, 400, 500];
/// A thousand stations that all hear one another; about 64 MB for both turns.
const MAX_PAIRS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn distances_fall_into_their_ranges() {
        let cases =
            [(0.0, 0), (49.9, 0), (50.0, 1), (199.0, 3), (200.0, 4), (499.0, 6), (500.0, 7), (1e9, 7)];
        for (distance_m, want) in cases {
            assert_eq!(bin(distance_m), want, "{distance_m} m");
        }
        assert_eq!(bin(f32::NAN), 7);
        assert_eq!(bin(-1.0), 0);
    }

    #[test]
    fn steady_beacons_age_between_latency_and_interval() {
        let mut spatial = Spatial::new();
        for beacon in 0..100u64 {
            let generated_ns = beacon * 100 * MS;
            spatial.received(1, 2, 120.0, generated_ns, generated_ns + 5 * MS);
        }
        let age = spatial.age_of_information()[2];
        assert_eq!((age.from_m, age.to_m, age.count), (100, Some(150), 495));
        assert!(age.max_ns.abs_diff(100 * MS) < MS, "{age:?}");
        assert!(age.p50_ns.abs_diff(60 * MS) < MS, "{age:?}");
        let gap = spatial.inter_packet_gap()[2];
        assert_eq!(gap.count, 99);
        assert!(gap.p50_ns.abs_diff(100 * MS) < MS);
        assert_eq!(spatial.age_of_information()[0].count, 0);
        assert_eq!(spatial.age_of_information()[7].to_m, None);
    }

    #[test]
    fn an_old_message_refreshes_nothing() {
        let mut spatial = Spatial::new();
        spatial.received(1, 2, 10.0, 1_000 * MS, 1_001 * MS);
        spatial.received(1, 2, 10.0, 500 * MS, 1_101 * MS);
        spatial.received(1, 2, 10.0, 1_200 * MS, 1_201 * MS);
        assert!(spatial.age_of_information()[0].max_ns.abs_diff(200 * MS) < MS);
        assert_eq!(spatial.inter_packet_gap()[0].count, 2);
    }

    #[test]
    fn a_pair_out_of_range_starts_anew() {
        let mut spatial = Spatial::new();
        spatial.received(1, 2, 10.0, 0, MS);
        spatial.received(1, 2, 10.0, 60_000 * MS, 60_001 * MS);
        assert_eq!(spatial.inter_packet_gap()[0].count, 0);
        spatial.received(1, 2, 10.0, 60_100 * MS, 60_101 * MS);
        assert_eq!(spatial.inter_packet_gap()[0].count, 1);
    }

    #[test]
    fn pairs_that_part_are_forgotten() {
        let mut spatial = Spatial::with_limit(100);
        for step in 0..1_000u32 {
            spatial.received(step, step + 1, 10.0, 0, u64::from(step) * 200 * MS);
            assert!(spatial.recent.len() + spatial.former.len() <= 60);
        }
        assert_eq!(spatial.untracked(), 0);
        for step in 0..1_000u32 {
            spatial.received(step, 2_000, 10.0, 0, 300_000 * MS);
        }
        assert_eq!(spatial.recent.len(), 100);
        assert_eq!(spatial.untracked(), 900);
    }

    proptest! {
        #[test]
        fn any_receptions_are_taken(
            calls in proptest::collection::vec((0..4u32, 0..4u32, any::<f32>(), any::<u64>(), any::<u64>()), 0..50)
        ) {
            let mut spatial = Spatial::with_limit(8);
            for (sender, receiver, distance_m, generated_ns, received_ns) in calls {
                spatial.received(sender, receiver, distance_m, generated_ns, received_ns);
                prop_assert!(spatial.recent.len() <= 8);
            }
        }
    }
}
