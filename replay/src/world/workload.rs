//! A station's work on its one core: what each piece takes, and what waits meanwhile.
//!
//! A piece is one input of its node, with all that the node does about it: a frame read, a signature checked, a message made
//! and signed. It begins when the piece before is over, and what comes of it (frames that leave, events) is there when it is
//! over itself. Frames that come meanwhile wait in a socket of bounded room, and are read in one go when the core is free,
//! before the next signature is checked: as the daemon does it. Whatever else comes waits ahead of them.
//!
//! Without a [`Processor`] that takes its time a piece is over when it begins.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use v2x_core::{Input, Instant, ReceivedFrame, Sign};

use crate::processor::Processor;

/// One station's work.
#[derive(Debug, Default)]
pub(super) struct Workload {
    /// What its node's host and keys count.
    pub(super) meter: Arc<Meter>,
    /// Frames read.
    pub(super) frames: u64,
    /// When the piece in progress is over, ns.
    pub(super) busy_until_ns: u64,
    /// What came of it is still with the node.
    pub(super) in_progress: bool,
    /// Busy in all, ns.
    pub(super) spent_ns: u64,
    /// Frames that came while it was busy.
    waiting: VecDeque<ReceivedFrame>,
    /// The most that ever waited.
    pub(super) most_waiting: usize,
    /// Frames that found no room there.
    pub(super) overflowed: u64,
    /// What else came.
    inputs: VecDeque<Input>,
    /// Frames still to be read in one go; `None` between two goes.
    go: Option<usize>,
}

impl Workload {
    /// A node has been handed a piece of work at `now_ns`, a frame or something else.
    pub(super) fn charge(&mut self, processor: Processor, now_ns: u64, frame: bool) {
        self.frames += u64::from(frame);
        let cost_ns = self.meter.end(processor);
        self.spent_ns += cost_ns;
        self.busy_until_ns = now_ns + cost_ns;
        self.in_progress = cost_ns > 0;
    }

    /// A frame comes while it is busy; false when it finds no room.
    pub(super) fn wait(&mut self, frame: ReceivedFrame) -> bool {
        let room = self.waiting.len() < SOCKET_FRAMES;
        if room {
            self.waiting.push_back(frame);
            self.most_waiting = self.most_waiting.max(self.waiting.len());
        } else {
            self.overflowed += 1;
        }
        room
    }

    /// Something else comes while it is busy. The newest position replaces one that waits.
    pub(super) fn put_off(&mut self, input: Input) {
        if matches!(input, Input::Fix(_)) {
            self.inputs.retain(|waiting| !matches!(waiting, Input::Fix(_)));
        }
        if self.inputs.len() < MAX_INPUTS {
            self.inputs.push_back(input);
        } else {
            self.overflowed += 1;
        }
    }

    /// What to hand to the node next at `now_ns`; `None` when it is to take a step of its own.
    pub(super) fn next(&mut self, now_ns: u64) -> Option<Input> {
        if let Some(input) = self.inputs.pop_front() {
            return Some(input);
        }
        let left = self.go.unwrap_or_else(|| self.waiting.len().min(READ_BATCH));
        self.go = left.checked_sub(1);
        self.go?;
        let frame = self.waiting.pop_front()?;
        let user_receive = Some(Instant::from_nanos(now_ns));
        Some(Input::Frame(ReceivedFrame { user_receive, ..frame }))
    }

    /// Whether anything waits that has come.
    pub(super) fn has_waiting(&self) -> bool {
        !self.inputs.is_empty() || !self.waiting.is_empty()
    }

    /// Another node begins, or none: what waited, and the rest of the piece in progress, are lost.
    pub(super) fn restart(&mut self, now_ns: u64) {
        self.waiting.clear();
        self.inputs.clear();
        self.go = None;
        self.spent_ns -= self.busy_until_ns.saturating_sub(now_ns).min(self.spent_ns);
        self.busy_until_ns = now_ns.min(self.busy_until_ns);
        self.in_progress = false;
    }
}

/// What a node's host and its keys count: signatures, and the time that the piece in progress has taken so far.
#[derive(Debug, Default)]
pub(super) struct Meter {
    checks: AtomicU64,
    /// Signatures made in the piece in progress.
    signed: AtomicU64,
    taken_ns: AtomicU64,
}

impl Meter {
    /// A piece of work begins.
    pub(super) fn begin(&self, processor: Processor, frame: bool) {
        self.signed.store(0, Ordering::Relaxed);
        self.taken_ns.store(if frame { processor.frame_ns } else { 0 }, Ordering::Relaxed);
    }

    /// It is over; how long it took, ns.
    fn end(&self, processor: Processor) -> u64 {
        let made = self.signed.load(Ordering::Relaxed) * processor.frame_ns;
        self.taken_ns() + made
    }

    /// How long it has taken so far, ns.
    pub(super) fn taken_ns(&self) -> u64 {
        self.taken_ns.load(Ordering::Relaxed)
    }

    /// A signature is checked.
    pub(super) fn checked(&self, processor: Processor) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        self.taken_ns.fetch_add(processor.verify_ns, Ordering::Relaxed);
    }

    /// Signatures checked so far, of frames and credentials.
    pub(super) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }
}

/// A key whose signatures take their time.
#[derive(Debug)]
pub(super) struct MeteredKey {
    pub(super) key: Box<dyn Sign>,
    pub(super) meter: Arc<Meter>,
    pub(super) processor: Processor,
}

impl Sign for MeteredKey {
    fn sign(&mut self, message: &[u8]) -> [u8; 64] {
        self.meter.signed.fetch_add(1, Ordering::Relaxed);
        self.meter.taken_ns.fetch_add(self.processor.sign_ns, Ordering::Relaxed);
        self.key.sign(message)
    }
}

/// Frames read in one go, as in the daemon.
const READ_BATCH: usize = 128;
/// Room for frames that wait: what the kernel's usual 208 KiB hold of small frames.
const SOCKET_FRAMES: usize = 256;
/// Commands of applications that wait: more than come while one piece of work is done.
const MAX_INPUTS: usize = 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use v2x_core::Way;

    use super::*;

    fn frame(number: u8) -> ReceivedFrame {
        ReceivedFrame {
            bytes: Bytes::from(vec![number]),
            link_source: [0; 6],
            kernel_receive: None,
            user_receive: None,
            signal_dbm: None,
            way: Way::Air,
        }
    }

    #[test]
    fn a_socket_that_is_full_loses_what_comes() {
        let mut work = Workload::default();
        let taken = (0..300).filter(|number| work.wait(frame(*number as u8))).count();
        assert_eq!((taken, work.most_waiting, work.overflowed), (256, 256, 44));
    }

    #[test]
    fn frames_are_read_in_one_go_and_commands_go_first() {
        let mut work = Workload::default();
        assert!((0..130).all(|number| work.wait(frame(number))));
        work.put_off(Input::Fix(None));
        work.put_off(Input::Link { ready: true });
        work.put_off(Input::Fix(None));
        let mut next = || work.next(7);
        assert_eq!((next(), next()), (Some(Input::Link { ready: true }), Some(Input::Fix(None))));
        let user_receive = Some(Instant::from_nanos(7));
        for number in 0..128 {
            assert_eq!(next(), Some(Input::Frame(ReceivedFrame { user_receive, ..frame(number) })));
        }
        // A step of its own between two goes.
        assert_eq!(next(), None);
        assert!(next().is_some() && next().is_some());
        assert_eq!((next(), work.has_waiting()), (None, false));
    }
}
