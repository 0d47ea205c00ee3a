//! The commands of the program, one module each.

mod client;
#[cfg(feature = "replay")]
pub mod demo;
pub mod dump;
pub mod hazard;
pub mod keys;
pub mod neighbours;
pub mod priority;
#[cfg(feature = "replay")]
pub mod replay;
pub mod run;
mod span;
pub mod status;
