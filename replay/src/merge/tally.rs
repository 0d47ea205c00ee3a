//! What was heard of messages, and how soon.

use serde::Serialize;
use v2x_report::{StageHistogram, Summary};

use super::share::{DeliveredShare, Z95};

/// One-way times from the link of the sender to that of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneWayLatency {
    /// Of the messages whose both clocks are joined.
    pub latency: Summary,
    /// The 95 % confidence interval of the median, ns, by the order of the times; absent of fewer than six.
    pub p50_interval_ns: Option<(u64, u64)>,
    /// The largest bound of the clocks' difference among them, ns: each latency is at most so wrong.
    pub bound_ns: u64,
    /// Latencies that came out below zero by at most their bound; they count as zero.
    pub below_zero: u64,
}

/// A one-way time, and how wrong it may be, ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct OneWay {
    pub(super) latency_ns: i64,
    pub(super) bound_ns: i64,
}

/// When a message was sent and heard, ns since the first recording began, and the time between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) sent_ns: u64,
    pub(super) heard_ns: u64,
    pub(super) way: OneWay,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    chances: u64,
    heard: u64,
    direct: u64,
    latency: StageHistogram,
    bound_ns: u64,
    below_zero: u64,
}

impl Tally {
    /// A chance that nobody took.
    pub(super) fn missed(&mut self) {
        self.chances += 1;
    }

    /// A message that was heard, from its sender or another, after a time that may be known.
    pub(super) fn heard(&mut self, direct: bool, time: Option<OneWay>) {
        self.chances += 1;
        self.heard += 1;
        self.direct += u64::from(direct);
        if let Some(OneWay { latency_ns, bound_ns }) = time {
            self.below_zero += u64::from(latency_ns < 0);
            self.latency.record(u64::try_from(latency_ns).unwrap_or(0));
            self.bound_ns = self.bound_ns.max(u64::try_from(bound_ns).unwrap_or(0));
        }
    }

    /// Whether there was a chance at all.
    pub(super) fn is_empty(&self) -> bool {
        self.chances == 0
    }

    pub(super) fn delivery(&self) -> DeliveredShare {
        DeliveredShare::of(self.chances, self.heard, self.direct)
    }

    pub(super) fn latency(&self) -> Option<OneWayLatency> {
        (!self.latency.is_empty()).then(|| OneWayLatency {
            latency: self.latency.summary(),
            p50_interval_ns: median_interval(&self.latency),
            bound_ns: self.bound_ns,
            below_zero: self.below_zero,
        })
    }
}

/// Between the times of which so many are shorter and so many longer that the median lies outside with 5 % at most, whatever the
/// distribution (W. J. Conover, Practical Nonparametric Statistics, 3.2).
fn median_interval(latency: &StageHistogram) -> Option<(u64, u64)> {
    if latency.count() < LEAST_FOR_INTERVAL {
        return None;
    }
    let count = latency.count() as f64;
    let half = Z95 * count.sqrt() / 2.0;
    let low = (count / 2.0 - half).floor().max(1.0);
    let high = ((count / 2.0 + half).ceil() + 1.0).min(count);
    let ranked = |rank: f64| latency.quantile_ns((rank - 0.5) / count);
    Some((ranked(low), ranked(high)))
}

/// The shortest and the longest of fewer hold the median too seldom.
const LEAST_FOR_INTERVAL: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl Iterator<Item = u64>) -> Option<(u64, u64)> {
        let mut latency = StageHistogram::new();
        times.for_each(|time| latency.record(time));
        median_interval(&latency)
    }

    #[test]
    fn the_interval_of_a_median_is_that_of_the_tables() {
        // Below 2,048 ns each value is exact. The ranks for 100 are 40 and 61, for 6 the first and the last.
        assert_eq!(of(1..=100), Some((40, 61)));
        assert_eq!(of(1..=6), Some((1, 6)));
        assert_eq!(of(1..=5), None);
        assert_eq!(of((0..50).map(|_| 7)), Some((7, 7)));
    }

    #[test]
    fn a_time_below_zero_counts_as_none_and_is_told() {
        let mut tally = Tally::default();
        tally.missed();
        tally.heard(true, Some(OneWay { latency_ns: -5, bound_ns: 9 }));
        tally.heard(false, None);
        let (delivery, latency) = (tally.delivery(), tally.latency().unwrap());
        assert_eq!((delivery.chances, delivery.heard, delivery.direct), (3, 2, 1));
        assert_eq!((latency.latency.count, latency.latency.max_ns), (1, 0));
        assert_eq!((latency.bound_ns, latency.below_zero), (9, 1));
        assert!(Tally::default().is_empty() && Tally::default().latency().is_none());
    }
}
