//! Received power for media that do not decide by it: a published path loss, with shadowing, antennas and fading.

use v2x_core::Position;

/// The power of receptions, as a function of the positions of both stations.
///
/// Path loss of a line of sight by WINNER+ B1 at 5.9 GHz with antennas 1.5 m high (D5.3 table 4-1; 3GPP TR 36.885 table
/// A.1.4-1), 23 dBm sent. Shadowing has a sigma of 3 dB and decorrelates over 10 m of movement of either end (same
/// table, urban): a field over the places of both ends, a sum of waves, so that stations in one place are shadowed
/// alike and no state is kept per link. Each station's antenna gain has a sigma of 3 dB, sending and receiving. A frame
/// fades by a sigma of 2 dB beyond that (10 MHz average out the deep fades).
#[derive(Clone, Debug)]
pub struct Power {
    seed: u64,
    /// Wave vector over both places, rad/m, and phase.
    waves: Vec<([f32; 4], f32)>,
}

impl Power {
    /// The field of a seed.
    pub fn new(seed: u64) -> Self {
        let mut at = seed ^ 0x7061_7468_6c6f_7373;
        let mut next = || {
            at = mix(at);
            at
        };
        let waves = (0..WAVES)
            .map(|_| {
                // Of exponential correlation in space the spectrum is Cauchy's: a normal vector over a normal number.
                let scale = normal(next()).abs().max(0.05) * DECORRELATION_M;
                let mut vector = [0.0; 4];
                for part in &mut vector {
                    *part = normal(next()) / scale;
                }
                (vector, (next() >> 40) as f32 / (1 << 24) as f32 * core::f32::consts::TAU)
            })
            .collect();
        Self { seed, waves }
    }

    /// The power at which a station receives a frame of another whose last bit was on the air at a time, dBm.
    pub fn received_dbm(&self, from: (u32, Position), to: (u32, Position), at_ns: u64) -> i8 {
        let (a, b) = (metres(from.1, from.1), metres(to.1, from.1));
        let distance = from.1.distance_m(to.1) as f32;
        let antenna =
            |station: u32, end: u64| ANTENNA_SIGMA_DB * normal(self.hash(u64::from(station) << 2 | end));
        let shadow: f32 = self
            .waves
            .iter()
            .map(|(k, phase)| (k[0] * a.0 + k[1] * a.1 + k[2] * b.0 + k[3] * b.1 + phase).cos())
            .sum();
        let link = u64::from(from.0) << 32 | u64::from(to.0);
        let fade = FADE_SIGMA_DB * normal(self.hash(mix(link) ^ at_ns));
        let power = SENT_DBM - loss_db(distance)
            + antenna(from.0, 1)
            + antenna(to.0, 2)
            + SHADOW_SIGMA_DB * (2.0 / WAVES as f32).sqrt() * shadow
            + fade;
        power.round().clamp(-127.0, 20.0) as i8
    }

    fn hash(&self, of: u64) -> u64 {
        mix(mix(of) ^ self.seed)
    }
}

/// East and north in a plane that all places of a trace share, m: accurate enough for the waves.
fn metres(position: Position, about: Position) -> (f32, f32) {
    let squeeze = (f64::from(about.latitude) * 1e-7).to_radians().cos();
    let (east, north) =
        (f64::from(position.longitude % MODULUS) * squeeze, f64::from(position.latitude % MODULUS));
    ((east * METRES_PER_UNIT) as f32, (north * METRES_PER_UNIT) as f32)
}

fn loss_db(distance_m: f32) -> f32 {
    let log = distance_m.max(3.0).log10();
    if distance_m < 19.7 { 42.4 + 22.7 * log } else { 20.05 + 40.0 * log }
}

/// Nearly normal, of variance 1: four uniform numbers out of one.
fn normal(random: u64) -> f32 {
    let sum: f32 = (0..4).map(|n| (random >> (16 * n) & 0xffff) as f32 / 65_536.0).sum();
    (sum - 2.0) * 3.0_f32.sqrt()
}

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const SENT_DBM: f32 = 23.0;
const ANTENNA_SIGMA_DB: f32 = 3.0;
const SHADOW_SIGMA_DB: f32 = 3.0;
const FADE_SIGMA_DB: f32 = 2.0;
const DECORRELATION_M: f32 = 10.0;
const WAVES: usize = 24;
const METRES_PER_UNIT: f64 = 0.0111;
/// A degree: beyond, the numbers get too long for single precision.
const MODULUS: i32 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn spread(values: &[f32]) -> (f32, f32) {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32;
        (mean, variance.sqrt())
    }

    #[test]
    fn over_many_links_it_is_the_path_loss_and_spreads_as_it_says() {
        let excess: Vec<f32> = (0..4000u32)
            .map(|n| {
                let power = Power::new(u64::from(n / 200));
                let there = HERE.moved(f64::from(n % 200) * 1000.0, 0.0);
                let to = there.moved(0.0, 100.0);
                let dbm = power.received_dbm((2 * n, there), (2 * n + 1, to), u64::from(n));
                f32::from(dbm) - (23.0 - loss_db(100.0))
            })
            .collect();
        let (mean, sigma) = spread(&excess);
        // 3, 3, 3 and 2 dB, added.
        assert!(mean.abs() < 0.6 && (sigma - 5.6).abs() < 0.6, "{mean} {sigma}");
    }

    #[test]
    fn a_link_stays_as_it_is_over_a_metre_and_forgets_over_a_street() {
        let power = Power::new(7);
        let shadow = |east: f64| {
            let frames: Vec<f32> = (0..64)
                .map(|n| {
                    f32::from(power.received_dbm((1, HERE.moved(east, 0.0)), (2, HERE.moved(east, 80.0)), n))
                })
                .collect();
            spread(&frames).0
        };
        let change = |by: f64| {
            let steps: Vec<f32> =
                (0..60).map(|n| f64::from(n) * 97.0).map(|at| shadow(at + by) - shadow(at)).collect();
            spread(&steps).1
        };
        assert!(change(0.5) < 1.8, "{}", change(0.5));
        assert!(change(90.0) > 2.8, "{}", change(90.0));
    }

    #[test]
    fn the_same_reception_has_the_same_power() {
        let once = || Power::new(3).received_dbm((1, HERE), (2, HERE.moved(40.0, 0.0)), 9);
        assert_eq!(once(), once());
    }
}
