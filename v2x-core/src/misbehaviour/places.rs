//! Spatial grid of where stations were last heard, to find overlapping ones: a fixed number of small cells.

use crate::base::{Position, Reserve, append};

/// Stations by cell, each named by a number that is its own as long as it is here. A full cell forgets the one entered first:
/// it has room for more vehicles than fit into one.
#[derive(Clone, Debug)]
pub struct Places {
    /// 2 to this power blocks, once there is a station.
    bits: u32,
    /// Where each block lies in `blocks`, [`EMPTY`] while nobody is in it.
    directory: Vec<u16>,
    blocks: Vec<Block>,
    free: Vec<u16>,
}

/// Four cells that meet in a corner lie together, in half a line of cache: most cars are near no other.
type Block = [[u16; PER_CELL]; 4];

impl Places {
    /// A grid for this many stations: at least twice as many cells, a power of two.
    pub fn for_stations(stations: usize, reserve: Reserve) -> Self {
        let bits = (2 * stations.max(FEWEST)).next_power_of_two().ilog2() - 2;
        let room = reserve.at_start(stations.min(1 << bits));
        let mut places = Self {
            bits,
            directory: Vec::new(),
            blocks: Vec::with_capacity(room),
            free: Vec::with_capacity(room),
        };
        if reserve == Reserve::Whole {
            places.unfold();
        }
        places
    }

    #[cfg(test)]
    pub fn bytes_for(stations: usize) -> usize {
        let places = Self::for_stations(stations, Reserve::Whole);
        let (blocks, slots) = (places.blocks.capacity(), places.directory.len() + places.free.capacity());
        blocks * size_of::<Block>() + slots * size_of::<u16>()
    }

    fn unfold(&mut self) {
        self.directory = vec![EMPTY; 1 << self.bits];
    }

    /// Moves a station to `new`, from `old` when that is known.
    pub fn place(&mut self, station: u16, old: Option<Position>, new: Position) {
        if self.directory.is_empty() {
            self.unfold();
        }
        let to = self.cell(new.latitude >> SHIFT, new.longitude >> SHIFT);
        if let Some(old) = old {
            let from = self.cell(old.latitude >> SHIFT, old.longitude >> SHIFT);
            if from == to && self.members(to).contains(&station) {
                return;
            }
            self.clear(from, station);
        }
        let cell = self.open(to);
        match cell.iter_mut().find(|slot| **slot == NOBODY) {
            Some(slot) => *slot = station,
            None => {
                cell.rotate_left(1);
                cell[PER_CELL - 1] = station;
            }
        }
    }

    /// Removes a station that was at `position`.
    pub fn remove(&mut self, station: u16, position: Position) {
        self.clear(self.cell(position.latitude >> SHIFT, position.longitude >> SHIFT), station);
    }

    /// Stations in the cells within some 2 m of `position`, and any others that hash to the same slots: at most
    /// sixteen.
    pub fn near(&self, position: Position) -> impl Iterator<Item = u16> {
        let span = |value: i32| {
            let (low, high) = (value.saturating_sub(REACH) >> SHIFT, value.saturating_add(REACH) >> SHIFT);
            (low, (high != low).then_some(high))
        };
        let (south, north) = span(position.latitude);
        let (west, east) = span(position.longitude);
        let rows = [Some(south), north].into_iter().flatten();
        rows.flat_map(move |row| {
            [Some(west), east].into_iter().flatten().map(move |column| self.cell(row, column))
        })
        .flat_map(|cell| self.members(cell).iter().copied().filter(|station| *station != NOBODY))
    }

    fn cell(&self, row: i32, column: i32) -> Cell {
        let (block, corner) = ((row >> 1, column >> 1), (row & 1) << 1 | column & 1);
        let mixed = (block.0 as u32).wrapping_mul(0x9e37_79b1) ^ (block.1 as u32).wrapping_mul(0x85eb_ca6b);
        Cell { block: (mixed >> (32 - self.bits)) as usize, corner: corner as usize }
    }

    fn members(&self, cell: Cell) -> &[u16] {
        let block = self.directory.get(cell.block).and_then(|at| self.blocks.get(usize::from(*at)));
        block.map_or(&[], |block| &block[cell.corner])
    }

    /// A cell to enter a station in.
    fn open(&mut self, cell: Cell) -> &mut [u16; PER_CELL] {
        let at = &mut self.directory[cell.block];
        if *at == EMPTY {
            *at = self.free.pop().unwrap_or_else(|| {
                append(&mut self.blocks, NOBODY_THERE, 1 << self.bits);
                (self.blocks.len() - 1) as u16
            });
        }
        &mut self.blocks[usize::from(*at)][cell.corner]
    }

    fn clear(&mut self, cell: Cell, station: u16) {
        let Some(at) = self.directory.get_mut(cell.block) else { return };
        let Some(block) = self.blocks.get_mut(usize::from(*at)) else { return };
        for slot in block[cell.corner].iter_mut().filter(|slot| **slot == station) {
            *slot = NOBODY;
        }
        if *block == NOBODY_THERE {
            append(&mut self.free, core::mem::replace(at, EMPTY), 1 << self.bits);
        }
    }
}

/// One of a block's four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    block: usize,
    corner: usize,
}

/// 1,024 of 1e-7 degree: 11 m from south to north, 7 m from west to east at 50 degrees.
const SHIFT: u32 = 10;

/// 2 m from south to north; from west to east 1.3 m at 50 degrees, still more than an overlap.
const REACH: i32 = 180;

/// More vehicles than fit into 11 m by 7 m.
const PER_CELL: usize = 4;

/// Stations there is always room for: four cells, twice.
const FEWEST: usize = 4;

/// No station.
const NOBODY: u16 = u16::MAX;
/// No block.
const EMPTY: u16 = u16::MAX;
const NOBODY_THERE: Block = [[NOBODY; PER_CELL]; 4];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits;
    use proptest::prelude::*;

    const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
    const A: u16 = 1;

    fn places() -> Places {
        Places::for_stations(limits::NEIGHBOURS, Reserve::AsHeard)
    }

    #[test]
    fn a_station_is_found_near_where_it_is_and_not_where_it_was() {
        let mut places = places();
        places.place(A, None, PLACE);
        assert!(places.near(PLACE.moved(0.5, -0.5)).any(|found| found == A));
        let there = PLACE.moved(100.0, 0.0);
        places.place(A, Some(PLACE), there);
        assert!(!places.near(PLACE).any(|found| found == A));
        assert!(places.near(there).any(|found| found == A));
        places.remove(A, there);
        assert_eq!(places.near(there).count(), 0);
    }

    #[test]
    fn blocks_that_nobody_is_in_are_used_again() {
        let mut places = places();
        let mut at = [PLACE; 10];
        for step in 0..2_000u32 {
            for (station, at) in (0..).zip(&mut at) {
                let next = PLACE.moved(f64::from(step) * 7.0, f64::from(station) * 30.0);
                places.place(station as u16, (step > 0).then_some(*at), next);
                *at = next;
                assert!(places.near(next).any(|found| found == station as u16));
            }
        }
        assert!(places.blocks.len() <= 10, "{}", places.blocks.len());
        let whole = Places::for_stations(limits::NEIGHBOURS, Reserve::Whole);
        assert!(whole.blocks.capacity() >= 1 << whole.bits && whole.free.capacity() >= 1 << whole.bits);
    }

    proptest! {
        #[test]
        fn neighbours_within_a_metre_are_found_and_the_scan_is_bounded(
            latitude in -800_000_000i32..800_000_000, longitude in -1_800_000_000i32..1_800_000_000,
            east in -0.7f64..0.7, north in -0.7f64..0.7, others in 0u8..40,
        ) {
            let place = Position { latitude: latitude / 2, longitude };
            let mut places = places();
            for n in 0..others {
                places.place(u16::from(n), None, place);
            }
            places.place(99, None, place);
            let found: Vec<_> = places.near(place.moved(east, north)).collect();
            prop_assert!(found.contains(&99));
            prop_assert!(found.len() <= 4 * PER_CELL);
        }

        #[test]
        fn no_position_panics(latitude in any::<i32>(), longitude in any::<i32>()) {
            let place = Position { latitude, longitude };
            let mut places = places();
            places.place(A, Some(place), place);
            prop_assert!(places.near(place).count() >= 1);
        }
    }
}
