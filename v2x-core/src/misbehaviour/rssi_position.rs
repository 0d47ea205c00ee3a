//! Position check by received power: whether the power along a station's path fits another place than the claimed one.
//!
//! A station that claims to be a few hundred metres from where it is does not contradict itself. But as both drive,
//! power rises and falls with the true distance, not with the claimed one. Beside the claim, twenty other places are
//! tried, each at a fixed offset from it, and the received power is compared with all of them: the sum over the path of
//! how much better the best explains it is the logarithm of a likelihood ratio (Wald 1945), which grows for a liar and
//! falls for honest stations.
//!
//! The unknowns of a link are left open, the same for each place: how strong its antenna is (a normal variable, learnt
//! from the path so far) and the shadowing, which stays as it is over some ten metres (of each step only the new part
//! counts). A sudden leap of the power is a corner or a lorry, tells nothing about the place, and leaves the strength
//! open again. Where strengths differ more than over free lines, everything counts less. Walls still affect it: the
//! evidence is shared and never isolates.

use v2x_proto::Digest;

use super::thresholds as t;
use crate::base::{Plane, Position, Reserve, append, limits};

/// State of the check for a bounded number of stations, one slot each.
#[derive(Clone, Debug)]
pub struct Ways {
    places: Vec<Place>,
    next: usize,
}

/// Slot of a station; another station may have taken it since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ticket(u16);

#[derive(Clone, Debug)]
struct Place {
    station: Digest,
    heard_ms: u32,
    way: RssiPosition,
}

impl Default for Ways {
    fn default() -> Self {
        Self::new(Reserve::Whole)
    }
}

impl Ways {
    /// None yet.
    pub fn new(reserve: Reserve) -> Self {
        Self { places: reserve.list(limits::MAX_WAYS), next: 0 }
    }

    /// The slot of a station; started anew if there was none, `None` while all are taken by others heard lately.
    pub fn of(&mut self, station: Digest, ticket: &mut Ticket, now_ms: u32) -> Option<&mut RssiPosition> {
        let known = self.places.get(usize::from(ticket.0)).is_some_and(|place| place.station == station);
        if !known {
            let new = Place { station, heard_ms: now_ms, way: RssiPosition::default() };
            if self.places.len() < limits::MAX_WAYS {
                ticket.0 = self.places.len() as u16;
                append(&mut self.places, new, limits::MAX_WAYS);
            } else {
                let at = self.next;
                self.next = (at + 1) % limits::MAX_WAYS;
                let place = self.places.get_mut(at)?;
                if now_ms.wrapping_sub(place.heard_ms) <= t::SIGNAL_FORGET_MS {
                    return None;
                }
                *place = new;
                ticket.0 = at as u16;
            }
        }
        let place = self.places.get_mut(usize::from(ticket.0))?;
        if now_ms.wrapping_sub(place.heard_ms) > t::SIGNAL_FORGET_MS {
            place.way = RssiPosition::default();
        }
        place.heard_ms = now_ms;
        Some(&mut place.way)
    }

    /// Number of slots in use.
    pub fn len(&self) -> usize {
        self.places.len()
    }
}

/// Evidence from the power of one station so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RssiPosition {
    /// Our position and the station's at the last step.
    from: Option<(Position, Position)>,
    claimed: Explanations<1>,
    others: Explanations<{ OFFSETS.len() }>,
    /// By how much each other place is better than the claim, nats.
    better: [f32; OFFSETS.len()],
    /// Variance of the antenna's strength, dB^2, the same for each place.
    variance: f32,
    /// Sum of the powers since the last step, dBm, and their number.
    sum: i16,
    frames: u8,
    is_new: bool,
}

/// How well each place explains what was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Explanations<const N: usize> {
    /// Strength at the last step beyond the usual, dB.
    excess: [f32; N],
    /// The part of it due to the antenna, as far as that is learnt, dB.
    antenna: [f32; N],
}

impl<const N: usize> Explanations<N> {
    const NONE: Self = Self { excess: [0.0; N], antenna: [0.0; N] };
}

impl Default for RssiPosition {
    fn default() -> Self {
        Self {
            from: None,
            claimed: Explanations::NONE,
            others: Explanations::NONE,
            better: [0.0; OFFSETS.len()],
            variance: t::ELSEWHERE_ANTENNA_DB * t::ELSEWHERE_ANTENNA_DB,
            sum: 0,
            frames: 0,
            is_new: true,
        }
    }
}

impl RssiPosition {
    /// Hears a frame of `dbm` from a claimed place; `here` is the plane about ours. `usual`: the median of all
    /// strengths, dBm, and the distance of their quartiles, dB. Returns the score after each step of the path, 1 for
    /// plausible.
    pub fn hear(&mut self, dbm: i8, claimed: Position, here: &Plane, usual: (f32, f32)) -> Option<f32> {
        self.sum = self.sum.saturating_add(i16::from(dbm));
        self.frames = self.frames.saturating_add(1);
        let (east, north) = here.offset(claimed);
        let moved_2 = self.from.map(|(own, other)| {
            let (a, b) = here.offset(own);
            let (c, d) = here.offset(other);
            (a * a + b * b + (east - c).powi(2) + (north - d).powi(2)) as f32
        });
        if moved_2.is_some_and(|moved_2| moved_2 < t::ELSEWHERE_STEP_M * t::ELSEWHERE_STEP_M) {
            // While both stand, the newest frames count.
            if self.frames >= MAX_FRAMES {
                (self.sum, self.frames) = (self.sum / 2, self.frames / 2);
            }
            return None;
        }
        let frames = f32::from(self.frames);
        let power = f32::from(self.sum) / frames - usual.0;
        (self.sum, self.frames) = (0, 0);
        self.from = Some((here.origin(), claimed));
        let noise = SHADOW_2 + t::ELSEWHERE_FADE_DB * t::ELSEWHERE_FADE_DB / frames;
        // Where lines are not free, quartiles are farther apart.
        let wide = (usual.1 / t::ELSEWHERE_QUARTILES_DB).max(1.0);
        let keep = moved_2
            .map_or(0.0, |moved_2| SHADOW_2 / noise * (-moved_2.sqrt() / t::ELSEWHERE_DECORRELATION_M).exp());
        self.step((east as f32, north as f32), power, &Weights::new(keep, noise, self.variance, wide * wide))
    }

    fn step(&mut self, (east, north): (f32, f32), power: f32, weights: &Weights) -> Option<f32> {
        let excess = power + loss_db(east * east + north * north);
        // Behind a corner from the first frame, or after a leap.
        let jumped = if self.is_new {
            excess <= -3.0 * t::ELSEWHERE_ANTENNA_DB
        } else {
            (excess - self.claimed.excess[0]).abs() >= t::ELSEWHERE_JUMP_DB
        };
        self.is_new = false;
        let [claim] = self.claimed.off([excess], weights);
        let mut excesses = [0.0; OFFSETS.len()];
        for (excess, (to_east, to_north)) in excesses.iter_mut().zip(OFFSETS) {
            let (east, north) = (east - to_east, north - to_north);
            *excess = power + loss_db(east * east + north * north);
        }
        let off = self.others.off(excesses, weights);
        let counts = if jumped { 0.0 } else { weights.counts };
        for (better, off) in self.better.iter_mut().zip(off) {
            *better = (*better + counts * (claim - off)).clamp(-t::ELSEWHERE_FLOOR, t::ELSEWHERE_CEILING);
        }
        self.variance =
            if jumped { t::ELSEWHERE_BLOCKED_DB * t::ELSEWHERE_BLOCKED_DB } else { weights.variance_after };
        Some(t::ELSEWHERE.score(self.better.iter().copied().fold(f32::MIN, f32::max)))
    }
}

/// Weights of one step, the same for each place.
struct Weights {
    /// Share of the last excess that is expected to persist.
    keep: f32,
    /// Share of what is left that is new, and of the antenna's part in it.
    scale: f32,
    fresh: f32,
    gain: f32,
    /// One over the variance of what is new, dB^-2.
    certainty: f32,
    variance_after: f32,
    /// Half of the share of it that counts.
    counts: f32,
}

impl Weights {
    fn new(keep: f32, noise: f32, variance: f32, wide: f32) -> Self {
        let scale = 1.0 / (1.0 - keep * keep).sqrt();
        let fresh = (1.0 - keep) * scale;
        let spread = fresh * fresh * variance + noise;
        let gain = variance * fresh / spread;
        let variance_after = variance * (1.0 - gain * fresh);
        Self { keep, scale, fresh, gain, certainty: 1.0 / spread, variance_after, counts: 0.5 / wide }
    }
}

impl<const N: usize> Explanations<N> {
    /// Adds excesses: how far off the expected each is, in squared standard deviations, at most what one step may
    /// count.
    fn off(&mut self, excess: [f32; N], weights: &Weights) -> [f32; N] {
        let mut off = [0.0; N];
        let places = off.iter_mut().zip(excess).zip(&mut self.excess).zip(&mut self.antenna);
        for (((off, excess), before), antenna) in places {
            let new = (excess - weights.keep * *before) * weights.scale - weights.fresh * *antenna;
            *before = excess;
            *antenna += weights.gain * new;
            *off = (new * new * weights.certainty).min(t::ELSEWHERE_MOST);
        }
        off
    }
}

/// [`super::signal::loss_db`] of a squared distance to 0.1 dB, in a form that compilers vectorise.
fn loss_db(distance_2: f32) -> f32 {
    let bits = distance_2.max(100.0).to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let part = f32::from_bits(bits & 0x7f_ffff | 0x3f80_0000);
    let log = exponent as f32 + (2.0 - part * (1.0 / 3.0)) * part - 5.0 / 3.0;
    // 22.7 and 40 dB a decade of distance; the square's binary logarithm is 6.64 a decade.
    (42.4 + 3.416_7 * log).max(20.05 + 6.020_6 * log)
}

const SHADOW_2: f32 = t::ELSEWHERE_SHADOW_DB * t::ELSEWHERE_SHADOW_DB;

/// Upper bound of frames, so that 127 dB each stay within sixteen bits.
const MAX_FRAMES: u8 = 200;

/// From the tried places to the claimed one, east and north, m: two rings. Shorter lies move the power by less than
/// antennas differ, longer ones leave the reach. Within a ring the neighbours' powers are 3 dB apart at 200 m.
const OFFSETS: [(f32, f32); 20] = [
    (120.0, 0.0),
    (84.9, 84.9),
    (0.0, 120.0),
    (-84.9, 84.9),
    (-120.0, 0.0),
    (-84.9, -84.9),
    (0.0, -120.0),
    (84.9, -84.9),
    (300.0, 0.0),
    (259.8, 150.0),
    (150.0, 259.8),
    (0.0, 300.0),
    (-150.0, 259.8),
    (-259.8, 150.0),
    (-300.0, 0.0),
    (-259.8, -150.0),
    (-150.0, -259.8),
    (0.0, -300.0),
    (150.0, -259.8),
    (259.8, -150.0),
];

#[cfg(test)]
mod tests {
    use super::super::signal;
    use super::*;
    use proptest::prelude::*;

    const HOME: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
    /// Median and quartile distance of strengths over free lines, dBm and dB.
    const USUAL: (f32, f32) = (23.0, 6.0);

    /// A small generator of nearly normal numbers of variance 1.
    struct Chance(u64);

    impl Chance {
        fn normal(&mut self) -> f64 {
            let mut sum = 0.0;
            for _ in 0..12 {
                self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                sum += (self.0 >> 40) as f64 / (1 << 24) as f64;
            }
            sum - 6.0
        }
    }

    /// The worst score while a car drives a path with a bend, heard from a car that drives another way, over lines with
    /// shadowing (3 dB, 10 m), fading (2 dB) and walls; its claims are off by `lie`.
    fn worst(seed: u64, antenna: f64, lie: (f64, f64), usual: (f32, f32), wall: impl Fn(f64) -> f64) -> f32 {
        let mut chance = Chance(seed);
        let mut elsewhere = RssiPosition::default();
        let (mut worst, mut shadow) = (1.0f32, 3.0 * chance.normal());
        for n in 0..200 {
            let s = f64::from(n) * 0.3;
            let here = Plane::at(HOME.moved(0.0, 6.0 * s));
            let truth = (-150.0 + 10.0 * s.min(25.0), 60.0 + 10.0 * (s - 25.0).max(0.0));
            let (east, north) = here.offset(HOME.moved(truth.0, truth.1));
            let keep = (-0.3 * 11.7 / 10.0f64).exp();
            shadow = keep * shadow + 3.0 * (1.0 - keep * keep).sqrt() * chance.normal();
            let loss = f64::from(signal::loss_db(east.hypot(north) as f32));
            let dbm = f64::from(USUAL.0) + antenna - loss + shadow + 2.0 * chance.normal() - wall(s);
            let claim = HOME.moved(truth.0 + lie.0, truth.1 + lie.1);
            worst = worst.min(elsewhere.hear(dbm as i8, claim, &here, usual).unwrap_or(1.0));
        }
        worst
    }

    #[test]
    fn who_claims_to_be_a_street_away_is_found_whatever_its_antenna() {
        for (n, lie) in [(250.0, 0.0), (0.0, 250.0), (-180.0, 180.0), (0.0, -350.0), (-130.0, 0.0)]
            .into_iter()
            .enumerate()
        {
            for antenna in [-5.0, 0.0, 5.0] {
                let worst = worst(n as u64, antenna, lie, USUAL, |_| 0.0);
                assert!(worst < t::FINDING, "{lie:?} {antenna} dB: {worst}");
            }
        }
    }

    #[test]
    fn who_is_where_it_says_is_believed_under_shadowing_fading_and_with_any_antenna() {
        for seed in 0..200 {
            let antenna = 3.0 * Chance(seed + 1000).normal();
            let worst = worst(seed, antenna, (0.0, 0.0), USUAL, |_| 0.0);
            assert!(worst >= t::FINDING, "{seed}, {antenna} dB: {worst}");
        }
    }

    #[test]
    fn a_corner_and_a_lorry_are_believed() {
        let corner = |s: f64| if s < 20.0 { 20.0 } else { 0.0 };
        let lorry = |s: f64| if (20.0..26.0).contains(&s) { 10.0 } else { 0.0 };
        let found = |wall: &dyn Fn(f64) -> f64| {
            (0..100).filter(|seed| worst(*seed, 0.0, (0.0, 0.0), USUAL, wall) < t::FINDING).count()
        };
        // All others' lines are free here, and fading may hide a leap: the only one behind a wall may be suspect for a while.
        assert!(found(&corner) <= 3 && found(&lorry) <= 3, "{} {}", found(&corner), found(&lorry));
    }

    #[test]
    fn where_strengths_differ_much_among_walls_power_proves_less() {
        let among = |quartiles| {
            let slow = |s: f64| 25.0 * (0.5 + 0.5 * (s * 0.15).cos());
            (0..50).filter(|seed| worst(*seed, 0.0, (0.0, 0.0), (23.0, quartiles), slow) < t::FINDING).count()
        };
        assert_eq!(among(24.0), 0);
        assert!(among(6.0) > 0, "the same walls where all others' lines are free");
    }

    #[test]
    fn a_place_is_given_to_another_once_its_station_is_gone_and_to_nobody_before() {
        let mut ways = Ways::default();
        let digest = |n: usize| Digest((n as u64).to_le_bytes());
        let mut tickets = vec![Ticket::default(); limits::MAX_WAYS + 1];
        for (n, ticket) in tickets.iter_mut().enumerate() {
            assert_eq!(ways.of(digest(n), ticket, 1000).is_some(), n < limits::MAX_WAYS);
        }
        let (first, last) = (tickets[7], limits::MAX_WAYS);
        let now_ms = 1000 + t::SIGNAL_FORGET_MS + 1;
        assert!(ways.of(digest(last), &mut tickets[last], now_ms).is_some());
        assert_eq!(ways.len(), limits::MAX_WAYS);
        assert!(ways.of(digest(7), &mut tickets[7], now_ms).is_some());
        assert_eq!(tickets[7], first, "who still has its place keeps it");
        assert!(size_of::<Place>() * limits::MAX_WAYS <= 144 * 1024, "{}", size_of::<Place>());
    }

    #[test]
    fn loss_is_that_of_the_other_power_check() {
        for distance in [1.0f32, 10.0, 15.0, 19.7, 40.0, 123.0, 300.0, 999.0] {
            let off = loss_db(distance * distance) - signal::loss_db(distance);
            assert!(off.abs() < 0.15, "{distance}: {off}");
        }
    }

    proptest! {
        #[test]
        fn no_powers_and_places_lose_the_numbers(
            frames in proptest::collection::vec((any::<i8>(), any::<(i32, i32)>(), any::<(i32, i32)>(), -300f32..100.0, 0f32..300.0), 0..60)
        ) {
            let mut elsewhere = RssiPosition::default();
            for (dbm, here, there, middle, quartiles) in frames {
                let place = |(latitude, longitude)| Position { latitude, longitude };
                if let Some(score) = elsewhere.hear(dbm, place(there), &Plane::at(place(here)), (middle, quartiles)) {
                    prop_assert!((0.0..=1.0).contains(&score));
                }
                prop_assert!(elsewhere.variance.is_finite() && elsewhere.variance >= 0.0);
            }
        }
    }
}
