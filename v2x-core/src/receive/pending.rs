//! Frames held for a moment because their signer's credential is unknown and has been requested.
//!
//! Nothing about them is verified, and anybody can make up a signer for each: so there is room for all that a whole
//! channel carries in that time, and beyond it the one that gives way is drawn. Neither a name nor an address has a share of
//! its own, which somebody else could use up.
//!
//! They are in no list of frames seen: whether a frame names its signer or brings the credential is not signed, so the same
//! message with its credential has to get past the one that waits here without.

use std::collections::VecDeque;

use v2x_proto::{Class, Digest};

use super::frame::Frame;
use crate::base::{FrameHash, Instant, Stream, limits};

/// Held frames, oldest first.
#[derive(Debug)]
pub struct PendingFrames {
    frames: VecDeque<(Instant, Frame)>,
    /// Set when a credential was learned: only then can held frames be released. The place up to which this round has looked.
    round: Option<usize>,
    random: Stream,
}

impl PendingFrames {
    /// None; those that give way are drawn from `random`.
    pub fn new(random: Stream) -> Self {
        Self { frames: VecDeque::new(), round: None, random }
    }

    /// Holds a frame; returns the one that gives way to it, possibly the frame itself.
    #[inline(never)]
    pub fn push(&mut self, frame: Frame, now: Instant) -> Option<Frame> {
        let gives_way = if self.frames.len() >= limits::MAX_HELD { self.draw(&frame) } else { None };
        self.frames.push_back((now + limits::HOLD_TIME, frame));
        self.remove(gives_way?)
    }

    /// The place of the frame that gives way to `frame`, whose own place is behind the last: of a few drawn ones the
    /// first that is neither an alert nor a flood, or else the first.
    fn draw(&mut self, frame: &Frame) -> Option<usize> {
        let places = self.frames.len() + 1;
        let mut drawn = [0; limits::HELD_COMPARED];
        for place in &mut drawn {
            *place = self.random.below(places as u64) as usize;
        }
        let class = |place: usize| self.frames.get(place).map_or(frame.id.class, |(_, held)| held.id.class);
        let may_wait = |place: &usize| !matches!(class(*place), Class::D0 | Class::D1 | Class::D3);
        drawn.iter().copied().find(|place| may_wait(place)).or(Some(drawn[0]))
    }

    /// Notes that a credential was learned.
    pub fn mark_ready(&mut self) {
        self.round = (!self.frames.is_empty()).then_some(0);
    }

    /// Whether a round is due.
    pub fn is_ready(&self) -> bool {
        self.round.is_some()
    }

    /// Takes the oldest frame whose signer is known by now; `None` ends a round begun by [`mark_ready`](Self::mark_ready).
    /// A round looks at each frame once, however many of them it releases: no credential is learned while it lasts.
    pub fn take(&mut self, mut known: impl FnMut(&Digest) -> bool) -> Option<Frame> {
        let from = self.round.take()?;
        let place = (from..self.frames.len()).find(|place| known(&self.frames[*place].1.signer()))?;
        self.round = Some(place);
        self.remove(place)
    }

    /// Whether this frame is held.
    pub fn contains(&self, hash: FrameHash) -> bool {
        self.frames.iter().any(|(_, held)| held.hash == hash)
    }

    /// Frames held.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Takes the oldest frame if its time is over.
    pub fn expire(&mut self, now: Instant) -> Option<Frame> {
        let over = self.frames.front().is_some_and(|(until, _)| *until <= now);
        over.then(|| self.remove(0)).flatten()
    }

    /// When the oldest frame's time is over.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.frames.front().map(|(until, _)| *until)
    }

    /// Takes out the frame at a place. What a round has looked at moves up with the rest.
    fn remove(&mut self, place: usize) -> Option<Frame> {
        self.round = self.round.map(|round| if place < round { round - 1 } else { round });
        self.frames.remove(place).map(|(_, frame)| frame)
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use bytes::Bytes;

    use super::*;
    use crate::base::{FrameHasher, MessageId, Position, Purpose, ReceiveStamps, Way, WireTime};
    use crate::receive::rates::Precedence;

    const AT: Instant = Instant::from_millis(1);

    fn holding(signers: impl IntoIterator<Item = u8>) -> PendingFrames {
        let mut held = PendingFrames::new(stream());
        for signer in signers {
            assert!(held.push(frame_of(Digest([signer; 8])), AT).is_none());
        }
        held
    }

    fn stream() -> Stream {
        Stream::new(1, Digest([1; 8]), Purpose::VerifyLot)
    }

    fn frame_of(signer: Digest) -> Frame {
        Frame {
            bytes: Bytes::new(),
            link_source: [1; 6],
            signal_dbm: None,
            way: Way::Air,
            stamps: ReceiveStamps::default(),
            hash: FrameHasher::new(&mut stream()).hash(&signer, b"tbs", &[0; 64]),
            id: MessageId { signer, class: Class::D2, sequence: 1 },
            message_type: 1,
            generation: WireTime::from_secs(1000),
            position: Position::default(),
            lifetime_ms: 900,
            max_hops: 1,
            remaining_hops: 1,
            again: false,
            area: None,
            permissions: 0,
            standing: Precedence::Good,
            transmitter: None,
            forwarder: signer,
            admitted: AT,
            tbs: 0..0,
            signature: 0..0,
            payload: 0..0,
            requests: 0..0,
            credential: 0..0,
            full: false,
        }
    }

    /// An insider that has half the room held under its own digest, behind others' frames, and then brings its credential.
    #[test]
    fn a_round_looks_at_each_frame_once_however_many_it_releases() {
        let half = limits::MAX_HELD / 2;
        let mut held = holding((0..limits::MAX_HELD).map(|n| if n < half { 1 } else { 2 }));
        held.mark_ready();
        let looks = Cell::new(0);
        let known = |signer: &Digest| {
            looks.set(looks.get() + 1);
            *signer == Digest([2; 8])
        };
        assert_eq!(core::iter::from_fn(|| held.take(known)).count(), half);
        assert!(looks.get() <= limits::MAX_HELD, "{} looks at {} frames", looks.get(), limits::MAX_HELD);
        assert!(!held.is_ready() && held.len() == half);
    }

    #[test]
    fn frames_that_go_while_a_round_lasts_hide_none_that_it_has_not_looked_at() {
        let mut held = holding([1, 2, 1, 2, 2]);
        held.mark_ready();
        let known = |signer: &Digest| *signer == Digest([2; 8]);
        assert!(held.take(known).is_some());
        assert!(held.expire(AT + limits::HOLD_TIME).is_some(), "the first, which the round has passed");
        assert_eq!(core::iter::from_fn(|| held.take(known)).count(), 2);
    }
}
