//! Areas on a local plane, in integers: circle, rectangle and ellipse with azimuth (EN 302 931).
//!
//! An [`Area`] is made once for each message; testing a position against it then takes a few integer multiplications.
//! Offsets are millimetres from the centre. East is corrected for the latitude half-way between centre and position,
//! which keeps distances within 10 km of the centre to 0.1 % of the geodesic at any latitude up to [`POLAR`]; above it
//! positions are laid out around the pole instead. The tests check both against geodesics.

use v2x_proto::{AreaView, Shape};

use crate::base::{Position, radii_of_curvature};

/// An area prepared for fast tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    plane: IntPlane,
    shape: Shape,
    /// Half lengths along and across the azimuth, mm.
    a: i64,
    b: i64,
    /// Of the azimuth, in units of 2^-30.
    sin: i64,
    cos: i64,
}

impl Area {
    /// The area of a message.
    #[must_use]
    pub fn new(view: &AreaView) -> Self {
        let (sin, cos) = f64::from(view.azimuth_deg).to_radians().sin_cos();
        let b = if view.shape == Shape::Circle { view.distance_a_m } else { view.distance_b_m };
        Self {
            plane: IntPlane::at(Position { latitude: view.latitude, longitude: view.longitude }),
            shape: view.shape,
            a: i64::from(view.distance_a_m) * MM,
            b: i64::from(b) * MM,
            sin: fixed(sin),
            cos: fixed(cos),
        }
    }

    /// Whether `position` lies in it, its border included (EN 302 931 clause 5: F >= 0).
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        self.holds(self.turned(position))
    }

    /// How far outside of it `position` lies, m; 0 within. For an ellipse that of the rectangle around it: a lower
    /// bound that grows with the remaining distance.
    #[must_use]
    pub fn distance_m(&self, position: Position) -> f64 {
        let (along, across) = self.turned(position);
        if self.holds((along, across)) {
            return 0.0;
        }
        let metres = |mm: i64| mm as f64 / MM as f64;
        match self.shape {
            Shape::Circle => (metres(along).hypot(metres(across)) - metres(self.a)).max(0.0),
            Shape::Rectangle | Shape::Ellipse => {
                let beyond = |offset: i64, half: i64| metres((offset.abs() - half).max(0));
                beyond(along, self.a).hypot(beyond(across, self.b)).max(0.001)
            }
        }
    }

    /// Whether an offset along and across the azimuth lies in it.
    fn holds(&self, (along, across): (i64, i64)) -> bool {
        let (a, b) = (i128::from(self.a), i128::from(self.b));
        match self.shape {
            Shape::Rectangle => along.abs() <= self.a && across.abs() <= self.b,
            Shape::Circle => square(along) + square(across) <= a * a,
            Shape::Ellipse => square(along) * b * b + square(across) * a * a <= a * a * b * b,
        }
    }

    /// The position's offset along and across the azimuth, mm.
    fn turned(&self, position: Position) -> (i64, i64) {
        let (east, north) = self.plane.offset(position);
        ((east * self.sin + north * self.cos) >> TURN_BITS, (east * self.cos - north * self.sin) >> TURN_BITS)
    }
}

/// A plane about a point, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct IntPlane {
    origin: Position,
    /// Millimetres of a unit (1e-7 degree) in units of 2^-20; of longitude at the origin's latitude, and how much
    /// that shrinks with each unit farther north, in units of 2^-50.
    per_latitude: i64,
    per_longitude: i64,
    shrink: i64,
}

impl IntPlane {
    fn at(origin: Position) -> Self {
        let phi = (f64::from(origin.latitude) * UNIT).to_radians();
        let (sin, cos) = phi.sin_cos();
        let (meridian, normal) = radii_of_curvature(sin);
        let per_unit = UNIT.to_radians() * MM as f64;
        // d(N cos)/d(phi) = -M sin.
        let shrink = meridian * sin * UNIT.to_radians();
        Self {
            origin,
            per_latitude: (meridian * per_unit * f64::from(1 << SCALE_BITS)).round() as i64,
            per_longitude: (normal * cos * per_unit * f64::from(1 << SCALE_BITS)).round() as i64,
            shrink: (shrink * per_unit * (1_u64 << SHRINK_BITS) as f64).round() as i64,
        }
    }

    /// East and north, mm, at most [`FAR`] each way: every area ends long before.
    fn offset(&self, position: Position) -> (i64, i64) {
        if self.origin.latitude.abs() > POLAR {
            return self.polar_offset(position);
        }
        let latitude = i64::from(position.latitude) - i64::from(self.origin.latitude);
        let mut longitude = i64::from(position.longitude) - i64::from(self.origin.longitude);
        if longitude > HALF_TURN {
            longitude -= 2 * HALF_TURN;
        } else if longitude < -HALF_TURN {
            longitude += 2 * HALF_TURN;
        }
        // Half-way between the two latitudes.
        let near = latitude.clamp(-NEAR_LATITUDE, NEAR_LATITUDE);
        let shrunk = (near * self.shrink) >> (SHRINK_BITS - SCALE_BITS + 1);
        let east = (longitude * (self.per_longitude - shrunk).max(0)) >> SCALE_BITS;
        let north = (latitude * self.per_latitude) >> SCALE_BITS;
        (east.clamp(-FAR, FAR), north.clamp(-FAR, FAR))
    }

    /// Close to a pole a plane of latitudes and longitudes tears: both points are laid out by their distance from the
    /// pole and their longitude, and the difference is turned so that north is the origin's. Rare, so floating point
    /// is good enough.
    fn polar_offset(&self, position: Position) -> (i64, i64) {
        let south = self.origin.latitude < 0;
        let per_unit = self.per_latitude as f64 / f64::from(1 << SCALE_BITS);
        let from_pole = |latitude: i32| f64::from(POLE - latitude.abs()) * per_unit;
        let (own, other) = (from_pole(self.origin.latitude), from_pole(position.latitude));
        if (position.latitude < 0) != south {
            return (FAR, FAR);
        }
        let turn = (f64::from(position.longitude) - f64::from(self.origin.longitude)) * UNIT;
        let (sin, cos) = turn.to_radians().sin_cos();
        let (east, towards_pole) = (other * sin, own - other * cos);
        let north = if south { -towards_pole } else { towards_pole };
        let limit = |mm: f64| (mm.round() as i64).clamp(-FAR, FAR);
        (limit(east), limit(north))
    }
}

/// Hops a flood needs to get through `area` from anywhere in it: four for each kilometre (simulated chains of
/// vehicles take 3.3 to 3.9 at 23 dBm and 6 Mb/s) and four to spare, because the path is never straight.
#[must_use]
pub fn hops_for(area: &AreaView) -> u8 {
    let across = match area.shape {
        Shape::Circle => 2 * area.distance_a_m,
        Shape::Rectangle | Shape::Ellipse => {
            2 * (f64::from(area.distance_a_m).hypot(f64::from(area.distance_b_m))).ceil() as u32
        }
    };
    u8::try_from((across * 4).div_ceil(1000) + 4).unwrap_or(u8::MAX)
}

fn square(value: i64) -> i128 {
    i128::from(value) * i128::from(value)
}

fn fixed(value: f64) -> i64 {
    (value * f64::from(1 << TURN_BITS)).round() as i64
}

const MM: i64 = 1000;

const TURN_BITS: u32 = 30;

const SCALE_BITS: u32 = 20;

const SHRINK_BITS: u32 = 50;

/// 300 km, mm: beyond every area, and its product with a turn fits 64 bits.
const FAR: i64 = 300_000_000;

/// Two degrees: beyond it the linear correction is no longer accurate.
const NEAR_LATITUDE: i64 = 20_000_000;

const HALF_TURN: i64 = 1_800_000_000;

const POLE: i32 = 900_000_000;

/// From 87 degrees on the plane about the pole is the better one, 1e-7 degree.
pub const POLAR: i32 = 870_000_000;

const UNIT: f64 = 1e-7;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn view(shape: Shape, centre: Position, a: u32, b: u32, azimuth_deg: u32) -> AreaView {
        let circle = shape == Shape::Circle;
        AreaView {
            latitude: centre.latitude,
            longitude: centre.longitude,
            shape,
            distance_a_m: a,
            distance_b_m: if circle { 0 } else { b },
            azimuth_deg: if circle { 0 } else { azimuth_deg },
        }
    }

    #[test]
    fn the_border_belongs_to_the_area_and_the_next_metre_does_not() {
        for (shape, east, north) in
            [(Shape::Circle, 999.0, 0.0), (Shape::Rectangle, 999.0, 499.0), (Shape::Ellipse, 999.0, 0.0)]
        {
            let area = Area::new(&view(shape, HERE, 1000, 500, 90));
            assert!(area.contains(HERE.moved(east, north)), "{shape:?}");
            assert!(!area.contains(HERE.moved(east + 2.0, north + 2.0)), "{shape:?}");
        }
        let corner = HERE.moved(990.0, 490.0);
        assert!(!Area::new(&view(Shape::Ellipse, HERE, 1000, 500, 90)).contains(corner));
        assert!(Area::new(&view(Shape::Rectangle, HERE, 1000, 500, 90)).contains(corner));
    }

    #[test]
    fn the_azimuth_turns_clockwise_from_north() {
        let area = Area::new(&view(Shape::Rectangle, HERE, 1000, 50, 45));
        assert!(area.contains(HERE.moved(600.0, 600.0)) && !area.contains(HERE.moved(600.0, -600.0)));
    }

    #[test]
    fn the_way_to_an_area_shrinks_towards_it_and_is_nothing_within() {
        for shape in [Shape::Circle, Shape::Rectangle, Shape::Ellipse] {
            let area = Area::new(&view(shape, HERE, 1000, 500, 90));
            let at = |east: f64| area.distance_m(HERE.moved(east, 0.0));
            assert_eq!(at(900.0), 0.0);
            assert!((at(3000.0) - 2000.0).abs() < 3.0, "{shape:?} {}", at(3000.0));
            assert!(at(3000.0) > at(2000.0) && at(2000.0) > at(1100.0));
        }
    }

    #[test]
    fn an_area_on_the_antimeridian_has_two_sides() {
        let centre = Position { latitude: -170_000_000, longitude: 1_799_999_000 };
        let area = Area::new(&view(Shape::Circle, centre, 1000, 0, 0));
        let across = centre.moved(900.0, 0.0);
        assert!(across.longitude < 0 && area.contains(across));
        assert!(area.contains(centre.moved(-900.0, 0.0)) && !area.contains(centre.moved(1100.0, 0.0)));
    }

    #[test]
    fn an_area_over_a_pole_holds_every_longitude() {
        for latitude in [899_990_000, -899_990_000] {
            let centre = Position { latitude, longitude: 123_000_000 };
            let area = Area::new(&view(Shape::Circle, centre, 500, 0, 0));
            // 111 m from the pole: the other side of it is 222 m away.
            for longitude in (-1_800_000_000..=1_800_000_000).step_by(300_000_000) {
                assert!(area.contains(Position { latitude, longitude }), "{longitude}");
            }
            assert!(!area.contains(Position { latitude: latitude / 100 * 99, longitude: 0 }));
            assert!(!area.contains(Position { latitude: -latitude, longitude: 0 }));
        }
    }

    #[test]
    fn hops_follow_the_extent() {
        assert_eq!(hops_for(&view(Shape::Circle, HERE, 1500, 0, 0)), 16);
        assert_eq!(hops_for(&view(Shape::Rectangle, HERE, 2500, 50, 0)), 25);
        assert_eq!(hops_for(&view(Shape::Circle, HERE, 65_535, 0, 0)), u8::MAX);
    }

    proptest! {
        #[test]
        fn no_area_and_no_position_overflow(
            lat in -900_000_000i32..=900_000_000, lon in -1_800_000_000i32..=1_800_000_000,
            other_lat in -900_000_000i32..=900_000_000, other_lon in -1_800_000_000i32..=1_800_000_000,
            shape in 1u32..=3, a in 1u32..=65_535, b in 1u32..=65_535, azimuth in 0u32..360,
        ) {
            let centre = Position { latitude: lat, longitude: lon };
            let area = Area::new(&view(Shape::from_wire(shape).unwrap(), centre, a, b, azimuth));
            prop_assert!(area.contains(centre));
            let other = Position { latitude: other_lat, longitude: other_lon };
            prop_assert_eq!(area.contains(other), area.distance_m(other) == 0.0);
            prop_assert!(area.distance_m(other).is_finite());
        }
    }
}
