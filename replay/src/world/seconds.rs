//! How stations are at the end of each second, for the table of stations.
//!
//! A second ends with the first event at or after its end, before that is handled: no event is added, so that a run with tables
//! is the run without. Nothing is foreseen beyond that end, so that nodes are the same then on any number of threads.

use super::World;
use crate::tables::StationState;

impl World {
    /// Ends the seconds that are over by now.
    pub(super) fn end_seconds(&mut self, now_ns: u64) {
        while self.second_ends_ns() <= now_ns {
            self.cut_second(now_ns);
        }
    }

    /// When the second under way ends that a table is to tell of, ns.
    pub(super) fn second_ends_ns(&mut self) -> u64 {
        self.journal.tables().map_or(u64::MAX, |tables| tables.stations().ends_ns())
    }

    /// Ends the second under way, at its end or now, whichever is sooner.
    pub(super) fn cut_second(&mut self, now_ns: u64) {
        if self.journal.tables().is_none() {
            return;
        }
        self.journal.catch_up();
        let Self { journal, stations, tracks, medium, occupancy, excluded, processor, .. } = self;
        let Some(tables) = journal.tables() else { return };
        tables.stations().end_second(now_ns, |station, from_ns| {
            let sample = tracks[station as usize].at(from_ns);
            let state = &stations[station as usize];
            let node = state.node.as_deref();
            StationState {
                place: sample.map(|sample| (sample.latitude, sample.longitude)),
                speed: sample.and_then(|sample| sample.speed),
                honest: !excluded.contains(&station),
                checks: state.work.meter.checks(),
                processor_ns: (!processor.is_instant()).then_some(state.work.spent_ns),
                channel_busy_ns: medium
                    .occupied_ns(station, now_ns)
                    .or_else(|| Some(occupancy.occupied_ns(station))),
                neighbours: node.map(|node| node.neighbours().count() as u64),
            }
        });
    }
}
