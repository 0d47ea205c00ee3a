//! The daemon: a station with its link, its positions and clock, its control socket and, at a roadside unit, what feeds
//! it.

pub mod control;
mod lines;
pub mod link;
pub mod listeners;
pub mod notices;
pub mod outputs;
pub mod position;
pub mod recorder;
mod report_writer;
pub mod roadside;
pub mod run;
pub mod signal_ahead;
pub mod station;
pub mod statistics;
pub mod timekeeper;
pub mod token;
pub mod trust_files;
pub mod turns;
pub mod unix_socket;
