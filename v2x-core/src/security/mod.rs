//! Who speaks, whether it may say that, whether it says it now, and whether it said it before.
//!
//! [`permissions`], [`credential`], [`trust`] and [`issue`] are the chain root -> issuer -> station;
//! [`identity`] is the station itself; [`freshness`] and [`replay_window`] refuse the past.

pub mod credential;
pub mod freshness;
pub mod identity;
pub mod issue;
pub mod permissions;
mod region;
pub mod replay_window;
#[cfg(test)]
mod testing;
pub mod trust;

pub use credential::{CredentialError, Trusted};
pub use identity::{Identity, KeyPair, Sign};
pub use issue::{CredentialRequest, issue, make_root};
pub use permissions::Permissions;
pub use replay_window::{ReplayWindow, ReplayWindows};
pub use trust::TrustStore;
