//! The broker link against a real mosquitto on loopback, and against brokers that do not keep to the protocol.
//!
//! Each test starts a broker of its own. Where mosquitto is missing the tests that need it say so and pass; with `ROADCAST_CI` they fail.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod bad;
mod limits;
#[allow(dead_code, reason = "the bench asks for its process")]
mod mosquitto;
mod offers;
mod presence;
mod publish;
mod restart;
mod share;
mod tls;
mod unit;
