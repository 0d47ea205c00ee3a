//! What is wrong in a world, by the faults of a plan, and how far it has come.

use std::collections::BTreeMap;
use std::time::Duration;

use v2x_core::{ClockState, Fix, Input, Position, WireTime};
use v2x_report::FaultReport;

use super::clock::wire_at;
use super::schedule::Due;
use super::{World, fix, position};
use crate::faults::FaultSetting;
use crate::medium::NoiseArea;

/// The faults of a world.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pub(super) setting: FaultSetting,
    /// Frames that each station has sent.
    sent: BTreeMap<u32, u64>,
    /// Stations that have crashed: how often.
    crashed: BTreeMap<u32, u32>,
    /// Stations that are down: by which crash, since when, ns.
    down: BTreeMap<u32, (usize, u64)>,
    moments: Vec<FaultMoment>,
}

/// Something that happens at a time; the index is that of the crash, clock or jammer.
#[derive(Clone, Copy, Debug)]
enum FaultMoment {
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

impl World {
    /// Has these faults happen. Call it before the first event.
    pub fn suffer(&mut self, setting: FaultSetting) {
        let mut moments = Vec::new();
        for (index, (_, crash)) in setting.crashes.iter().enumerate() {
            moments.push((crash.down_ns, FaultMoment::Crash(index)));
            moments.push((crash.up_ns, FaultMoment::Restart(index)));
        }
        let clocks = setting.clocks.iter().enumerate();
        moments.extend(clocks.map(|(index, (_, clock))| (clock.from_ns, FaultMoment::Clock(index))));
        self.troubles.setting = setting;
        if self.medium.hears_noise() {
            let jammers = self.troubles.setting.jammers.iter().enumerate();
            moments.extend(
                jammers.map(|(index, (_, jammer))| (jammer.from_ns, FaultMoment::Jammer { index, on: true })),
            );
        } else {
            self.troubles.setting.jam_links();
        }
        for (number, (at_ns, moment)) in (0..).zip(moments) {
            self.troubles.moments.push(moment);
            self.schedule.push(at_ns, Due::Fault(number));
        }
    }

    /// The time of a fault has come.
    pub(super) fn go_wrong(&mut self, number: u32, now_ns: u64) {
        match self.troubles.moments[number as usize] {
            FaultMoment::Crash(index) => self.crash(index, now_ns),
            FaultMoment::Restart(index) => self.come_up(index, now_ns),
            FaultMoment::Clock(index) => self.tell_time(number, index, now_ns),
            FaultMoment::Jammer { index, on } => self.jam(number, index, on, now_ns),
        }
    }

    fn crash(&mut self, index: usize, now_ns: u64) {
        let who = self.troubles.setting.crashes[index].1.who.each(self.stations.len() as u32);
        for station in who {
            let state = &mut self.stations[station as usize];
            if state.node.take().is_none() {
                continue;
            }
            state.foreseen.clear();
            state.work.restart(now_ns);
            let Troubles { setting, down, crashed, .. } = &mut self.troubles;
            setting.took[setting.crashes[index].0].station(station);
            *crashed.entry(station).or_default() += 1;
            down.insert(station, (index, now_ns));
        }
    }

    fn come_up(&mut self, index: usize, now_ns: u64) {
        let Troubles { setting, down, .. } = &mut self.troubles;
        let mut up = Vec::new();
        down.retain(|station, (by, since_ns)| {
            if *by == index {
                up.push(*station);
                setting.took[setting.crashes[index].0].lasted_ns += now_ns - *since_ns;
            }
            *by != index
        });
        for station in up {
            // One that has left in the meantime comes back as any other does.
            if self.places.position(station).is_some()
                && let Some(sample) = self.tracks[station as usize].at(now_ns)
            {
                self.places.set(station, position(&sample));
                self.enter(station, now_ns);
                self.give_fix(station, now_ns, fix(&sample));
            }
        }
    }

    /// A station's receiver of positions is due to give one.
    pub(super) fn give_fix(&mut self, station: u32, now_ns: u64, right: Fix) {
        if let Some(fix) = self.troubles.fix(station, now_ns, right) {
            self.input(station, now_ns, Input::Fix(Some(fix)));
        }
    }

    fn tell_time(&mut self, number: u32, index: usize, now_ns: u64) {
        let (fault, clock) = &self.troubles.setting.clocks[index];
        let (fault, who) = (*fault, clock.who.each(self.stations.len() as u32));
        if let Some(next_ns) = clock.next_ns(now_ns).filter(|ns| *ns < u64::MAX) {
            self.schedule.push(next_ns, Due::Fault(number));
        }
        for station in who {
            if self.stations[station as usize].node.is_some() {
                let (wire, state) = self.troubles.clock(station, now_ns);
                self.troubles.setting.took[fault].station(station);
                self.input(station, now_ns, Input::Clock { wire, state });
            }
        }
    }

    fn jam(&mut self, number: u32, index: usize, on: bool, now_ns: u64) {
        let (fault, jammer) = self.troubles.setting.jammers[index];
        let area = NoiseArea { at: jammer.at, range_m: jammer.range_m, noise_dbm: jammer.noise_dbm };
        if on {
            let inside = |at: Position| jammer.reaches(at);
            for station in 0..self.stations.len() as u32 {
                if self.places.position(station).is_some_and(inside) {
                    self.troubles.setting.took[fault].station(station);
                }
            }
        }
        let busy_ns = self.medium.make_noise(index as u32, on.then_some(&area), now_ns, &self.places);
        self.journal.channel(now_ns.saturating_sub(1), busy_ns, 0);
        if let Some((next_ns, on)) = jammer.next(now_ns) {
            self.troubles.moments[number as usize] = FaultMoment::Jammer { index, on };
            if next_ns < u64::MAX {
                self.schedule.push(next_ns, Due::Fault(number));
            }
        }
    }
}
