//! Regions of validity of credentials: whether a region contains a point or another region.
//!
//! Distances are taken in the local plane about the region's centre. Regions reach 65 km at most;
//! there the plane is off by about 1 %, which moves a region's border, never its centre.

use v2x_proto::{AreaView, Shape};

use crate::base::{Plane, Position};

/// True when `position` lies in `region`, its border included (EN 302 931 clause 5: F >= 0).
pub(super) fn contains(region: &AreaView, position: Position) -> bool {
    let (east, north) = Plane::at(centre(region)).offset(position);
    let (sin, cos) = f64::from(region.azimuth_deg).to_radians().sin_cos();
    let a = f64::from(region.distance_a_m);
    let along = (east * sin + north * cos) / a;
    let across = (east * cos - north * sin) / b(region);
    match region.shape {
        Shape::Rectangle => along.abs() <= 1.0 && across.abs() <= 1.0,
        Shape::Circle | Shape::Ellipse => along * along + across * across <= 1.0,
    }
}

/// True when `inner` certainly lies in `outer`: they are equal, or the circle around `inner` lies in
/// the largest circle about the centre of `outer`. Conservative: a long road in a long region of
/// another shape may be refused though it fits.
pub(super) fn nests(inner: &AreaView, outer: &AreaView) -> bool {
    inner == outer || centre(outer).distance_m(centre(inner)) + circumradius(inner) <= inradius(outer)
}

fn centre(region: &AreaView) -> Position {
    Position { latitude: region.latitude, longitude: region.longitude }
}

fn circumradius(region: &AreaView) -> f64 {
    let a = f64::from(region.distance_a_m);
    match region.shape {
        Shape::Rectangle => a.hypot(b(region)),
        Shape::Circle | Shape::Ellipse => a.max(b(region)),
    }
}

fn inradius(region: &AreaView) -> f64 {
    f64::from(region.distance_a_m).min(b(region))
}

/// A circle carries no second distance.
fn b(region: &AreaView) -> f64 {
    match region.shape {
        Shape::Circle => f64::from(region.distance_a_m),
        Shape::Rectangle | Shape::Ellipse => f64::from(region.distance_b_m),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(shape: Shape, a: u32, b: u32, azimuth_deg: u32) -> AreaView {
        let distance_b_m = if shape == Shape::Circle { 0 } else { b };
        let azimuth_deg = if shape == Shape::Circle { 0 } else { azimuth_deg };
        AreaView {
            latitude: 500_000_000,
            longitude: 80_000_000,
            shape,
            distance_a_m: a,
            distance_b_m,
            azimuth_deg,
        }
    }

    fn point(east: f64, north: f64) -> Position {
        Position { latitude: 500_000_000, longitude: 80_000_000 }.moved(east, north)
    }

    #[test]
    fn the_azimuth_turns_the_long_side() {
        for shape in [Shape::Rectangle, Shape::Ellipse] {
            let eastward = area(shape, 1000, 100, 90);
            assert!(contains(&eastward, point(990.0, 0.0)) && !contains(&eastward, point(0.0, 990.0)));
            let northward = area(shape, 1000, 100, 0);
            assert!(contains(&northward, point(0.0, 990.0)) && !contains(&northward, point(990.0, 0.0)));
        }
        let corner = point(95.0, 950.0);
        assert!(contains(&area(Shape::Rectangle, 1000, 100, 0), corner));
        assert!(!contains(&area(Shape::Ellipse, 1000, 100, 0), corner));
    }

    fn any_area() -> impl Strategy<Value = AreaView> {
        let shape = prop_oneof![Just(Shape::Circle), Just(Shape::Rectangle), Just(Shape::Ellipse)];
        (shape, 1_u32..5000, 1_u32..5000, 0_u32..360, -3000.0..3000.0, -3000.0..3000.0).prop_map(
            |(shape, a, b, azimuth, east, north)| {
                let moved = point(east, north);
                let area = area(shape, a, b, azimuth);
                AreaView { latitude: moved.latitude, longitude: moved.longitude, ..area }
            },
        )
    }

    proptest! {
        #[test]
        fn what_nests_has_no_point_outside(
            inner in any_area(), outer in any_area(), east in -1.0..1.0, north in -1.0..1.0,
        ) {
            let reach = circumradius(&inner);
            let inside = centre(&inner).moved(east * reach, north * reach);
            if nests(&inner, &outer) && contains(&inner, inside) {
                // Five metres for the difference of the two planes.
                let wider = AreaView {
                    distance_a_m: outer.distance_a_m + 5,
                    distance_b_m: if outer.shape == Shape::Circle { 0 } else { outer.distance_b_m + 5 },
                    ..outer
                };
                prop_assert!(contains(&wider, inside));
            }
            prop_assert!(nests(&inner, &inner));
        }
    }
}
