//! Headings of a station that hardly moves: a course over ground is derived from motion, so below a walking pace a
//! receiver reports noise. Whatever uses a heading (awareness, relevance, conflicts, alerts, lanes) uses the held one.

use core::time::Duration;

use super::fix::Fix;
use super::position::Position;
use super::time::WireTime;

/// Below this, 0.01 m/s, a heading from satellites is noise: at 1 m/s the 0.1 m/s of error that receivers state make 6
/// degrees, and a person walks at 1.4 m/s.
pub const STANDING: u16 = 100;

/// Holds the last heading of a moving station while it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeldHeading {
    heading: Option<u16>,
    last: Option<(WireTime, Position)>,
}

impl HeldHeading {
    /// `fix` with the heading that may be believed: its own while the station moves, or when its speed is not known; the last
    /// such one while it stands; none when it never moved, was without a position for a minute, or was carried elsewhere.
    /// Holding a held fix again changes nothing.
    pub fn held(&mut self, fix: &Fix) -> Fix {
        let before = self.last.replace((fix.time, fix.position));
        if fix.speed.is_none_or(|speed| speed >= STANDING) {
            self.heading = fix.heading.or(self.heading);
            return *fix;
        }
        let apart = |(time, place): (WireTime, Position)| {
            fix.time.since(time) > FORGOTTEN_AFTER || place.distance_m(fix.position) > CARRIED_M
        };
        if before.is_some_and(apart) {
            self.heading = None;
        }
        Fix { heading: self.heading, ..*fix }
    }
}

/// A vehicle that was out of sight for longer may have turned in a car park.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// A station that stands here and stood there was carried: on a ferry, on a tow truck.
const CARRIED_M: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn fix(seconds: u32, speed: Option<u16>, heading: Option<u16>) -> Fix {
        Fix {
            position: HERE,
            altitude_cm: None,
            speed,
            heading,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: WireTime::from_secs(seconds),
        }
    }

    #[test]
    fn a_standing_station_keeps_the_heading_it_came_with() {
        let mut held = HeldHeading::default();
        let mut look = |fix: Fix| held.held(&fix).heading;
        assert_eq!(look(fix(1, Some(0), Some(10))), None, "it never moved");
        assert_eq!(look(fix(2, Some(STANDING), Some(900))), Some(900));
        for (second, noise) in [(3, 3_570), (4, 1_200), (5, 20)] {
            assert_eq!(look(fix(second, Some(STANDING - 1), Some(noise))), Some(900));
        }
        assert_eq!(look(fix(6, Some(8), None)), Some(900), "the receiver states none at rest");
        assert_eq!(look(fix(7, Some(500), None)), None, "it moves, and nobody knows where to");
        assert_eq!(look(fix(8, Some(0), None)), Some(900));
        assert_eq!(
            look(fix(9, None, Some(1_800))),
            Some(1_800),
            "a host that knows no speed knows its heading"
        );
    }

    #[test]
    fn a_heading_is_forgotten_out_of_sight_and_elsewhere() {
        let moving = fix(1, Some(1_000), Some(900));
        let look = |then: Fix| {
            let mut held = HeldHeading::default();
            held.held(&moving);
            held.held(&then).heading
        };
        assert_eq!(look(fix(61, Some(0), Some(5))), Some(900));
        assert_eq!(look(fix(62, Some(0), Some(5))), None);
        let carried = Fix { position: HERE.moved(150.0, 0.0), ..fix(2, Some(0), Some(5)) };
        assert_eq!(look(carried), None);
    }

    #[test]
    fn holding_twice_is_holding_once() {
        let (mut once, mut twice) = (HeldHeading::default(), HeldHeading::default());
        for (second, speed, heading) in [(1, 0, 7), (2, 300, 900), (3, 10, 1_000), (90, 10, 5), (91, 200, 8)]
        {
            let held = once.held(&fix(second, Some(speed), Some(heading)));
            assert_eq!(twice.held(&held), held);
        }
    }
}
