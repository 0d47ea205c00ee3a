//! A station's transmitter: how many frames it holds, and what its node learns of it.
//!
//! The bound is the medium's ([`Medium::transmitter_frames`]). As soon as it is reached the node learns that its link
//! is full, and whatever it has to send waits in its own queues, where it expires, is replaced, and is overtaken by
//! what is more urgent; when a frame ends the node learns that there is room. What a node lets go in one turn beyond
//! the room there was waits here, in its order, as it does in the daemon.
//!
//! [`Medium::transmitter_frames`]: crate::medium::Medium::transmitter_frames

use std::collections::VecDeque;

use v2x_core::Transmit;

/// What a station has handed to its transmitter.
#[derive(Debug, Default)]
pub(super) struct Transmitter {
    /// Frames that have not ended.
    pub(super) held: usize,
    /// Let go by the node while there was no room.
    pub(super) waiting: VecDeque<Transmit>,
    /// The node knows that there is no room.
    pub(super) told_full: bool,
}

impl Transmitter {
    /// Another node gets the transmitter: frames that wait here are lost, those under way are not.
    pub(super) fn change_hands(&mut self) {
        self.waiting.clear();
        self.told_full = false;
    }

    /// Whether its node has yet to learn that there is no room.
    pub(super) fn has_news(&self, frames: usize) -> bool {
        !self.told_full && (self.held >= frames || !self.waiting.is_empty())
    }

    /// Whether to report to the node now that there is no room.
    pub(super) fn tells_full(&mut self, frames: usize) -> bool {
        let full = self.held >= frames || !self.waiting.is_empty();
        let news = full && !self.told_full;
        self.told_full |= full;
        news
    }
}
