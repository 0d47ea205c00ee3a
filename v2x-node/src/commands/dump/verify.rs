//! Verification of frames with the credentials seen so far.

use v2x_core::{DropReason, KeyCache, Lookup, Refusal, TrustStore, Trusted, WireTime};
use v2x_proto::envelope::SignerRef;

use super::decode::Decoded;

/// The state of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// Not asked for.
    Unchecked,
    /// Valid, under a credential whose chain is valid.
    Valid,
    /// The signer's credential has not been seen yet.
    UnknownSigner,
    /// Not valid, or under a credential that is not: how, and what stations drop the frame for.
    Invalid(String, DropReason),
}

impl Signature {
    /// Stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
            Self::UnknownSigner => "unknown_signer",
            Self::Invalid(..) => "invalid",
        }
    }

    /// What stations drop the frame for because of its signature.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Invalid(_, reason) => Some((*reason).into()),
            Self::Unchecked | Self::Valid | Self::UnknownSigner => None,
        }
    }
}

/// What is said of a frame: whether it is authentic, and whether stations take it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub signature: Signature,
    /// What every station drops it for.
    pub refusal: Option<Refusal>,
}

/// Checks signatures and learns credentials from the frames that carry them; bounded as a station is.
#[derive(Debug)]
pub(super) struct Verifier {
    store: TrustStore,
    known: KeyCache,
    buffer: Vec<u8>,
}

impl Verifier {
    pub fn new(store: TrustStore) -> Self {
        Self { store, known: KeyCache::new(), buffer: Vec::new() }
    }

    pub fn check(&mut self, decoded: &Decoded<'_>) -> Signature {
        // By the message's own time: a capture may be older than the credentials are valid.
        let time = WireTime::from_micros(decoded.fields.generation_time_us);
        let buffer = &mut self.buffer;
        let mut verify =
            |trusted: &Trusted| match trusted.verify(buffer, decoded.signed.tbs, decoded.signed.signature) {
                Ok(()) => Signature::Valid,
                Err(_) => {
                    let what = "the signature does not match".to_owned();
                    Signature::Invalid(what, DropReason::SignatureInvalid)
                }
            };
        match decoded.signed.signer {
            SignerRef::Digest(digest) => match self.known.lookup(&digest, time) {
                Lookup::Known(trusted) => verify(trusted),
                Lookup::Expired => {
                    let what = "the credential is not valid at that time".to_owned();
                    Signature::Invalid(what, DropReason::CredentialExpired)
                }
                Lookup::Unknown | Lookup::Revoked => Signature::UnknownSigner,
            },
            SignerRef::Credential(bytes) => match self.store.check_station(bytes, time) {
                Ok(trusted) => {
                    let verdict = verify(&trusted);
                    self.known.insert(trusted);
                    verdict
                }
                Err(error) => Signature::Invalid(error.to_string(), error.drop_reason()),
            },
        }
    }

    /// The credential of a frame's signer, where it is known and valid.
    pub fn signer(&mut self, decoded: &Decoded<'_>) -> Option<&Trusted> {
        let time = WireTime::from_micros(decoded.fields.generation_time_us);
        match self.known.lookup(&decoded.signer, time) {
            Lookup::Known(trusted) => Some(trusted),
            _ => None,
        }
    }
}
