//! Latencies of one stage, in a High Dynamic Range histogram: 1 ns to 60 s at three significant digits, so any quantile is
//! within 0.1 % of the truth and counting is one array increment.
//!
//! The layout is HdrHistogram's (Gil Tene, hdrhistogram.org): up to 2,048 each value has a counter, and from there on each doubling of
//! the value has 1,024. Held whole, that is 27,648 counters or 216 KiB, of which the latencies of one stage use a
//! few hundred. So the counters are in blocks of [`BLOCK`], each there from its first latency on: a station's
//! histograms take under 1 MiB instead of 16.

use serde::{Deserialize, Serialize};

/// Latencies of one stage, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub struct StageHistogram {
    /// None before the first latency, then [`BLOCKS`].
    blocks: Vec<Option<Box<Block>>>,
    count: u64,
}

/// Counters of values that follow each other.
type Block = [u64; BLOCK];

impl StageHistogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one latency. Anything above 60 s counts as 60 s. Allocates 2 KiB when none as long was counted before, to a
    /// quarter of a doubling.
    pub fn record(&mut self, latency_ns: u64) {
        let index = index_of(latency_ns.min(HIGHEST_NS));
        self.block(index / BLOCK)[index % BLOCK] += 1;
        self.count += 1;
    }

    /// Adds every latency of `other`.
    pub fn merge(&mut self, other: &StageHistogram) {
        for (place, theirs) in other.blocks.iter().enumerate() {
            let Some(theirs) = theirs else { continue };
            for (count, more) in self.block(place).iter_mut().zip(theirs.iter()) {
                *count += more;
            }
        }
        self.count += other.count;
    }

    /// Number of latencies counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Latency that a share `quantile` (0..=1) of the samples does not exceed, in ns; 0 when empty.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        // The first sample at least, and never more than there are.
        let wanted = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (index, count) in self.counters() {
            seen += count;
            if seen >= wanted {
                let [lowest, highest] = values_of(index);
                // A counter's upper edge may lie above every sample; never report more than was bounded.
                return if quantile == 0.0 { lowest } else { highest }.min(HIGHEST_NS);
            }
        }
        0
    }

    /// How many latencies are at most each of `bounds_ns`, which rise, and the sum of all, each to its three digits.
    pub fn cumulative(&self, bounds_ns: &[u64]) -> (Vec<u64>, u128) {
        let mut counts = vec![0; bounds_ns.len()];
        let mut sum = 0;
        for (index, count) in self.counters() {
            let [lowest, highest] = values_of(index);
            sum += u128::from(lowest.midpoint(highest)) * u128::from(count);
            let first = bounds_ns.partition_point(|bound| *bound < lowest);
            if let Some(bucket) = counts.get_mut(first) {
                *bucket += count;
            }
        }
        let mut below = 0;
        for count in &mut counts {
            below += *count;
            *count = below;
        }
        (counts, sum)
    }

    /// The figures a report shows.
    pub fn summary(&self) -> Summary {
        Summary {
            count: self.count(),
            p50_ns: self.quantile_ns(0.5),
            p90_ns: self.quantile_ns(0.9),
            p99_ns: self.quantile_ns(0.99),
            p999_ns: self.quantile_ns(0.999),
            max_ns: self.quantile_ns(1.0),
        }
    }

    /// Points `(quantile, latency ns)` of the whole distribution, eight to each factor of ten of `1 - quantile`, from
    /// the smallest sample (quantile 0) to the largest (quantile 1). No point claims more samples than there are.
    /// Empty when nothing was counted.
    pub fn percentiles(&self) -> Vec<(f64, u64)> {
        if self.is_empty() {
            return Vec::new();
        }
        let resolution = 1.0 / self.count() as f64;
        let mut points = Vec::with_capacity(MAX_POINTS + 1);
        for step in 0..MAX_POINTS {
            let tail = 10f64.powf(-(step as f64) / 8.0);
            if tail < resolution {
                break;
            }
            // Nine digits name the point exactly enough for 1e-8 tails and keep the JSON free of float noise.
            let quantile = ((1.0 - tail) * 1e9).round() / 1e9;
            points.push((quantile, self.quantile_ns(quantile)));
        }
        points.push((1.0, self.quantile_ns(1.0)));
        points
    }

    /// Becomes equal to `other`; what is there already is used again.
    pub(crate) fn copy(&mut self, other: &Self) {
        self.blocks.clone_from(&other.blocks);
        self.count = other.count;
    }

    /// The same as HdrHistogram's own, for writers of histogram logs.
    #[cfg(any(feature = "hlog", test))]
    pub fn to_hdr(&self) -> hdrhistogram::Histogram<u64> {
        const SIGNIFICANT_DIGITS: u8 = 3;
        let mut histogram = hdrhistogram::Histogram::new_with_bounds(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
            .expect("invariant: the constant bounds are valid");
        for (index, count) in self.counters() {
            let [lowest, _] = values_of(index);
            histogram.record_n(lowest, count).expect("invariant: within the bounds");
        }
        histogram
    }

    fn block(&mut self, place: usize) -> &mut Block {
        if self.blocks.is_empty() {
            self.blocks.resize_with(BLOCKS, || None);
        }
        self.blocks[place].get_or_insert_with(|| Box::new([0; BLOCK]))
    }

    /// Counters that are not zero, by rising value.
    fn counters(&self) -> impl Iterator<Item = (usize, u64)> {
        let blocks = self.blocks.iter().enumerate().filter_map(|(n, block)| Some((n, block.as_ref()?)));
        blocks.flat_map(|(n, block)| {
            let counters = block.iter().enumerate().filter(|(_, count)| **count > 0);
            counters.map(move |(within, count)| (n * BLOCK + within, *count))
        })
    }
}

/// Quantiles of one distribution, in nanoseconds; all zero when `count` is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Samples.
    pub count: u64,
    /// Median, ns.
    pub p50_ns: u64,
    /// 90 % of the samples are at most this, ns.
    pub p90_ns: u64,
    /// 99 %, ns.
    pub p99_ns: u64,
    /// 99.9 %, ns.
    pub p999_ns: u64,
    /// Largest sample, ns, to three digits.
    pub max_ns: u64,
}

/// The counter of a value.
const fn index_of(value: u64) -> usize {
    // How often it is halved to be below 2,048.
    let halvings = (value >> (PER_DOUBLING_BITS + 1)).checked_ilog2();
    let halvings = match halvings {
        Some(log) => log as usize + 1,
        None => 0,
    };
    (halvings << PER_DOUBLING_BITS) + (value >> halvings) as usize
}

/// The least and the largest value that a counter stands for.
const fn values_of(index: usize) -> [u64; 2] {
    let halvings = (index >> PER_DOUBLING_BITS).saturating_sub(1);
    let lowest = ((index - (halvings << PER_DOUBLING_BITS)) as u64) << halvings;
    [lowest, lowest + (1 << halvings) - 1]
}

/// The longest that is told apart.
const HIGHEST_NS: u64 = 60_000_000_000;
/// Three digits: from 1,024 to 2,047 a step of one is a thousandth.
const PER_DOUBLING_BITS: u32 = 10;
const BLOCK: usize = 256;
const BLOCKS: usize = index_of(HIGHEST_NS) / BLOCK + 1;
/// Eight points to each of eight factors of ten: down to one sample in 10^8.
const MAX_POINTS: usize = 65;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut histogram = StageHistogram::new();
        for us in 1..=1000u64 {
            histogram.record(us * 1000);
        }
        let near = |ns: u64, want: u64| ns.abs_diff(want) * 1000 <= want;
        let summary = histogram.summary();
        assert_eq!(summary.count, 1000);
        assert!(near(summary.p50_ns, 500_000), "{summary:?}");
        assert!(near(summary.p99_ns, 990_000), "{summary:?}");
        assert!(near(summary.p999_ns, 999_000), "{summary:?}");
        assert!(near(summary.max_ns, 1_000_000), "{summary:?}");
    }

    #[test]
    fn a_latency_beyond_the_range_counts_as_the_longest() {
        let mut histogram = StageHistogram::new();
        histogram.record(u64::MAX);
        histogram.record(0);
        assert_eq!(histogram.count(), 2);
        assert_eq!(histogram.summary().max_ns, HIGHEST_NS);
    }

    #[test]
    fn percentile_points_rise_and_never_outresolve_the_samples() {
        let mut histogram = StageHistogram::new();
        assert!(histogram.percentiles().is_empty());
        for sample in 1..=100u64 {
            histogram.record(sample * 10_000);
        }
        let points = histogram.percentiles();
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        assert_eq!(points.first().map(|point| point.0), Some(0.0));
        assert_eq!(points.last(), Some(&(1.0, histogram.summary().max_ns)));
        assert!(points[points.len() - 2].0 <= 0.99);
    }

    /// Any value below 2^40, small ones as often as large ones.
    fn values(seed: u64) -> impl Iterator<Item = u64> {
        let mut state = seed;
        core::iter::repeat_with(move || {
            // Knuth's multiplier (MMIX).
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 24) >> ((state >> 8) % 40)
        })
    }

    #[test]
    fn every_value_has_the_counter_that_names_it() {
        let edges = (0..36).flat_map(|power| [(1_u64 << power) - 1, 1 << power, (1 << power) + 1]);
        for value in edges.chain(values(1).take(20_000)).map(|value| value.min(HIGHEST_NS)) {
            let [lowest, highest] = values_of(index_of(value));
            assert!((lowest..=highest).contains(&value), "{value} in {lowest}..={highest}");
            assert!((highest - lowest) * 1000 <= value, "{value}: {lowest}..={highest} is a thousandth");
            assert_eq!([lowest, highest].map(index_of), [index_of(value); 2]);
        }
    }

    #[test]
    fn quantiles_and_logs_are_those_of_hdrhistogram() {
        for (seed, samples) in [(1, 0), (2, 1), (3, 2), (4, 1_000), (5, 30_000)] {
            let mut reference = hdrhistogram::Histogram::<u64>::new_with_bounds(1, HIGHEST_NS, 3).unwrap();
            let mut histogram = StageHistogram::new();
            for value in values(seed).take(samples) {
                histogram.record(value);
                reference.record(value.min(HIGHEST_NS)).unwrap();
            }
            assert_eq!(histogram.to_hdr(), reference, "{samples} samples");
            for quantile in
                (0..=1000).map(|permille| f64::from(permille) / 1000.0).chain([0.9999, 0.999_999_9])
            {
                let wanted = reference.value_at_quantile(quantile).min(reference.max()).min(HIGHEST_NS);
                assert_eq!(histogram.quantile_ns(quantile), wanted, "{quantile} of {samples}");
            }
        }
    }

    #[test]
    fn a_copy_forgets_what_was_there_before() {
        let [mut one, mut other] = [StageHistogram::new(), StageHistogram::new()];
        values(7).take(500).for_each(|value| one.record(value));
        values(8).take(100).for_each(|value| other.record(value));
        one.copy(&other);
        assert_eq!(one.to_hdr(), other.to_hdr());
        assert_eq!(one.count(), 100);
    }

    #[test]
    fn latencies_of_a_stage_take_a_hundredth_of_the_whole_range() {
        let mut histogram = StageHistogram::new();
        // 30 to 90 us, as a verification takes on one machine.
        values(9).take(10_000).for_each(|value| histogram.record(30_000 + value % 60_000));
        let blocks = histogram.blocks.iter().flatten().count();
        assert!(blocks <= 8, "{blocks} blocks of {BLOCKS}");
    }
}
