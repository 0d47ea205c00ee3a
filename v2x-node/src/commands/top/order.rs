//! The order of the stations in the table.

use core::cmp::Ordering;

use clap::ValueEnum;
use v2x_api::Neighbour;

/// A column to sort by, and the key that chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Column {
    /// Digest
    Station,
    /// Nearest first
    #[default]
    Distance,
    /// Fastest first
    Speed,
    /// Strongest signal first
    Signal,
    /// Those of which most is lost first
    Delivery,
    /// Those not heard for longest first
    Heard,
    /// Those not believed first
    Standing,
}

impl Column {
    /// All, in the order of the table.
    pub(super) const ALL: [Self; 7] = [
        Self::Station,
        Self::Distance,
        Self::Speed,
        Self::Signal,
        Self::Delivery,
        Self::Heard,
        Self::Standing,
    ];

    /// The key that chooses it.
    pub(super) fn key(self) -> char {
        match self {
            Self::Station => 'n',
            Self::Distance => 'd',
            Self::Speed => 'v',
            Self::Signal => 's',
            Self::Delivery => 'l',
            Self::Heard => 'h',
            Self::Standing => 't',
        }
    }

    fn compare(self, one: &Neighbour, other: &Neighbour) -> Ordering {
        let rising = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            // What is not known comes last.
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let falling = |a: Option<f64>, b: Option<f64>| rising(a.map(|a| -a), b.map(|b| -b));
        match self {
            Self::Station => Ordering::Equal,
            Self::Distance => rising(one.distance_m, other.distance_m),
            Self::Speed => falling(one.speed_m_s, other.speed_m_s),
            Self::Signal => falling(one.signal_dbm, other.signal_dbm),
            Self::Delivery => rising(one.delivery_ratio, other.delivery_ratio),
            Self::Heard => falling(one.heard_ms, other.heard_ms),
            Self::Standing => believed(one).cmp(&believed(other)),
        }
    }
}

fn believed(station: &Neighbour) -> u8 {
    match station.standing.as_deref() {
        Some("isolated") => 0,
        Some("suspect") => 1,
        _ => 2,
    }
}

/// Sorts; those that are equal by their digests.
pub(super) fn sort(stations: &mut [Neighbour], by: Column, reversed: bool) {
    stations.sort_by(|one, other| {
        let order = by.compare(one, other).then_with(|| one.digest.cmp(&other.digest));
        if reversed { order.reverse() } else { order }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_sorted_by_each_column_and_the_unknown_come_last() {
        let station = |digest: &str, distance_m, speed_m_s, standing: &str| Neighbour {
            digest: digest.to_owned(),
            distance_m,
            speed_m_s,
            standing: Some(standing.to_owned()),
            ..Neighbour::default()
        };
        let mut stations = [
            station("c", Some(30.0), Some(1.0), "trusted"),
            station("a", None, Some(2.0), "isolated"),
            station("b", Some(10.0), None, "suspect"),
            station("d", Some(10.0), Some(9.0), "trusted"),
        ];
        let mut order = |by, reversed| {
            sort(&mut stations, by, reversed);
            stations.iter().map(|one| one.digest.clone()).collect::<String>()
        };
        assert_eq!(order(Column::Station, false), "abcd");
        assert_eq!(order(Column::Distance, false), "bdca");
        assert_eq!(order(Column::Distance, true), "acdb");
        assert_eq!(order(Column::Speed, false), "dacb");
        assert_eq!(order(Column::Standing, false), "abcd");
    }

    #[test]
    fn each_column_has_a_key_of_its_own() {
        let mut keys: Vec<char> = Column::ALL.iter().map(|column| column.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Column::ALL.len());
        assert!(keys.iter().all(|key| !['q', 'r', 'j', 'k'].contains(key)));
    }
}
