//! The neighbour table, and what is kept of each neighbour: motion, replay windows, rates.

mod entry;
mod replay_memory;
mod replay_window;
mod signer_rates;
mod table;

pub use entry::{Heard, Motion, Neighbour, NeighbourChange, RECKONING_LIMIT, Reckoning};
pub use replay_window::starting_sequence;
pub use table::NeighbourTable;
