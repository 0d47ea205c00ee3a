//! Random streams from one seed: every purpose draws from its own stream, so that a new draw in one place changes
//! nothing elsewhere, and no two stations with one seed share a sequence.

use core::fmt;
use core::hash::Hasher;

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use siphasher::sip128::{Hasher128, SipHasher13};
use v2x_proto::Digest;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Phase of the awareness timer.
    AwarenessPhase,
    /// Keys of the exact-copy cache's hash: unknown to others, so that nobody can target a slot.
    CopyCacheKey,
    /// Which of the frames in the lot are verified, and which are shed.
    VerifyLot,
    /// How long a request for a credential is held back.
    RequestBackOff,
    /// When revocation deltas are passed on.
    RevocationSpread,
    /// Which pseudonym is used first.
    FirstPseudonym,
    /// When the pseudonym changes, and to which.
    PseudonymChange,
    /// The link address of a pseudonym.
    LinkAddress,
    /// What a simulated attacker makes up.
    Attack,
    /// Jitter between forwarders that would otherwise send at the same time.
    Forwarding,
    /// Which of the held frames gives way.
    HoldLot,
    /// Whether awareness passes a closed gate, and when a station looks at the channel.
    Congestion,
}

/// What all streams of a station come from, never printed: who knows it knows when the station changes its pseudonym, and to
/// which.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A stream for one purpose of one station.
#[derive(Debug)]
pub struct Stream(ChaCha8Rng);

impl Clone for Stream {
    /// A stream that goes on as this one does.
    fn clone(&self) -> Self {
        // The generator has no `clone`, so that nobody draws the same twice by mistake.
        Self(ChaCha8Rng::deserialize_state(&self.0.serialize_state()))
    }
}

impl Stream {
    /// The stream of `purpose` for the station whose credential has `identity`, under `seed`.
    pub fn new(seed: u64, identity: Digest, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        for (half, chunk) in key.chunks_exact_mut(16).enumerate() {
            let mut hasher = SipHasher13::new_with_keys(seed, half as u64);
            hasher.write(&identity.0);
            hasher.write_u8(purpose as u8);
            chunk.copy_from_slice(&hasher.finish128().as_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound` (0 when `bound` is 0), without visible bias for bounds far below 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [u64; 2] = [5_643_930_126_940_934_318, 9_607_319_976_168_801_649];
    const THOUSANDTH: u64 = 9_788_754_417_848_409_342;

    #[test]
    fn streams_differ_by_seed_station_and_purpose_and_repeat() {
        let a = Digest([1; 8]);
        let first = |seed, id, purpose| Stream::new(seed, id, purpose).next_u64();
        let base = first(7, a, Purpose::AwarenessPhase);
        assert_eq!(base, first(7, a, Purpose::AwarenessPhase));
        assert_ne!(base, first(8, a, Purpose::AwarenessPhase));
        assert_ne!(base, first(7, Digest([2; 8]), Purpose::AwarenessPhase));
        assert_ne!(base, first(7, a, Purpose::CopyCacheKey));
    }

    // Recordings and worlds repeat by these numbers: no update of the generator may change them.
    #[test]
    fn the_numbers_of_a_stream_are_those_that_they_were() {
        let mut stream = Stream::new(7, Digest([1; 8]), Purpose::AwarenessPhase);
        let first = [stream.next_u64(), stream.next_u64()];
        let last = (2..1_000).map(|_| stream.next_u64()).last();
        assert_eq!((first, last), (FIRST, Some(THOUSANDTH)));
    }

    #[test]
    fn a_copy_of_a_stream_goes_on_as_it_does() {
        let mut stream = Stream::new(1, Digest([0; 8]), Purpose::AwarenessPhase);
        for _ in 0..100 {
            let mut copy = stream.clone();
            assert_eq!([copy.next_u64(), copy.next_u64()], [stream.next_u64(), stream.next_u64()]);
            stream.below(3);
        }
    }

    #[test]
    fn below_stays_below() {
        let mut stream = Stream::new(1, Digest([0; 8]), Purpose::AwarenessPhase);
        assert_eq!(stream.below(0), 0);
        assert!((0..1000).all(|_| stream.below(100) < 100));
    }
}
