//! Applications beside a station: they see its events and positions, and make inputs for it. No clocks, no sockets: what
//! they decide, a recording repeats without them.

pub mod advice;
pub mod alert;
pub mod infrastructure;
pub mod limits;
pub mod load;
pub mod roadside;
