//! The signatures a station made, taken from the frames it recorded as transmitted.

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};
use v2x_core::{Host, Sign, strict};
use v2x_proto::Digest;
use v2x_proto::envelope::{MESSAGE_DOMAIN, SIGNATURE_LEN, SignedView};
use v2x_proto::hop;

use crate::transcript;

/// By SHA-256 of the signed bytes: signing the same bytes twice gives the same signature (RFC 8032).
#[derive(Debug, Default)]
pub(super) struct Signatures {
    by_tbs: HashMap<[u8; 32], [u8; SIGNATURE_LEN]>,
}

impl Signatures {
    /// Takes the signature out of a recorded output, when that is a transmitted frame.
    pub(super) fn gather(&mut self, entry: &[u8]) {
        let signed = transcript::transmitted(entry).and_then(|frame| {
            let (_, len) = hop::parse(frame).ok()?;
            SignedView::parse(&frame[len..]).ok()
        });
        if let Some(signed) = signed {
            self.by_tbs.insert(Sha256::digest(signed.tbs).into(), *signed.signature);
        }
    }
}

/// Takes the place of the station's key: answers with the recorded signatures.
#[derive(Debug)]
pub(super) struct RecordedKey {
    key: VerifyingKey,
    signatures: Arc<Signatures>,
    forged: Forged,
}

/// Whether a recorded signature did not hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Forged(Arc<Mutex<bool>>);

impl Forged {
    /// Whether one was found since the last call.
    pub(super) fn take(&self) -> bool {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl RecordedKey {
    pub(super) fn new(key: VerifyingKey, signatures: Arc<Signatures>, forged: Forged) -> Self {
        Self { key, signatures, forged }
    }
}

impl Sign for RecordedKey {
    fn sign(&mut self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        let tbs = message.get(MESSAGE_DOMAIN.len() + HASH_LEN..).unwrap_or_default();
        let hash: [u8; 32] = Sha256::digest(tbs).into();
        let Some(signature) = self.signatures.by_tbs.get(&hash) else {
            // Not transmitted while it was recorded. Should the node transmit it now, that is a difference.
            return [0; SIGNATURE_LEN];
        };
        if !strict(&self.key, message, signature) {
            self.forged.set();
        }
        *signature
    }
}

/// The host of a recording: virtual time, and for each credential that comes later the signatures made with it.
#[derive(Debug)]
pub(super) struct RecordedHost {
    pub(super) signatures: Arc<Signatures>,
    pub(super) forged: Forged,
}

impl Host for RecordedHost {
    fn signer(&mut self, _credential: Digest, key: &VerifyingKey) -> Option<Box<dyn Sign>> {
        Some(Box::new(RecordedKey::new(*key, Arc::clone(&self.signatures), self.forged.clone())))
    }
}

/// SHA-256 of the signer's credential, before the signed bytes.
const HASH_LEN: usize = 32;
