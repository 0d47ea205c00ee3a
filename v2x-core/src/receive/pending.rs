//! Frames held for a moment because their signer's credential is unknown and has been requested.
//!
//! Nothing about them is verified, so their room is small: few in all, few per signer, a quarter of a second. They are
//! in no list of frames seen: whether a frame names its signer or brings the credential is not signed, so the same
//! message with its credential has to get past the one that waits here without.

use std::collections::VecDeque;

use v2x_proto::Digest;

use super::frame::Frame;
use crate::base::{FrameHash, Instant, limits};

/// Held frames, oldest first.
#[derive(Debug)]
pub struct PendingFrames {
    frames: VecDeque<(Instant, Frame)>,
    /// Set when a credential was learned: only then can held frames be released.
    ready: bool,
}

impl Default for PendingFrames {
    fn default() -> Self {
        Self { frames: VecDeque::with_capacity(limits::MAX_HELD), ready: false }
    }
}

impl PendingFrames {
    /// Holds a frame; returns the evicted one, or the frame itself when its signer has enough.
    pub fn push(&mut self, frame: Frame, now: Instant) -> Option<Frame> {
        let same = self.frames.iter().filter(|(_, held)| held.signer() == frame.signer()).count();
        if same >= limits::MAX_HELD_PER_SIGNER {
            return Some(frame);
        }
        let oldest = if self.frames.len() >= limits::MAX_HELD {
            self.frames.pop_front().map(|(_, frame)| frame)
        } else {
            None
        };
        self.frames.push_back((now + limits::HOLD_TIME, frame));
        oldest
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
