//! Who speaks, whether it may say that, whether it says it now, and whether it said it before.
//!
//! [`permissions`], [`credential`], [`trust`] and [`mod@issue`] are the chain root -> issuer -> station, [`authority`]
//! its two upper links with their keys;
//! [`identity`] is the station itself, [`pseudonym`] its several identities; [`key_cache`] holds the stations it
//! knows and [`distribution`] makes them known; [`freshness`], [`replay_window`] and [`replay_memory`] refuse the past; [`revocation`] ends
//! credentials before their time.

pub mod authority;
pub mod credential;
pub mod distribution;
pub(crate) mod elsewhere;
pub mod freshness;
pub mod identity;
pub mod issue;
pub mod key_cache;
pub mod permissions;
pub mod pseudonym;
mod region;
pub mod replay_memory;
pub mod replay_window;
pub mod revocation;
pub mod schedule;
#[cfg(test)]
mod testing;
pub mod trust;

pub use authority::Authority;
pub use credential::{CredentialError, Trusted};
pub use distribution::Distribution;
pub use identity::{Identity, KeyPair, SequenceStarts, Sign};
pub use issue::{CredentialRequest, issue, make_root};
pub use key_cache::{KeyCache, Lookup};
pub use permissions::Permissions;
pub use pseudonym::{Pool, PoolError};
pub use replay_window::{ReplayWindow, ReplayWindows};
pub use trust::TrustStore;
