//! Faults of a plan as they happen to the stations of a world.

use v2x_core::{Fix, Input, Position};

use super::schedule::Due;
use super::troubles::{FaultMoment, Troubles};
use super::{World, fix, position};
use crate::faults::FaultSetting;
use crate::medium::NoiseArea;

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
            state.foreseen = None;
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
