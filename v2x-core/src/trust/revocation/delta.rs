//! Revocation delta as bytes: parsing, and what its issuer signs.

use bytes::Bytes;
use v2x_proto::payload::Message;
use v2x_proto::{Digest, payload, v1};

use crate::base::WireTime;
use crate::base::limits::{MAX_REVOCATION_LISTS_PER_ISSUER, MAX_REVOKED_PER_LIST};

/// Why a delta is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Not a delta, or one that is inconsistent.
    #[error("not a revocation delta; make one with `roadcast keys revoke`")]
    Malformed,
    /// Its issuer is not trusted by this station.
    #[error(
        "issuer {0} of the delta is not trusted here; add its credential to the issuers, or pin its root"
    )]
    UnknownIssuer(Digest),
    /// Its issuer was itself revoked.
    #[error("issuer {0} of the delta is itself revoked")]
    IssuerRevoked(Digest),
    /// Its issuer was not valid when it was made.
    #[error("issuer {0} was not valid when it made this delta")]
    IssuerNotValid(Digest),
    /// The issuer's signature is invalid.
    #[error("the signature of issuer {0} over this delta is invalid")]
    Signature(Digest),
    /// Made in the future.
    #[error("delta is dated {0:?}, which is in the future; check both clocks")]
    FromFuture(WireTime),
    /// There is no room for another list or this many digests.
    #[error(
        "no room: at most {MAX_REVOKED_PER_LIST} digests a list and {MAX_REVOCATION_LISTS_PER_ISSUER} lists an \
             issuer; revoke whole series instead"
    )]
    Full,
    /// Its carrier lately brought one that its issuer did not sign.
    #[error("its carrier lately brought a delta that its issuer did not sign")]
    Budget,
}

/// Reads a delta without judging its signature, to show it.
///
/// # Errors
///
/// [`RevocationError::Malformed`].
pub fn read_delta(bytes: &Bytes) -> Result<v1::RevocationDelta, RevocationError> {
    match payload::decode(v1::MessageType::RevocationDelta as u32, bytes.clone()) {
        Ok(Message::RevocationDelta(delta)) => Ok(delta),
        _ => Err(RevocationError::Malformed),
    }
}

/// The bytes the issuer signs.
pub(super) fn signing_input(issuer_hash: &[u8; 32], delta: &v1::RevocationDelta) -> Vec<u8> {
    let numbers = [
        delta.series,
        delta.from_number,
        delta.to_number,
        delta.issued_s,
        delta.next_s,
        u32::from(delta.whole_series),
    ];
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [REVOCATION_DOMAIN, issuer_hash, &numbers, &delta.revoked].concat()
}

const REVOCATION_DOMAIN: &[u8] = b"roadcast/v1/rev\0";
