//! Applications beside a station: they see its events and positions, and make inputs for it. No clocks, no sockets: what
//! they decide, a recording repeats without them.
//!
//! [`Application`] is what they have in common. For vehicles there are signals, signs and priority ([`infrastructure`]),
//! what of them is shown to a driver ([`advice`]), and alerts from the vehicle's motion ([`alert`]); for roadside units, all that
//! one sends ([`roadside`]); for tests, [`load`].

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
