//! Vehicles that warn of what they do: hard braking and collision courses (D0), emergency calls (D1), as a station in
//! service does with `alerts = true`.

use v2x_apps::alert::Triggers;
use v2x_apps::{Application as _, Moment};
use v2x_core::{Event, Input, NeighbourTable};

use super::{World, fix, moment};
use crate::source::{Sample, StationKind};

impl World {
    /// Has vehicles warn of their own motion and signals. Call it before the first event.
    pub fn alert_by_motion(&mut self) {
        self.alerting = true;
    }

    /// A station moved: its switches, and what they and its motion call for.
    pub(super) fn look_at_motion(&mut self, station: u32, now_ns: u64, sample: &Sample) {
        let at = moment(now_ns);
        let signals = self.tracks[station as usize].signals_at(now_ns);
        let state = signals.map(|signals| signals.state(at.wire));
        if let Some(state) = state {
            self.input(station, now_ns, Input::Vehicle(state));
        }
        if !self.alerting || self.attacks(station) || !warns(self.kind(station)) {
            return;
        }
        if let Some(state) = state {
            self.show(station, now_ns, |triggers, neighbours, at| triggers.vehicle(&state, neighbours, at));
        }
        let fix = fix(sample);
        self.show(station, now_ns, |triggers, neighbours, at| triggers.fix(Some(&fix), neighbours, at));
    }

    /// Shows something to a station's alerts, and carries out what they call for.
    fn show(&mut self, station: u32, now_ns: u64, show: impl FnOnce(&mut Triggers, &NeighbourTable, Moment)) {
        let at = moment(now_ns);
        let mut triggers = self.stations[station as usize].triggers.take().unwrap_or_default();
        if let Some(node) = &self.stations[station as usize].node {
            show(&mut triggers, node.neighbour_table(), at);
        }
        let due = triggers.poll(at);
        self.stations[station as usize].triggers = Some(triggers);
        if let Some(input) = due {
            self.input(station, now_ns, input);
        }
    }

    /// An event of a node, for its alerts.
    pub(super) fn tell_alerts(&mut self, station: u32, now_ns: u64, event: &Event) {
        if let Some(triggers) = &mut self.stations[station as usize].triggers {
            triggers.event(event, moment(now_ns));
        }
    }

    fn kind(&self, station: u32) -> StationKind {
        self.kinds.get(station as usize).copied().unwrap_or_default()
    }
}

fn warns(kind: StationKind) -> bool {
    !matches!(kind, StationKind::Roadside | StationKind::Pedestrian | StationKind::Bicycle)
}
