//! Copied trajectories: a bounded memory of exact claims, to find messages repeated word for word.
//!
//! Position in 1e-7 degree, speed in 0.01 m/s and heading in 0.1 degree of a driving car are noise in their last
//! digits: no other car states the same. The second station to state it has copied it, because it cannot be known
//! before it is sent; so only the copier is blamed, and no station can be made to look like one.

use v2x_proto::Digest;

use super::thresholds as t;
use super::track::Claim;

/// Fingerprints of claims, the newest of each slot.
#[derive(Clone, Debug)]
pub struct Copies {
    /// Upper half: the claim's; lower half: the signer's; 0 for none.
    slots: Vec<u64>,
}

impl Default for Copies {
    fn default() -> Self {
        Self { slots: vec![0; SLOTS] }
    }
}

impl Copies {
    /// Hears a claim: true when another signer was heard with exactly this claim before. Claims of standing stations
    /// are ignored.
    pub fn said_by_another(&mut self, signer: Digest, claim: &Claim) -> bool {
        let Some((speed, heading)) = claim.motion.and_then(|motion| motion.speed.zip(motion.heading)) else {
            return false;
        };
        if f32::from(speed) / 100.0 < t::COPY_MIN_SPEED {
            return false;
        }
        let place =
            u64::from(claim.position.latitude as u32) << 32 | u64::from(claim.position.longitude as u32);
        let hash = mix(mix(place) ^ (u64::from(speed) << 16 | u64::from(heading)));
        let tag = hash & !u64::from(u32::MAX) | mix(u64::from_le_bytes(signer.0)) >> 32;
        let slot = &mut self.slots[hash as usize % SLOTS];
        let same_claim = *slot >> 32 == tag >> 32 && *slot != 0;
        let copied = same_claim && *slot != tag;
        // The first station to state it keeps it: every repetition by another is a copy.
        if !same_claim {
            *slot = tag;
        }
        copied
    }
}

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves half of the output's.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Ten seconds and more of what a full channel carries (some 800 beacons a second), 64 KB.
const SLOTS: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Position;
    use crate::base::WireTime;
    use crate::neighbour::Motion;
    use proptest::prelude::*;

    const A: Digest = Digest([1; 8]);
    const B: Digest = Digest([2; 8]);

    fn claim(latitude: i32, speed: u16) -> Claim {
        let motion = Motion { speed: Some(speed), heading: Some(900), acceleration: None, station_type: 5 };
        Claim {
            generation: WireTime::from_secs(9000),
            position: Position { latitude, longitude: 61_300_000 },
            motion: Some(motion),
            accuracy_cm: None,
        }
    }

    #[test]
    fn who_says_the_same_second_copies_and_who_was_copied_does_not() {
        let mut copies = Copies::default();
        assert!(!copies.said_by_another(A, &claim(7, 1400)));
        assert!(copies.said_by_another(B, &claim(7, 1400)));
        assert!(!copies.said_by_another(A, &claim(7, 1400)));
        assert!(!copies.said_by_another(B, &claim(8, 1400)), "a centimetre on");
    }

    #[test]
    fn who_stands_where_another_stood_copies_nothing() {
        let mut copies = Copies::default();
        assert!(!copies.said_by_another(A, &claim(7, 20)));
        assert!(!copies.said_by_another(B, &claim(7, 20)));
    }

    proptest! {
        #[test]
        fn no_claim_is_held_for_another_s(claims in proptest::collection::hash_set((any::<i32>(), 100u16..16_000), 0..400)) {
            let mut copies = Copies::default();
            for (n, (latitude, speed)) in claims.into_iter().enumerate() {
                prop_assert!(!copies.said_by_another(Digest([n as u8; 8]), &claim(latitude, speed)));
            }
        }
    }
}
