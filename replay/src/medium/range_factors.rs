//! Stations that hear and are heard farther than others, or less far.

use std::collections::BTreeMap;

/// How far stations reach in parts of the usual; 1 for all that are not named.
#[derive(Clone, Debug, Default)]
pub(super) struct RangeFactors(BTreeMap<u32, f64>);

impl RangeFactors {
    /// A station reaches this many times as far.
    pub(super) fn set(&mut self, station: u32, factor: f64) {
        self.0.insert(station, factor);
    }

    /// Whether no station differs.
    pub(super) fn alike(&self) -> bool {
        self.0.is_empty()
    }

    /// Between two stations: that of the one that differs, the larger where both do.
    pub(super) fn between(&self, one: u32, other: u32) -> f64 {
        if self.alike() {
            return 1.0;
        }
        match (self.0.get(&one), self.0.get(&other)) {
            (Some(one), Some(other)) => one.max(*other),
            (Some(factor), None) | (None, Some(factor)) => *factor,
            (None, None) => 1.0,
        }
    }

    /// The largest that a frame of a station can meet with.
    pub(super) fn most(&self) -> f64 {
        self.0.values().copied().fold(1.0, f64::max)
    }
}
