//! The signatures and seals that a station made, taken from the frames it recorded as transmitted, and what it opened, taken from
//! the messages it recorded as received.

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};
use v2x_core::{DropReason, Host, MessageId, Open, SealBinding, Sealed, Sign, seal, strict};
use v2x_proto::Digest;
use v2x_proto::envelope::{MESSAGE_DOMAIN, SIGNATURE_LEN, SignedView, TbsView};
use v2x_proto::hop;
use v2x_proto::payload::{self, Message, SealedContent};
use v2x_proto::v1::MessageType;

use crate::transcript;

/// By SHA-256 of the signed bytes: signing the same bytes twice gives the same signature (RFC 8032).
#[derive(Debug, Default)]
pub(super) struct Signatures {
    by_tbs: HashMap<[u8; 32], [u8; SIGNATURE_LEN]>,
    /// Of the messages that it sealed, by their transmissions.
    sealed: HashMap<MessageId, Sealed>,
    /// Of those that came sealed to it: the content, or why that was refused.
    opened: HashMap<MessageId, Result<Vec<u8>, DropReason>>,
}

impl Signatures {
    /// Takes out of a recorded output what it shows of the station's keys: the signature, and the seal, of a transmitted frame;
    /// what was sealed in a message received.
    pub(super) fn gather(&mut self, entry: &[u8]) {
        let signed = transcript::transmitted(entry).and_then(|frame| {
            let (header, len) = hop::parse(frame).ok()?;
            Some((header.forwarder, SignedView::parse(&frame[len..]).ok()?))
        });
        if let Some((signer, signed)) = signed {
            self.by_tbs.insert(Sha256::digest(signed.tbs).into(), *signed.signature);
            if let Some((id, sealed)) = sealed_in(signed.tbs, signer) {
                self.sealed.insert(id, sealed);
            }
        }
        if let Some((id, outcome)) = transcript::opened(entry) {
            self.opened.insert(id, outcome.map(|(message_type, payload)| content(message_type, payload)));
        }
    }
}

/// The seal in what a station signed, when that is a confidential message; those travel one hop, so their forwarder is their
/// signer.
fn sealed_in(tbs: &[u8], signer: Digest) -> Option<(MessageId, Sealed)> {
    let tbs = TbsView::parse(tbs).ok().filter(|tbs| tbs.message_type == MessageType::Confidential as u32)?;
    let id = MessageId { signer, class: tbs.class, sequence: tbs.sequence };
    match payload::decode(tbs.message_type, tbs.payload.to_vec().into()).ok()? {
        Message::Confidential(message) => {
            let encapsulated_key = *message.encapsulated_key.first_chunk()?;
            Some((id, Sealed { encapsulated_key, ciphertext: message.ciphertext.to_vec() }))
        }
        _ => None,
    }
}

/// A content as it was opened, but for its padding, of which nothing depends.
fn content(message_type: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(message_type) = u16::try_from(message_type) {
        let _none = SealedContent { message_type, payload }.encode(&mut bytes);
    }
    bytes
}

/// Takes the place of an encryption key: answers with what was opened then.
#[derive(Debug)]
pub(super) struct RecordedOpener {
    key: [u8; 32],
    signatures: Arc<Signatures>,
}

impl RecordedOpener {
    pub(super) fn new(key: [u8; 32], signatures: Arc<Signatures>) -> Self {
        Self { key, signatures }
    }
}

impl Open for RecordedOpener {
    fn public_key(&self) -> [u8; 32] {
        self.key
    }

    fn open(&self, bound: &SealBinding, _sealed: &Sealed) -> Result<Vec<u8>, DropReason> {
        self.signatures.opened.get(&bound.id()).cloned().unwrap_or(Err(DropReason::SealedUnopened))
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

    fn opener(&mut self, _credential: Digest, key: &[u8; 32]) -> Option<Box<dyn Open>> {
        Some(Box::new(RecordedOpener::new(*key, Arc::clone(&self.signatures))))
    }

    fn seal(&mut self, to: &[u8; 32], bound: &SealBinding, content: &[u8]) -> Option<Sealed> {
        // Not transmitted while it was recorded: any seal of the same length will do.
        self.signatures.sealed.get(&bound.id()).cloned().or_else(|| seal(to, bound, content, [0; 32]))
    }
}

/// SHA-256 of the signer's credential, before the signed bytes.
const HASH_LEN: usize = 32;
