//! The daemon: a station with its link, its positions and clock, its control socket and, at a roadside unit, what feeds
//! it.

pub mod afar_counts;
pub mod ahead;
pub mod channel_figures;
pub mod chrony_port;
pub mod clone_news;
pub mod congestion_figures;
pub mod control;
pub mod credential_lock;
mod credentials;
mod expiry;
pub mod keeper;
mod keyring;
mod lines;
pub mod link;
pub mod link_news;
pub mod listeners;
#[cfg(feature = "web")]
pub mod listening;
pub mod machine_clock;
pub mod neighbour_news;
pub mod notices;
pub mod outputs;
pub mod overload;
pub mod position;
pub mod recorder;
mod report_writer;
mod rest;
pub mod roadside;
pub mod run;
mod sequence;
mod service_manager;
pub mod signal_ahead;
pub mod state_lines;
pub mod station;
pub mod statistics;
pub mod timekeeper;
pub mod token;
mod trailer;
pub mod trust_files;
pub mod turns;
pub mod unix_socket;
#[cfg(feature = "web")]
pub mod web_process;
