//! Making revocation deltas, for `roadcast keys revoke`.

use std::collections::BTreeSet;

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use prost::Message as _;
use v2x_proto::payload::Message;
use v2x_proto::{Digest, v1};

use super::delta::signing_input;
use crate::trust::credential::{CredentialError, credential_hash, parse_exact};
use crate::trust::permissions::Permissions;

/// The content of a delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRequest {
    /// The list.
    pub series: u32,
    /// Number of the list this starts from; 0 when it is complete.
    pub from_number: u32,
    /// Number of the list after it, above `from_number`.
    pub to_number: u32,
    /// When it is issued, TAI seconds since 2004-01-01T00:00:00Z.
    pub issued_s: u32,
    /// When the next is expected, same unit.
    pub next_s: u32,
    /// Whether the whole series is revoked.
    pub whole_series: bool,
    /// Credentials revoked, at most 128.
    pub digests: BTreeSet<Digest>,
}

/// Makes an encoded `RevocationDelta` signed by the issuer (or root) whose credential and key these are.
///
/// # Errors
///
/// The credential cannot issue or belongs to another key ([`CredentialError`] as such), or the request breaks a rule
/// of the message: [`RevokeError::Malformed`].
pub fn revoke(issuer: &[u8], key: &SigningKey, request: &RevocationRequest) -> Result<Bytes, RevokeError> {
    let view = parse_exact(issuer)?;
    let hash = credential_hash(issuer);
    let digest = Digest::of_hash(&hash);
    if !Permissions(view.fields.permissions).contains(Permissions::ISSUE) {
        return Err(CredentialError::MayNotIssue(digest).into());
    }
    if view.fields.public_key != key.verifying_key().to_bytes() {
        return Err(CredentialError::KeyMismatch(digest).into());
    }
    let digests: Vec<u8> = request.digests.iter().flat_map(|digest| digest.0).collect();
    let mut delta = v1::RevocationDelta {
        series: request.series,
        from_number: request.from_number,
        to_number: request.to_number,
        issued_s: request.issued_s,
        next_s: request.next_s,
        revoked: digests.into(),
        issuer_signature: Bytes::from_static(&[0; 64]),
        issuer: Bytes::copy_from_slice(&digest.0),
        whole_series: request.whole_series,
    };
    let checked = Message::from(delta.clone()).check();
    checked.map_err(|error| RevokeError::Malformed(error.to_string()))?;
    delta.issuer_signature = key.sign(&signing_input(&hash, &delta)).to_bytes().to_vec().into();
    Ok(delta.encode_to_vec().into())
}

/// Why a delta cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The issuer's credential or key.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Too many digests, or numbers or times that go backwards.
    #[error("cannot make this delta: {0}")]
    Malformed(String),
}
