//! Seals: what a confidential message is bound to, and who opens it.

use core::fmt;

use v2x_proto::{Class, Digest};

use super::message::MessageId;
use super::reason::DropReason;
use super::time::WireTime;

/// What a sealed content is bound to: it opens in the message that it was sealed for and in no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealBinding {
    /// SHA-256 of the sender's credential.
    pub sender: [u8; 32],
    /// SHA-256 of the receiver's credential.
    pub receiver: [u8; 32],
    /// When the message was generated.
    pub generation: WireTime,
    /// Its deadline class.
    pub class: Class,
    /// Its number within sender and class.
    pub sequence: u32,
}

impl SealBinding {
    /// The message that it is bound to.
    #[must_use]
    pub fn id(&self) -> MessageId {
        MessageId { signer: Digest::of_hash(&self.sender), class: self.class, sequence: self.sequence }
    }

    /// `info` of RFC 9180 clause 5.1: a domain and both credentials.
    #[must_use]
    pub fn info(&self) -> [u8; INFO_LEN] {
        let mut info = [0; INFO_LEN];
        let (domain, credentials) = info.split_at_mut(SEAL_DOMAIN.len());
        domain.copy_from_slice(SEAL_DOMAIN);
        let (sender, receiver) = credentials.split_at_mut(32);
        sender.copy_from_slice(&self.sender);
        receiver.copy_from_slice(&self.receiver);
        info
    }

    /// `aad` of RFC 9180 clause 5.2: generation time in us and sequence, little-endian, and the class.
    #[must_use]
    pub fn aad(&self) -> [u8; AAD_LEN] {
        let mut aad = [0; AAD_LEN];
        aad[..8].copy_from_slice(&self.generation.as_micros().to_le_bytes());
        aad[8..12].copy_from_slice(&self.sequence.to_le_bytes());
        aad[12] = u8::from(self.class);
        aad
    }
}

/// A sealed content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The ephemeral key (`enc` of RFC 9180 clause 4.1).
    pub encapsulated_key: [u8; 32],
    /// The content, encrypted, with its tag.
    pub ciphertext: Vec<u8>,
}

/// Opens what was sealed to an encryption key: a key in memory, or a module that never lets it out. What it holds is wiped
/// when it is dropped.
pub trait Open: fmt::Debug + Send {
    /// The public half, as a credential carries it.
    fn public_key(&self) -> [u8; 32];

    /// The content.
    ///
    /// # Errors
    /// [`DropReason::SealedUnopened`]: sealed to another key or for another message, or altered. A substitute in a replay may
    /// give the reason for which its content was refused then.
    fn open(&self, bound: &SealBinding, sealed: &Sealed) -> Result<Vec<u8>, DropReason>;
}

/// Begins the `info` of every seal.
pub const SEAL_DOMAIN: &[u8; 17] = b"roadcast/v1/seal\0";

const INFO_LEN: usize = SEAL_DOMAIN.len() + 64;
const AAD_LEN: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_binding_is_in_it() {
        let bound = SealBinding {
            sender: [1; 32],
            receiver: [2; 32],
            generation: WireTime::from_micros(3),
            class: Class::D4,
            sequence: 5,
        };
        assert_eq!(bound.info(), [SEAL_DOMAIN.as_slice(), &[1; 32], &[2; 32]].concat()[..]);
        assert_eq!(bound.aad(), [3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 4]);
        assert_eq!(bound.id(), MessageId { signer: Digest([1; 8]), class: Class::D4, sequence: 5 });
    }
}
