//! The `roadcast` program as a library: configuration, position sources, keys and the tools around a station.
//! The binary calls [`main`]; benchmarks use the parts.

pub mod account;
pub mod advice;
pub mod authorities;
pub mod cli;
pub mod config;
pub mod control;
#[cfg(feature = "replay")]
pub mod demo;
pub mod dump;
pub mod error;
pub mod hazard_cmd;
pub mod keys;
pub mod link;
pub mod load;
pub mod position;
pub mod priority_cmd;
pub mod recorder;
#[cfg(feature = "replay")]
pub mod replay_cmd;
pub mod roadside;
pub mod run;
pub mod station;
pub mod timekeeper;

pub use cli::main;
