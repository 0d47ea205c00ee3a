//! The `roadcast` program as a library: configuration, position sources, keys and the tools around a station.
//! The binary calls [`main`]; benchmarks use the parts.

mod civil;
pub mod cli;
pub mod colour;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod error;
pub mod key_files;
pub mod machine;
pub mod processor;
pub mod version;

pub use cli::main;
