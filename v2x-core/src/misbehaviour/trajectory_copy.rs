//! Copied trajectories: a bounded memory of exact claims, to find messages repeated word for word.
//!
//! Position in 1e-7 degree, speed in 0.01 m/s and heading in 0.1 degree of a car that speeds up or slows down are noise in
//! their last digits: no other car states the same. A repetition shows that one of two copied. It counts against the one
//! that signed it later, whoever is heard first, and only when its signer states an acceleration, changed its speed within
//! the window of the checks, or was found to repeat another before: cars of one speed on one line pass one place with one
//! claim, column after column. Of two signed in one tick neither is later: whoever copies that fast is not found by it.
//!
//! An insider may sign an earlier time than is true, as much earlier as receivers take a message for fresh. So this is no
//! proof: the evidence raises a suspicion at most, which costs a station nothing.

use hashbrown::HashTable;
use v2x_proto::Digest;

use super::thresholds as t;
use super::track::Claim;
use crate::base::Reserve;

/// Fingerprints of claims, the newest of each slot.
#[derive(Clone, Debug)]
pub struct Copies {
    slots: Slots,
}

/// Slots that hold a claim, until they are so many that all of them take no more room.
#[derive(Clone, Debug)]
enum Slots {
    Some(HashTable<Held>),
    All(Vec<Slot>),
}

/// A slot and its number, in quarters, so that no bytes are left out between them.
#[derive(Clone, Copy, Debug)]
struct Held {
    number: u16,
    slot: [u16; 4],
}

impl Slots {
    /// Looks at the slot of this number, nobody's when it holds none, and changes it.
    fn change<T>(&mut self, number: usize, change: impl FnOnce(&mut Slot) -> T) -> T {
        if let Self::Some(held) = self
            && held.len() >= MOST_HELD
        {
            let mut all = vec![Slot::default(); SLOTS];
            held.iter().for_each(|held| all[usize::from(held.number)] = held.slot());
            *self = Self::All(all);
        }
        let held = match self {
            Self::All(slots) => return change(&mut slots[number]),
            Self::Some(held) => held,
        };
        let number = number as u16;
        let entry = held.entry(spread(number), |held| held.number == number, |held| spread(held.number));
        let mut held = entry.or_insert(Held { number, slot: [0; 4] });
        let mut slot = held.get().slot();
        let result = change(&mut slot);
        held.get_mut().slot = quarters(slot);
        result
    }
}

fn spread(number: u16) -> u64 {
    mix(u64::from(number))
}

impl Held {
    fn slot(self) -> Slot {
        Slot(self.slot.iter().rev().fold(0, |all, quarter| all << 16 | u64::from(*quarter)))
    }
}

fn quarters(Slot(all): Slot) -> [u16; 4] {
    [all, all >> 16, all >> 32, all >> 48].map(|quarter| quarter as u16)
}

/// Who signed a claim first, and when; 0 for nobody. From the top: [`CLAIM_BITS`] of the claim, [`SIGNER_BITS`] of the
/// signer, and the time by its clock in [`TICK_US`], wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Slot(u64);

impl Default for Copies {
    fn default() -> Self {
        Self::new(Reserve::Whole)
    }
}

impl Copies {
    /// None heard yet.
    pub fn new(reserve: Reserve) -> Self {
        let slots = match reserve {
            Reserve::Whole => Slots::All(vec![Slot::default(); SLOTS]),
            Reserve::AsHeard => Slots::Some(HashTable::new()),
        };
        Self { slots }
    }

    /// Something of where a claim is looked up: to have it fetched.
    pub fn spread(&self, claim: &Claim) -> u64 {
        let Some(number) = hash_of(claim).map(|hash| hash as usize % SLOTS) else { return 0 };
        match &self.slots {
            Slots::All(slots) => slots[number].0,
            Slots::Some(held) => {
                let number = number as u16;
                held.find(spread(number), |held| held.number == number)
                    .map_or(0, |held| u64::from(held.slot[0]))
            }
        }
    }

    /// Hears a claim: true when it repeats what another signer stated, by both their clocks, before. `changes`: this one
    /// changes its speed, or did so lately. Claims of standing stations are ignored.
    pub fn repeats_another(&mut self, signer: Digest, claim: &Claim, changes: bool) -> bool {
        let Some(hash) = hash_of(claim) else { return false };
        let new = Slot::new(hash, signer, claim.generation.as_micros() / TICK_US);
        self.slots.change(hash as usize % SLOTS, |first| {
            let later = new.ticks_after(*first);
            if !first.states_as(new) || later < 0 {
                *first = new;
                return false;
            }
            changes && !first.is_of_signer(new) && later > 0
        })
    }
}

/// The hash of what a claim states; `None` of one that stands, or does not say how it moves.
fn hash_of(claim: &Claim) -> Option<u64> {
    let (speed, heading) = claim.motion.and_then(|motion| motion.speed.zip(motion.heading))?;
    if f32::from(speed) / 100.0 < t::COPY_MIN_SPEED {
        return None;
    }
    let place = u64::from(claim.position.latitude as u32) << 32 | u64::from(claim.position.longitude as u32);
    Some(mix(mix(place) ^ (u64::from(speed) << 16 | u64::from(heading))))
}

impl Slot {
    fn new(hash: u64, signer: Digest, tick: u64) -> Self {
        let claim = hash >> (64 - CLAIM_BITS) << (64 - CLAIM_BITS);
        let signer = mix(u64::from_le_bytes(signer.0)) >> (64 - SIGNER_BITS) << TICK_BITS;
        Self(claim | signer | tick & TICKS)
    }

    fn states_as(self, other: Self) -> bool {
        self.0 != 0 && (self.0 ^ other.0) >> (64 - CLAIM_BITS) == 0
    }

    fn is_of_signer(self, other: Self) -> bool {
        (self.0 ^ other.0) >> TICK_BITS == 0
    }

    /// Negative when it was signed before the other.
    fn ticks_after(self, other: Self) -> i16 {
        (self.0 as u16).wrapping_sub(other.0 as u16) as i16
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

/// Claims held with their numbers, before all slots are taken: seven eighths of 4,096 places of 11 bytes.
const MOST_HELD: usize = SLOTS * 7 / 16;

/// With the slot's number 41 bits of the hash: one false match in a year of a full channel.
const CLAIM_BITS: u32 = 28;

/// Two stations that share them are not told apart: a copy in a million is missed.
const SIGNER_BITS: u32 = 20;

const TICK_BITS: u32 = 16;

const TICKS: u64 = (1 << TICK_BITS) - 1;

/// 16 ms, so that half of the range is nine minutes; few claims are kept that long. Of two in one tick neither is later.
const TICK_US: u64 = 16_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Position;
    use crate::base::WireTime;
    use crate::neighbour::Motion;
    use proptest::prelude::*;

    const A: Digest = Digest([1; 8]);
    const B: Digest = Digest([2; 8]);
    /// It changed its speed lately.
    const CHANGES: bool = true;

    fn claim(latitude: i32, speed: u16, ms: u64) -> Claim {
        let motion = Motion { speed: Some(speed), heading: Some(900), acceleration: None, station_type: 5 };
        Claim {
            generation: WireTime::from_micros(9_000_000_000 + ms * 1000),
            position: Position { latitude, longitude: 61_300_000 },
            motion: Some(motion),
            accuracy_cm: None,
        }
    }

    #[test]
    fn who_says_the_same_seconds_later_copies_and_who_was_copied_does_not() {
        let mut copies = Copies::default();
        assert!(!copies.repeats_another(A, &claim(7, 1400, 0), CHANGES));
        assert!(copies.repeats_another(B, &claim(7, 1400, 2000), CHANGES));
        assert!(!copies.repeats_another(A, &claim(7, 1400, 4000), CHANGES));
        assert!(!copies.repeats_another(B, &claim(8, 1400, 4000), CHANGES), "a centimetre on");
    }

    #[test]
    fn whoever_signed_first_copied_nothing_whoever_is_heard_first() {
        let mut copies = Copies::default();
        // The copier is heard first, and again.
        assert!(!copies.repeats_another(B, &claim(7, 1400, 300), CHANGES));
        assert!(!copies.repeats_another(A, &claim(7, 1400, 0), CHANGES));
        assert!(copies.repeats_another(B, &claim(7, 1400, 600), CHANGES));
        // At one time nobody is later.
        assert!(!copies.repeats_another(A, &claim(9, 1400, 1000), CHANGES));
        assert!(!copies.repeats_another(B, &claim(9, 1400, 1000), CHANGES));
    }

    #[test]
    fn cars_of_one_speed_on_one_line_copy_nothing() {
        let mut copies = Copies::default();
        for (n, car) in [A, B, Digest([3; 8])].into_iter().enumerate() {
            for step in 0..50 {
                let ms = 200 * step + 2000 * n as u64;
                let same = claim(7 + 540 * step as i32, 3000, ms);
                assert!(!copies.repeats_another(car, &same, false));
            }
        }
    }

    #[test]
    fn who_stands_where_another_stood_copies_nothing() {
        let mut copies = Copies::default();
        assert!(!copies.repeats_another(A, &claim(7, 20, 0), CHANGES));
        assert!(!copies.repeats_another(B, &claim(7, 20, 5000), CHANGES));
    }

    #[test]
    fn few_claims_are_kept_as_all_would_be() {
        let mut all = [Reserve::Whole, Reserve::AsHeard].map(Copies::new);
        let mut found = 0;
        for n in 0..20_000_i32 {
            let (place, at) = (n.wrapping_mul(7919) % 6_000, n as u32);
            let claim = claim(place, 1000 + (place % 2) as u16, u64::from(at));
            let signer = Digest([(n % 7) as u8 + 1; 8]);
            let [whole, grown] = all.each_mut().map(|copies| copies.repeats_another(signer, &claim, true));
            assert_eq!(whole, grown, "{n}");
            found += usize::from(whole);
        }
        assert!(found > 0, "copies were found");
        assert!(matches!(all[1].slots, Slots::All(_)), "more claims than are held with their numbers");
    }

    proptest! {
        #[test]
        fn no_claim_is_held_for_another_s(claims in proptest::collection::hash_set((any::<i32>(), 100u16..16_000), 0..400)) {
            let mut copies = Copies::default();
            for (n, (latitude, speed)) in claims.into_iter().enumerate() {
                let claim = claim(latitude, speed, 2000 * n as u64);
                prop_assert!(!copies.repeats_another(Digest([n as u8; 8]), &claim, CHANGES));
            }
        }
    }
}
