//! A frame waiting for the channel, and how long its access category makes it wait.

use v2x_core::Position;
use v2x_proto::link::AccessCategory;
use v2x_proto::link::access::SLOT_NS;

/// A frame between the moment it was handed over and its end on the air.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnWay {
    pub(super) sender: u32,
    /// Where its sender was when it handed the frame over.
    pub(super) position: Position,
    /// How far its sender is heard, in parts of the usual.
    pub(super) reach: f64,
    /// The number of the frame among its sender's.
    pub(super) number: u64,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

/// How a frame gets to the air: the interframe space and the contention window of its access category.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    aifs_ns: u64,
    window: u64,
}

impl Access {
    pub(super) fn of(category: AccessCategory) -> Self {
        let edca = category.edca();
        Self { aifs_ns: edca.aifs_ns(), window: edca.cw_min as u64 }
    }

    /// From a free channel to the first bit: the window's slots by a number drawn from 0 to 1.
    pub(super) fn wait_ns(self, drawn: f64) -> u64 {
        let slots = ((self.window + 1) as f64 * drawn) as u64;
        self.aifs_ns + slots.min(self.window) * SLOT_NS
    }
}
