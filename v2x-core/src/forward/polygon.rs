//! Polygons, for applications that know a zone by its corners (feature `polygon`).
//!
//! A message carries a circle, a rectangle or an ellipse (EN 302 931). A polygon travels as the smallest rectangle
//! around it; a receiver that also knows the polygon can test whether it is really inside.

use geo::{BoundingRect, Contains, Coord, LineString, MinimumRotatedRect};
use v2x_proto::{AreaView, Shape};

use crate::base::{Plane, Position, limits};

/// A simple polygon on the plane about its first corner.
#[derive(Clone, Debug)]
pub struct Polygon {
    plane: Plane,
    outline: geo::Polygon<f64>,
}

/// Why corners do not make a polygon that can be flooded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolygonError {
    /// Fewer than three corners, or more than [`Polygon::MAX_CORNERS`].
    #[error("{0} corners; a polygon has 3 to {max}", max = Polygon::MAX_CORNERS)]
    Corners(usize),
    /// All corners in one place or on one line.
    #[error("the corners enclose nothing; they must not lie on one line")]
    Flat,
    /// Wider than an area may be.
    #[error("the rectangle around it is {0} m long; at most {max} m", max = 2 * limits::MAX_AREA_M)]
    TooLarge(u32),
}

impl Polygon {
    /// Most corners.
    pub const MAX_CORNERS: usize = 256;

    /// The polygon with these corners, in order; the last one is joined to the first.
    ///
    /// # Errors
    /// [`PolygonError`].
    pub fn new(corners: &[Position]) -> Result<Self, PolygonError> {
        let count = corners.len();
        let first = *corners.first().ok_or(PolygonError::Corners(0))?;
        if !(3..=Self::MAX_CORNERS).contains(&count) {
            return Err(PolygonError::Corners(count));
        }
        let plane = Plane::at(first);
        let ring: Vec<Coord<f64>> = corners.iter().map(|corner| coord(&plane, *corner)).collect();
        let polygon = Self { plane, outline: geo::Polygon::new(LineString::new(ring), Vec::new()) };
        polygon.covering().map(|_| polygon)
    }

    /// Whether `position` lies in it.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        self.outline.contains(&geo::Point(coord(&self.plane, position)))
    }

    /// The smallest rectangle around it, rounded up to whole metres and degrees: the area to send its message to.
    ///
    /// # Errors
    /// [`PolygonError::Flat`] or [`PolygonError::TooLarge`].
    pub fn covering(&self) -> Result<AreaView, PolygonError> {
        let rectangle = self.outline.minimum_rotated_rect().ok_or(PolygonError::Flat)?;
        let corners = &rectangle.exterior().0;
        let [a, b, c] = [corners.first(), corners.get(1), corners.get(2)].map(|corner| corner.copied());
        let (a, b, c) = a.zip(b).zip(c).map(|((a, b), c)| (a, b, c)).ok_or(PolygonError::Flat)?;
        let (long, short) = ((b - a), (c - b));
        let (long, short) = if norm(long) >= norm(short) { (long, short) } else { (short, long) };
        if norm(short) < 0.01 || self.outline.bounding_rect().is_none() {
            return Err(PolygonError::Flat);
        }
        let length = norm(long);
        if length > 2.0 * f64::from(limits::MAX_AREA_M) {
            return Err(PolygonError::TooLarge(length.ceil() as u32));
        }
        let middle = (a + c) / 2.0;
        // Half a degree turned wrong moves the end of the rectangle by under a hundredth of its length.
        let slack = length / 2.0 * 0.5_f64.to_radians() + 1.0;
        let half = |side: f64| ((side / 2.0 + slack).ceil() as u32).clamp(1, limits::MAX_AREA_M);
        let centre = self.plane.origin().moved(middle.x, middle.y);
        let azimuth = long.x.atan2(long.y).to_degrees().round().rem_euclid(360.0);
        Ok(AreaView {
            latitude: centre.latitude,
            longitude: centre.longitude,
            shape: Shape::Rectangle,
            distance_a_m: half(length),
            distance_b_m: half(norm(short)),
            azimuth_deg: azimuth as u32 % 360,
        })
    }
}

fn coord(plane: &Plane, position: Position) -> Coord<f64> {
    let (x, y) = plane.offset(position);
    Coord { x, y }
}

fn norm(vector: Coord<f64>) -> f64 {
    vector.x.hypot(vector.y)
}

#[cfg(test)]
mod tests {
    use super::super::area::Area;
    use super::*;
    use proptest::prelude::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn corners(metres: &[(f64, f64)]) -> Vec<Position> {
        metres.iter().map(|(east, north)| HERE.moved(*east, *north)).collect()
    }

    #[test]
    fn a_bent_road_holds_what_is_on_it_and_not_what_its_rectangle_holds_beside_it() {
        let bend =
            corners(&[(0.0, 0.0), (500.0, 0.0), (500.0, 500.0), (450.0, 500.0), (450.0, 50.0), (0.0, 50.0)]);
        let polygon = Polygon::new(&bend).unwrap();
        let inside = [HERE.moved(100.0, 25.0), HERE.moved(475.0, 400.0)];
        let beside = HERE.moved(400.0, 100.0);
        assert!(inside.iter().all(|place| polygon.contains(*place)) && !polygon.contains(beside));
        let area = Area::new(&polygon.covering().unwrap());
        assert!(inside.iter().all(|place| area.contains(*place)));
    }

    #[test]
    fn what_encloses_nothing_or_too_much_is_refused() {
        let refused = |metres: &[(f64, f64)]| Polygon::new(&corners(metres)).unwrap_err();
        assert_eq!(refused(&[(0.0, 0.0), (10.0, 0.0)]), PolygonError::Corners(2));
        assert_eq!(refused(&[(0.0, 0.0), (100.0, 0.0), (200.0, 0.0)]), PolygonError::Flat);
        let large = refused(&[(0.0, 0.0), (25_000.0, 0.0), (0.0, 500.0)]);
        assert!(matches!(large, PolygonError::TooLarge(_)), "{large}");
        assert!(matches!(Polygon::new(&[]), Err(PolygonError::Corners(0))));
    }

    proptest! {
        #[test]
        fn its_rectangle_holds_every_corner(
            metres in proptest::collection::vec((-3000.0..3000.0, -3000.0..3000.0), 3..12),
        ) {
            let corners = corners(&metres);
            if let Ok(polygon) = Polygon::new(&corners) {
                let area = Area::new(&polygon.covering().unwrap());
                for corner in corners {
                    prop_assert!(area.contains(corner));
                }
            }
        }
    }
}
