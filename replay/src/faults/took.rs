//! What each fault took, for the report.

use std::collections::BTreeSet;

use v2x_report::FaultReport;

/// What one fault took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Took {
    kind: &'static str,
    frames: u64,
    fixes: u64,
    stations: BTreeSet<u32>,
    /// From when to when it is on, ns; `None`: `lasted_ns` has what there was.
    span: Option<(u64, u64)>,
    /// How long it lasted, with all of its stations together where it is theirs, ns.
    pub(crate) lasted_ns: u64,
}

impl Took {
    /// Of a kind of fault, on from when to when, ns, where that is all there is to know.
    pub(crate) fn new(kind: &'static str, span: Option<(u64, u64)>) -> Self {
        Self { kind, span, ..Self::default() }
    }

    /// A frame that this station was to have.
    pub(crate) fn frame(&mut self, station: u32) {
        self.frames += 1;
        self.stations.insert(station);
    }

    /// A position of this station.
    pub(crate) fn fix(&mut self, station: u32) {
        self.fixes += 1;
        self.stations.insert(station);
    }

    /// The station itself.
    pub(crate) fn station(&mut self, station: u32) {
        self.stations.insert(station);
    }

    /// What it took until `end_ns`.
    pub(crate) fn report(&self, end_ns: u64) -> FaultReport {
        let spanned = |(from_ns, to_ns): (u64, u64)| to_ns.min(end_ns).saturating_sub(from_ns);
        FaultReport {
            fault: self.kind.to_owned(),
            frames: self.frames,
            fixes: self.fixes,
            stations: self.stations.len() as u64,
            lasted_s: self.span.map_or(self.lasted_ns, spanned) as f64 / 1e9,
        }
    }
}
