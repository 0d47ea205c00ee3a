//! Warm-up of a new link address: its first frames are sent twice.
//!
//! Linux in OCB mode drops the first frame it receives from an address it does not know: the entry for the neighbour is
//! added by deferred work, and until it is there the frame fails port control. So the first frame after a change of
//! address, and all that leave within [`GAP`] of it, are sent again [`GAP`] after the first. The copies are exact: a
//! station that received the first drops the second as `exact_copy`, before any signature is checked.

use core::time::Duration;

use arrayvec::ArrayVec;

use crate::base::limits::MAX_WARM_UP_COPIES;
use crate::base::{Instant, Transmit};

/// Frames to be sent again. Starts warm: a station's own hardware address is known before it first sends.
#[derive(Debug, Default)]
pub struct WarmUp {
    state: State,
    copies: ArrayVec<Transmit, MAX_WARM_UP_COPIES>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Warm,
    /// No frame has left from this address.
    Cold,
    /// The first has, and its copy is due then.
    Warming(Instant),
}

impl WarmUp {
    /// The address is new. Copies of frames from the previous one leave with those of its first, if still of use.
    pub fn restart(&mut self) {
        self.state = State::Cold;
    }

    /// A frame leaves for the first time.
    pub fn released(&mut self, frame: &Transmit, now: Instant) {
        let until = match self.state {
            State::Warm => return,
            State::Cold => now + GAP,
            State::Warming(until) => until,
        };
        if now <= until && self.copies.try_push(frame.clone()).is_ok() {
            self.state = State::Warming(until);
        }
    }

    /// A copy that is due and still worth sending.
    pub fn pop(&mut self, now: Instant) -> Option<Transmit> {
        let State::Warming(until) = self.state else { return None };
        if now < until {
            return None;
        }
        while !self.copies.is_empty() {
            let copy = self.copies.remove(0);
            if copy.expires > now {
                return Some(copy);
            }
        }
        self.state = State::Warm;
        None
    }

    /// When copies are due.
    pub fn next(&self) -> Option<Instant> {
        match self.state {
            State::Warming(until) => Some(until),
            State::Warm | State::Cold => None,
        }
    }
}

/// Time between a frame and its copy: the kernel's deferred work takes well under a millisecond, and an imminent alert
/// that was the first still arrives within its 20 ms.
pub const GAP: Duration = Duration::from_millis(8);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{MessageId, SendStamps};
    use bytes::Bytes;
    use v2x_proto::link::Origin;
    use v2x_proto::{Class, Digest};

    fn frame(sequence: u32, expires_ms: u64) -> Transmit {
        Transmit {
            bytes: Bytes::new(),
            class: Class::D0,
            origin: Origin::Own,
            id: MessageId { signer: Digest([0; 8]), class: Class::D0, sequence },
            expires: Instant::from_millis(expires_ms),
            source: Some([2; 6]),
            stamps: SendStamps::default(),
        }
    }

    fn copies(warm_up: &mut WarmUp, now: Instant) -> Vec<u32> {
        core::iter::from_fn(|| warm_up.pop(now)).map(|frame| frame.id.sequence).collect()
    }

    #[test]
    fn the_first_frames_of_an_address_leave_again_and_later_ones_do_not() {
        let ms = Instant::from_millis;
        let mut warm_up = WarmUp::default();
        warm_up.released(&frame(0, 100), ms(0));
        assert_eq!((warm_up.next(), copies(&mut warm_up, ms(50))), (None, vec![]), "warm from the start");
        warm_up.restart();
        assert_eq!(warm_up.next(), None, "nothing to copy yet");
        warm_up.released(&frame(1, 200), ms(100));
        warm_up.released(&frame(2, 105), ms(103));
        warm_up.released(&frame(3, 200), ms(107));
        assert_eq!(warm_up.next(), Some(ms(100) + GAP));
        assert!(copies(&mut warm_up, ms(107)).is_empty());
        assert_eq!(copies(&mut warm_up, ms(100) + GAP), [1, 3], "what has expired is no use twice");
        warm_up.released(&frame(4, 300), ms(109));
        assert_eq!((warm_up.next(), copies(&mut warm_up, ms(150))), (None, vec![]));
    }

    #[test]
    fn copies_are_bounded() {
        let mut warm_up = WarmUp::default();
        warm_up.restart();
        for sequence in 0..100 {
            warm_up.released(&frame(sequence, 1000), Instant::ZERO);
        }
        assert_eq!(copies(&mut warm_up, Instant::from_millis(8)).len(), MAX_WARM_UP_COPIES);
    }
}
