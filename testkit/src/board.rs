//! A station on a small board: a node whose processor needs a time of its own for each signature check.
//!
//! Time is virtual. Frames that arrive while a signature is checked are handed in when the check is done, as a kernel's
//! queue hands them over; everything but signatures is free. A forged signature is told by its [mark](forge), so that
//! ten thousand frames are a short test.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use v2x_core::{
    AwarenessRule, ClockState, Config, Dropped, Event, Host, Input, Instant, Node, Output, Received,
};

use crate::Authority;
use crate::drive::drain;
use crate::start::{PLACE, anchor, fix, frame, from_afar};

/// A frame, when it arrives, and its link address.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When its last byte was received.
    pub at: Instant,
    /// The frame.
    pub bytes: Bytes,
    /// Source address of the link.
    pub link: [u8; 6],
}

/// A node on a processor that is busy for a while with each signature check.
#[derive(Debug)]
pub struct Board {
    /// The node.
    pub node: Node,
    /// Messages delivered, and when.
    pub delivered: Vec<(Instant, Received)>,
    /// Frames dropped, and when.
    pub dropped: Vec<(Instant, Dropped)>,
    /// Frames from afar that are handed in at these times, sorted.
    pub from_afar: VecDeque<(Instant, Bytes)>,
    check: Duration,
    checks: Arc<AtomicU64>,
    /// When the processor is free again.
    now: Instant,
    deadline: Instant,
    next_fix: Instant,
}

impl Board {
    /// Station `number` of `authority`, silent, which starts at [`Instant::ZERO`]; each signature takes it `check`.
    pub fn new(authority: &Authority, number: u32, check: Duration) -> Self {
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let checks = Arc::new(AtomicU64::new(0));
        let host = Box::new(Marked(Arc::clone(&checks)));
        let identity = authority.identity(number);
        let mut node = Node::with_host(config, identity, authority.trust.clone(), 7, anchor(), host);
        let clock = Input::Clock { wire: anchor().wire, state: ClockState::Locked };
        node.handle_input(Instant::ZERO, clock);
        let mut board = Self {
            node,
            delivered: Vec::new(),
            dropped: Vec::new(),
            from_afar: VecDeque::new(),
            check,
            checks,
            now: Instant::ZERO,
            deadline: Instant::ZERO,
            next_fix: Instant::ZERO,
        };
        board.drain();
        board
    }

    /// Lives until `end`, and hears `arrivals`, which are sorted by time.
    ///
    /// # Panics
    ///
    /// They are not sorted.
    pub fn run(&mut self, arrivals: impl IntoIterator<Item = Arrival>, end: Instant) {
        let mut arrivals = arrivals.into_iter().peekable();
        let mut last = Instant::ZERO;
        loop {
            // What came meanwhile is read before anything else is done.
            while let Some(arrival) = arrivals.next_if(|arrival| arrival.at <= self.now) {
                assert!(arrival.at >= last, "arrivals are sorted by time");
                last = arrival.at;
                self.handle(frame(&arrival.bytes, arrival.link));
            }
            while let Some((_, bytes)) = self.from_afar.pop_front_if(|(at, _)| *at <= self.now) {
                self.handle(from_afar(&bytes, 1));
            }
            if self.next_fix <= self.now {
                self.next_fix = self.now + Duration::from_millis(100);
                self.handle(fix(self.now, PLACE));
            }
            if self.deadline <= self.now {
                self.handle(Input::Timeout);
                continue;
            }
            let next = arrivals.peek().map_or(end, |arrival| arrival.at.min(end));
            let next = self.from_afar.front().map_or(next, |(at, _)| next.min(*at));
            let next = next.min(self.deadline).min(self.next_fix);
            if self.now >= end {
                return;
            }
            self.now = self.now.max(next);
        }
    }

    /// Signatures checked so far.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Times a frame was dropped for the reason with this name.
    pub fn drops(&self, reason: &str) -> usize {
        self.dropped.iter().filter(|(_, dropped)| dropped.reason.name() == reason).count()
    }

    fn handle(&mut self, input: Input) {
        let before = self.checks();
        self.node.handle_input(self.now, input);
        for _ in before..self.checks() {
            self.now = self.now + self.check;
        }
        self.drain();
    }

    fn drain(&mut self) {
        let Self { node, delivered, dropped, now, .. } = self;
        let (deadline, _) = drain(node, |output| match output {
            Output::Event(Event::Received(received)) => delivered.push((*now, received)),
            Output::Event(Event::Dropped(drop)) => dropped.push((*now, drop)),
            _ => {}
        });
        self.deadline = deadline;
    }
}

/// Counts checks, and takes every signature for good that is not [marked](forge).
#[derive(Debug)]
struct Marked(Arc<AtomicU64>);

impl Host for Marked {
    fn verify(&mut self, _key: &VerifyingKey, _message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        !signature.ends_with(&MARK)
    }
}

/// Marks a signature as forged: that of a message, or of a credential.
///
/// # Panics
///
/// It is no signature.
pub fn forge(signature: &mut [u8]) {
    let end = signature.len().checked_sub(MARK.len()).expect("64 bytes");
    signature[end..].copy_from_slice(&MARK);
}

/// No signature ends so: its last byte is below 0x20.
const MARK: [u8; 4] = [0xff; 4];
