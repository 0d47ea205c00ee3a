//! Congestion control in a world: each station is told how busy its channel is, as by its radio, and what its gate did is added up.

use v2x_core::{Congestion, Input, LoadSource, Regulation};

use super::World;
use super::gates::{Control, Survey};
use super::schedule::Due;
use crate::medium::hash;

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
