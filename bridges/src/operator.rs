//! What comes from the operator: revocation lists, roots and issuers, credentials, configuration and software.

pub mod apply;
#[cfg(test)]
mod authority;
pub mod command;
pub mod daemon;
pub mod fetch;
#[cfg(test)]
mod fixture;
pub mod kind;
pub mod manifest;
pub mod part;
mod pem;
pub mod place;
pub mod settings;
pub mod unpack;
pub mod versions;
mod whole;
