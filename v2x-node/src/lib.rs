//! The `roadcast` program as a library: configuration, position sources, keys and the tools around a station.
//! The binary calls [`main`]; benchmarks use the parts.

pub mod config;
pub mod position;
