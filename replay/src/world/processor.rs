//! A processor that takes its time: what a station's work costs, and what waits meanwhile.
//!
//! Without one, work takes no virtual time. With one, each frame read and each signature checked makes its station busy;
//! frames that come meanwhile wait in a socket of bounded room, and are read in one go when it is free again, before the
//! next signature is checked: as the daemon does it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use v2x_core::ReceivedFrame;

use crate::attack::Processor;

/// One station's work.
#[derive(Debug, Default)]
pub(super) struct Workload {
    /// Signatures checked, of frames and credentials; its node's host counts them.
    pub(super) checks: Arc<AtomicU64>,
    counted: u64,
    /// Frames read.
    pub(super) frames: u64,
    /// Busy until then, ns.
    pub(super) busy_until_ns: u64,
    /// Busy in all, ns.
    pub(super) spent_ns: u64,
    /// Frames that came while it was busy.
    waiting: VecDeque<ReceivedFrame>,
    /// Frames that found no room there.
    pub(super) overflowed: u64,
}

impl Workload {
    /// Signatures checked so far.
    pub(super) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Counts what a node has just done, from `now_ns` on.
    pub(super) fn charge(&mut self, processor: Option<Processor>, now_ns: u64, frame: bool) {
        let checks = self.checks();
        let new = checks - self.counted;
        self.counted = checks;
        self.frames += u64::from(frame);
        let Some(processor) = processor else { return };
        let cost_ns = new * processor.signature_ns + u64::from(frame) * processor.frame_ns;
        self.spent_ns += cost_ns;
        self.busy_until_ns = self.busy_until_ns.max(now_ns) + cost_ns;
    }

    /// A frame comes while it is busy; false when it finds no room.
    pub(super) fn wait(&mut self, frame: ReceivedFrame) -> bool {
        let room = self.waiting.len() < SOCKET_FRAMES;
        if room {
            self.waiting.push_back(frame);
        } else {
            self.overflowed += 1;
        }
        room
    }

    /// The next frame that waits.
    pub(super) fn next(&mut self) -> Option<ReceivedFrame> {
        self.waiting.pop_front()
    }

    /// Another node begins: what waited is lost.
    pub(super) fn restart(&mut self) {
        self.waiting.clear();
    }
}

/// Frames read in one go, as in the daemon.
pub(super) const READ_BATCH: usize = 128;
/// Room for frames that wait: what the kernel's usual 208 KiB hold of small frames.
const SOCKET_FRAMES: usize = 256;
