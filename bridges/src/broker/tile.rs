//! Tiles of the globe, by which topics name a place: the squares of web Mercator, named by quadkeys.
//!
//! A quadkey has one digit for each zoom, so that the key of a tile begins with the keys of all tiles around it. A message is
//! put on one tile alone: of the four sizes in [`STOPS`] the smallest whose side is at least as long as the message's area is
//! wide, where the centre of the area is. The area then reaches at most half a tile beyond it, and [`Cover`] widens a region by as
//! much. Sizes differ by eight or more, because a subscriber needs filters for each.
//!
//! Web Mercator ends at 85.05 degrees of latitude. What is closer to a pole counts as at its edge.

use std::fmt;

use v2x_core::Position;
use v2x_proto::{AreaView, Shape};

/// A square of web Mercator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// 0 (the globe) to 14 (2.4 km at the equator, 1.2 km at 60 degrees of latitude).
    zoom: u8,
    /// Counted eastwards from the antimeridian, below 2^zoom.
    x: u32,
    /// Counted southwards, below 2^zoom.
    y: u32,
}

/// A filter's part for the place: a tile with all inside it, or a tile alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cover {
    /// What is on this tile, and on each inside it.
    Within(Tile),
    /// What is on this tile itself.
    On(Tile),
}

impl Tile {
    /// The globe.
    pub const GLOBE: Self = Self { zoom: 0, x: 0, y: 0 };

    /// The tile that a message about `area` is put on.
    pub fn of_area(area: &AreaView) -> Self {
        let centre = Point { x: x_of(area.longitude), y: y_of(f64::from(area.latitude) * DEGREES) };
        let half = half_width(f64::from(area.latitude) * DEGREES, reach_m(area));
        let [.., widest] = STOPS;
        let zoom = STOPS.into_iter().find(|zoom| 2.0 * half <= side(*zoom)).unwrap_or(widest);
        centre.tile(zoom)
    }

    /// The smallest tile at `place`: of a message that names no area.
    pub fn of_place(place: Position) -> Self {
        let [smallest, ..] = STOPS;
        Point { x: x_of(place.longitude), y: y_of(f64::from(place.latitude) * DEGREES) }.tile(smallest)
    }

    /// The tile named by a quadkey, with or without slashes between its digits; `None` when it names none.
    pub fn from_quadkey(key: &str) -> Option<Self> {
        let mut tile = Self::GLOBE;
        for digit in key.bytes().filter(|byte| *byte != b'/') {
            let [smallest, ..] = STOPS;
            if !(b'0'..=b'3').contains(&digit) || tile.zoom == smallest {
                return None;
            }
            let digit = u32::from(digit - b'0');
            tile = Self { zoom: tile.zoom + 1, x: tile.x << 1 | digit & 1, y: tile.y << 1 | digit >> 1 };
        }
        Some(tile)
    }

    /// Digits of its quadkey, widest tile first: bit 0 is the half in the east, bit 1 the half in the south.
    fn digits(self) -> impl Iterator<Item = u32> {
        (0..self.zoom).rev().map(move |bit| (self.y >> bit & 1) << 1 | self.x >> bit & 1)
    }
}

/// As levels of a topic: a slash between the digits. Nothing for the globe.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().enumerate().try_for_each(|(at, digit)| {
            let slash = if at == 0 { "" } else { "/" };
            write!(f, "{slash}{digit}")
        })
    }
}

/// Tiles on which every message is whose area touches the circle: at most four with all inside them, and at most nine alone of
/// each wider size.
pub fn cover(centre: Position, radius_m: f64) -> Vec<Cover> {
    let latitude = f64::from(centre.latitude) * DEGREES;
    let (x, y) = (x_of(centre.longitude), y_of(latitude));
    let half = half_width(latitude, radius_m.max(0.0));
    // Areas on tiles of a size reach half such a tile beyond their own.
    let tiles = |zoom: u8, stop: u8| {
        let half = half + side(stop) / 2.0;
        Tiles { zoom, columns: (x - half, x + half), rows: (y - half, y + half) }
    };
    let [smallest, ..] = STOPS;
    let widest_inside = |zoom: u8| STOPS.into_iter().rev().find(|stop| *stop >= zoom).unwrap_or(smallest);
    let zoom = (0..=smallest)
        .rev()
        .find(|zoom| tiles(*zoom, widest_inside(*zoom)).count() <= MOST_WITHIN)
        .expect("at zoom 0 there is one tile");
    let mut found: Vec<_> = tiles(zoom, widest_inside(zoom)).list().map(Cover::Within).collect();
    for stop in STOPS.into_iter().filter(|stop| *stop < zoom) {
        found.extend(tiles(stop, stop).list().map(Cover::On));
    }
    found
}

/// Tiles of one zoom between two columns and two rows, in parts of the globe's width.
#[derive(Clone, Copy)]
struct Tiles {
    zoom: u8,
    columns: (f64, f64),
    rows: (f64, f64),
}

impl Tiles {
    fn count(self) -> u32 {
        let ((_, columns), (first, last)) = (self.column_range(), self.row_range());
        columns * (last - first + 1)
    }

    fn list(self) -> impl Iterator<Item = Tile> {
        let ((west, columns), (north, south)) = (self.column_range(), self.row_range());
        let wrap = (1u32 << self.zoom) - 1;
        (north..=south).flat_map(move |y| {
            (0..columns).map(move |column| Tile { zoom: self.zoom, x: west.wrapping_add(column) & wrap, y })
        })
    }

    /// The westernmost column and how many there are, eastwards across the antimeridian.
    fn column_range(self) -> (u32, u32) {
        let all = f64::from(1u32 << self.zoom);
        let (west, east) = ((self.columns.0 * all).floor(), (self.columns.1 * all).floor());
        let count = (east - west + 1.0).min(all);
        (west.rem_euclid(all) as u32, count as u32)
    }

    fn row_range(self) -> (u32, u32) {
        let all = f64::from(1u32 << self.zoom);
        let row = |y: f64| (y * all).floor().clamp(0.0, all - 1.0) as u32;
        (row(self.rows.0), row(self.rows.1))
    }
}

#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

impl Point {
    fn tile(self, zoom: u8) -> Tile {
        let all = f64::from(1u32 << zoom);
        let at = |part: f64| (part * all).floor().clamp(0.0, all - 1.0) as u32;
        Tile { zoom, x: at(self.x), y: at(self.y) }
    }
}

/// Longitude in 1e-7 degree as part of the globe's width from the antimeridian, 0..1.
fn x_of(longitude: i32) -> f64 {
    // 180 degrees east is the antimeridian too.
    ((f64::from(longitude) * DEGREES + 180.0) / 360.0).rem_euclid(1.0)
}

/// Latitude in degrees as part of the map's height from its northern edge, 0..=1.
fn y_of(latitude: f64) -> f64 {
    let phi = latitude.clamp(-EDGE_DEGREES, EDGE_DEGREES).to_radians();
    ((1.0 - phi.tan().asinh() / std::f64::consts::PI) / 2.0).clamp(0.0, 1.0)
}

/// Half the width of a circle as part of the globe's, where the circle is closest to a pole and the map's scale is largest.
fn half_width(latitude: f64, radius_m: f64) -> f64 {
    let edge = (latitude.abs() + radius_m / METRES_PER_DEGREE).min(EDGE_DEGREES);
    radius_m / (EQUATOR_M * edge.to_radians().cos())
}

/// How far an area reaches from its centre, metres.
fn reach_m(area: &AreaView) -> f64 {
    let (a, b) = (f64::from(area.distance_a_m), f64::from(area.distance_b_m));
    match area.shape {
        Shape::Circle | Shape::Ellipse => a.max(b),
        Shape::Rectangle => a.hypot(b),
    }
}

/// Side of a tile as part of the globe's width.
fn side(zoom: u8) -> f64 {
    1.0 / f64::from(1u32 << zoom)
}

/// Zooms of the tiles that messages are put on. At 50 degrees of latitude their sides are 1.6 km, 12.6 km, 101 km and 1,610 km; the
/// widest holds every area there can be (a rectangle of 65.5 km by 65.5 km each way) up to the edge of the map.
pub const STOPS: [u8; 4] = [14, 11, 8, 4];

/// Most tiles of a region that are taken with all inside them.
const MOST_WITHIN: u32 = 4;

/// Latitude at which web Mercator is a square.
const EDGE_DEGREES: f64 = 85.051_128_779_806_6;

/// WGS-84, metres.
const EQUATOR_M: f64 = 40_075_016.686;

/// The shortest degree of latitude on WGS-84, at the equator: a circle never reaches more degrees than this says.
const METRES_PER_DEGREE: f64 = 110_574.0;

const DEGREES: f64 = 1e-7;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn circle(latitude: f64, longitude: f64, radius_m: u32) -> AreaView {
        AreaView {
            latitude: (latitude * 1e7) as i32,
            longitude: (longitude * 1e7) as i32,
            shape: Shape::Circle,
            distance_a_m: radius_m,
            distance_b_m: 0,
            azimuth_deg: 0,
        }
    }

    fn covers(cover: &[Cover], tile: Tile) -> bool {
        cover.iter().any(|part| match part {
            Cover::On(own) => *own == tile,
            Cover::Within(own) => {
                tile.zoom >= own.zoom
                    && (tile.x >> (tile.zoom - own.zoom), tile.y >> (tile.zoom - own.zoom)) == (own.x, own.y)
            }
        })
    }

    #[test]
    fn quadkeys_are_those_of_other_maps() {
        // Known from the documentation of quadkeys: tile 3, 5 at zoom 3 is 213.
        assert_eq!(Tile { zoom: 3, x: 3, y: 5 }.to_string(), "2/1/3");
        assert_eq!(Tile::from_quadkey("213"), Some(Tile { zoom: 3, x: 3, y: 5 }));
        // Luxembourg's railway station, by the other formula that maps give: 0.5 - ln((1 + sin) / (1 - sin)) / 4 pi.
        let place = Position::from_degrees(49.5999, 6.1342).unwrap();
        assert_eq!(Tile::of_place(place), Tile { zoom: 14, x: 8471, y: 5584 });
    }

    #[test]
    fn an_area_is_on_the_smallest_tile_that_is_as_wide() {
        for (radius_m, digits) in
            [(1, 14), (780, 14), (800, 11), (6_200, 11), (6_400, 8), (48_000, 8), (52_000, 4), (65_535, 4)]
        {
            let tile = Tile::of_area(&circle(50.0, 8.0, radius_m));
            assert_eq!(tile.zoom, digits, "{radius_m} m");
        }
        let wide = AreaView { shape: Shape::Rectangle, distance_b_m: 700, ..circle(50.0, 8.0, 700) };
        assert_eq!(Tile::of_area(&wide).zoom, 11, "the corners of a rectangle count");
    }

    #[test]
    fn a_town_takes_few_filters() {
        let town = cover(Position::from_degrees(49.61, 6.13).unwrap(), 5_000.0);
        assert!(town.len() <= 16, "{} filters: {town:?}", town.len());
        let largest = cover(Position::from_degrees(49.61, 6.13).unwrap(), 1_000_000.0);
        assert!(largest.len() <= 4, "{largest:?}");
    }

    #[test]
    fn a_region_on_the_antimeridian_has_both_sides() {
        let tiles = cover(Position::from_degrees(-17.0, 180.0).unwrap(), 2_000.0);
        for longitude in [179.99, -179.99] {
            assert!(covers(&tiles, Tile::of_area(&circle(-17.0, longitude, 100))), "{longitude}");
        }
    }

    proptest! {
        #[test]
        fn a_region_covers_each_area_that_touches_it(
            latitude in -83.0f64..83.0, longitude in -180.0f64..180.0,
            radius_m in 1.0f64..100_000.0, reach in 1u32..=65_535, bearing in 0.0f64..360.0, part in 0.0f64..0.99,
        ) {
            let centre = Position::from_degrees(latitude, longitude).unwrap();
            // The plane of `moved` ends to be one far from its origin: 0.9 is its room.
            let away = (radius_m + f64::from(reach)) * part * 0.9;
            let place = centre.moved(away * bearing.to_radians().sin(), away * bearing.to_radians().cos());
            let (at, along) = place.degrees();
            let tile = Tile::of_area(&circle(at, along, reach));
            let tiles = cover(centre, radius_m);
            prop_assert!(covers(&tiles, tile), "{tile:?} is not among {tiles:?}");
            prop_assert!(tiles.len() <= 31, "{} filters", tiles.len());
        }

        #[test]
        fn each_place_has_a_tile_whose_key_is_read_back(latitude in -900_000_000i32..=900_000_000, longitude in -1_800_000_000i32..=1_800_000_000) {
            let tile = Tile::of_place(Position::new(latitude, longitude).unwrap());
            prop_assert_eq!(Tile::from_quadkey(&tile.to_string()), Some(tile));
        }

        #[test]
        fn any_text_is_a_quadkey_or_none(text in "\\PC{0,40}") {
            if let Some(tile) = Tile::from_quadkey(&text) {
                prop_assert_eq!(Tile::from_quadkey(&tile.to_string()), Some(tile));
            }
        }
    }
}
