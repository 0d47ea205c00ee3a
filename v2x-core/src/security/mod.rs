//! Who speaks, and whether it may say that.
//!
//! [`permissions`], [`credential`], [`trust`] and [`issue`] are the chain root -> issuer -> station;
//! [`identity`] is the station itself.

pub mod credential;
pub mod identity;
pub mod issue;
pub mod permissions;
mod region;
#[cfg(test)]
mod testing;
pub mod trust;

pub use credential::{CredentialError, Trusted};
pub use identity::{Identity, KeyPair, Sign};
pub use issue::{CredentialRequest, issue, make_root};
pub use permissions::Permissions;
pub use trust::TrustStore;
