//! What the forwarder looks at beside the frame.

use crate::base::{Anchor, Instant, Plane};
use crate::neighbour::NeighbourTable;

/// What the forwarder needs to know of the moment.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The core's time.
    pub now: Instant,
    /// Ties it to wire time.
    pub anchor: &'a Anchor,
    /// The plane about the own position, when that is known.
    pub here: Option<&'a Plane>,
    /// Who is near.
    pub neighbours: &'a NeighbourTable,
}
