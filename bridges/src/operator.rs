//! What comes from the operator: revocation lists, roots and issuers, credentials, configuration and software.
//!
//! A [`manifest`] that the operator signed says what is new; a [unit](mod@unit) fetches its content by its hash, from the
//! operator's machine, a peer or a directory, in pieces that resume after a break ([`fetch`]), and applies it ([`apply`]) by
//! files of its own or a command that its configuration names. [`versions`] never go down.

pub mod air;
pub mod apply;
#[cfg(test)]
mod authority;
pub mod bundle;
pub mod command;
pub mod daemon;
pub mod error;
pub mod fetch;
#[cfg(test)]
mod fixture;
pub mod kind;
pub mod manifest;
pub mod over_peers;
mod pace;
pub mod part;
pub mod place;
pub mod protocol;
pub mod push;
pub mod serve;
pub mod settings;
pub mod shelf;
pub mod source;
#[cfg(test)]
mod tests;
pub mod unit;
pub mod unpack;
pub mod versions;
mod whole;
