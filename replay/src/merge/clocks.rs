//! All recordings on the clock of the first: through the pairs of stations that heard each other, shortest bound first.

use std::collections::BTreeMap;

use super::join::{Journey, Witness};
use super::offset::{ClockOffset, PairPoints};

/// Gathers frames between pairs of stations.
#[derive(Debug, Default)]
pub(super) struct PairGatherer {
    /// By both numbers, the smaller first.
    pairs: BTreeMap<(usize, usize), PairPoints>,
}

impl PairGatherer {
    /// Nobody heard anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl Witness for PairGatherer {
    fn journey(&mut self, journey: &Journey) {
        for hearing in &journey.hearings {
            let (from, to) = (journey.origin, hearing.by);
            let pair = self.pairs.entry((from.min(to), from.max(to))).or_default();
            if from < to {
                pair.there(journey.sent_ns, hearing.at_ns);
            } else {
                pair.back(journey.sent_ns, hearing.at_ns);
            }
        }
    }
}

/// How a recording is on the common clock.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JoinedBy {
    /// It is the clock.
    Reference,
    /// By frames heard both ways with this recording.
    Pair(usize),
    /// Others heard it or it heard others, and not both.
    OneWay,
    /// Nothing was heard either way.
    Nothing,
}

/// The common clock.
#[derive(Debug)]
pub(super) struct MergedClocks {
    pairs: BTreeMap<(usize, usize), ClockOffset>,
    joined: Vec<JoinedBy>,
    /// What is known roughly, ns, for those that are not joined.
    rough: Vec<i64>,
}

impl MergedClocks {
    /// From the pairs of `rough.len()` recordings.
    pub(super) fn new(gathered: &PairGatherer, rough: Vec<i64>) -> Self {
        let count = rough.len();
        let pairs: BTreeMap<_, _> =
            gathered.pairs.iter().filter_map(|(pair, points)| Some((*pair, points.solve()?))).collect();
        // Dijkstra's: the nearest of those not joined yet, by the sum of bounds.
        let mut joined = vec![JoinedBy::Nothing; count];
        let mut bounds: Vec<Option<i64>> = vec![None; count];
        (joined[0], bounds[0]) = (JoinedBy::Reference, Some(0));
        let mut done = vec![false; count];
        while let Some((bound, nearest)) =
            (0..count).filter(|n| !done[*n]).filter_map(|n| Some((bounds[n]?, n))).min()
        {
            done[nearest] = true;
            for (&(one, other), offset) in &pairs {
                let to = if one == nearest { other } else { one };
                if (one != nearest && other != nearest) || done[to] {
                    continue;
                }
                let through = bound.saturating_add(offset.mean_bound_ns());
                if bounds[to].is_none_or(|known| through < known) {
                    (bounds[to], joined[to]) = (Some(through), JoinedBy::Pair(nearest));
                }
            }
        }
        for (&(one, other), points) in &gathered.pairs {
            for number in [one, other] {
                if joined[number] == JoinedBy::Nothing && points.ways().contains(&true) {
                    joined[number] = JoinedBy::OneWay;
                }
            }
        }
        Self { pairs, joined, rough }
    }

    /// How a recording is joined.
    pub(super) fn joined(&self, recording: usize) -> &JoinedBy {
        &self.joined[recording]
    }

    /// A recording's time on the common clock, ns, and the bound of that where it is joined then.
    pub(super) fn common(&self, recording: usize, at_ns: i64) -> (i64, Option<i64>) {
        let (mut number, mut at_ns, mut bound) = (recording, at_ns, Some(0i64));
        loop {
            match self.joined[number] {
                JoinedBy::Reference => return (at_ns, bound),
                JoinedBy::OneWay | JoinedBy::Nothing => {
                    return (at_ns.saturating_sub(self.rough[number]), None);
                }
                JoinedBy::Pair(parent) => {
                    let offset = &self.pairs[&(number.min(parent), number.max(parent))];
                    let step;
                    if parent < number {
                        let ahead;
                        (ahead, step) = offset.at_second(at_ns);
                        at_ns = at_ns.saturating_sub(ahead);
                    } else {
                        let ahead;
                        (ahead, step) = offset.at(at_ns);
                        at_ns = at_ns.saturating_add(ahead);
                    }
                    bound = bound.zip(step).map(|(one, other)| one.saturating_add(other));
                    number = parent;
                }
            }
        }
    }

    /// The same at the nearest time at which the recording is joined.
    pub(super) fn common_near(&self, recording: usize, at_ns: i64) -> (i64, Option<i64>) {
        let JoinedBy::Pair(parent) = self.joined[recording] else { return self.common(recording, at_ns) };
        let offset = &self.pairs[&(recording.min(parent), recording.max(parent))];
        let second = |at: i64| if parent < recording { at.saturating_add(offset.at(at).0) } else { at };
        let [from, to] = offset.span().map(second);
        let near = at_ns.clamp(from.min(to), to.max(from));
        let (common, bound) = self.common(recording, near);
        (common.saturating_add(at_ns.saturating_sub(near)), bound)
    }

    /// How much faster a recording's clock runs than the first's and how uncertain that is, parts per million; `None` where it is
    /// not joined for long enough.
    pub(super) fn drift_ppm(&self, recording: usize) -> Option<(f64, f64)> {
        let (mut number, mut drift, mut bound) = (recording, 0.0, 0.0);
        while let JoinedBy::Pair(parent) = self.joined[number] {
            let offset = &self.pairs[&(number.min(parent), number.max(parent))];
            let sign = if parent < number { 1.0 } else { -1.0 };
            drift += sign * offset.drift_ppm()?;
            bound += offset.drift_bound_ppm();
            number = parent;
        }
        (self.joined[number] == JoinedBy::Reference).then_some((drift, bound))
    }

    /// Whether clocks on a recording's way to the first did not run evenly.
    pub(super) fn wanders(&self, recording: usize) -> bool {
        let mut number = recording;
        while let JoinedBy::Pair(parent) = self.joined[number] {
            if self.pairs[&(number.min(parent), number.max(parent))].wanders {
                return true;
            }
            number = parent;
        }
        false
    }
}
