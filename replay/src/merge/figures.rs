//! Who heard whom, how often, how soon, and how old what was known was.

use core::array;

use serde::Serialize;
use v2x_proto::Class;
use v2x_report::DistanceBin;

use super::clocks::MergedClocks;
use super::join::{Ear, FirstHearing, Journey, Transmitted, Witness};
use super::prediction::{DirectHearing, Prediction};
use super::share::{DeliveredShare, ranges};
use super::tally::{OneWay, OneWayLatency, Tally, Times};
use crate::spatial::{EDGES_M, Spatial, bin};

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
        let pairs = self.pairs.iter().enumerate().filter(|(_, tally)| !tally.is_empty());
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

    /// When a message was sent, and heard then by another clock, on the common clock; `None` where a clock is not joined.
    fn times(&self, journey: &Journey, by: usize, at_ns: i64) -> Option<Times> {
        let (sent_ns, one) = self.clocks.common(journey.origin, journey.sent_ns);
        let (heard_ns, other) = self.clocks.common(by, at_ns);
        let since = |at: i64| u64::try_from(at.saturating_sub(self.start_ns)).unwrap_or(0);
        Some(Times {
            sent_ns: since(sent_ns),
            heard_ns: since(heard_ns),
            way: OneWay {
                latency_ns: heard_ns.saturating_sub(sent_ns),
                bound_ns: one?.saturating_add(other?),
            },
        })
    }
}

fn meet(tally: &mut Tally, hearing: Option<&FirstHearing>, times: Option<Times>) {
    match hearing {
        None => tally.missed(),
        Some(hearing) => tally.heard(hearing.direct_ns.is_some(), times.map(|times| times.way)),
    }
}

impl Witness for MergeFigures<'_> {
    fn journey(&mut self, journey: &Journey) {
        self.classes[journey.facts.class.index()].messages += 1;
        for (number, ear) in journey.ears.iter().enumerate() {
            let Some(Ear { distance_m }) = ear else { continue };
            let hearing = journey.hearings.iter().find(|hearing| hearing.by == number);
            let times = hearing.and_then(|hearing| self.times(journey, number, hearing.at_ns));
            meet(&mut self.pairs[journey.origin * self.count + number], hearing, times);
            let class = &mut self.classes[journey.facts.class.index()];
            meet(&mut class.all, hearing, times);
            let Some(distance_m) = *distance_m else { continue };
            meet(&mut class.bins[bin(distance_m)], hearing, times);
            let pair = (journey.origin as u32, number as u32);
            if let Some(Times { sent_ns, heard_ns, .. }) = times {
                class.ages.received(pair.0, pair.1, distance_m, sent_ns, heard_ns);
            }
            if self.prediction.is_some() {
                let direct_ns = hearing.and_then(|hearing| hearing.direct_ns);
                let heard = direct_ns.map(|at_ns| DirectHearing(self.times(journey, number, at_ns)));
                let Some(prediction) = &mut self.prediction else { continue };
                prediction.measured(pair, journey.facts.class, distance_m, heard);
            }
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
