//! Encryption keys: HPKE (RFC 9180) in base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! The signature around a sealed message says who sealed it, so the mode without authentication is enough.

use core::fmt;

use chacha20::ChaCha20Rng;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng,
};
use rand_core::SeedableRng;

use super::reason::DropReason;
use super::seal::{Open, SealBinding, Sealed};

/// A private encryption key in memory, wiped when dropped and never printed.
pub struct EncryptionKey(<X25519HkdfSha256 as Kem>::PrivateKey);

impl EncryptionKey {
    /// The key of a secret of 32 bytes (RFC 7748 clause 5: any bytes are one).
    ///
    /// # Panics
    /// Never: every 32 bytes are a private key.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let key = Deserializable::from_bytes(secret);
        Self(key.expect("invariant: any 32 bytes are a private key of X25519"))
    }
}

impl Open for EncryptionKey {
    fn public_key(&self) -> [u8; 32] {
        X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into()
    }

    fn open(&self, bound: &SealBinding, sealed: &Sealed) -> Result<Vec<u8>, DropReason> {
        let unopened = |_| DropReason::SealedUnopened;
        let key = Deserializable::from_bytes(&sealed.encapsulated_key).map_err(unopened)?;
        let (info, aad) = (bound.info(), bound.aad());
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.0,
            &key,
            &info,
            &sealed.ciphertext,
            &aad,
        )
        .map_err(unopened)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(..)")
    }
}

/// Seals a content to the public key of another station. `random` makes the ephemeral key: whoever knows it can open the
/// content, and the same for two contents would give them one key.
///
/// `None` when the public key is of small order, for which no shared secret is secret.
#[must_use]
pub fn seal(to: &[u8; 32], bound: &SealBinding, content: &[u8], random: [u8; 32]) -> Option<Sealed> {
    let to = Deserializable::from_bytes(to).ok()?;
    let (info, aad) = (bound.info(), bound.aad());
    let (encapsulated_key, ciphertext) =
        single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &to,
            &info,
            content,
            &aad,
            &mut ChaCha20Rng::from_seed(random),
        )
        .ok()?;
    Some(Sealed { encapsulated_key: encapsulated_key.to_bytes().into(), ciphertext })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WireTime;
    use proptest::prelude::*;
    use v2x_proto::Class;

    fn bound() -> SealBinding {
        SealBinding {
            sender: [1; 32],
            receiver: [2; 32],
            generation: WireTime::from_micros(3),
            class: Class::D4,
            sequence: 5,
        }
    }

    fn key(secret: u8) -> EncryptionKey {
        EncryptionKey::from_secret(&[secret; 32])
    }

    fn sealed() -> Sealed {
        seal(&key(7).public_key(), &bound(), b"content", [9; 32]).unwrap()
    }

    // RFC 9180 appendix A.2.1 has the private key of the receiver, `info`, `enc`, `aad` and the ciphertext.
    #[test]
    fn the_vector_of_the_standard_opens() {
        let bytes = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let secret = bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let enc = bytes("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let info = bytes("4f6465206f6e2061204772656369616e2055726e");
        let aad = bytes("436f756e742d30");
        let ciphertext = bytes(
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
        );
        let key = EncryptionKey::from_secret(secret.as_slice().try_into().unwrap());
        let plain = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &key.0,
            &Deserializable::from_bytes(&enc).unwrap(),
            &info,
            &ciphertext,
            &aad,
        );
        assert_eq!(plain.unwrap(), b"Beauty is truth, truth beauty");
    }

    #[test]
    fn opens_with_its_key_and_for_its_message_alone() {
        let sealed = sealed();
        assert_eq!(key(7).open(&bound(), &sealed).unwrap(), b"content");
        let unopened = Err(DropReason::SealedUnopened);
        assert_eq!(key(8).open(&bound(), &sealed), unopened);
        let other = |change: fn(&mut SealBinding)| {
            let mut bound = bound();
            change(&mut bound);
            key(7).open(&bound, &sealed)
        };
        assert_eq!(other(|bound| bound.sender[31] ^= 1), unopened);
        assert_eq!(other(|bound| bound.receiver[31] ^= 1), unopened);
        assert_eq!(other(|bound| bound.generation = WireTime::from_micros(4)), unopened);
        assert_eq!(other(|bound| bound.class = Class::D5), unopened);
        assert_eq!(other(|bound| bound.sequence += 1), unopened);
    }

    #[test]
    fn seals_differ_by_their_randomness_alone() {
        let again = |random| seal(&key(7).public_key(), &bound(), b"content", random).unwrap();
        assert_eq!(again([9; 32]), sealed());
        assert_ne!(again([8; 32]).encapsulated_key, sealed().encapsulated_key);
    }

    #[test]
    fn nothing_is_sealed_to_a_key_of_small_order() {
        let one = core::array::from_fn(|at| u8::from(at == 0));
        for weak in [[0; 32], one] {
            assert_eq!(seal(&weak, &bound(), b"content", [9; 32]), None);
        }
    }

    #[test]
    fn an_encryption_key_never_prints_itself() {
        assert_eq!(format!("{:?}", EncryptionKey::from_secret(&[0xab; 32])), "EncryptionKey(..)");
    }

    proptest! {
        #[test]
        fn no_change_of_a_sealed_content_opens(at in 0..55_usize, flip in 1..=255_u8) {
            let mut sealed = sealed();
            let key_byte = sealed.encapsulated_key.get_mut(at);
            match key_byte {
                Some(byte) => *byte ^= flip,
                None => sealed.ciphertext[at - 32] ^= flip,
            }
            // The highest bit of a point's coordinate is ignored (RFC 7748 clause 5); it enters the key's derivation all the same.
            prop_assert_eq!(key(7).open(&bound(), &sealed), Err(DropReason::SealedUnopened));
        }

        #[test]
        fn arbitrary_bytes_never_open(
            encapsulated_key: [u8; 32],
            ciphertext in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let sealed = Sealed { encapsulated_key, ciphertext };
            prop_assert_eq!(key(7).open(&bound(), &sealed), Err(DropReason::SealedUnopened));
        }
    }
}
