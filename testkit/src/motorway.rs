//! A straight motorway with losses by distance as on a busy channel.

use crate::field::{Crew, Field};
use v2x_core::Scheme;

/// Reception by distance in steps of 25 m: 802.11p broadcast of 190 B at 6 Mb/s and 23 dBm, 60 vehicles/km at 10 Hz
/// (Sepulcre et al., "Analytical models of the performance of IEEE 802.11p vehicle to vehicle communications", IEEE
/// TVT 71(1), 2022).
const RECEPTION: [f64; 21] = [
    0.9833, 0.9822, 0.9763, 0.9710, 0.9627, 0.9469, 0.9278, 0.9003, 0.8519, 0.7670, 0.6281, 0.4581, 0.2971,
    0.1742, 0.0906, 0.0438, 0.0195, 0.0081, 0.0032, 0.0012, 0.0006,
];

/// SplitMix64: topologies from a number, alike on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and `bound`.
    pub fn below(&mut self, bound: f64) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64 * bound
    }
}

/// Share of the frames that arrive over this distance.
pub fn received(metres: f64) -> f64 {
    let step = metres / 25.0;
    let (low, share) = (step.floor() as usize, step.fract());
    let at = |n: usize| RECEPTION.get(n).copied().unwrap_or(0.0);
    at(low) + (at(low + 1) - at(low)) * share
}

/// Cars on 5 km, this many on each, spread by chance; and which of them is in the middle.
pub fn motorway(crew: &mut Crew, seed: u64, per_km: u32, scheme: Scheme) -> (Field, usize) {
    let mut dice = Dice(seed);
    let spacing = 1000.0 / f64::from(per_km);
    let count = (LENGTH_M / spacing) as usize;
    let place = |n: usize| ((n as f64 + 0.5 + dice.below(0.8) - 0.4) * spacing, dice.below(14.0));
    let places = (0..count).map(place).collect();
    (Field::new(crew, places, scheme), count / 2)
}

const LENGTH_M: f64 = 5_000.0;
