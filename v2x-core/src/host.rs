//! What a node asks of its host that must not steer it: stamps of the stages, and signature checks.

use core::fmt;

use ed25519_dalek::{Signature, Verifier, VerifyingKey};

use crate::time::Instant;

/// The host's part in measuring and verifying. Neither may change what a node decides: stamps are only
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
}

/// The protocol's rule for signatures: accepts exactly what `VerifyingKey::verify_strict` accepts, for a
/// tenth less time.
///
/// `verify_strict` decompresses the signature's nonce point only to see that it is not of small order.
/// But `verify` has computed that point and found its one canonical encoding equal to the signature's:
/// so it is of small order exactly when these bytes are one of eight.
pub fn strict(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    !key.is_weak() && key.verify(message, &signature).is_ok() && !SMALL_ORDER.contains(signature.r_bytes())
}

/// The host of virtual time: stamps are the input's time, every signature is checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Virtual;

impl Host for Virtual {}

/// Canonical encodings of the eight points whose order divides the cofactor (RFC 8032 5.1.2 encodes y and
/// the sign of x): orders 1, 2, 4, 4, 8, 8, 8, 8.
const SMALL_ORDER: [[u8; 32]; 8] = [
    with_ends(0x01, [0; 30], 0x00),
    with_ends(0xec, [0xff; 30], 0x7f),
    with_ends(0x00, [0; 30], 0x00),
    with_ends(0x00, [0; 30], 0x80),
    with_ends(0x26, ORDER_8, 0x05),
    with_ends(0x26, ORDER_8, 0x85),
    with_ends(0xc7, MINUS_ORDER_8, 0x7a),
    with_ends(0xc7, MINUS_ORDER_8, 0xfa),
];

/// The inner bytes of y of a point of order 8, and of p - y.
const ORDER_8: [u8; 30] = [
    0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
    0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc,
];
const MINUS_ORDER_8: [u8; 30] = [
    0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
    0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03,
];

const fn with_ends(first: u8, inner: [u8; 30], last: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = first;
    let (_, rest) = bytes.split_at_mut(1);
    let (middle, end) = rest.split_at_mut(30);
    middle.copy_from_slice(&inner);
    end[0] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use curve25519_dalek::scalar::Scalar;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;
    use sha2::{Digest, Sha512};

    /// What the library says, after holding `strict` against it.
    fn judged(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let reference = key.verify_strict(message, &Signature::from_bytes(signature)).is_ok();
        assert_eq!(strict(key, message, signature), reference, "{key:?} {message:?} {signature:?}");
        reference
    }

    #[test]
    fn the_eight_encodings_are_those_of_the_torsion_points() {
        for point in EIGHT_TORSION {
            let encoding = point.compress().to_bytes();
            assert_eq!(SMALL_ORDER.iter().filter(|known| **known == encoding).count(), 1);
        }
    }

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
            assert!(!judged(&key, &message, &signature));
        }
    }

    #[test]
    fn keys_of_small_order_verify_nothing() {
        for point in EIGHT_TORSION {
            let key = VerifyingKey::from_bytes(&point.compress().to_bytes()).unwrap();
            // With s = 0 the equation is R = -[k]A: met by one message in eight, at most.
            for message in 0..64_u8 {
                for nonce in SMALL_ORDER {
                    let mut signature = [0; 64];
                    signature[..32].copy_from_slice(&nonce);
                    assert!(!judged(&key, &[message], &signature));
                }
            }
        }
    }

    #[test]
    fn a_second_encoding_of_the_same_scalar_is_refused() {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let mut signature = signing.sign(b"message").to_bytes();
        assert!(judged(&signing.verifying_key(), b"message", &signature));
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
        assert!(!judged(&signing.verifying_key(), b"message", &signature));
    }

    proptest! {
        #[test]
        fn mutated_signatures_are_judged_as_the_library_does(
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
            prop_assert_eq!(judged(&signing.verifying_key(), &message, &signature), signature == signed);
        }

        #[test]
        fn arbitrary_keys_and_nonces_are_judged_as_the_library_does(
            key: [u8; 32],
            small in 0..16_usize,
            mut signature in proptest::array::uniform32(any::<u8>()).prop_map(|r| [r, [0; 32]].concat()),
        ) {
            if let Some(nonce) = SMALL_ORDER.get(small) {
                signature[..32].copy_from_slice(nonce);
            }
            if let Ok(key) = VerifyingKey::from_bytes(&key) {
                judged(&key, b"message", &signature.try_into().unwrap());
            }
        }
    }
}
