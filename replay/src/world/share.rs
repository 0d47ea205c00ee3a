//! A share of a window's work: some stations with what is certain to reach them, or signatures to be checked.

use core::ops::Range;

use bytes::Bytes;
use v2x_core::{Fix, Input, Instant, Node, ReceivedFrame, Together, Way};

use super::deferred::{Batch, Failure};
use super::foreseen::{Answer, Cause, Foreseen};

/// A share of a window's work.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Own copies: threads that count the references of one frame would wait for each other.
    frames: Vec<(u32, Bytes, [u8; 6])>,
    pub(super) outlooks: Vec<Outlook>,
    /// Of all stations, each one's in order of time, no two at one time.
    inputs: Vec<(u64, Certain)>,
    together: Together<usize>,
    pub(super) checks: Batch,
    pub(super) failed: Option<Failure>,
    /// The thread that takes it first.
    pub(super) owner: usize,
    worked_out: bool,
}

/// A station, and what is certain to reach it.
#[derive(Debug)]
pub(super) struct Outlook {
    pub(super) station: u32,
    pub(super) node: Option<Box<Node>>,
    pub(super) foreseen: Box<Foreseen>,
    /// When it wants to be woken, ns.
    pub(super) deadline_ns: u64,
    /// Up to when nothing else can reach it, ns.
    pub(super) end_ns: u64,
    /// Its inputs that are left, in its share.
    inputs: Range<usize>,
    over: bool,
}

/// An input that is certain.
#[derive(Clone, Debug)]
pub(super) enum Certain {
    /// A frame, by its place in the share.
    Frame {
        frame: usize,
        signal_dbm: Option<i8>,
        changed: Option<Bytes>,
    },
    Fix(Fix),
}

impl Share {
    /// The place of a frame of the flight in `slot` in this share.
    pub(super) fn frame(&mut self, slot: u32, bytes: &Bytes, source: [u8; 6]) -> usize {
        // The newest first: the receivers of a frame come one after the other.
        let known = self.frames.iter().rposition(|(known, ..)| *known == slot);
        known.unwrap_or_else(|| {
            self.frames.push((slot, Bytes::copy_from_slice(bytes), source));
            self.frames.len() - 1
        })
    }

    /// Adds a station, whose inputs follow.
    pub(super) fn add(&mut self, mut outlook: Outlook) {
        outlook.inputs = self.inputs.len()..self.inputs.len();
        self.outlooks.push(outlook);
    }

    /// Adds an input of the station added last.
    pub(super) fn hand_in(&mut self, at_ns: u64, input: Certain) {
        self.inputs.push((at_ns, input));
        if let Some(outlook) = self.outlooks.last_mut() {
            outlook.inputs.end = self.inputs.len();
        }
    }

    /// Nothing is certain of the station added last from `at_ns` on.
    pub(super) fn ends_at(&mut self, at_ns: u64) {
        if let Some(outlook) = self.outlooks.last_mut() {
            outlook.end_ns = at_ns;
        }
    }

    /// Prepares it for another window.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.outlooks.clear();
        self.inputs.clear();
        self.checks = Batch::default();
        self.failed = None;
        self.worked_out = false;
    }

    /// Whether it was worked out.
    #[cfg(test)]
    pub(super) fn is_worked_out(&self) -> bool {
        self.worked_out
    }

    /// Does the work.
    pub(super) fn work_out(&mut self) {
        self.failed = self.checks.verify();
        let Self { frames, outlooks, inputs, together, .. } = self;
        // Each station's first frame together with the others': most have no more in a window.
        for (number, outlook) in outlooks.iter_mut().enumerate() {
            if let Some((at, frame)) = outlook.frame_next(inputs, frames)
                && let Some(node) = outlook.node.take()
            {
                together.add(number, node, at, frame);
            }
        }
        together.run();
        for (number, at, node) in together.drain() {
            outlooks[number].node = Some(node);
            outlooks[number].answered(at, Cause::Frame);
        }
        for outlook in outlooks {
            outlook.go_on(inputs, frames, together);
        }
        self.worked_out = true;
    }
}

impl Outlook {
    pub(super) fn new(
        station: u32,
        node: Box<Node>,
        foreseen: Box<Foreseen>,
        deadline_ns: u64,
        end_ns: u64,
    ) -> Self {
        Self { station, node: Some(node), foreseen, deadline_ns, end_ns, inputs: 0..0, over: false }
    }

    /// The next input, when it is a frame and nothing is due before.
    fn frame_next(
        &mut self,
        inputs: &mut [(u64, Certain)],
        frames: &[(u32, Bytes, [u8; 6])],
    ) -> Option<(Instant, ReceivedFrame)> {
        let (at_ns, Certain::Frame { frame, signal_dbm, changed }) =
            inputs[self.inputs.clone()].first_mut()?
        else {
            return None;
        };
        if self.over || self.deadline_ns <= *at_ns {
            return None;
        }
        let at = Instant::from_nanos(*at_ns);
        let (_, bytes, link_source) = &frames[*frame];
        let frame = ReceivedFrame {
            bytes: changed.take().unwrap_or_else(|| bytes.clone()),
            link_source: *link_source,
            kernel_receive: Some(at),
            user_receive: Some(at),
            signal_dbm: *signal_dbm,
            way: Way::Air,
        };
        self.inputs.start += 1;
        Some((at, frame))
    }

    /// Works out all inputs that are left, and what the station does of its own accord.
    fn go_on(
        &mut self,
        inputs: &mut [(u64, Certain)],
        frames: &[(u32, Bytes, [u8; 6])],
        together: &mut Together<usize>,
    ) {
        while !self.over {
            let next = inputs[self.inputs.clone()].first();
            let next_ns = next.map_or(self.end_ns, |(at_ns, _)| *at_ns);
            if self.deadline_ns < next_ns {
                let at = Instant::from_nanos(self.deadline_ns);
                self.hand_in(at, Cause::Timeout, Input::Timeout);
                continue;
            }
            // Which of two things at one time comes first is for the world to say.
            let Some((at_ns, input)) = next.filter(|_| self.deadline_ns > next_ns) else { return };
            if let Certain::Fix(fix) = input {
                let (at, fix) = (Instant::from_nanos(*at_ns), *fix);
                self.inputs.start += 1;
                self.hand_in(at, Cause::Fix, Input::Fix(Some(fix)));
            } else {
                let Some((at, frame)) = self.frame_next(inputs, frames) else { return };
                let Some(node) = self.node.take() else { return };
                together.add(0, node, at, frame);
                together.run();
                self.node = together.drain().next().map(|(_, _, node)| node);
                self.answered(at, Cause::Frame);
            }
        }
    }

    fn hand_in(&mut self, at: Instant, cause: Cause, input: Input) {
        if let Some(node) = &mut self.node {
            node.handle_input(at, input);
        }
        self.answered(at, cause);
    }

    /// Takes what the node says to an input, and lets it do what is due then.
    fn answered(&mut self, at: Instant, mut cause: Cause) {
        let Some(node) = &mut self.node else { return };
        loop {
            let Answer { deadline_ns, sends } = self.foreseen.keep(at.as_nanos(), cause, self.station, node);
            self.deadline_ns = deadline_ns;
            // What the transmitter has to say to that may come before anything else, and when the next message is due.
            self.over |= sends;
            if self.over || deadline_ns > at.as_nanos() {
                return;
            }
            cause = Cause::Timeout;
            node.handle_input(at, Input::Timeout);
        }
    }
}
