//! A whole authority in one process: a root and an issuer under it, with both private keys.
//!
//! For simulated worlds and tests. `roadcast keys` keeps the two apart, each with its key in a separate file.

use bytes::Bytes;
use ed25519_dalek::SigningKey;

use super::credential::CredentialError;
use super::identity::{Identity, KeyPair};
use super::issue::{CredentialRequest, issue, make_root};
use super::store::TrustStore;

/// A root and one issuer under it. Whoever holds this holds the keys of both.
#[derive(Debug)]
pub struct Authority {
    /// The root's credential.
    pub root: Bytes,
    /// The root's private key.
    pub root_key: SigningKey,
    /// The issuer's credential.
    pub issuer: Bytes,
    /// The issuer's private key.
    pub issuer_key: SigningKey,
    /// What a station that trusts the two pins.
    pub trust: TrustStore,
}

impl Authority {
    /// Makes both credentials. The issuer's is what `request` says; the root is valid for the same time and may grant
    /// the same permissions.
    ///
    /// # Errors
    ///
    /// `request` is not that of an issuer with `issuer_key`, or is no valid credential.
    pub fn new(
        root_key: SigningKey,
        issuer_key: SigningKey,
        request: &CredentialRequest,
    ) -> Result<Self, CredentialError> {
        let CredentialRequest { permissions, not_before_s, duration_min, .. } = *request;
        let root = make_root(&root_key, permissions, not_before_s, duration_min)?;
        let issuer = issue(&root, &root_key, request)?;
        let trust = TrustStore::new(core::slice::from_ref(&root), core::slice::from_ref(&issuer))?;
        Ok(Self { root, root_key, issuer, issuer_key, trust })
    }

    /// A credential under the issuer.
    ///
    /// # Errors
    ///
    /// The issuer may not grant it, or it is no valid credential.
    pub fn issue(&self, request: &CredentialRequest) -> Result<Bytes, CredentialError> {
        issue(&self.issuer, &self.issuer_key, request)
    }

    /// A station with the key `key` and the credential that `request` asks for.
    ///
    /// # Errors
    ///
    /// Those of [`issue`](Self::issue), and a `request` for another key.
    pub fn identity(
        &self,
        key: SigningKey,
        request: &CredentialRequest,
    ) -> Result<Identity, CredentialError> {
        Identity::new(self.issue(request)?, Box::new(KeyPair::from(key)))
    }
}
