//! How beacons name floods: by a tag that differs from beacon to beacon.
//!
//! A tag of fixed bytes of the signature can be searched for: a signer tries nonces until its flood has the tag of
//! another's, and who holds the one is taken to hold the other. So the name of a flood is a hash of its whole signature,
//! and the tag is that name under a key of the beacon's signer and time, which nobody knows when the flood is signed.
//! Two floods with one tag in one beacon have two in the next. Who has not heard a flood learns nothing from its tag.

use core::hash::Hasher;

use sha2::{Digest as _, Sha256};
use siphasher::sip::SipHasher24;
use v2x_proto::Digest;
use v2x_proto::envelope::{SIGNATURE_LEN, SignedView};
use v2x_proto::hop;

use crate::base::WireTime;

/// Name of a flood, the same for all that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FloodName(u64);

/// Tags of the floods that one beacon names.
#[derive(Clone, Copy, Debug)]
pub struct BeaconTags {
    signer: u64,
    generation: u64,
}

impl FloodName {
    /// Of the message with this signature.
    #[must_use]
    pub fn of(signature: &[u8; SIGNATURE_LEN]) -> Self {
        let hash = Sha256::new_with_prefix(DOMAIN).chain_update(signature).finalize();
        Self(hash.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// Of the message in a frame; `None` when there is none.
    #[must_use]
    pub fn in_frame(frame: &[u8]) -> Option<Self> {
        let (_, len) = hop::parse(frame).ok()?;
        let signed = SignedView::parse(&frame[len..]).ok()?;
        Some(Self::of(signed.signature))
    }
}

impl BeaconTags {
    /// For a beacon by its signer and its signed generation time.
    #[must_use]
    pub fn new(signer: &Digest, generation: WireTime) -> Self {
        Self { signer: u64::from_le_bytes(signer.0), generation: generation.as_micros() }
    }

    /// The tag of a flood in this beacon: the low half of SipHash-2-4 over its name, with both as the key.
    #[must_use]
    pub fn tag(&self, name: FloodName) -> u32 {
        let mut hasher = SipHasher24::new_with_keys(self.signer, self.generation);
        hasher.write(&name.0.to_le_bytes());
        hasher.finish() as u32
    }
}

const DOMAIN: &[u8] = b"roadcast/v1/flood\0";

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: Digest = Digest([1, 2, 3, 4, 5, 6, 7, 8]);
    const TIME: WireTime = WireTime::from_micros(694_310_405_000_000);

    // The value is in docs/wire.md, for whoever implements it again.
    #[test]
    fn a_tag_is_what_the_document_says() {
        let name = FloodName::of(&[0x5a; SIGNATURE_LEN]);
        assert_eq!(name.0.to_le_bytes(), 0xf99cc0ba9e3d8504_u64.to_be_bytes());
        assert_eq!(BeaconTags::new(&SIGNER, TIME).tag(name), 0xbc504974);
    }

    #[test]
    fn floods_that_share_a_tag_in_one_beacon_do_not_in_the_next() {
        let name = |n: u32| {
            let mut signature = [0; SIGNATURE_LEN];
            signature[..4].copy_from_slice(&n.to_le_bytes());
            FloodName::of(&signature)
        };
        // A search over 2^17 names finds pairs for one beacon.
        let now = BeaconTags::new(&SIGNER, TIME);
        let mut tags: Vec<_> = (0..1 << 17).map(|n| (now.tag(name(n)), n)).collect();
        tags.sort_unstable();
        let pairs: Vec<_> = tags.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        assert!(!pairs.is_empty());
        let next = [
            BeaconTags::new(&SIGNER, TIME + core::time::Duration::from_micros(1)),
            BeaconTags::new(&Digest([9; 8]), TIME),
        ];
        for beacon in next {
            assert!(pairs.iter().all(|pair| beacon.tag(name(pair[0].1)) != beacon.tag(name(pair[1].1))));
        }
    }

    #[test]
    fn signatures_with_the_same_nonce_have_different_names() {
        let (mut one, mut other) = ([7; SIGNATURE_LEN], [7; SIGNATURE_LEN]);
        (one[63], other[63]) = (1, 2);
        assert_ne!(FloodName::of(&one), FloodName::of(&other));
    }
}
