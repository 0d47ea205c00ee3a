//! Places that a receiver without a fix repeats as if they were current.
//!
//! gpsd reports mode 3 with a current time when a receiver repeats its last place in void sentences (seen with version 3.22);
//! what betrays it is that the place stays the same to the last digit while the motion is gone, or impossible.

use v2x_core::{Fix, Position, STANDING, WireTime};

/// Watches the fixes of one receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    last: Option<Last>,
    /// It states speeds, so that one missing means something.
    states_speed: bool,
    /// The place stays though the vehicle cannot; until the place changes.
    frozen: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    position: Position,
    time: WireTime,
    speed: Option<u16>,
    /// What the speeds since the place last changed add up to, 0.01 m.
    travelled_cm: f64,
}

impl Repeats {
    /// Whether `fix` is only the last place again.
    pub fn is_repeated(&mut self, fix: &Fix) -> bool {
        self.states_speed |= fix.speed.is_some();
        let fresh = Last { position: fix.position, time: fix.time, speed: fix.speed, travelled_cm: 0.0 };
        let Some(last) = &mut self.last else {
            self.last = Some(fresh);
            return false;
        };
        if last.position != fix.position || fix.time < last.time {
            *last = fresh;
            self.frozen = false;
            return false;
        }
        let seconds = fix.time.since(last.time).as_secs_f64();
        // gpsd may report one moment twice, at first without its motion.
        if seconds == 0.0 {
            return self.frozen;
        }
        let silent = self.states_speed && fix.speed.is_none();
        let moving = fix.speed.filter(|speed| *speed >= STANDING).map_or(0.0, f64::from);
        let travelled_cm = last.travelled_cm + moving * seconds;
        let stopped = match (last.speed, fix.speed) {
            (Some(before), Some(now)) => f64::from(before) - f64::from(now) > HARDEST_STOP * seconds.max(0.1),
            _ => false,
        };
        self.frozen |= stopped || travelled_cm > MOST_TRAVELLED_CM;
        *last = Last { travelled_cm, ..fresh };
        self.frozen || silent
    }
}

/// 2 g, in 0.01 m/s a second: no vehicle brakes harder without a collision.
const HARDEST_STOP: f64 = 2_000.0;
/// A vehicle that moved by more is in another place.
const MOST_TRAVELLED_CM: f64 = 500.0;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    /// A car that drove 14 m/s until second 2 and whose fixes then have `speed` in the place it had.
    fn frozen_from(speed: Option<u16>) -> Option<u64> {
        let mut repeats = Repeats::default();
        (0..100).find(|n| {
            let (place, speed) = if *n < 10 { (*n as f64 * 2.8, Some(1_400)) } else { (25.2, speed) };
            repeats.is_repeated(&fix(*n, place, speed))
        })
    }

    fn fix(fifths: u64, metres: f64, speed: Option<u16>) -> Fix {
        Fix {
            position: Position { latitude: 496_116_000, longitude: 61_319_000 }.moved(metres, 0.0),
            altitude_cm: None,
            speed,
            heading: None,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: WireTime::from_secs(1000) + Duration::from_millis(fifths * 200),
        }
    }

    #[test]
    fn a_place_that_stays_while_its_motion_goes_is_a_repeated_one() {
        assert_eq!(frozen_from(None), Some(10), "the motion is no longer stated");
        assert_eq!(frozen_from(Some(0)), Some(10), "it stopped at 7 g");
        assert!(frozen_from(Some(1_400)).unwrap() <= 12, "it moves and stays");
    }

    #[test]
    fn a_car_that_parks_is_no_such_thing() {
        let mut repeats = Repeats::default();
        let mut metres = 0.0;
        for n in 0..500u64 {
            let speed = 1_400u64.saturating_sub(n * 100) as u16;
            metres += f64::from(speed) * 0.002;
            assert!(!repeats.is_repeated(&fix(n, metres, Some(speed))), "{n}");
            assert!(!repeats.is_repeated(&fix(n, metres, None)), "the same moment again");
        }
        let mut silent = Repeats::default();
        assert!((0..100).all(|n| !silent.is_repeated(&fix(n, 0.0, None))), "a receiver that states no speed");
        let mut held = Repeats::default();
        assert!((0..1_000).all(|n| !held.is_repeated(&fix(n, 0.0, Some((n % 40) as u16)))), "static hold");
    }

    #[test]
    fn the_next_place_is_believed_again() {
        let mut repeats = Repeats::default();
        repeats.is_repeated(&fix(0, 0.0, Some(1_400)));
        assert!(repeats.is_repeated(&fix(1, 0.0, None)) && repeats.is_repeated(&fix(2, 0.0, None)));
        assert!(!repeats.is_repeated(&fix(3, 0.5, None)) && repeats.is_repeated(&fix(4, 0.5, None)));
        assert!(!repeats.is_repeated(&fix(5, 0.5, Some(0))), "it states its motion again");
    }
}
