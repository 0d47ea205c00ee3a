//! Received power against the distance that a station claims.
//!
//! What a station claims about its place it may choose; how loud it is at a receiver depends on where it is. The path
//! loss of a line of sight says how much of the power is lost over the claimed distance; power and loss together are
//! what the station seems to send with, its *strength*. Honest strengths differ by antennas and shadowing, and buildings
//! take away from them. So three things are held against a station, each beyond what those explain: to be stronger than
//! nearly all others, to be weaker than walls make it, and to change as much while it passes. The usual strength is
//! learnt from who is heard, which spares the receiver any calibration of its own antenna.
//!
//! Hills, lorries and walls are in it: the evidence is shared and never isolates.

use super::thresholds as t;

/// The usual strength at one receiver: the upper quartile over all stations and seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    level: f32,
    heard: u32,
}

impl Usual {
    /// Learns from a station's strength, dBm. A step up is three times one down, so that it settles where a quarter is
    /// above: among those who mostly hear through walls it still tells what a free line gives, and a fifth of liars
    /// cannot move it beyond what some honest stations have.
    pub fn learn(&mut self, strength: f32) {
        if self.heard == 0 {
            self.level = strength;
        }
        self.heard = self.heard.saturating_add(1);
        let step = (t::SIGNAL_LEARN_DB / self.heard as f32).max(t::SIGNAL_STEP_DB);
        self.level += if strength > self.level { 0.75 * step } else { -0.25 * step };
    }

    /// The level, once enough were heard.
    #[must_use]
    pub fn level(&self) -> Option<f32> {
        (self.heard >= t::SIGNAL_ENOUGH).then_some(self.level)
    }
}

/// How strong one station was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signal {
    mean: f32,
    low: f32,
    high: f32,
    /// Last frame and last judgement, ms, wrapping.
    heard_ms: u32,
    judged_ms: u32,
    frames: u16,
}

/// What a station's signal comes to, once a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Its strength, smoothed, dBm.
    pub strength: f32,
    /// Its score; 1 while the usual strength is unknown.
    pub score: f32,
}

impl Signal {
    /// Hears a frame of `dbm` from a claimed distance; its score once a second, otherwise nothing.
    pub fn hear(&mut self, dbm: i8, distance_m: f32, now_ms: u32, usual: Option<f32>) -> Option<Heard> {
        let strength = f32::from(dbm) + loss_db(distance_m);
        let gap_ms = now_ms.wrapping_sub(self.heard_ms);
        if self.frames == 0 || gap_ms > t::SIGNAL_FORGET_MS {
            *self =
                Self { mean: strength, heard_ms: now_ms, judged_ms: now_ms, frames: 1, ..Self::default() };
            return None;
        }
        let weight = 1.0 - (-(gap_ms as f32) / t::SIGNAL_SMOOTH_MS).exp2();
        self.mean += weight.max(1.0 / f32::from(self.frames.saturating_add(1))) * (strength - self.mean);
        self.frames = self.frames.saturating_add(1);
        self.heard_ms = now_ms;
        if self.frames < t::SIGNAL_FRAMES || now_ms.wrapping_sub(self.judged_ms) < t::SIGNAL_EVERY_MS {
            return None;
        }
        if self.low == 0.0 && self.high == 0.0 {
            (self.low, self.high) = (self.mean, self.mean);
        }
        self.judged_ms = now_ms;
        self.low = (self.low + t::SIGNAL_RELAX * (self.mean - self.low)).min(self.mean);
        self.high = (self.high + t::SIGNAL_RELAX * (self.mean - self.high)).max(self.mean);
        let wander = t::SIGNAL_WANDER.score(self.high - self.low);
        let level = usual.map_or(1.0, |usual| {
            t::SIGNAL_LOUD.score(self.mean - usual).min(t::SIGNAL_FAINT.score(usual - self.mean))
        });
        Some(Heard { strength: self.mean, score: level.min(wander) })
    }
}

/// Loss over a line of sight between antennas 1.5 m above the road at 5.9 GHz, dB: WINNER+ B1 (D5.3 table 4-1; 3GPP
/// TR 36.885 table A.1.4-1 with an effective height of 0.5 m, which breaks at 20 m), never less than at 10 m.
#[must_use]
pub fn loss_db(distance_m: f32) -> f32 {
    let log = distance_m.clamp(NEAREST_M, FARTHEST_M).log10();
    if distance_m < BREAK_M { 42.4 + 22.7 * log } else { 20.05 + 40.0 * log }
}

/// Nearer, the roofs decide more than the distance.
const NEAREST_M: f32 = 10.0;
const FARTHEST_M: f32 = 20_000.0;
const BREAK_M: f32 = 19.7;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: f32 = 23.0;

    /// The scores while a station that sends with `strength` drives past at 14 m/s, truly at `(x, y)` and by its word
    /// `offset` farther.
    fn passing(strength: f32, offset: (f32, f32), wall: impl Fn(f32) -> f32) -> Vec<f32> {
        let mut signal = Signal::default();
        let mut scores = Vec::new();
        for n in 0..300u32 {
            let x = -210.0 + 1.4 * n as f32;
            let truth = x.hypot(8.0);
            let said = (x + offset.0).hypot(8.0 + offset.1);
            let dbm = strength - loss_db(truth) - wall(x);
            scores.extend(
                signal
                    .hear(dbm.clamp(-128.0, 0.0) as i8, said, n * 100, Some(USUAL))
                    .map(|heard| heard.score),
            );
        }
        scores
    }

    #[test]
    fn an_antenna_ten_decibels_off_is_believed_and_so_are_walls() {
        for strength in [USUAL - 10.0, USUAL - 3.0, USUAL + 8.0] {
            assert!(passing(strength, (0.0, 0.0), |_| 0.0).iter().all(|score| *score > t::FINDING));
            let corner = |x: f32| if x < -40.0 { 20.0 } else { 0.0 };
            assert!(
                passing(strength, (0.0, 0.0), corner).iter().all(|score| *score > t::FINDING),
                "a corner"
            );
        }
    }

    #[test]
    fn who_is_near_and_says_it_is_far_is_found_and_the_other_way_round() {
        for offset in [(0.0, 250.0), (0.0, -250.0), (250.0, 0.0)] {
            let found = passing(USUAL, offset, |_| 0.0).iter().filter(|score| **score < t::FINDING).count();
            assert!(found >= 4, "{offset:?}: {found}");
        }
    }

    #[test]
    fn the_usual_strength_is_learnt_and_a_fifth_of_liars_does_not_take_it_away() {
        let mut usual = Usual::default();
        assert_eq!(usual.level(), None);
        for n in 0..4000u32 {
            let honest = USUAL + (n * 7 % 13) as f32 - 6.0;
            usual.learn(if n % 5 == 3 { USUAL + 60.0 } else { honest });
        }
        let level = usual.level().unwrap();
        assert!((USUAL..USUAL + 7.0).contains(&level), "{level}");
    }

    proptest! {
        #[test]
        fn no_power_or_distance_loses_the_numbers(
            frames in proptest::collection::vec((any::<i8>(), any::<f32>(), any::<u32>(), any::<f32>()), 0..60)
        ) {
            let mut signal = Signal::default();
            for (dbm, distance, now_ms, usual) in frames {
                if let Some(heard) = signal.hear(dbm, distance, now_ms, Some(usual)) {
                    prop_assert!((0.0..=1.0).contains(&heard.score));
                }
            }
        }
    }
}
