//! The Roadcast station as a pure state machine: frames, time and position go in; frames, events and
//! the next deadline come out. No sockets, no clocks, no threads, no randomness but the seed.
//!
//! Start at [`node::Node`]: it holds the calling contract. [`io`] lists all that can go in and come out,
//! [`limits`] every bound. The other modules hold one mechanism each.

pub mod airtime;
pub mod awareness;
pub mod channel_load;
pub mod config;
pub mod dedup;
pub mod forward;
pub mod hazard;
pub mod hold;
pub mod host;
pub mod infrastructure;
pub mod io;
pub mod limits;
pub mod message_rules;
pub mod neighbor;
pub mod node;
pub mod plausibility;
pub mod position;
pub mod queue;
pub mod rate;
pub mod receive;
pub mod record;
pub mod report;
pub mod rng;
pub mod roles;
pub mod security;
pub mod send;
pub mod stats;
pub mod time;
pub mod transcript;
pub mod urgency;
pub mod warm_up;
