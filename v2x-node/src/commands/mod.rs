//! The commands of the program, one module each.

pub(crate) mod client;
#[cfg(feature = "replay")]
pub mod demo;
pub mod doctor;
pub mod dump;
pub mod hazard;
#[cfg(feature = "replay")]
mod judged;
pub mod keys;
pub mod launch;
pub mod link;
pub mod neighbours;
pub mod priority;
pub mod publish;
#[cfg(feature = "replay")]
pub mod replay;
pub mod run;
mod shown;
mod span;
pub mod status;
#[cfg_attr(not(feature = "replay"), allow(dead_code, reason = "a vehicle build reads no input files"))]
pub mod top;
#[cfg(feature = "web")]
pub mod web;
mod what_ran;
