//! Applications beside a station: they see its events and positions, and make inputs for it. They use no clocks and no
//! sockets; a recording contains their decisions and replays without them.
//!
//! [`Application`] is their common interface. For vehicles there are signals, signs and priority ([`infrastructure`]),
//! advice to the driver ([`advice`]), and alerts from the vehicle's motion ([`alert`]); for roadside units, all that one
//! sends ([`roadside`]); for tests, [`load`].

pub mod advice;
pub mod alert;
mod application;
pub mod infrastructure;
pub mod limits;
pub mod load;
mod moment;
pub mod roadside;

pub use application::Application;
pub use moment::Moment;
