//! A station's transmitter: how many frames it holds, and what the station is told of it.
//!
//! The bound is the medium's ([`Medium::transmitter_frames`]). As soon as it is reached the node is told that its link is
//! full, and whatever it has to send waits in its own queues, where it expires, is replaced, and is overtaken by what is more
//! urgent; when a frame ends the node is told that there is room. What a node lets go in one turn beyond the room there was
//! waits here, in its order, as it does in the daemon.
//!
//! [`Medium::transmitter_frames`]: crate::medium::Medium::transmitter_frames

use std::collections::VecDeque;

use v2x_core::{Input, Instant, Transmit};

use super::World;

/// What a station has handed to its transmitter.
#[derive(Debug, Default)]
pub(super) struct Transmitter {
    /// Frames that have not ended.
    held: usize,
    /// Let go by the node while there was no room.
    waiting: VecDeque<Transmit>,
    /// The node was told that there is no room.
    told_full: bool,
}

impl Transmitter {
    /// Another node has the transmitter: what the one before let go is lost, what is on its way is not.
    pub(super) fn change_hands(&mut self) {
        self.waiting.clear();
        self.told_full = false;
    }

    /// Whether the node is to be told now that there is no room.
    pub(super) fn tells_full(&mut self, frames: usize) -> bool {
        let full = self.held >= frames || !self.waiting.is_empty();
        let news = full && !self.told_full;
        self.told_full |= full;
        news
    }
}

impl World {
    /// A node lets a frame go.
    pub(super) fn transmit(&mut self, station: u32, now_ns: u64, frame: Transmit) {
        let frames = self.medium.transmitter_frames().max(1);
        let transmitter = &mut self.stations[station as usize].transmitter;
        if transmitter.held >= frames || !transmitter.waiting.is_empty() {
            transmitter.waiting.push_back(frame);
        } else if self.hand_over(station, now_ns, &frame) {
            self.stations[station as usize].transmitter.held += 1;
        }
    }

    /// A frame of a station is on the air to its last bit: there is room for another one.
    pub(super) fn ended(&mut self, station: u32, now_ns: u64) {
        let frames = self.medium.transmitter_frames().max(1);
        let transmitter = &mut self.stations[station as usize].transmitter;
        transmitter.held = transmitter.held.saturating_sub(1);
        while self.stations[station as usize].transmitter.held < frames {
            let Some(frame) = self.stations[station as usize].transmitter.waiting.pop_front() else { break };
            if frame.expires <= Instant::from_nanos(now_ns) {
                self.journal.expired(&frame);
            } else if self.hand_over(station, now_ns, &frame) {
                self.stations[station as usize].transmitter.held += 1;
            }
        }
        let transmitter = &mut self.stations[station as usize].transmitter;
        if transmitter.told_full && transmitter.held < frames {
            transmitter.told_full = false;
            self.input(station, now_ns, Input::Link { ready: true });
        }
    }
}
