//! Stations whose receiver of positions has none, or others.

use v2x_core::Fix;

use super::members::Chosen;

/// One fault of receivers of positions.
#[derive(Clone, Debug)]
pub(crate) struct GnssError {
    pub(crate) who: Chosen,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    /// East and north of the truth, m; `None`: it has no position.
    pub(crate) jump_m: Option<(f64, f64)>,
}

impl GnssError {
    /// Whether it is wrong with a station now.
    pub(crate) fn is_on(&self, station: u32, now_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&now_ns) && self.who.has(station)
    }

    /// What the receiver gives in place of the true position.
    pub(crate) fn given(&self, fix: Fix) -> Option<Fix> {
        self.jump_m.map(|(east, north)| Fix { position: fix.position.moved(east, north), ..fix })
    }
}
