//! Frames that were handed over and of which the radio has not said yet that it has sent them.

use std::collections::VecDeque;

use crate::radio::TransmitStatus;

/// Frames on their way, oldest first, and what became of those before.
#[derive(Debug)]
pub(super) struct Flights {
    flying: VecDeque<Flight>,
    landed: VecDeque<TransmitStatus>,
    /// How many frames of another source than the interface's were handed over, and whether one was sent.
    others: u8,
    other_landed: bool,
}

/// What is known of frames that do not have the interface's address as their source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Impersonation {
    /// The radio has sent one.
    Works,
    /// Nothing yet.
    Unknown,
    /// Several were handed over, and the radio has sent none that it told of.
    Fails,
}

/// A frame on its way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// What tells it from others: a status brings the frame itself.
    key: u64,
    /// Just before it was handed over, ns.
    began_ns: u64,
    /// When the kernel had taken it, ns.
    sent_ns: u64,
    /// Its source is not the interface's.
    other: bool,
}

impl Default for Flights {
    fn default() -> Self {
        Self {
            flying: VecDeque::with_capacity(MOST),
            landed: VecDeque::with_capacity(MOST),
            others: 0,
            other_landed: false,
        }
    }
}

impl Flights {
    /// The kernel took `frame`, whose source is the interface's or an `other`.
    pub(super) fn begin(&mut self, frame: &[u8], other: bool, began_ns: u64, sent_ns: u64) {
        self.others = self.others.saturating_add(u8::from(other));
        if self.flying.len() == MOST {
            self.flying.pop_front();
        }
        self.flying.push_back(Flight { key: key(frame), began_ns, sent_ns, other });
    }

    /// At `now_ns` the radio had sent `frame`: whether it was on its way. Of equal frames the oldest was.
    pub(super) fn land(&mut self, frame: &[u8], now_ns: u64) -> bool {
        let key = key(frame);
        self.expire(now_ns);
        let Some(place) = self.flying.iter().position(|flight| flight.key == key) else { return false };
        let Some(Flight { began_ns, sent_ns, other, .. }) = self.flying.remove(place) else { return false };
        self.other_landed |= other;
        if self.landed.len() == MOST {
            self.landed.pop_front();
        }
        self.landed.push_back(TransmitStatus { sent_ns, took_ns: now_ns.saturating_sub(began_ns) });
        true
    }

    /// Whether to ask at `now_ns` what became of those on their way: not in the moment after one was handed over, when others wait
    /// for it and for this processor, unless so many are on their way that some would be forgotten.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        let Some(newest) = self.flying.back() else { return false };
        now_ns >= newest.sent_ns.saturating_add(HURRY_NS) || self.flying.len() > MOST / 2
    }

    /// Of what was sent long before `now_ns` nothing more is heard.
    pub(super) fn expire(&mut self, now_ns: u64) {
        let oldest = now_ns.saturating_sub(LONGEST_NS);
        while self.flying.front().is_some_and(|flight| flight.sent_ns < oldest) {
            self.flying.pop_front();
        }
    }

    /// Whether a frame is on its way.
    pub(super) fn any(&self) -> bool {
        !self.flying.is_empty()
    }

    /// The next of those that were sent.
    pub(super) fn take(&mut self) -> Option<TransmitStatus> {
        self.landed.pop_front()
    }

    /// What is known of frames of another source.
    pub(super) fn impersonation(&self) -> Impersonation {
        match self.other_landed {
            true => Impersonation::Works,
            false if self.others < ENOUGH => Impersonation::Unknown,
            false => Impersonation::Fails,
        }
    }

    /// The interface is another: nothing more is heard of what was handed over.
    pub(super) fn forget(&mut self) {
        self.flying.clear();
        (self.others, self.other_landed) = (0, false);
    }
}

/// A number for the bytes of a frame. Only frames of this station are compared, so nobody can choose equal ones.
fn key(frame: &[u8]) -> u64 {
    let (words, rest) = frame.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]);
    words.fold(frame.len() as u64, |key, word| {
        (key.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(ODD)
    })
}

/// Frames on their way that are remembered: more than a driver's queue of one category takes of a station that sends at
/// most a hundred a second.
const MOST: usize = 32;
/// Frames in vain that say enough: those of one warning.
const ENOUGH: u8 = 10;
/// A frame that waits longer is given up by every driver.
const LONGEST_NS: u64 = 1_000_000_000;
/// How long a frame has been on its way when its sender turns to other things: the verification of a frame takes a receiver half a
/// millisecond at most.
const HURRY_NS: u64 = 1_000_000;
/// The golden ratio's share of 2^64, odd.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_by_its_bytes_and_of_equal_ones_the_oldest() {
        let mut flights = Flights::default();
        flights.begin(b"a frame", false, 10, 12);
        flights.begin(b"another", false, 20, 22);
        flights.begin(b"a frame", false, 30, 32);
        assert!(!flights.land(b"a stranger", 40));
        for now_ns in [40, 50] {
            assert!(flights.land(b"a frame", now_ns));
        }
        assert!(!flights.land(b"a frame", 60));
        assert_eq!(flights.take(), Some(TransmitStatus { sent_ns: 12, took_ns: 30 }));
        assert_eq!(flights.take(), Some(TransmitStatus { sent_ns: 32, took_ns: 20 }));
        assert_eq!(flights.take(), None);
    }

    #[test]
    fn what_nobody_hears_of_is_forgotten() {
        let mut flights = Flights::default();
        flights.begin(b"old", false, 1, 1);
        assert!(!flights.land(b"old", 2 + LONGEST_NS));
        for number in 0..3 * MOST as u64 {
            flights.begin(&number.to_le_bytes(), false, number, number);
        }
        assert!(!flights.land(&0u64.to_le_bytes(), 100));
        for number in 2 * MOST as u64..3 * MOST as u64 {
            assert!(flights.land(&number.to_le_bytes(), 100));
        }
        flights.begin(b"lost", false, 1, 1);
        flights.forget();
        assert!(!flights.land(b"lost", 2));
        // Nobody asked, and the table did not grow.
        assert_eq!(std::iter::from_fn(|| flights.take()).count(), MOST);
    }

    #[test]
    fn what_became_of_a_frame_is_asked_for_later_unless_many_are_on_their_way() {
        let mut flights = Flights::default();
        assert!(!flights.is_due(u64::MAX), "nothing is on its way");
        flights.begin(b"first", false, 0, 5);
        assert!(!flights.is_due(5 + HURRY_NS - 1));
        assert!(flights.is_due(5 + HURRY_NS));
        flights.begin(b"second", false, HURRY_NS, HURRY_NS + 5);
        assert!(!flights.is_due(HURRY_NS + 5), "not right after the next one either");
        for number in 0..MOST as u64 / 2 {
            flights.begin(&number.to_le_bytes(), false, HURRY_NS, HURRY_NS + 5);
        }
        assert!(flights.is_due(HURRY_NS + 5));
        flights.expire(3 * LONGEST_NS);
        assert!(!flights.is_due(3 * LONGEST_NS));
    }

    #[test]
    fn whether_frames_of_another_source_are_sent_shows_when_one_was_or_many_were_not() {
        let mut flights = Flights::default();
        flights.begin(b"own", false, 1, 2);
        assert!(flights.land(b"own", 3));
        for number in 0..ENOUGH {
            assert_eq!(flights.impersonation(), Impersonation::Unknown);
            flights.begin(&[number], true, 1, 2);
        }
        assert_eq!(flights.impersonation(), Impersonation::Fails);
        // Late is not never.
        assert!(flights.land(&[3], 4));
        assert_eq!(flights.impersonation(), Impersonation::Works);
        flights.forget();
        assert_eq!(flights.impersonation(), Impersonation::Unknown);
    }

    #[test]
    fn frames_that_differ_have_other_numbers() {
        let frame: Vec<u8> = (0..=255).collect();
        let mut keys: Vec<_> = (0..frame.len())
            .map(|at| {
                let mut changed = frame.clone();
                changed[at] ^= 1;
                key(&changed)
            })
            .chain((0..frame.len()).map(|length| key(&frame[..length])))
            .collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }
}
