//! Testimony of one station: what it signed, and the checks of whether that contradicts itself.
//!
//! Only these checks isolate. So they get nothing but what the station signed: claims with their times by its own clock,
//! never a power, a place or a time of this receiver, nor what others say. Whoever repeats its messages elsewhere, later,
//! louder, in another order or leaves some out changes which of them are heard and cannot change a word of them.

use super::braking::Braking;
use super::checks::{self, Check};
use super::thresholds as t;
use super::track::{Claim, Track};
use crate::base::Plane;

/// What is remembered of one station's words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Testimony {
    track: Track,
    braking: Braking,
}

/// One signed message, as far as the checks need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement {
    /// What it claims of its signer.
    pub claim: Claim,
    /// Whether it newly warns of hard braking of its signer.
    pub brakes: bool,
}

impl Testimony {
    /// Starts with a first message. `note` gets the score of every check.
    #[must_use]
    pub fn new(said: &Statement, note: &mut impl FnMut(Check, f32)) -> Self {
        let mut testimony = Self { track: Track::new(&said.claim), braking: Braking::default() };
        testimony.judge_alone(said, note);
        testimony
    }

    /// Judges another message by those before. `plane` is any near both; `shortest_s` the shortest time between two
    /// beacons. `note` gets the score of every check.
    pub fn judge(
        &mut self,
        said: &Statement,
        plane: &Plane,
        shortest_s: f32,
        note: &mut impl FnMut(Check, f32),
    ) {
        self.track.judge(&said.claim, plane, shortest_s, note);
        self.judge_alone(said, note);
    }

    /// The track of its claims.
    #[must_use]
    pub fn track(&self) -> &Track {
        &self.track
    }

    fn judge_alone(&mut self, said: &Statement, note: &mut impl FnMut(Check, f32)) {
        let generation_ms = (said.claim.generation.as_micros() / 1000) as u32;
        if let Some(speed) = said.claim.motion.and_then(|motion| motion.speed) {
            note(Check::Speed, checks::speed(f32::from(speed) / 100.0));
            note(Check::Braking, self.braking.drives(speed, generation_ms));
        }
        if said.brakes {
            self.braking.warns(generation_ms);
        }
    }
}

/// Whether two messages of one station contradict each other by themselves, whatever was heard between them.
#[must_use]
pub fn contradict(earlier: &Claim, later: &Claim) -> bool {
    let mut contradicts = false;
    let mut note = |_, score| contradicts |= score < t::FINDING;
    Track::new(earlier).judge(later, &Plane::at(later.position), 0.0, &mut note);
    contradicts
}
