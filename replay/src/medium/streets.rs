//! A city of square blocks: buildings between the streets, and so which stations are in sight of each other.

use v2x_core::{Plane, Position};

/// Streets that run east and north, a block apart each, with buildings between them.
#[derive(Clone, Copy, Debug)]
pub struct Streets {
    plane: Plane,
    block_m: f64,
}

impl Streets {
    /// Streets a block apart; a crossing lies at `origin`. The city goes on in all directions.
    pub fn new(origin: Position, block_m: f64) -> Self {
        Self { plane: Plane::at(origin), block_m: block_m.max(MIN_BLOCK_M) }
    }

    /// Whether two places are in line of sight: both lie on one street, or both are near one crossing,
    /// where one sees round the corner.
    pub fn sees(&self, one: Position, other: Position) -> bool {
        let (one, other) = (self.plane.offset(one), self.plane.offset(other));
        let shares = |a: f64, b: f64| {
            let line = self.line(a);
            line == self.line(b)
                && (a - line).abs() <= STREET_HALF_WIDTH_M
                && (b - line).abs() <= STREET_HALF_WIDTH_M
        };
        if shares(one.0, other.0) || shares(one.1, other.1) {
            return true;
        }
        let crossing = (self.line(one.0), self.line(one.1));
        let near = |at: (f64, f64)| (at.0 - crossing.0).hypot(at.1 - crossing.1) <= CORNER_M;
        crossing == (self.line(other.0), self.line(other.1)) && near(one) && near(other)
    }

    /// The middle of the street nearest to a coordinate.
    fn line(&self, at: f64) -> f64 {
        (at / self.block_m).round() * self.block_m
    }
}

/// Half a street with its pavements.
pub const STREET_HALF_WIDTH_M: f64 = 10.0;
/// A station at most this far from a crossing sees those that are as near to it on the other street.
pub const CORNER_M: f64 = 40.0;
/// Narrower blocks would consist of streets only.
const MIN_BLOCK_M: f64 = 4.0 * STREET_HALF_WIDTH_M;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    #[test]
    fn one_sees_along_a_street_and_round_the_corner_and_not_through_a_block() {
        let streets = Streets::new(HERE, 150.0);
        let sees = |a: (f64, f64), b: (f64, f64)| {
            let (a, b) = (HERE.moved(a.0, a.1), HERE.moved(b.0, b.1));
            assert_eq!(streets.sees(a, b), streets.sees(b, a));
            streets.sees(a, b)
        };
        assert!(sees((10.0, 3.0), (460.0, -3.0)), "along a street that runs east");
        assert!(sees((153.0, 20.0), (147.0, -400.0)), "along one that runs north");
        assert!(sees((30.0, 3.0), (3.0, 30.0)), "round the corner");
        assert!(!sees((60.0, 3.0), (3.0, 30.0)), "too far from the corner");
        assert!(!sees((75.0, 3.0), (75.0, 147.0)), "through a block");
        assert!(!sees((30.0, 3.0), (153.0, 30.0)), "another crossing");
    }
}
