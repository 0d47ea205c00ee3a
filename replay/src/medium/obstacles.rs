//! What buildings take from a frame: so much for each wall, and so much for each metre inside (C. Sommer, D. Eckhoff,
//! R. German, F. Dressler, "A computationally inexpensive empirical model of IEEE 802.11p radio shadowing in urban
//! environments", WONS 2011).

use std::sync::Arc;

use v2x_core::Position;

use super::buildings::{Buildings, Crossed, LineSearch, NO_OUTLINE};
use super::profile::ObstacleLoss;

/// The buildings of a world, and what they take.
#[derive(Debug)]
pub(super) struct Obstacles {
    buildings: Arc<Buildings>,
    loss: ObstacleLoss,
    search: LineSearch,
    /// By sender and receiver, what last stood between them: it seldom changes from one frame to the next.
    between: Vec<Vec<u32>>,
    /// How many pairs `between` has.
    pairs: usize,
}

/// A square metre in which a station stands. What is between two stations follows from these alone, and so is the same both
/// ways and whenever it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot(i32, i32);

impl Spot {
    fn middle(self) -> (f64, f64) {
        (f64::from(self.0) + 0.5, f64::from(self.1) + 0.5)
    }
}

impl Obstacles {
    pub(super) fn new(buildings: Arc<Buildings>, loss: ObstacleLoss) -> Self {
        Self { buildings, loss, search: LineSearch::default(), between: Vec::new(), pairs: 0 }
    }

    pub(super) fn spot(&self, position: Position) -> Spot {
        let (east, north) = self.buildings.metres(position);
        Spot(east.floor() as i32, north.floor() as i32)
    }

    /// What is lost between two places, those of a sender and a receiver, dB; `None` where it is this much or more: the line is
    /// followed no farther.
    pub(super) fn db(&mut self, pair: (u32, u32), one: Spot, other: Spot, much_db: f32) -> Option<f32> {
        let ObstacleLoss { wall_db, metre_db } = self.loss;
        let lost_db = |found: &Crossed| f64::from(found.walls) * wall_db + found.inside_m * metre_db;
        let is_much = |found: &Crossed| lost_db(found) >= f64::from(much_db);
        let mut before = self.between(pair);
        let former = before;
        let found =
            self.buildings.crossed(one.middle(), other.middle(), &mut self.search, &mut before, is_much);
        if before != former {
            self.remember(pair, before);
        }
        (!is_much(&found)).then(|| lost_db(&found) as f32)
    }

    fn between(&self, (sender, receiver): (u32, u32)) -> u32 {
        let row = self.between.get(sender as usize);
        row.and_then(|row| row.get(receiver as usize)).copied().unwrap_or(NO_OUTLINE)
    }

    fn remember(&mut self, (sender, receiver): (u32, u32), outline: u32) {
        let (row, place) = (sender as usize, receiver as usize);
        if row >= self.between.len() {
            self.between.resize(row + 1, Vec::new());
        }
        let row = &mut self.between[row];
        if place >= row.len() {
            let more = place + 1 - row.len();
            if self.pairs + more > MOST_PAIRS {
                return;
            }
            self.pairs += more;
            row.resize(place + 1, NO_OUTLINE);
        }
        row[place] = outline;
    }
}

/// Pairs that are remembered, 32 MB: those of 2,800 stations. Others are looked for anew each time.
const MOST_PAIRS: usize = 8 << 20;
