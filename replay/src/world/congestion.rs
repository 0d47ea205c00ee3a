//! Congestion control in a world: each station is told how busy its channel is, as by its radio, and what its gate did is added up.

use core::time::Duration;

use v2x_core::{Congestion, CongestionState, Imminent, Input, LoadBasis, LoadSource, Regulation};
use v2x_report::CongestionReport;

use super::World;
use super::schedule::Due;
use crate::medium::hash;

/// What all stations of a world keep to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    pub(super) congestion: Congestion,
    pub(super) regulation: Regulation,
    pub(super) beacon_bytes: Option<u16>,
}

impl Control {
    fn is_off(self) -> bool {
        self.congestion == Congestion::Off && self.regulation == Regulation::None
    }
}

/// What a station's radio counted up to the last time it was asked, ns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    at_ns: u64,
    busy_ns: u64,
    /// It is asked again.
    scheduled: bool,
}

/// What the gates of a world's stations did, or of several worlds' together.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    stations: u64,
    busy: f64,
    busy_least: f64,
    busy_most: f64,
    held: u64,
    hold: Duration,
    longest: Duration,
    tracking: u64,
}

impl Gates {
    fn add(&mut self, state: &CongestionState) {
        let one = Self {
            stations: 1,
            busy: state.busy,
            busy_least: state.busy,
            busy_most: state.busy,
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
            share: None,
            step: None,
            interval_ms: None,
            power_cap_dbm: None,
            beacons_held: self.held,
            hold_mean_ms: self.hold.as_secs_f64() * 1e3 / self.held.max(1) as f64,
            hold_max_ms: self.longest.as_secs_f64() * 1e3,
            tracking_errors: self.tracking,
        })
    }
}

impl World {
    /// Sets what all stations keep to; nothing unless set. Call it before the first event.
    pub fn regulate(&mut self, congestion: Congestion, regulation: Regulation) {
        self.control = Control { congestion, regulation, ..self.control };
    }

    /// Fills beacons up to frames of this many bytes. Call it before the first event.
    pub fn fill_beacons(&mut self, bytes: u16) {
        self.control.beacon_bytes = Some(bytes);
    }

    /// How long the channel has been busy for a station until now, with its own frames and others', ns.
    pub fn occupied_ns(&self, station: u32, now_ns: u64) -> u64 {
        let known = self.medium.occupied_ns(station, now_ns);
        known.unwrap_or_else(|| self.occupancy.occupied_ns(station))
    }

    /// A station enters: its radio is asked each 100 ms, not at the same time as the others.
    pub(super) fn begin_survey(&mut self, station: u32, now_ns: u64) {
        let survey = &mut self.stations[station as usize].survey;
        if !self.control.is_off() && !survey.scheduled {
            survey.scheduled = true;
            let phase_ns = hash(self.settings.seed ^ u64::from(station)) % SURVEY_NS;
            self.schedule.push(now_ns + phase_ns, Due::Survey(station));
        }
    }

    /// A station's radio tells how busy its channel was since it was asked last.
    pub(super) fn survey(&mut self, station: u32, now_ns: u64) {
        let busy_ns = self.occupied_ns(station, now_ns);
        let state = &mut self.stations[station as usize];
        let before =
            core::mem::replace(&mut state.survey, Survey { at_ns: now_ns, busy_ns, scheduled: false });
        if state.node.is_none() {
            return;
        }
        state.survey.scheduled = true;
        self.schedule.push(now_ns + SURVEY_NS, Due::Survey(station));
        let passed_ns = now_ns.saturating_sub(before.at_ns);
        if before.at_ns > 0 && passed_ns > 0 {
            let busy_ns = busy_ns.saturating_sub(before.busy_ns).min(passed_ns);
            let busy_permille = (busy_ns * 1000 / passed_ns) as u16;
            self.input(station, now_ns, Input::ChannelLoad { busy_permille, source: LoadSource::Survey });
        }
    }

    /// A station leaves, or everything is over: its gate's figures are added up.
    pub(super) fn close_gate(&mut self, station: u32) {
        let state = &self.stations[station as usize];
        if let Some(node) = state.node.as_ref().filter(|_| !self.control.is_off()) {
            self.gates.add(&node.congestion());
        }
    }
}

/// Over which a busy ratio is taken (ETSI TS 102 687).
const SURVEY_NS: u64 = 100_000_000;
