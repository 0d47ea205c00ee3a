//! Links beside the radio: to other units, to their operator, and to brokers.
//!
//! `roadcast-bridge` is a program of its own, so that no station contains QUIC or MQTT, and a station keeps its deadlines when this
//! program dies, restarts or hangs. It serves the daemons of its machine through their control sockets ([`station`]): what they
//! hear and send goes to the ends of its links, and frames from afar go to them ([`hub`]). Nothing is verified here that a
//! station verifies.

mod ask;
pub mod backoff;
pub mod board;
pub mod broker;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
mod drive;
pub mod error;
pub mod hub;
mod keys;
mod log;
pub mod message;
pub mod metrics;
pub mod operator;
pub mod operator_commands;
pub mod outbox;
pub mod peers;
mod pem;
pub mod pending;
pub mod relay;
pub mod remote;
pub mod rendezvous;
mod run;
pub mod select;
mod socket;
pub mod station;
mod words;
