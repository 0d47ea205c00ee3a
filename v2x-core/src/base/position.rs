//! Positions as the wire carries them (1e-7 degree) and the local plane used for distances.
//!
//! The plane is equirectangular about its origin with the WGS-84 radii of curvature. Within 10 km of
//! the origin and 70 degrees of latitude a distance is off by less than 0.1 %.

use serde::{Deserialize, Serialize};

/// A position: WGS-84 latitude and longitude in 1e-7 degree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Latitude, -900_000_000..=900_000_000.
    pub latitude: i32,
    /// Longitude, -1_800_000_000..=1_800_000_000.
    pub longitude: i32,
}

impl Position {
    /// A position from 1e-7 degrees; `None` when it is off the globe.
    pub fn new(latitude: i32, longitude: i32) -> Option<Self> {
        let on_globe = latitude.unsigned_abs() <= MAX_LATITUDE && longitude.unsigned_abs() <= MAX_LONGITUDE;
        on_globe.then_some(Self { latitude, longitude })
    }

    /// The position at `latitude` and `longitude` in degrees; `None` when either is not finite or off the globe.
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        // A comparison with NaN is false, so NaN falls out here as well.
        if !(latitude.abs() <= 90.0 && longitude.abs() <= 180.0) {
            return None;
        }
        let units = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i32;
        Some(Self { latitude: units(latitude), longitude: units(longitude) })
    }

    /// Whether it lies within 0.001 degree of 0, 0 in the Gulf of Guinea, which is what receivers and converters report in place
    /// of no position.
    pub fn is_unset(self) -> bool {
        self.latitude.unsigned_abs() <= UNSET && self.longitude.unsigned_abs() <= UNSET
    }

    /// Latitude and longitude in degrees.
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.latitude) / UNITS_PER_DEGREE, f64::from(self.longitude) / UNITS_PER_DEGREE)
    }

    /// East and north of `self` from `origin`, metres.
    pub fn offset_from(self, origin: Self) -> (f64, f64) {
        Plane::at(origin).offset(self)
    }

    /// Distance to `other`, metres.
    pub fn distance_m(self, other: Self) -> f64 {
        let (east, north) = other.offset_from(self);
        (east * east + north * north).sqrt()
    }

    /// The position `east` and `north` metres away (small distances; clamped to the globe).
    pub fn moved(self, east: f64, north: f64) -> Self {
        let plane = Plane::at(self);
        let latitude = f64::from(self.latitude) + north / plane.metres_per_latitude;
        let mut longitude = f64::from(self.longitude) + east / plane.metres_per_longitude;
        let full_circle = f64::from(MAX_LONGITUDE) * 2.0;
        if longitude > f64::from(MAX_LONGITUDE) {
            longitude -= full_circle;
        } else if longitude < -f64::from(MAX_LONGITUDE) {
            longitude += full_circle;
        }
        let limit = f64::from(MAX_LATITUDE);
        Self { latitude: latitude.round().clamp(-limit, limit) as i32, longitude: longitude.round() as i32 }
    }
}

/// A local plane about an origin; keep it where many distances are taken from one point.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    origin: Position,
    metres_per_latitude: f64,
    metres_per_longitude: f64,
}

impl Plane {
    /// The plane about `origin`.
    pub fn at(origin: Position) -> Self {
        let phi = (f64::from(origin.latitude) * UNIT).to_radians();
        let (sin, cos) = phi.sin_cos();
        let (meridian, normal) = radii_of_curvature(sin);
        let per_unit = UNIT.to_radians();
        Self {
            origin,
            metres_per_latitude: meridian * per_unit,
            // At a pole every longitude is the same place; a millimetre-wide circle keeps division defined.
            metres_per_longitude: (normal * cos * per_unit).max(1e-9),
        }
    }

    /// Where the plane touches the globe.
    pub fn origin(&self) -> Position {
        self.origin
    }

    /// East and north of `position` from the origin, metres, the short way round the antimeridian.
    pub fn offset(&self, position: Position) -> (f64, f64) {
        let mut longitude = i64::from(position.longitude) - i64::from(self.origin.longitude);
        let half = i64::from(MAX_LONGITUDE);
        if longitude > half {
            longitude -= 2 * half;
        } else if longitude < -half {
            longitude += 2 * half;
        }
        let latitude = i64::from(position.latitude) - i64::from(self.origin.latitude);
        (longitude as f64 * self.metres_per_longitude, latitude as f64 * self.metres_per_latitude)
    }

    /// Square of the distance of `position` from the origin, square metres.
    pub fn distance_2(&self, position: Position) -> f64 {
        let (east, north) = self.offset(position);
        east * east + north * north
    }
}

/// Radii of curvature of WGS-84 where the latitude has this sine, m: along the meridian (M), and across it (N).
pub fn radii_of_curvature(sin_latitude: f64) -> (f64, f64) {
    let w2 = 1.0 - ECCENTRICITY_2 * sin_latitude * sin_latitude;
    let w = w2.sqrt();
    (SEMI_MAJOR_M * (1.0 - ECCENTRICITY_2) / (w2 * w), SEMI_MAJOR_M / w)
}

/// The smaller angle between two headings in 0.1 degree, 0..=1800.
pub fn heading_difference(a: u16, b: u16) -> u16 {
    let difference = (i32::from(a) - i32::from(b)).rem_euclid(3600);
    difference.min(3600 - difference) as u16
}

const UNIT: f64 = 1e-7;
const UNITS_PER_DEGREE: f64 = 1e7;
const MAX_LATITUDE: u32 = 900_000_000;
const MAX_LONGITUDE: u32 = 1_800_000_000;
/// 0.001 degree, 111 m at the equator.
const UNSET: u32 = 10_000;
/// WGS-84 (NIMA TR8350.2): semi-major axis.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// WGS-84: first eccentricity squared.
const ECCENTRICITY_2: f64 = 6.694_379_990_141_316e-3;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new((latitude * 1e7) as i32, (longitude * 1e7) as i32).unwrap()
    }

    #[test]
    fn known_distances_hold_to_a_tenth_of_a_percent() {
        // Lengths of one minute of latitude and longitude at 50 degrees north on WGS-84.
        let d = at(50.0, 8.0).distance_m(at(50.0 + 1.0 / 60.0, 8.0));
        assert!((d - 1853.8).abs() < 1.8, "{d}");
        let d = at(50.0, 8.0).distance_m(at(50.0, 8.0 + 1.0 / 60.0));
        assert!((d - 1194.9).abs() < 1.2, "{d}");
    }

    #[test]
    fn the_short_way_round_the_antimeridian() {
        let west = at(0.0, 179.9999);
        let east = at(0.0, -179.9999);
        assert!((west.distance_m(east) - 22.26).abs() < 0.1);
        let (x, _) = east.offset_from(west);
        assert!(x > 0.0);
        assert!(west.moved(30.0, 0.0).longitude < 0);
    }

    #[test]
    fn off_the_globe_is_refused() {
        assert_eq!(Position::new(900_000_001, 0), None);
        assert_eq!(Position::new(0, i32::MIN), None);
        for (latitude, longitude) in [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Position::from_degrees(latitude, longitude), None);
        }
        assert!(Position::new(-900_000_000, 1_800_000_000).is_some());
    }

    #[test]
    fn nothing_at_the_origin_of_the_globe_is_a_position() {
        assert!(at(0.0, 0.0).is_unset() && at(0.0009, -0.0009).is_unset());
        assert!(!at(0.0, 0.002).is_unset() && !at(-0.002, 0.0).is_unset() && !at(51.4778, 0.0).is_unset());
    }

    #[test]
    fn headings_differ_the_short_way() {
        assert_eq!(heading_difference(3590, 10), 20);
        assert_eq!(heading_difference(0, 1800), 1800);
        assert_eq!(heading_difference(u16::MAX, 0), 735);
    }

    proptest! {
        #[test]
        fn moving_and_measuring_agree(lat in -800_000_000i32..800_000_000, lon in -1_800_000_000i32..=1_800_000_000,
                                      east in -5000.0f64..5000.0, north in -5000.0f64..5000.0) {
            let origin = Position::new(lat, lon).unwrap();
            let (e, n) = origin.moved(east, north).offset_from(origin);
            prop_assert!((e - east).abs() < 0.02 && (n - north).abs() < 0.02, "{e} {n}");
        }
    }
}
