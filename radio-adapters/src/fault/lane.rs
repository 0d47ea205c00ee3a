//! The fate of frames in one direction.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::rates::{FaultError, FaultRates, MAX_HOLD_BACK};

/// What was done to frames in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounters {
    /// Frames that came in.
    pub frames: u64,
    /// Lost on purpose.
    pub lost: u64,
    /// Passed on twice.
    pub duplicated: u64,
    /// Held back behind later ones.
    pub reordered: u64,
    /// Changed.
    pub corrupted: u64,
}

/// Frames in, frames out. Holds at most `hold_back` frames back and the copies of two.
#[derive(Debug)]
pub(super) struct Lane<M> {
    rng: ChaCha8Rng,
    rates: FaultRates,
    ready: VecDeque<Fated<M>>,
    held: VecDeque<Held<M>>,
    counters: FaultCounters,
}

#[derive(Debug)]
struct Held<M> {
    frame: Fated<M>,
    /// Frames still to overtake it.
    behind: u64,
}

impl<M: Copy> Lane<M> {
    pub(super) fn new(seed: u64, stream: u64, rates: FaultRates) -> Result<Self, FaultError> {
        let named = [
            ("loss", rates.loss),
            ("duplication", rates.duplication),
            ("reordering", rates.reordering),
            ("corruption", rates.corruption),
        ];
        for (name, value) in named {
            if !(0.0..=1.0).contains(&value) {
                return Err(FaultError::Rate { name, value });
            }
        }
        if rates.hold_back > MAX_HOLD_BACK {
            return Err(FaultError::HoldBack { value: rates.hold_back });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let counters = FaultCounters::default();
        Ok(Self { rng, rates, ready: VecDeque::new(), held: VecDeque::new(), counters })
    }

    /// Takes a frame and draws its fate. Always the same number of draws: changing one rate leaves
    /// the other faults where they were.
    pub(super) fn admit(&mut self, mut bytes: BytesMut, extra: M) {
        let lost = self.chance(self.rates.loss);
        let duplicated = self.chance(self.rates.duplication);
        let reordered = self.chance(self.rates.reordering);
        let corrupted = self.chance(self.rates.corruption);
        let (distance, place) = (self.rng.next_u64(), self.rng.next_u64());
        self.counters.frames += 1;
        // Those held back now are overtaken by this frame, not by the one after.
        let overtaken = self.overtake();
        if lost {
            self.counters.lost += 1;
        } else {
            if corrupted && flip_bits(&mut bytes, place) {
                self.counters.corrupted += 1;
            }
            let bytes = bytes.freeze();
            let room = self.held.len() + overtaken.len() < self.rates.hold_back;
            if duplicated {
                self.counters.duplicated += 1;
                self.ready.push_back((bytes.clone(), extra, true));
            }
            if reordered && room {
                self.counters.reordered += 1;
                let behind = 1 + distance % self.rates.hold_back as u64;
                self.held.push_back(Held { frame: (bytes, extra, true), behind });
            } else {
                self.ready.push_back((bytes, extra, false));
            }
        }
        self.ready.extend(overtaken);
    }

    /// The next frame to go on, left in place.
    pub(super) fn front(&self) -> Option<(&Bytes, &M)> {
        self.ready.front().map(|(bytes, extra, _)| (bytes, extra))
    }

    pub(super) fn pop(&mut self) -> Option<Fated<M>> {
        self.ready.pop_front()
    }

    pub(super) fn release_held(&mut self) {
        self.ready.extend(self.held.drain(..).map(|held| held.frame));
    }

    pub(super) fn counters(&self) -> FaultCounters {
        self.counters
    }

    /// Counts one frame past those held, and takes out those that waited long enough.
    fn overtake(&mut self) -> Vec<Fated<M>> {
        let mut out = Vec::new();
        self.held.retain_mut(|held| {
            held.behind -= 1;
            if held.behind == 0 {
                out.push((held.frame.0.clone(), held.frame.1, true));
            }
            held.behind > 0
        });
        out
    }

    fn chance(&mut self, rate: f64) -> bool {
        // The top 53 bits are a uniform number in 0..1 that an f64 holds exactly.
        let uniform = (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        uniform < rate
    }
}

/// Flips one or three bits, chosen by `place`: an odd number, so that flips never undo each other.
/// False if there is nothing to flip.
fn flip_bits(bytes: &mut [u8], place: u64) -> bool {
    let bits = bytes.len() as u64 * 8;
    if bits == 0 {
        return false;
    }
    let flips = if place & 1 == 0 { 1 } else { 3 };
    for n in 0..flips {
        let bit = (place >> (1 + 21 * n)) % bits;
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
    true
}

/// One frame in a lane: its bytes, its attached data, and whether it was held or copied.
pub(super) type Fated<M> = (Bytes, M, bool);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(rates: FaultRates, frames: u32) -> Vec<u32> {
        let mut lane = Lane::new(1, 0, rates).unwrap();
        let mut out = Vec::new();
        for n in 0..frames {
            lane.admit(BytesMut::from(&n.to_be_bytes()[..]), ());
            while let Some((bytes, (), _)) = lane.pop() {
                out.push(u32::from_be_bytes(bytes[..].try_into().unwrap()));
            }
        }
        out
    }

    #[test]
    fn a_held_frame_is_overtaken_by_at_most_that_many() {
        let rates = FaultRates { reordering: 0.3, hold_back: 3, ..Default::default() };
        let out = numbers(rates, 1000);
        assert!(out.windows(2).any(|w| w[0] > w[1]));
        for (at, n) in out.iter().enumerate() {
            let overtakers = out[..at].iter().filter(|m| *m > n).count();
            assert!(overtakers <= 3, "{n} was overtaken by {overtakers}");
        }
    }

    #[test]
    fn rates_are_kept_on_average() {
        let rates = FaultRates { loss: 0.25, ..Default::default() };
        let heard = numbers(rates, 10_000).len();
        assert!((7300..7700).contains(&heard), "{heard}");
    }

    #[test]
    fn one_rate_leaves_the_other_faults_where_they_were() {
        let lossy = numbers(FaultRates { loss: 0.3, ..Default::default() }, 500);
        let both = FaultRates { loss: 0.3, duplication: 0.5, ..Default::default() };
        let mut both = numbers(both, 500);
        both.dedup();
        assert_eq!(both, lossy);
    }

    proptest! {
        #[test]
        fn corruption_always_changes_a_frame(bytes in prop::collection::vec(any::<u8>(), 1..50), place in any::<u64>()) {
            let mut changed = bytes.clone();
            prop_assert!(flip_bits(&mut changed, place));
            prop_assert_ne!(changed, bytes);
        }

        #[test]
        fn frames_are_neither_made_up_nor_forgotten(seed in any::<u64>(), reordering in 0.0f64..=1.0, hold_back in 0usize..10) {
            let rates = FaultRates { reordering, hold_back, ..Default::default() };
            let mut lane = Lane::new(seed, 0, rates).unwrap();
            for n in 0..50u8 {
                lane.admit(BytesMut::from(&[n][..]), ());
                prop_assert!(lane.held.len() <= hold_back);
            }
            lane.release_held();
            let mut out: Vec<_> = std::iter::from_fn(|| lane.pop()).map(|(bytes, ..)| bytes[0]).collect();
            out.sort_unstable();
            prop_assert_eq!(out, (0..50).collect::<Vec<_>>());
        }
    }
}
