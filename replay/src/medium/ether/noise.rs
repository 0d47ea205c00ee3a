//! Noise that is no frame: nobody follows it, and it disturbs all that is followed and makes the channel busy.

use super::super::propagation::PowerUnits;
use super::super::{Neighbour, NoiseArea, Places};
use super::{Ether, back_off};

impl Ether {
    /// A source goes on, or off; returns for how long stations had found the channel busy that becomes idle with it, ns.
    pub(super) fn switch_noise(
        &mut self,
        source: u32,
        area: Option<&NoiseArea>,
        now_ns: u64,
        places: &Places,
    ) -> u64 {
        let index = source as usize;
        if self.noises.len() <= index {
            self.noises.resize_with(index + 1, || None);
        }
        let mut busy_ns = 0;
        if let Some((power, stations)) = self.noises[index].take() {
            for station in stations {
                busy_ns += self.quieter(station, power, now_ns);
            }
        }
        let Some(area) = area else { return busy_ns };
        let power = PowerUnits::of_dbm(area.noise_dbm as f32);
        let mut near: Vec<Neighbour> = Vec::new();
        places.within(area.at, area.range_m, u32::MAX, &mut near);
        let stations: Vec<u32> = near.iter().map(|near| near.station).collect();
        for station in &stations {
            self.louder(*station, power, now_ns);
        }
        self.noises[index] = Some((power, stations));
        busy_ns
    }

    fn louder(&mut self, station: u32, power: PowerUnits, now_ns: u64) {
        self.know(station);
        let ear = &mut self.ears[station as usize];
        ear.settle(now_ns, self.noise, self.profile.overlap, &self.errors);
        ear.total += power.0;
        if let Some(since_ns) = ear.note(now_ns, self.energy)
            && ear.waits
        {
            let draws = self.draws;
            let contender = &mut self.contenders[station as usize];
            if contender.busy(since_ns, now_ns, false, |number| back_off(draws, station, number)) {
                contender.turn = contender.turn.wrapping_add(1);
            }
        }
    }

    fn quieter(&mut self, station: u32, power: PowerUnits, now_ns: u64) -> u64 {
        let ear = &mut self.ears[station as usize];
        ear.settle(now_ns, self.noise, self.profile.overlap, &self.errors);
        ear.total -= power.0;
        let Some(since_ns) = ear.note(now_ns, self.energy) else { return 0 };
        if ear.waits
            && let Some(next_ns) = self.contenders[station as usize].idle(now_ns)
        {
            self.schedule(station, next_ns);
        }
        now_ns - since_ns
    }
}
