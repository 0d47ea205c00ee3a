//! The Roadcast station as a pure state machine: frames, time and position go in; frames, events and
//! the next deadline come out. No sockets, no clocks, no threads, no randomness but the seed.
//!
//! `node::Node` holds the calling contract, `io` lists all that can go in and come out,
//! [`limits`] every bound. The other modules hold one mechanism each.

pub mod config;
pub mod dedup;
pub mod io;
pub mod limits;
pub mod neighbor;
pub mod position;
pub mod queue;
pub mod report;
pub mod rng;
pub mod security;
pub mod stats;
pub mod time;
