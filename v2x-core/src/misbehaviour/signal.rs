//! Signal strength check: received power against the distance that a station claims.
//!
//! A station may choose the position it claims; how loud it is at a receiver depends on where it is. The path loss of a
//! line of sight gives the power lost over the claimed distance; power plus loss is what the station seems to send
//! with, its *strength*. Honest strengths differ by antennas and shadowing, and buildings weaken them. So three things
//! count against a station, each beyond what those explain: being stronger than nearly all others, being weaker than
//! walls make it, and changing more while it passes than others do. In addition a claim may be from beyond the distance
//! from which any other station is heard, and yet as loud as only a quarter of stations are. The usual strength is
//! learnt from the stations heard, so the receiver need not calibrate its own antenna.
//!
//! Hills, lorries and walls affect it: the evidence is shared and never isolates.

use super::thresholds as t;

/// What is usual at one receiver, over all stations and seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    /// Upper and lower quartile of the strengths, dBm.
    level: f32,
    lower: f32,
    /// Upper quartile of how much strengths change while a station is in reach, dB.
    wander: f32,
    /// Ninth decile of the claimed distances, m.
    reach: f32,
    heard: u32,
    measured: u32,
}

impl Usual {
    /// Learns from a station, and from how it was heard where the link reports that.
    ///
    /// A step up is three times one down, so that a value settles where a quarter is above: among stations heard mostly
    /// through walls it still shows what a free line gives, and a fifth of liars cannot move it beyond what some honest
    /// stations have. For the reach it is nine times: liars beyond it are a tenth at the most, because half of them
    /// claim to be nearer.
    ///
    /// Strengths are learnt of suspects too: otherwise a station whose first neighbours lie would find all others
    /// strange and never learn better. Claimed distances are learnt of trusted stations alone, since a liar chooses
    /// them freely.
    pub fn learn(&mut self, distance_m: Option<f32>, heard: Option<&HeardPower>) {
        if let Some(distance_m) = distance_m {
            if self.heard == 0 {
                self.reach = distance_m;
            }
            self.heard = self.heard.saturating_add(1);
            let step = (t::REACH_LEARN_M / self.heard as f32).max(t::REACH_STEP_M);
            self.reach += if distance_m > self.reach { 0.9 * step } else { -0.1 * step };
        }
        let Some(heard) = heard else { return };
        if self.measured == 0 {
            (self.level, self.lower) = (heard.strength, heard.strength);
        }
        self.measured = self.measured.saturating_add(1);
        let step = (t::SIGNAL_LEARN_DB / self.measured as f32).max(t::SIGNAL_STEP_DB);
        let toward = |value: f32, usual: f32| if value > usual { 0.75 * step } else { -0.25 * step };
        self.level += toward(heard.strength, self.level);
        self.lower -= toward(-heard.strength, -self.lower);
        self.wander = (self.wander + toward(heard.wander, self.wander)).max(0.0);
    }

    /// Level of strength and its change, once enough stations were heard.
    #[must_use]
    pub fn signal(&self) -> Option<(f32, f32)> {
        (self.measured >= t::SIGNAL_ENOUGH).then_some((self.level, self.wander))
    }

    /// Median of the strengths and the distance of their quartiles, dB, once enough stations were heard.
    #[must_use]
    pub fn strengths(&self) -> Option<(f32, f32)> {
        (self.measured >= t::SIGNAL_ENOUGH)
            .then_some((0.5 * (self.level + self.lower), self.level - self.lower))
    }

    /// The score of a claimed distance beyond which no other station is heard.
    #[must_use]
    pub fn reach_score(&self, distance_m: f32) -> f32 {
        if self.heard < t::REACH_ENOUGH {
            1.0
        } else {
            t::REACH.score(distance_m / self.reach.max(t::REACH_LEAST_M))
        }
    }
}

/// Measured strength of one station.
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

/// Evaluation of a station's signal, once a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardPower {
    /// Its strength, smoothed, dBm.
    pub strength: f32,
    /// How much that changed lately, dB.
    pub wander: f32,
    /// Its score; 1 while the usual strength is unknown.
    pub score: f32,
}

impl Signal {
    /// Its smoothed received power, where it claims to be at this distance, once enough frames were heard; dBm.
    #[must_use]
    pub fn power_dbm(&self, distance_m: f32) -> Option<f32> {
        (self.frames >= t::SIGNAL_FRAMES).then(|| self.mean - loss_db(distance_m))
    }

    /// Hears a frame of `dbm` from a claimed distance; its score once a second, otherwise nothing. `usual`: level and
    /// change, dB.
    pub fn hear(
        &mut self,
        dbm: i8,
        distance_m: f32,
        now_ms: u32,
        usual: Option<(f32, f32)>,
    ) -> Option<HeardPower> {
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
        let wander = self.high - self.low;
        let score = usual.map_or(1.0, |(level, usual)| {
            // Where all strengths change much, among walls, so may this one's.
            let changes = t::SIGNAL_WANDER.score(wander - usual).max(t::SIGNAL_WANDER_MOST.score(wander));
            let loud = t::SIGNAL_LOUD.score(self.mean - level);
            loud.min(t::SIGNAL_FAINT.score(level - self.mean)).min(changes)
        });
        Some(HeardPower { strength: self.mean, wander, score })
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
    /// Upper quartile of changes among walls, dB.
    const WALLS: f32 = 20.0;

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
                    .hear(dbm.clamp(-128.0, 0.0) as i8, said, n * 100, Some((USUAL, WALLS)))
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
        assert_eq!(usual.signal(), None);
        for n in 0..4000u32 {
            let (lies, spread) = (n % 5 == 3, (n * 7 % 13) as f32);
            let strength = if lies { USUAL + 60.0 } else { USUAL + spread - 6.0 };
            let wander = if lies { 60.0 } else { spread };
            let distance = if lies { 550.0 * (n % 2) as f32 } else { 300.0 * spread / 13.0 };
            usual.learn(Some(distance), Some(&HeardPower { strength, wander, score: 1.0 }));
        }
        let (level, wander) = usual.signal().unwrap();
        assert!((USUAL..USUAL + 7.0).contains(&level), "{level}");
        assert!((5.0..13.5).contains(&wander), "{wander}");
        assert_eq!(usual.reach_score(300.0), 1.0);
        assert!(usual.reach_score(450.0) < t::FINDING);
    }

    proptest! {
        #[test]
        fn no_power_or_distance_loses_the_numbers(
            frames in proptest::collection::vec((any::<i8>(), any::<f32>(), any::<u32>(), any::<(f32, f32)>()), 0..60)
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
