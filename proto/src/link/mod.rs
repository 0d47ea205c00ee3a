//! What a frame is on its link: how it gets to the air and how long it is on it.

pub mod access;
pub mod airtime;

pub use access::{AccessCategory, Edca, Origin};
pub use airtime::{DataRate, airtime_ns};
