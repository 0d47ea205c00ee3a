//! What the forwarder looks at beside the frame.

use crate::base::Moment;
use crate::neighbour::NeighbourTable;

/// What the forwarder looks at beside the frame.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// When and where it is asked.
    pub moment: &'a Moment,
    /// Who is near.
    pub neighbours: &'a NeighbourTable,
}
