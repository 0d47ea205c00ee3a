//! What buildings take from a frame: so much for each wall, and so much for each metre inside (C. Sommer, D. Eckhoff,
//! R. German, F. Dressler, "A computationally inexpensive empirical model of IEEE 802.11p radio shadowing in urban
//! environments", WONS 2011).

use std::sync::Arc;

use hashbrown::HashMap;
use v2x_core::Position;

use super::buildings::{Buildings, LineSearch};
use super::profile::ObstacleLoss;

/// The buildings of a world, and what was found of lines between two places.
#[derive(Debug)]
pub(super) struct Obstacles {
    buildings: Arc<Buildings>,
    loss: ObstacleLoss,
    search: LineSearch,
    /// By both places, the lesser first, dB.
    known: HashMap<(Spot, Spot), f32>,
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
        Self { buildings, loss, search: LineSearch::default(), known: HashMap::new() }
    }

    pub(super) fn spot(&self, position: Position) -> Spot {
        let (east, north) = self.buildings.metres(position);
        Spot(east.floor() as i32, north.floor() as i32)
    }

    /// What is lost between two places, dB.
    pub(super) fn db(&mut self, one: Spot, other: Spot) -> f32 {
        let both = if one <= other { (one, other) } else { (other, one) };
        if let Some(db) = self.known.get(&both) {
            return *db;
        }
        let found = self.buildings.crossed(both.0.middle(), both.1.middle(), &mut self.search);
        let db = f64::from(found.walls) * self.loss.wall_db + found.inside_m * self.loss.metre_db;
        let db = db.min(MOST_DB) as f32;
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(both, db);
        db
    }
}

/// Nothing is left of a frame long before.
const MOST_DB: f64 = 300.0;
/// Pairs of places that are remembered, 6 MB: stations that stand ask for the same again and again, others seldom.
const MOST_KNOWN: usize = 1 << 18;
