//! Geodesy for traces: the projection of a trace's metres about an origin in degrees, distance and heading.
//!
//! Everything here is pure and stands on the ellipsoid of `v2x_core::position`. It serves traces, range models and maps,
//! where tens of kilometres matter; that module has a station's plane about a position in 1e-7 degree.

use v2x_core::{Position, radii_of_curvature};

/// A plane touching the globe at an origin: x metres east, y metres north.
///
/// Equirectangular with the WGS-84 radii of curvature at the origin, so it maps both ways exactly. Lengths are true
/// along the origin's parallel and along every meridian (to 1e-4 within 20 km); away from the origin's parallel
/// eastward lengths are off by y * tan(latitude) / R, which is 0.2 % for 10 km at 50 degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    latitude_deg: f64,
    longitude_deg: f64,
    metres_per_degree_north: f64,
    metres_per_degree_east: f64,
}

impl Plane {
    /// The plane about an origin in degrees. `None` when the origin is not finite, off the globe, or within one
    /// degree of a pole, where east has no usable meaning.
    pub fn new(latitude_deg: f64, longitude_deg: f64) -> Option<Self> {
        if !(latitude_deg.abs() <= MAX_ORIGIN_LATITUDE && longitude_deg.abs() <= 180.0) {
            return None;
        }
        let (north, east) = metres_per_degree(latitude_deg);
        Some(Self {
            latitude_deg,
            longitude_deg,
            metres_per_degree_north: north,
            metres_per_degree_east: east,
        })
    }

    /// The point `x` metres east and `y` metres north of the origin; `None` when that is not finite or further than
    /// [`MAX_PLANE_M`] along either axis, or off the globe. Longitudes beyond the antimeridian wrap.
    pub fn point(&self, x: f64, y: f64) -> Option<Position> {
        if !(x.abs() <= MAX_PLANE_M && y.abs() <= MAX_PLANE_M) {
            return None;
        }
        let latitude = self.latitude_deg + y / self.metres_per_degree_north;
        let longitude = self.longitude_deg + x / self.metres_per_degree_east;
        Position::from_degrees(latitude, wrap_degrees(longitude))
    }

    /// Metres east and north of the origin, the shorter way round the globe.
    pub fn metres(&self, point: Position) -> (f64, f64) {
        let (latitude, longitude) = point.degrees();
        (
            wrap_degrees(longitude - self.longitude_deg) * self.metres_per_degree_east,
            (latitude - self.latitude_deg) * self.metres_per_degree_north,
        )
    }
}

/// Distance along the ellipsoid in metres.
///
/// Mid-latitude formula: right to 1e-5 of the distance (and 2 cm, the resolution of the points) up to 100 km below
/// 70 degrees of latitude; further away it is an estimate only.
pub fn distance_m(a: Position, b: Position) -> f64 {
    let (east, north) = offset_m(a, b);
    east.hypot(north)
}

/// Heading from `a` to `b` in degrees, 0 = north, clockwise, 0.0 .. 360.0, at the midpoint.
/// Equal points give 0.
pub fn heading_deg(a: Position, b: Position) -> f64 {
    let (east, north) = offset_m(a, b);
    let heading = east.atan2(north).to_degrees().rem_euclid(360.0);
    // rem_euclid of a tiny negative number rounds up to the modulus itself.
    if heading >= 360.0 { 0.0 } else { heading }
}

/// Metres east and north from `a` to `b`, with the radii of curvature halfway between.
fn offset_m(a: Position, b: Position) -> (f64, f64) {
    let ((a_latitude, a_longitude), (b_latitude, b_longitude)) = (a.degrees(), b.degrees());
    let (north, east) = metres_per_degree((a_latitude + b_latitude) / 2.0);
    (wrap_degrees(b_longitude - a_longitude) * east, (b_latitude - a_latitude) * north)
}

/// Metres per degree northward and eastward at a latitude, from the meridional and prime-vertical radii.
fn metres_per_degree(latitude_deg: f64) -> (f64, f64) {
    let (sin, cos) = latitude_deg.to_radians().sin_cos();
    let (meridian, normal) = radii_of_curvature(sin);
    let per_degree = 1f64.to_radians();
    (meridian * per_degree, normal * cos * per_degree)
}

/// A difference of longitudes brought into -180.0 ..= 180.0.
fn wrap_degrees(degrees: f64) -> f64 {
    if degrees > 180.0 {
        degrees - 360.0
    } else if degrees < -180.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

/// The furthest a plane reaches along either axis, in metres. Beyond it the projection is no longer a picture of the
/// road, and the usual cause is a net in map coordinates (UTM) without an offset.
pub const MAX_PLANE_M: f64 = 200_000.0;

const MAX_ORIGIN_LATITUDE: f64 = 89.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::from_degrees(latitude, longitude).expect("on the globe")
    }

    fn dms(d: f64, m: f64, s: f64) -> f64 {
        d + m / 60.0 + s / 3600.0
    }

    #[test]
    fn distance_and_heading_agree_with_a_published_geodesic() {
        // Flinders Peak to Buninyong, the worked example of the Australian GDA94 technical manual.
        let flinders = at(-dms(37.0, 57.0, 3.720_30), dms(144.0, 25.0, 29.524_40));
        let buninyong = at(-dms(37.0, 39.0, 10.156_10), dms(143.0, 55.0, 35.383_90));
        assert!((distance_m(flinders, buninyong) - 54_972.271).abs() < 0.55);
        // Forward azimuth 306 52' 05.37", reverse 127 10' 25.07" (+180): the middle of the way lies between.
        let middle = (dms(306.0, 52.0, 5.37) + dms(307.0, 10.0, 25.07)) / 2.0;
        assert!((heading_deg(flinders, buninyong) - middle).abs() < 0.01);
    }

    #[test]
    fn one_degree_of_arc_has_its_known_length() {
        // Degree of latitude at the equator and at the pole, degree of longitude at the equator.
        assert!((distance_m(at(-0.5, 0.0), at(0.5, 0.0)) - 110_574.3).abs() < 1.2);
        assert!((distance_m(at(89.0, 0.0), at(90.0, 0.0)) - 111_693.9).abs() < 1.2);
        assert!((distance_m(at(0.0, 10.0), at(0.0, 11.0)) - 111_319.49).abs() < 0.05);
    }

    #[test]
    fn the_antimeridian_is_no_edge() {
        let (west, east) = (at(10.0, 179.9999), at(10.0, -179.9999));
        assert!(distance_m(west, east) < 25.0);
        assert!((heading_deg(west, east) - 90.0).abs() < 1e-6);
        let plane = Plane::new(10.0, 179.9999).expect("origin");
        let beyond = plane.point(100.0, 0.0).expect("in the plane");
        assert!(beyond.longitude < 0);
        assert!((plane.metres(beyond).0 - 100.0).abs() < 0.02);
    }

    #[test]
    fn nothing_off_the_plane_becomes_a_position() {
        assert_eq!(Plane::new(89.5, 0.0), None);
        let plane = Plane::new(49.6, 6.13).expect("origin");
        assert_eq!(plane.point(200_001.0, 0.0), None);
        assert_eq!(plane.point(0.0, f64::NAN), None);
    }

    proptest! {
        #[test]
        fn the_plane_maps_back_within_the_resolution_of_a_point(
            latitude in -80.0..80.0f64, longitude in -180.0..180.0f64, x in -50_000.0..50_000.0f64, y in -50_000.0..50_000.0f64,
        ) {
            let plane = Plane::new(latitude, longitude).expect("origin");
            let point = plane.point(x, y).expect("in the plane");
            let (x2, y2) = plane.metres(point);
            prop_assert!((x - x2).abs() < 0.006 && (y - y2).abs() < 0.006);
        }

        #[test]
        fn distance_is_symmetric_and_heading_in_range(a in any::<(i32, i32)>(), b in any::<(i32, i32)>()) {
            let point = |(latitude, longitude): (i32, i32)| Position {
                latitude: latitude % 900_000_001,
                longitude: longitude % 1_800_000_001,
            };
            let (a, b) = (point(a), point(b));
            prop_assert!((distance_m(a, b) - distance_m(b, a)).abs() < 1e-6);
            prop_assert!((0.0..360.0).contains(&heading_deg(a, b)));
        }
    }
}
