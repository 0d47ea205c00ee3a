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
    /// Set when a credential was learned: only then can held frames be released.
    ready: bool,
    random: Stream,
}

impl PendingFrames {
    /// None; those that give way are drawn from `random`.
    pub fn new(random: Stream) -> Self {
        Self { frames: VecDeque::new(), ready: false, random }
    }

    /// Holds a frame; returns the one that gives way to it, possibly the frame itself.
    pub fn push(&mut self, frame: Frame, now: Instant) -> Option<Frame> {
        let gives_way = if self.frames.len() >= limits::MAX_HELD { self.draw(&frame) } else { None };
        self.frames.push_back((now + limits::HOLD_TIME, frame));
        self.frames.remove(gives_way?).map(|(_, frame)| frame)
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
        self.ready = !self.frames.is_empty();
    }

    /// Whether a round is due.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Takes the oldest frame whose signer is known by now; `None` ends a round begun by [`mark_ready`](Self::mark_ready).
    pub fn take(&mut self, mut known: impl FnMut(&Digest) -> bool) -> Option<Frame> {
        if !self.ready {
            return None;
        }
        let place = self.frames.iter().position(|(_, frame)| known(&frame.signer()));
        self.ready = place.is_some();
        self.frames.remove(place?).map(|(_, frame)| frame)
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
        over.then(|| self.frames.pop_front()).flatten().map(|(_, frame)| frame)
    }

    /// When the oldest frame's time is over.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.frames.front().map(|(until, _)| *until)
    }
}
