//! Trust: credentials and their chain, permissions, pseudonyms, revocation.

mod authority;
mod credential;
pub mod freshness;
mod identity;
mod issue;
mod key_cache;
pub(crate) mod message_rules;
mod p2pcd;
mod permissions;
mod pseudonym;
pub(crate) mod pseudonym_change;
mod region;
mod revocation;
pub(crate) mod roles;
mod store;
#[cfg(test)]
pub(crate) mod testing;

pub use authority::Authority;
pub use credential::{CredentialError, Grant, Trusted, credential_hash, signing_input};
pub use identity::{Identity, KeyPair, NewIdentity, SequenceStarts};
pub use issue::{CredentialRequest, issue, make_root};
pub use key_cache::{KeyCache, Lookup};
pub use message_rules::{RuleError, Travel, hops, permission_for};
pub use p2pcd::CredentialDistribution;
pub use permissions::{Permissions, UnknownPermission};
pub use pseudonym::{Pool, PoolError};
pub use pseudonym_change::ChangeSchedule;
pub use revocation::{
    RevocationError, RevocationNews, RevocationRequest, Revocations, RevokeError, read_delta, revoke,
};
pub use store::{CredentialShelf, TrustStore};
