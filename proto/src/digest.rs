//! The short name of a credential.

use core::fmt;

/// First eight bytes of SHA-256 over a credential's bytes: it names the signer, or the forwarder.
///
/// The first bytes, not the last as IEEE 1609.2 HashedId8 has them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 8]);

impl Digest {
    /// Bytes on the wire.
    pub const LEN: usize = 8;

    /// The short name of a credential whose SHA-256 is `hash`.
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *hash;
        Self([a, b, c, d, e, f, g, h])
    }

    /// The three bytes by which a credential is asked for in `credential_requests`.
    pub const fn truncated(&self) -> [u8; 3] {
        [self.0[0], self.0[1], self.0[2]]
    }

    /// The digest in a slice of exactly eight bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_start_of_the_hash_and_prints_as_hex() {
        let hash = core::array::from_fn(|i| (i as u8) << 4);
        let digest = Digest::of_hash(&hash);
        assert_eq!(format!("{digest} {digest:?}"), "0010203040506070 0010203040506070");
        assert_eq!(digest.truncated(), [0x00, 0x10, 0x20]);
        assert_eq!(Digest::from_slice(digest.as_ref()), Some(digest));
        assert_eq!(Digest::from_slice(&hash), None);
    }
}
