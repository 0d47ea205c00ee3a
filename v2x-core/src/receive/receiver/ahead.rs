//! Signatures of frames from afar, for a host that checks them before their turn, beside the station.

use ed25519_dalek::VerifyingKey;

use super::Receiver;
use crate::base::WireTime;
use crate::receive::afar_queue::AfarTicket;
use crate::receive::frame::slice;
use crate::trust::signing_input;

/// A signature that the station will ask its host about: the arguments of [`Host::verify`](crate::base::Host::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureCheck {
    /// The key.
    pub key: VerifyingKey,
    /// What is signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: [u8; 64],
}

impl SignatureCheck {
    /// Whether it is about these.
    #[must_use]
    pub fn is_of(&self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        self.signature == *signature && self.key == *key && self.message == message
    }
}

impl Receiver {
    /// The frames from afar that wait for verification, the next one first.
    pub fn afar_tickets(&self) -> impl Iterator<Item = AfarTicket> + use<'_> {
        self.afar.iter().flat_map(|book| book.queue.tickets())
    }

    /// The signatures that the verification of a frame from afar comes to, in their order; those after a bad one are not asked for. None
    /// where its credential is refused before that.
    pub fn afar_checks(&self, ticket: AfarTicket, wire: WireTime) -> Vec<SignatureCheck> {
        let mut checks = Vec::with_capacity(2);
        let Some(book) = &self.afar else { return checks };
        let Some(frame) = book.queue.find(ticket) else { return checks };
        let mut note = |key: &VerifyingKey, message: &[u8], signature: &[u8; 64]| {
            checks.push(SignatureCheck { key: *key, message: message.to_vec(), signature: *signature });
            true
        };
        let signer = &frame.id.signer;
        let known = self.keys.peek(signer).or_else(|| book.keys.peek(signer));
        let (key, hash) = match known {
            Some(trusted) => (trusted.key, trusted.hash),
            None => {
                let credential = slice(&frame.bytes, &frame.credential);
                match self.trust.check_station_by(credential, wire, &mut note) {
                    Ok(trusted) => (trusted.key, trusted.hash),
                    Err(_) => return Vec::new(),
                }
            }
        };
        if let Some(signature) = slice(&frame.bytes, &frame.signature).first_chunk() {
            let mut message = Vec::new();
            signing_input(&mut message, &hash, slice(&frame.bytes, &frame.tbs));
            note(&key, &message, signature);
        }
        checks
    }
}
