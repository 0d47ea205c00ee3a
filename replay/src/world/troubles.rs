//! What is wrong in a world, by the faults of a plan, and how far it has come.

use std::collections::BTreeMap;
use std::time::Duration;

use v2x_core::{ClockState, Fix, WireTime};
use v2x_report::FaultReport;

use super::clock::wire_at;
use crate::faults::FaultSetting;

/// The faults of a world.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pub(super) setting: FaultSetting,
    /// Frames that each station has sent.
    sent: BTreeMap<u32, u64>,
    /// Stations that have crashed: how often.
    pub(super) crashed: BTreeMap<u32, u32>,
    /// Stations that are down: by which crash, since when, ns.
    pub(super) down: BTreeMap<u32, (usize, u64)>,
    pub(super) moments: Vec<FaultMoment>,
}

/// Something that happens at a time; the index is that of the crash, clock or jammer.
#[derive(Clone, Copy, Debug)]
pub(super) enum FaultMoment {
    Crash(usize),
    Restart(usize),
    Clock(usize),
    Jammer { index: usize, on: bool },
}

impl Troubles {
    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.setting.is_empty()
    }

    /// A station sends a frame: how many it has sent before.
    pub(super) fn number(&mut self, sender: u32) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let sent = self.sent.entry(sender).or_default();
        *sent += 1;
        *sent - 1
    }

    /// Whether a station has no process now.
    pub(super) fn is_down(&self, station: u32) -> bool {
        !self.down.is_empty() && self.down.contains_key(&station)
    }

    /// A frame reaches a station that is down.
    pub(super) fn missed(&mut self, station: u32) {
        if let Some((index, _)) = self.down.get(&station) {
            let number = self.setting.crashes[*index].0;
            self.setting.took[number].frame(station);
        }
    }

    /// How often a station has crashed.
    pub(super) fn crashes_of(&self, station: u32) -> u32 {
        self.crashed.get(&station).copied().unwrap_or(0)
    }

    /// What a station's host says of the time.
    pub(super) fn clock(&self, station: u32, now_ns: u64) -> (WireTime, ClockState) {
        let mut ahead_ns = 0;
        let mut state = ClockState::Locked;
        for (_, clock) in self.setting.clocks.iter().filter(|(_, clock)| clock.who.has(station)) {
            ahead_ns += clock.ahead_ns(now_ns);
            if clock.is_noticed(now_ns) {
                state = ClockState::Untrusted;
            }
        }
        let right = wire_at(now_ns);
        let ahead = Duration::from_nanos(ahead_ns.unsigned_abs());
        let micros = right.as_micros().saturating_sub(ahead.as_micros() as u64);
        (if ahead_ns < 0 { WireTime::from_micros(micros) } else { right + ahead }, state)
    }

    /// What a station's receiver of positions gives; `None`: nothing.
    pub(super) fn fix(&mut self, station: u32, now_ns: u64, right: Fix) -> Option<Fix> {
        let FaultSetting { gnss, took, .. } = &mut self.setting;
        let mut given = Some(right);
        for (number, error) in gnss.iter().filter(|(_, error)| error.is_on(station, now_ns)) {
            took[*number].fix(station);
            given = given.and_then(|fix| error.given(fix));
        }
        given
    }

    /// What each fault took until `end_ns`.
    pub(super) fn close(&mut self, end_ns: u64) -> Vec<FaultReport> {
        for (index, since_ns) in core::mem::take(&mut self.down).into_values() {
            let number = self.setting.crashes[index].0;
            self.setting.took[number].lasted_ns += end_ns.saturating_sub(since_ns);
        }
        self.setting.close(end_ns)
    }
}
