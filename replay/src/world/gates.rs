//! What all stations of a world keep to, what each radio counted, and what all gates did together.

use core::time::Duration;

use v2x_core::{Congestion, CongestionState, Imminent, LoadBasis, LoadSource, Regulation};
use v2x_report::CongestionReport;

/// What all stations of a world keep to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    pub(super) congestion: Congestion,
    pub(super) regulation: Regulation,
    pub(super) beacon_bytes: Option<u16>,
}

impl Control {
    pub(super) fn is_off(self) -> bool {
        self.congestion == Congestion::Off && self.regulation == Regulation::None
    }
}

/// What a station's radio counted up to the last time it was asked, ns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    pub(super) at_ns: u64,
    pub(super) busy_ns: u64,
    /// It is asked again.
    pub(super) scheduled: bool,
}

/// What the gates of a world's stations did, or of several worlds' together.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    stations: u64,
    busy: f64,
    busy_least: f64,
    busy_most: f64,
    /// Of the stations that have one: how many, all together.
    share: (u64, f64),
    /// Likewise.
    interval: (u64, Duration),
    held: u64,
    hold: Duration,
    longest: Duration,
    tracking: u64,
}

impl Gates {
    pub(super) fn add(&mut self, state: &CongestionState) {
        let one = Self {
            stations: 1,
            busy: state.busy,
            busy_least: state.busy,
            busy_most: state.busy,
            share: state.share.map_or((0, 0.0), |share| (1, share)),
            interval: (u64::from(!state.interval.is_zero()), state.interval),
            held: state.counts.beacons_held,
            hold: state.counts.held,
            longest: state.counts.longest_hold,
            tracking: state.counts.tracking_errors,
        };
        self.merge(&one);
    }

    /// Adds another world's.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.stations == 0 {
            return;
        }
        self.busy_least =
            if self.stations == 0 { other.busy_least } else { self.busy_least.min(other.busy_least) };
        self.busy_most = self.busy_most.max(other.busy_most);
        self.stations += other.stations;
        self.busy += other.busy;
        self.share = (self.share.0 + other.share.0, self.share.1 + other.share.1);
        self.interval = (self.interval.0 + other.interval.0, self.interval.1 + other.interval.1);
        self.held += other.held;
        self.hold += other.hold;
        self.longest = self.longest.max(other.longest);
        self.tracking += other.tracking;
    }

    /// The figures for a report; `None` for a world without congestion control.
    pub(crate) fn report(
        &self,
        congestion: Congestion,
        regulation: Regulation,
        imminent: Imminent,
    ) -> Option<CongestionReport> {
        if (Control { congestion, regulation, beacon_bytes: None }).is_off() {
            return None;
        }
        Some(CongestionReport {
            congestion: congestion.name().to_owned(),
            regulation: regulation.name().to_owned(),
            imminent: imminent.name().to_owned(),
            source: LoadBasis::Reported(LoadSource::Survey).name().to_owned(),
            busy: self.busy / self.stations.max(1) as f64,
            busy_range: Some((self.busy_least, self.busy_most)),
            share: (self.share.0 > 0).then(|| self.share.1 / self.share.0 as f64),
            step: None,
            interval_ms: (self.interval.0 > 0)
                .then(|| self.interval.1.as_secs_f64() * 1e3 / self.interval.0 as f64),
            power_cap_dbm: None,
            beacons_held: self.held,
            hold_mean_ms: self.hold.as_secs_f64() * 1e3 / self.held.max(1) as f64,
            hold_max_ms: self.longest.as_secs_f64() * 1e3,
            tracking_errors: self.tracking,
        })
    }
}
