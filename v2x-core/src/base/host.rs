//! Host services that must not influence decisions: time stamps of the stages, signatures and their checks.

use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use v2x_proto::Digest;
use v2x_proto::envelope::SIGNATURE_LEN;

use super::encryption_key::seal;
use super::seal::{Open, SealBinding, Sealed};
use super::time::Instant;

/// Makes Ed25519 signatures: a key in memory, or a module that never lets it out.
pub trait Sign: fmt::Debug + Send {
    /// The signature over exactly `message`.
    fn sign(&mut self, message: &[u8]) -> [u8; SIGNATURE_LEN];
}

/// What the host contributes to measuring and verifying. Neither may change what a node decides: stamps are only
/// reported, and [`verify`](Host::verify) is a function of the bytes.
pub trait Host: fmt::Debug + Send {
    /// The time now, for a stage's stamp. In virtual time it is the `now` of the input.
    fn stamp(&mut self, now: Instant) -> Instant {
        now
    }

    /// Whether `signature` over `message` holds under `key`, by the strict rule: cofactorless, canonical,
    /// no small-order points (`verify_strict`). A host may answer from memory, never from another rule:
    /// batch verification accepts a different set of signatures.
    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        strict(key, message, signature)
    }

    /// The signer of a credential that the station is to use from now on, with its public key; `None` when the host has
    /// none, and the credential is refused. Asked once for each new credential.
    fn signer(&mut self, credential: Digest, key: &VerifyingKey) -> Option<Box<dyn Sign>> {
        let _ = (credential, key);
        None
    }

    /// The private half of the encryption key of a credential that the station is to use from now on; `None` when the host
    /// has none, and what is sealed to it stays closed. Asked once for each new credential that has such a key.
    fn opener(&mut self, credential: Digest, key: &[u8; 32]) -> Option<Box<dyn Open>> {
        let _ = (credential, key);
        None
    }

    /// Seals a content to the public key of another station, with randomness that nobody else knows and no recording
    /// holds. `None` when it cannot, and the message is not sent.
    fn seal(&mut self, to: &[u8; 32], bound: &SealBinding, content: &[u8]) -> Option<Sealed> {
        let _ = (to, bound, content);
        None
    }
}

/// The protocol's rule for signatures: the library's `verify_strict`, with no rule of ours added.
pub fn strict(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// The host of virtual time: stamps are the input's time, every signature is checked, and the same content in the same message
/// is sealed in the same way, so that a run can be repeated. Whoever guesses a content can prove it: never for a road.
#[derive(Clone, Copy, Debug, Default)]
pub struct Virtual;

impl Host for Virtual {
    fn seal(&mut self, to: &[u8; 32], bound: &SealBinding, content: &[u8]) -> Option<Sealed> {
        let random = Sha256::new().chain_update(bound.info()).chain_update(bound.aad()).chain_update(content);
        seal(to, bound, content, random.finalize().into())
    }
}

#[cfg(test)]
// What is accepted is part of the protocol: an update of the library must not change it unnoticed.
mod tests {
    use super::*;
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use curve25519_dalek::scalar::Scalar;
    use ed25519_dalek::{Signer, SigningKey, Verifier};
    use proptest::prelude::*;
    use sha2::Sha512;

    /// A key with a torsion part passes every check of a key, and its holder can make signatures whose
    /// nonce is any of the eight points: `verify` accepts them, the strict rule must not.
    #[test]
    fn nonces_of_small_order_are_refused_though_their_equation_holds() {
        let secret = Scalar::from(0x5eed_u64);
        let public = ED25519_BASEPOINT_POINT * secret + EIGHT_TORSION[1];
        let key = VerifyingKey::from_bytes(&public.compress().to_bytes()).unwrap();
        assert!(!key.is_weak());
        for nonce in EIGHT_TORSION {
            let r = nonce.compress().to_bytes();
            let challenge = |message: &[u8]| {
                let hash = Sha512::new().chain_update(r).chain_update(key.as_bytes()).chain_update(message);
                Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
            };
            let holds = |message: &[u8; 4]| -(EIGHT_TORSION[1] * challenge(message)) == nonce;
            let message = (0..u32::MAX).map(u32::to_le_bytes).find(holds).unwrap();
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice((challenge(&message) * secret).as_bytes());
            assert!(key.verify(&message, &Signature::from_bytes(&signature)).is_ok(), "the equation holds");
            assert!(!strict(&key, &message, &signature));
        }
    }

    #[test]
    fn keys_of_small_order_verify_nothing() {
        for point in EIGHT_TORSION {
            let key = VerifyingKey::from_bytes(&point.compress().to_bytes()).unwrap();
            // With s = 0 the equation is R = -[k]A: met by one message in eight, at most.
            for message in 0..64_u8 {
                for nonce in EIGHT_TORSION {
                    let mut signature = [0; 64];
                    signature[..32].copy_from_slice(&nonce.compress().to_bytes());
                    assert!(!strict(&key, &[message], &signature));
                }
            }
        }
    }

    #[test]
    fn a_second_encoding_of_the_same_scalar_is_refused() {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let mut signature = signing.sign(b"message").to_bytes();
        assert!(strict(&signing.verifying_key(), b"message", &signature));
        // s + L: the same modulo the group's order.
        let order = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
        ];
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert!(!strict(&signing.verifying_key(), b"message", &signature));
    }

    proptest! {
        #[test]
        fn a_mutated_signature_is_refused(
            secret: [u8; 32],
            message in proptest::collection::vec(any::<u8>(), 0..80),
            mutations in proptest::collection::vec((0..64_usize, any::<u8>()), 0..3),
        ) {
            let signing = SigningKey::from_bytes(&secret);
            let signed = signing.sign(&message).to_bytes();
            let mut signature = signed;
            for (place, value) in mutations {
                signature[place] = value;
            }
            prop_assert_eq!(strict(&signing.verifying_key(), &message, &signature), signature == signed);
        }
    }

    /// The holder of a good key signs with a nonce that has a torsion part: batch verification accepts some of these
    /// and not others, so one insider could make stations disagree on what is valid. The strict rule refuses them all.
    #[test]
    fn nonces_with_a_torsion_part_are_refused() {
        let secret = Scalar::from(0x5eed_u64);
        let key =
            VerifyingKey::from_bytes(&(ED25519_BASEPOINT_POINT * secret).compress().to_bytes()).unwrap();
        for torsion in EIGHT_TORSION.into_iter().skip(1) {
            let nonce = Scalar::from(0xcafe_u64);
            let r = (ED25519_BASEPOINT_POINT * nonce + torsion).compress().to_bytes();
            let hash = Sha512::new().chain_update(r).chain_update(key.as_bytes()).chain_update(b"message");
            let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
            assert!(!strict(&key, b"message", &signature));
        }
    }
}
