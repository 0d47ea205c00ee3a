//! The `roadcast` program as a library: configuration, position sources, keys and the tools around a station.
//! The binary calls [`main`]; benchmarks use the parts.

pub mod cli;
pub mod config;
pub mod dump;
pub mod error;
pub mod keys;
pub mod link;
pub mod position;

pub use cli::main;
