//! Who heard whom, how often, how soon, and how old what was known was.

use core::array;

use serde::Serialize;
use v2x_proto::Class;
use v2x_report::{DistanceBin, StageHistogram, Summary};

use super::clocks::MergedClocks;
use super::join::{Ear, FirstHearing, Journey, Transmitted, Witness};
use super::prediction::Prediction;
use super::share::{DeliveredShare, ranges};
use crate::spatial::{EDGES_M, Spatial, bin};

/// One-way times from the link of the sender to that of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneWayLatency {
    /// Of the messages whose both clocks are joined.
    pub latency: Summary,
    /// The largest bound of the clocks' difference among them, ns: each latency is at most so wrong.
    pub bound_ns: u64,
    /// Latencies that came out below zero by at most their bound; they count as zero.
    pub below_zero: u64,
}

/// One station heard by another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeardPair {
    /// Number of the sender's recording, from 0.
    pub sender: usize,
    /// Number of the receiver's.
    pub receiver: usize,
    /// How much of it.
    pub delivery: DeliveredShare,
    /// How soon; absent where a clock is not joined.
    pub latency: Option<OneWayLatency>,
}

/// One deadline class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergedClass {
    /// Which: "D0" to "D5".
    pub class: &'static str,
    /// Messages sent.
    pub messages: u64,
    /// At any distance, known or not.
    pub delivery: DeliveredShare,
    /// At any distance.
    pub latency: Option<OneWayLatency>,
    /// By distance at sending.
    pub by_distance: Vec<MergedDistance>,
    /// How old the newest message was that a receiver had of a sender, counted from sending, by distance.
    pub age_of_information: Vec<DistanceBin>,
}

/// A range of distances.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergedDistance {
    /// Shortest, m, inclusive.
    pub from_m: u32,
    /// Longest, m, exclusive; `null` for the last, open range.
    pub to_m: Option<u32>,
    /// How much was heard.
    pub delivery: DeliveredShare,
    /// How soon.
    pub latency: Option<OneWayLatency>,
}

/// Counts while the recordings are read.
#[derive(Debug)]
pub(super) struct MergeFigures<'a> {
    clocks: &'a MergedClocks,
    count: usize,
    pairs: Vec<Tally>,
    classes: [ClassTally; 6],
    pub(super) prediction: Option<Prediction>,
    /// The earliest time on the common clock, from which ages count.
    start_ns: i64,
}

#[derive(Debug, Default)]
struct ClassTally {
    messages: u64,
    all: Tally,
    bins: [Tally; EDGES_M.len()],
    ages: Spatial,
}

#[derive(Debug, Default)]
struct Tally {
    chances: u64,
    heard: u64,
    direct: u64,
    latency: StageHistogram,
    bound_ns: u64,
    below_zero: u64,
}

impl Tally {
    fn meet(&mut self, hearing: Option<&FirstHearing>, latency: Option<(i64, i64)>) {
        self.chances += 1;
        let Some(hearing) = hearing else { return };
        self.heard += 1;
        self.direct += u64::from(hearing.direct);
        if let Some((latency_ns, bound_ns)) = latency {
            self.below_zero += u64::from(latency_ns < 0);
            self.latency.record(u64::try_from(latency_ns).unwrap_or(0));
            self.bound_ns = self.bound_ns.max(u64::try_from(bound_ns).unwrap_or(0));
        }
    }

    fn delivery(&self) -> DeliveredShare {
        DeliveredShare::of(self.chances, self.heard, self.direct)
    }

    fn latency(&self) -> Option<OneWayLatency> {
        (!self.latency.is_empty()).then(|| OneWayLatency {
            latency: self.latency.summary(),
            bound_ns: self.bound_ns,
            below_zero: self.below_zero,
        })
    }
}

impl<'a> MergeFigures<'a> {
    pub(super) fn new(
        clocks: &'a MergedClocks,
        count: usize,
        start_ns: i64,
        prediction: Option<Prediction>,
    ) -> Self {
        Self {
            clocks,
            count,
            pairs: (0..count * count).map(|_| Tally::default()).collect(),
            classes: array::from_fn(|_| ClassTally::default()),
            prediction,
            start_ns,
        }
    }

    /// Pairs of recordings of which one could hear the other.
    pub(super) fn pairs(&self) -> Vec<HeardPair> {
        let pairs = self.pairs.iter().enumerate().filter(|(_, tally)| tally.chances > 0);
        pairs
            .map(|(number, tally)| HeardPair {
                sender: number / self.count,
                receiver: number % self.count,
                delivery: tally.delivery(),
                latency: tally.latency(),
            })
            .collect()
    }

    /// Classes in which something was sent.
    pub(super) fn classes(&self) -> Vec<MergedClass> {
        let used = Class::ALL.into_iter().zip(&self.classes).filter(|(_, tally)| tally.messages > 0);
        used.map(|(class, tally)| MergedClass {
            class: class.name(),
            messages: tally.messages,
            delivery: tally.all.delivery(),
            latency: tally.all.latency(),
            by_distance: ranges()
                .zip(&tally.bins)
                .map(|((from_m, to_m), tally)| MergedDistance {
                    from_m,
                    to_m,
                    delivery: tally.delivery(),
                    latency: tally.latency(),
                })
                .collect(),
            age_of_information: tally.ages.age_of_information(),
        })
        .collect()
    }

    /// When it was sent and heard on the common clock, and the bound of the difference, ns.
    fn times(&self, journey: &Journey, hearing: &FirstHearing) -> Option<(i64, i64, i64)> {
        let (sent_ns, one) = self.clocks.common(journey.origin, journey.sent_ns);
        let (heard_ns, other) = self.clocks.common(hearing.by, hearing.at_ns);
        Some((sent_ns, heard_ns, one?.saturating_add(other?)))
    }
}

impl Witness for MergeFigures<'_> {
    fn journey(&mut self, journey: &Journey) {
        self.classes[journey.facts.class.index()].messages += 1;
        for (number, ear) in journey.ears.iter().enumerate() {
            let Some(Ear { distance_m }) = ear else { continue };
            let hearing = journey.hearings.iter().find(|hearing| hearing.by == number);
            let times = hearing.and_then(|hearing| self.times(journey, hearing));
            let latency = times.map(|(sent, heard, bound)| (heard.saturating_sub(sent), bound));
            self.pairs[journey.origin * self.count + number].meet(hearing, latency);
            let class = &mut self.classes[journey.facts.class.index()];
            class.all.meet(hearing, latency);
            let Some(distance_m) = *distance_m else { continue };
            class.bins[bin(distance_m)].meet(hearing, latency);
            if let Some((sent, heard, _)) = times {
                let since = |at: i64| u64::try_from(at.saturating_sub(self.start_ns)).unwrap_or(0);
                let (from, to) = (journey.origin as u32, number as u32);
                class.ages.received(from, to, distance_m, since(sent), since(heard));
            }
        }
        if let Some(prediction) = &mut self.prediction {
            prediction.measured(journey);
        }
    }

    fn transmitted(&mut self, transmitted: &Transmitted<'_>) {
        if let Some(prediction) = &mut self.prediction {
            prediction.transmitted(transmitted);
        }
    }

    fn place(&mut self, by: usize, at_ns: i64, position: Option<v2x_core::Position>) {
        if let Some(prediction) = &mut self.prediction {
            prediction.place(by, at_ns, position);
        }
    }
}
