//! What became of messages by distance, and by sender and receiver.

use v2x_proto::Class;
use v2x_report::{DeliveryBin, WorstPair, WorstStation};

use crate::pairs::Pairs;
use crate::spatial::{EDGES_M, bin};

/// Counts of settled messages; each pair of a message and a station it was meant for is counted once.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// Awareness by distance: expected, delivered.
    bins: [(u64, u64); EDGES_M.len()],
    /// Messages with a deadline, by sender and receiver.
    pairs: Pairs<Pair>,
    /// Messages of pairs that found no room.
    beyond: u64,
}

/// One message at one station it was meant for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) class: Class,
    /// `None` where the ledger was not told.
    pub(crate) sender: Option<u32>,
    pub(crate) receiver: u32,
    pub(crate) distance_m: f32,
    /// `None`: never delivered.
    pub(crate) latency_ns: Option<u64>,
    pub(crate) missed: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Pair {
    expected: u32,
    missed: u32,
    delivered: u32,
    latencies_ns: u64,
}

impl Tallies {
    /// Counts one message at one station.
    pub(crate) fn add(&mut self, served: Served) {
        if served.class == Class::D2 {
            let (expected, delivered) = &mut self.bins[bin(served.distance_m)];
            *expected += 1;
            *delivered += u64::from(served.latency_ns.is_some());
        }
        let Some(sender) = served.sender.filter(|_| served.class.deadline().is_some()) else { return };
        let key = (sender, served.receiver);
        let pair = match self.pairs.get_mut(key) {
            Some(pair) => pair,
            None => {
                if self.pairs.len() >= MAX_PAIRS {
                    self.beyond += 1;
                    return;
                }
                self.pairs.insert(key, Pair::default())
            }
        };
        pair.expected += 1;
        pair.missed += u32::from(served.missed);
        pair.delivered += u32::from(served.latency_ns.is_some());
        pair.latencies_ns = pair.latencies_ns.saturating_add(served.latency_ns.unwrap_or(0));
    }

    /// Awareness by distance; empty when there was none.
    pub(crate) fn delivery_by_distance(&self) -> Vec<DeliveryBin> {
        if self.bins.iter().all(|(expected, _)| *expected == 0) {
            return Vec::new();
        }
        let bins = self.bins.iter().enumerate();
        bins.map(|(index, (expected, delivered))| DeliveryBin {
            from_m: EDGES_M[index],
            to_m: EDGES_M.get(index + 1).copied(),
            expected: *expected,
            delivered: *delivered,
        })
        .collect()
    }

    /// The pairs that missed most, the worst first.
    pub(crate) fn worst_pairs(&self, name: &dyn Fn(u32) -> String) -> Vec<WorstPair> {
        let rows =
            self.pairs.iter().map(|(key, pair)| (u64::from(pair.missed), u64::from(pair.expected), key));
        let worst = worst(rows.collect());
        let of = |(missed, expected, key): (u64, u64, (u32, u32))| {
            let pair = self.pairs.get(key).copied().unwrap_or_default();
            let mean_ns = pair.latencies_ns.checked_div(u64::from(pair.delivered));
            WorstPair { sender: name(key.0), receiver: name(key.1), expected, missed, mean_ns }
        };
        worst.into_iter().map(of).collect()
    }

    /// Messages of pairs that are in no list, because there were too many pairs.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond
    }
}

/// The receivers that missed most, the worst first; `shares` are expected and missed messages by station.
pub(crate) fn worst_stations(shares: &[(u64, u64)], name: &dyn Fn(u32) -> String) -> Vec<WorstStation> {
    let rows = (0u32..).zip(shares).map(|(station, (expected, missed))| (*missed, *expected, station));
    let worst = worst(rows.collect());
    let of = |(missed, expected, station)| WorstStation { station: name(station), expected, missed };
    worst.into_iter().map(of).collect()
}

/// The most missed first; of equal ones the larger share, then the lower number, so that equal runs have equal lists.
fn worst<K: Ord + Copy>(mut rows: Vec<(u64, u64, K)>) -> Vec<(u64, u64, K)> {
    rows.retain(|(missed, ..)| *missed > 0);
    let order = |(missed, expected, key): &(u64, u64, K)| (core::cmp::Reverse(*missed), *expected, *key);
    rows.sort_unstable_by_key(order);
    rows.truncate(SHOWN);
    rows
}

/// What fits a page, and a reader's patience.
const SHOWN: usize = 10;
/// About 30 MB: a thousand stations, each of which meets five hundred others.
const MAX_PAIRS: usize = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn served(sender: u32, receiver: u32, latency_ns: Option<u64>) -> Served {
        let missed = latency_ns.is_none_or(|latency_ns| latency_ns > 100 * MS);
        Served { class: Class::D2, sender: Some(sender), receiver, distance_m: 120.0, latency_ns, missed }
    }

    #[test]
    fn what_is_late_was_delivered_and_missed() {
        let mut tallies = Tallies::default();
        for latency_ns in [Some(MS), Some(101 * MS), None] {
            tallies.add(served(1, 2, latency_ns));
        }
        let bins = tallies.delivery_by_distance();
        assert_eq!((bins[2].from_m, bins[2].expected, bins[2].delivered), (100, 3, 2));
        assert_eq!(bins.iter().map(|bin| bin.expected).sum::<u64>(), 3);
        let worst = tallies.worst_pairs(&|station| format!("car {station}"));
        assert_eq!((worst[0].sender.as_str(), worst[0].receiver.as_str()), ("car 1", "car 2"));
        assert_eq!((worst[0].expected, worst[0].missed, worst[0].mean_ns), (3, 2, Some(51 * MS)));
    }

    #[test]
    fn the_worst_come_first_and_who_missed_nothing_is_not_among_them() {
        let mut tallies = Tallies::default();
        for receiver in 0..20 {
            (0..receiver).for_each(|_| tallies.add(served(100, receiver, None)));
            tallies.add(served(100, receiver, Some(MS)));
        }
        let worst = tallies.worst_pairs(&|station| station.to_string());
        assert_eq!(worst.len(), SHOWN);
        assert_eq!((worst[0].receiver.as_str(), worst[9].receiver.as_str()), ("19", "10"));
        // Equal numbers of misses: who was sent less is served worse.
        let shares = [(9, 3), (5, 0), (4, 3), (9, 3)];
        let names: Vec<_> = worst_stations(&shares, &|station| station.to_string())
            .into_iter()
            .map(|one| one.station)
            .collect();
        assert_eq!(names, ["2", "0", "3"]);
    }

    #[test]
    fn alerts_are_not_in_the_figure_of_awareness_and_background_is_nobody_s_miss() {
        let mut tallies = Tallies::default();
        tallies.add(Served { class: Class::D1, ..served(1, 2, None) });
        tallies.add(Served { class: Class::D5, ..served(1, 3, None) });
        tallies.add(Served { sender: None, ..served(1, 4, None) });
        assert_eq!(tallies.delivery_by_distance()[2].expected, 1);
        let worst = tallies.worst_pairs(&|station| station.to_string());
        assert_eq!(worst.iter().map(|pair| pair.receiver.as_str()).collect::<Vec<_>>(), ["2"]);
    }
}
