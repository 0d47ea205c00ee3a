//! True positions of stations, and which are near: a grid of squares as wide as the range.

use hashbrown::HashMap;
use v2x_core::{Plane, Position};

/// The stations present and their places.
#[derive(Debug)]
pub struct Places {
    /// Side of a square, m.
    side_m: f64,
    /// Touches the globe where the first station appeared; it only sorts stations into squares.
    plane: Option<Plane>,
    /// By station.
    stations: Vec<Option<Placed>>,
    squares: HashMap<(i32, i32), Vec<u32>>,
    present: u32,
}

/// A station and how far away it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which station.
    pub station: u32,
    /// Its distance, m.
    pub distance_m: f32,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    position: Position,
    /// 0.1 degree.
    heading: Option<u16>,
    square: (i32, i32),
}

impl Places {
    /// No stations yet. `range_m` is the usual distance of [`within`](Self::within).
    pub fn new(range_m: f64) -> Self {
        let side_m = if range_m.is_finite() { range_m.clamp(MIN_SIDE_M, MAX_SIDE_M) } else { MAX_SIDE_M };
        Self { side_m, plane: None, stations: Vec::new(), squares: HashMap::new(), present: 0 }
    }

    /// A station is here now.
    pub fn set(&mut self, station: u32, position: Position) {
        let index = station as usize;
        if self.stations.len() <= index {
            self.stations.resize(index + 1, None);
        }
        self.plane.get_or_insert_with(|| Plane::at(position));
        let square = self.square(position);
        let heading = self.stations[index].as_ref().and_then(|placed| placed.heading);
        let before = self.stations[index].replace(Placed { position, heading, square });
        if before.is_some_and(|before| before.square == square) {
            return;
        }
        match before {
            Some(before) => self.leave_square(station, before.square),
            None => self.present += 1,
        }
        let square = self.squares.entry(square).or_default();
        let place = square.binary_search(&station).unwrap_or_else(|place| place);
        square.insert(place, station);
    }

    /// A station that is there faces this way, 0.1 degree clockwise from north; `None`: as before.
    pub fn face(&mut self, station: u32, heading: Option<u16>) {
        if let Some(Some(placed)) = self.stations.get_mut(station as usize) {
            placed.heading = heading.or(placed.heading);
        }
    }

    /// A station is gone.
    pub fn remove(&mut self, station: u32) {
        let placed = self.stations.get_mut(station as usize).and_then(Option::take);
        if let Some(placed) = placed {
            self.present -= 1;
            self.leave_square(station, placed.square);
        }
    }

    /// Stations that are there.
    pub fn present(&self) -> u32 {
        self.present
    }

    /// Where a station is; `None` while it is nowhere.
    pub fn position(&self, station: u32) -> Option<Position> {
        Some(self.stations.get(station as usize)?.as_ref()?.position)
    }

    /// Which way a station faces, 0.1 degree clockwise from north; `None` while that is not known.
    pub fn heading(&self, station: u32) -> Option<u16> {
        self.stations.get(station as usize)?.as_ref()?.heading
    }

    /// Writes the stations other than `except` within `range_m` of `position`, by their numbers.
    pub fn within(&self, position: Position, range_m: f64, except: u32, near: &mut Vec<Neighbour>) {
        near.clear();
        let plane = Plane::at(position);
        let range_2 = range_m * range_m;
        let mut take = |station: u32| {
            let Some(Some(placed)) = self.stations.get(station as usize) else { return };
            let distance_2 = plane.distance_2(placed.position);
            if station != except && distance_2 <= range_2 {
                near.push(Neighbour { station, distance_m: distance_2.sqrt() as f32 });
            }
        };
        // Squares are of one plane and distances of another, so look one square farther than the range reaches.
        let reach = (range_m / self.side_m).ceil() + 1.0;
        if reach * reach > self.stations.len() as f64 {
            (0..self.stations.len() as u32).for_each(take);
            return;
        }
        let (column, row) = self.square(position);
        let reach = reach as i32;
        for column in column.saturating_sub(reach)..=column.saturating_add(reach) {
            for row in row.saturating_sub(reach)..=row.saturating_add(reach) {
                if let Some(square) = self.squares.get(&(column, row)) {
                    square.iter().for_each(|station| take(*station));
                }
            }
        }
        near.sort_unstable_by_key(|neighbour| neighbour.station);
    }

    fn square(&self, position: Position) -> (i32, i32) {
        let Some(plane) = &self.plane else { return (0, 0) };
        let (east, north) = plane.offset(position);
        ((east / self.side_m).floor() as i32, (north / self.side_m).floor() as i32)
    }

    fn leave_square(&mut self, station: u32, square: (i32, i32)) {
        let Some(members) = self.squares.get_mut(&square) else { return };
        if let Ok(place) = members.binary_search(&station) {
            members.remove(place);
        }
        if members.is_empty() {
            self.squares.remove(&square);
        }
    }
}

/// Narrower squares would only be more numerous.
const MIN_SIDE_M: f64 = 50.0;
/// Wider squares would no longer save work.
const MAX_SIDE_M: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    #[test]
    fn who_left_is_not_found_and_who_moved_is_found_where_it_is() {
        let mut places = Places::new(100.0);
        for station in 0..20 {
            places.set(station, HERE.moved(f64::from(station) * 1000.0, 0.0));
        }
        places.remove(1);
        places.remove(77);
        places.set(2, HERE.moved(50.0, 0.0));
        let mut near = Vec::new();
        places.within(HERE, 100.0, 0, &mut near);
        assert_eq!(near.len(), 1);
        assert!(near[0].station == 2 && (near[0].distance_m - 50.0).abs() < 0.1);
        assert_eq!((places.position(1), places.position(2)), (None, Some(HERE.moved(50.0, 0.0))));
    }

    proptest! {
        #[test]
        fn the_grid_finds_whom_a_search_of_all_finds(
            moves in proptest::collection::vec((0..60u32, -3000.0..3000.0f64, -3000.0..3000.0f64), 1..150),
            range in 1.0..800.0f64,
        ) {
            let mut places = Places::new(range);
            for (station, east, north) in moves {
                places.set(station, HERE.moved(east, north));
            }
            let mut near = Vec::new();
            places.within(HERE, range, 0, &mut near);
            let found: Vec<u32> = near.iter().map(|near| near.station).collect();
            let all = (1..60).filter(|station| {
                places.position(*station).is_some_and(|position| HERE.distance_m(position) <= range)
            });
            prop_assert_eq!(found, all.collect::<Vec<_>>());
        }
    }
}
