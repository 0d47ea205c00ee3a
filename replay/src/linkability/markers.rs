//! Links by one trait at a time: which pairs of pseudonyms it would join, and how many of them guessing would.

use std::collections::{BTreeMap, BTreeSet};

use v2x_core::FloodName;
use v2x_proto::Digest;
use v2x_report::Marker;

use super::traits::{Beacon, Traits};

/// A pair that time and place allow to be one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub old: Digest,
    pub new: Digest,
}

/// What all distances are measured in.
#[derive(Debug)]
pub(super) struct Crowd<'a> {
    pub traits: &'a BTreeMap<Digest, Traits>,
    /// How many pseudonyms named or sent each flood.
    holders: BTreeMap<FloodName, f64>,
    /// The order in which pseudonyms ended, and in which they began.
    ended: BTreeMap<Digest, usize>,
    begun: BTreeMap<Digest, usize>,
}

type Distance = fn(&Crowd<'_>, &Pair) -> Option<f64>;

/// Scores each marker, and all of them together, on the true changes.
pub(super) fn score(crowd: &Crowd<'_>, pairs: &[Pair], truth: &BTreeSet<Pair>) -> Vec<Marker> {
    let mut all = vec![0.0; pairs.len()];
    let mut markers = Vec::new();
    for (name, distance) in MARKERS {
        let distances: Vec<Option<f64>> = pairs.iter().map(|pair| distance(crowd, pair)).collect();
        let known: Vec<f64> = distances.iter().copied().flatten().collect();
        if known.is_empty() {
            continue;
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        for (sum, distance) in all.iter_mut().zip(&distances) {
            // Without the trait a pair is as far apart as any.
            *sum += distance.map_or(1.0, |distance| if mean > 0.0 { distance / mean } else { 1.0 });
        }
        markers.push(matched(name, pairs, &distances, truth));
    }
    let all: Vec<Option<f64>> = all.into_iter().map(Some).collect();
    markers.push(matched("all", pairs, &all, truth));
    markers
}

/// Joins the nearest pairs first, each pseudonym at most once on either side, and counts the right ones.
fn matched(name: &str, pairs: &[Pair], distances: &[Option<f64>], truth: &BTreeSet<Pair>) -> Marker {
    let mut fits: Vec<(f64, Pair)> =
        pairs.iter().zip(distances).filter_map(|(pair, distance)| Some(((*distance)?, *pair))).collect();
    fits.sort_by(|(a, pair), (b, other)| a.total_cmp(b).then(pair.cmp(other)));
    let mut choices: BTreeMap<Digest, u32> = BTreeMap::new();
    for (_, pair) in &fits {
        *choices.entry(pair.old).or_default() += 1;
    }
    let compared: Vec<&Pair> =
        fits.iter().map(|(_, pair)| pair).filter(|pair| truth.contains(pair)).collect();
    let chance = compared.iter().map(|pair| 1.0 / f64::from(choices[&pair.old])).sum();
    let (mut olds, mut news) = (BTreeSet::new(), BTreeSet::new());
    let mut linked = 0;
    for (_, pair) in &fits {
        if !olds.contains(&pair.old) && !news.contains(&pair.new) {
            olds.insert(pair.old);
            news.insert(pair.new);
            linked += u64::from(truth.contains(pair));
        }
    }
    Marker { name: name.to_owned(), compared: compared.len() as u64, linked, chance }
}

impl<'a> Crowd<'a> {
    pub(super) fn of(traits: &'a BTreeMap<Digest, Traits>) -> Self {
        let mut holders = BTreeMap::new();
        for one in traits.values() {
            let named = one.first.iter().chain(&one.last).flat_map(|beacon| &beacon.floods);
            for name in named.chain(&one.relayed).collect::<BTreeSet<_>>() {
                *holders.entry(*name).or_insert(0.0) += 1.0;
            }
        }
        let order = |at: fn(&Traits) -> Option<u64>| {
            let mut times: Vec<_> =
                traits.iter().filter_map(|(digest, one)| Some((at(one)?, *digest))).collect();
            times.sort_unstable();
            times.into_iter().enumerate().map(|(place, (_, digest))| (digest, place)).collect()
        };
        Self {
            traits,
            holders,
            ended: order(|one| one.last.back().map(|beacon| beacon.at_ns)),
            begun: order(|one| one.first.first().map(|beacon| beacon.at_ns)),
        }
    }

    fn ends(&self, pair: &Pair) -> Option<(&Traits, &Traits)> {
        Some((self.traits.get(&pair.old)?, self.traits.get(&pair.new)?))
    }

    /// The last beacon under the old name and the first under the new one.
    fn beacons(&self, pair: &Pair) -> Option<(&Beacon, &Beacon)> {
        let (old, new) = self.ends(pair)?;
        Some((old.last.back()?, new.first.first()?))
    }

    /// How little two sets of floods have in common, what few have counting most; `None` where one is empty.
    fn apart(&self, old: &BTreeSet<FloodName>, new: &BTreeSet<FloodName>) -> Option<f64> {
        let weight = |name: &FloodName| self.holders.get(name).map_or(1.0, |holders| 1.0 / holders);
        let all: f64 = old.union(new).map(weight).sum();
        let both: f64 = old.intersection(new).map(weight).sum();
        (!old.is_empty() && !new.is_empty()).then(|| 1.0 - both / all)
    }
}

/// Each marker's name in reports, and how far apart it sees a pair.
const MARKERS: [(&str, Distance); 14] = [
    ("time", |crowd, pair| {
        let (old, new) = crowd.beacons(pair)?;
        Some(new.at_ns.saturating_sub(old.at_ns) as f64)
    }),
    ("order", |crowd, pair| Some(crowd.ended.get(&pair.old)?.abs_diff(*crowd.begun.get(&pair.new)?) as f64)),
    ("beacon_phase", |crowd, pair| {
        let (old, new) = crowd.beacons(pair)?;
        let apart = (old.at_ns % PHASE_NS).abs_diff(new.at_ns % PHASE_NS);
        Some(apart.min(PHASE_NS - apart) as f64)
    }),
    ("beacon_gap", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        Some((gap_ns(old.last.iter())? - gap_ns(new.first.iter())?).abs())
    }),
    ("stated_interval", |crowd, pair| {
        let (old, new) = crowd.beacons(pair)?;
        Some(f64::from(old.interval_ms?.abs_diff(new.interval_ms?)))
    }),
    ("frame_length", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        Some(length(old.last.iter())?.abs_diff(length(new.first.iter())?) as f64)
    }),
    ("dimensions", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        Some(f64::from(u8::from(old.dimensions? != new.dimensions?)))
    }),
    ("accuracy", |crowd, pair| {
        let (old, new) = crowd.beacons(pair)?;
        Some(f64::from(old.accuracy_cm?.abs_diff(new.accuracy_cm?)))
    }),
    ("sequence", |crowd, pair| {
        let (old, new) = crowd.beacons(pair)?;
        let ahead = new.sequence.wrapping_sub(old.sequence);
        Some(f64::from(ahead.min(ahead.wrapping_neg())))
    }),
    ("link_address", |crowd, pair| {
        let (old, new) = crowd.beacons(pair)?;
        let differing = old.link?.into_iter().zip(new.link?).map(|(a, b)| (a ^ b).count_ones());
        Some(f64::from(differing.sum::<u32>()))
    }),
    ("credential", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        Some(f64::from(u8::from(old.credential.as_ref()? != new.credential.as_ref()?)))
    }),
    ("credential_requests", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        let asked = |beacons: Vec<&Beacon>| -> BTreeSet<[u8; 3]> {
            beacons.iter().flat_map(|beacon| beacon.requests.iter().copied()).collect()
        };
        let (old, new) = (asked(old.last.iter().collect()), asked(new.first.iter().collect()));
        let both = old.intersection(&new).count() as f64;
        (!old.is_empty() && !new.is_empty()).then(|| 1.0 - both / old.union(&new).count() as f64)
    }),
    ("floods_listed", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        let named = |beacons: Vec<&Beacon>| -> BTreeSet<FloodName> {
            beacons.iter().flat_map(|beacon| beacon.floods.iter().copied()).collect()
        };
        crowd.apart(&named(old.last.iter().collect()), &named(new.first.iter().collect()))
    }),
    ("floods_sent_on", |crowd, pair| {
        let (old, new) = crowd.ends(pair)?;
        crowd.apart(&old.relayed, &new.relayed)
    }),
];

fn gap_ns<'a>(beacons: impl Iterator<Item = &'a Beacon>) -> Option<f64> {
    let times: Vec<u64> = beacons.map(|beacon| beacon.at_ns).collect();
    let (first, last) = (times.first()?, times.last()?);
    (times.len() > 1).then(|| (last - first) as f64 / (times.len() - 1) as f64)
}

/// The shortest: the others carry credentials, paths and lists.
fn length<'a>(beacons: impl Iterator<Item = &'a Beacon>) -> Option<usize> {
    beacons.map(|beacon| beacon.length).min()
}

/// Beacons are checked for on a grid of 100 ms.
const PHASE_NS: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Thirty stations that change at one second, with a beacon before and one after as `make` says of each.
    fn scored(make: impl Fn(u64, bool) -> Beacon) -> BTreeMap<String, Marker> {
        let digest = |car: u64, new: bool| {
            // Their order says nothing of who is who.
            Digest((car * 2 + u64::from(new)).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
        };
        let mut traits = BTreeMap::new();
        for (car, new) in (0..30).flat_map(|car| [(car, false), (car, true)]) {
            let beacon = make(car, new);
            let one = Traits {
                first: vec![beacon.clone()],
                last: VecDeque::from([beacon]),
                dimensions: Some((50, 20, 5)),
                ..Traits::default()
            };
            traits.insert(digest(car, new), one);
        }
        let pairs: Vec<Pair> =
            (0..900).map(|n| Pair { old: digest(n / 30, false), new: digest(n % 30, true) }).collect();
        let truth = (0..30).map(|car| Pair { old: digest(car, false), new: digest(car, true) }).collect();
        let markers = score(&Crowd::of(&traits), &pairs, &truth);
        markers.into_iter().map(|marker| (marker.name.clone(), marker)).collect()
    }

    fn at(seconds: u64, phase_ms: u64) -> u64 {
        seconds * 1_000_000_000 + phase_ms * 1_000_000
    }

    #[test]
    fn a_mark_of_each_links_all_and_what_all_share_links_none() {
        let name = |car: u64| {
            let mut signature = [0; 64];
            signature[0] = car as u8;
            FloodName::of(&signature)
        };
        let common = name(77);
        let scores = scored(|car, new| Beacon {
            at_ns: at(if new { 11 } else { 10 }, car * 3),
            floods: [name(car), common].into(),
            ..Beacon::default()
        });
        for marker in ["floods_listed", "beacon_phase", "order", "all"] {
            let found = &scores[marker];
            assert_eq!((found.compared, found.linked, found.tells()), (30, 30, true), "{marker}");
        }
        let same = &scores["dimensions"];
        assert!(same.linked <= 6 && !same.tells() && (same.chance - 1.0).abs() < 1e-9, "{same:?}");
        assert!(!scores.contains_key("credential"), "nobody showed one");
        let scores = scored(|car, new| Beacon {
            at_ns: at(if new { 11 } else { 10 }, if new { car * 7 % 30 * 3 } else { car * 3 }),
            floods: [common].into(),
            ..Beacon::default()
        });
        assert!(scores.values().all(|marker| !marker.tells()), "{scores:?}");
    }
}
