//! The `roadcast` program as a library: configuration, position sources, keys and the tools around a station.
//! The binary calls [`main`]; benchmarks use the parts.

mod civil;
pub mod cli;
pub mod colour;
pub mod commands;
pub mod config;
pub mod console;
mod core_dump;
pub mod daemon;
pub mod error;
pub mod key_files;
mod key_kinds;
mod log;
pub mod machine;
pub mod processor;
pub mod rights;
mod service_credentials;
pub mod version;
#[cfg(feature = "web")]
pub mod web;
#[cfg(any(feature = "web", feature = "replay"))]
pub mod web_page;
mod whole_file;
#[cfg(feature = "replay")]
mod whole_folder;

pub use cli::main;
