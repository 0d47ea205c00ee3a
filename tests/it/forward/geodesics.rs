//! Areas against geodesics on the ellipsoid, by another library.

use geo::{Destination, Distance, Geodesic, Point};
use proptest::prelude::*;
use v2x_core::{Area, Position};

use super::*;

/// The position at a distance from `centre` in a direction, by geodesic.
fn at(centre: Position, bearing: f64, metres: f64) -> Position {
    let there = Geodesic.destination(point(centre), bearing, metres);
    Position { latitude: units(there.y()), longitude: units((there.x() + 540.0).rem_euclid(360.0) - 180.0) }
}

fn point(position: Position) -> Point {
    Point::new(f64::from(position.longitude) * 1e-7, f64::from(position.latitude) * 1e-7)
}

fn units(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

fn circle_at(centre: Position, radius_m: u32) -> Area {
    Area::new(&AreaView { latitude: centre.latitude, longitude: centre.longitude, ..circle(radius_m) })
}

/// The plane's distance of a position: the radius at which a circle just holds it, to a metre.
fn agrees(centre: Position, bearing: f64, metres: f64) -> Result<(), TestCaseError> {
    let there = at(centre, bearing, metres);
    let geodesic = Geodesic.distance(point(centre), point(there));
    let tolerance = geodesic * 0.001 + 1.5;
    let radius = |metres: f64| metres.max(1.0) as u32;
    prop_assert!(
        circle_at(centre, radius((geodesic + tolerance).ceil())).contains(there),
        "{centre:?} {bearing} {geodesic}: too far on the plane"
    );
    if geodesic > tolerance + 2.0 {
        prop_assert!(
            !circle_at(centre, radius((geodesic - tolerance).floor())).contains(there),
            "{centre:?} {bearing} {geodesic}: too near on the plane"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn distances_within_ten_kilometres_are_geodesics_to_a_thousandth(
        latitude in -899_999_999i32..=899_999_999, longitude in -1_800_000_000i32..=1_800_000_000,
        bearing in 0.0..360.0, metres in 10.0..10_000.0,
    ) {
        agrees(Position { latitude, longitude }, bearing, metres)?;
    }

    #[test]
    fn so_are_those_across_the_antimeridian(
        latitude in -850_000_000i32..=850_000_000, east in 0i32..2_000_000,
        bearing in 0.0..360.0, metres in 10.0..10_000.0,
    ) {
        agrees(Position { latitude, longitude: 1_800_000_000 - east }, bearing, metres)?;
        agrees(Position { latitude, longitude: -1_800_000_000 + east }, bearing, metres)?;
    }

    #[test]
    fn and_those_about_the_poles(
        from_pole in 0i32..2_000_000, south: bool, longitude in -1_800_000_000i32..=1_800_000_000,
        bearing in 0.0..360.0, metres in 10.0..10_000.0,
    ) {
        let latitude = 900_000_000 - from_pole;
        agrees(Position { latitude: if south { -latitude } else { latitude }, longitude }, bearing, metres)?;
    }

    #[test]
    fn rectangles_and_ellipses_reach_along_their_azimuth_as_far_as_they_say(
        latitude in -600_000_000i32..=600_000_000, longitude in -1_800_000_000i32..=1_800_000_000,
        a in 1_000u32..10_000, slimness in 1u32..=4, azimuth in 0u32..360, ellipse: bool,
    ) {
        // A geodesic bends away from a straight line on the plane, by 14 m at most here: much for the tip of a needle.
        let b = a / slimness;
        let centre = Position { latitude, longitude };
        let shape = if ellipse { Shape::Ellipse } else { Shape::Rectangle };
        let view = AreaView {
            latitude, longitude, shape, distance_a_m: a, distance_b_m: b, azimuth_deg: azimuth,
        };
        let area = Area::new(&view);
        for (direction, reach) in [(0.0, a), (90.0, b), (180.0, a), (270.0, b)] {
            let bearing = f64::from(azimuth) + direction;
            let inside = at(centre, bearing, f64::from(reach) * 0.999 - 2.0);
            let outside = at(centre, bearing, f64::from(reach) * 1.001 + 2.0);
            prop_assert!(area.contains(inside) && !area.contains(outside), "{direction} {reach}");
        }
    }
}
