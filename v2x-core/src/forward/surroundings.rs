//! The forwarder's surroundings: time, place and neighbours.

use crate::base::Moment;
use crate::neighbour::NeighbourTable;
use crate::trust::Pool;

/// What the forwarder needs besides the frame.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Current time and place.
    pub moment: &'a Moment,
    /// The neighbours.
    pub neighbours: &'a NeighbourTable,
    /// The station's identities: copies in their names are ours, or forged.
    pub own: &'a Pool,
}
