//! What a station promises, held after each input: the lines of the node's contract that need no second run, and what
//! receivers rely on.

use core::hash::BuildHasherDefault;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use v2x_core::{Event, Input, Instant, MessageId, Node, Received, Transmit, WireTime};
use v2x_proto::envelope::{MAX_FRAME, SignedView, TbsView};
use v2x_proto::hop;
use v2x_proto::link::Origin;

/// What was promised so far.
#[derive(Debug, Default)]
pub(super) struct Promises {
    /// Frames whose end an event reported.
    ended: u64,
    /// Signed bytes with their signatures that were on the air.
    heard: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    /// Verified messages that were delivered.
    delivered: HashSet<(MessageId, WireTime), BuildHasherDefault<DefaultHasher>>,
    /// The wire clock was set back: what was taken before may be taken again.
    set_back: bool,
}

impl Promises {
    /// An input is handed in.
    pub(super) fn before(&mut self, node: &Node, now: Instant, input: &Input) {
        if let Input::Clock { wire, .. } = input {
            self.set_back |= *wire < node.anchor().wire_at(now);
        }
    }

    /// A frame is on the air.
    pub(super) fn hear(&mut self, frame: &[u8]) {
        self.heard.extend(signed_part(frame));
    }

    /// Something happened.
    pub(super) fn happened(&mut self, event: &Event) {
        match event {
            Event::Received(received) => {
                self.ended += 1;
                self.delivered(received);
            }
            Event::Dropped(_) => self.ended += 1,
            _ => {}
        }
    }

    /// No message is delivered twice, whatever happened to its signer in between.
    fn delivered(&mut self, received: &Received) {
        let new = self.delivered.insert((received.id, received.generation_time));
        let excused = self.set_back || !received.verified;
        assert!(new || excused, "delivered a second time: {:?}", received.id);
    }

    /// What leaves is a frame that others can read, and of what is sent on not a signed bit was changed.
    pub(super) fn transmitted(&mut self, transmit: &Transmit) {
        let frame = &transmit.bytes;
        assert!(frame.len() <= MAX_FRAME);
        let (header, length) = hop::parse(frame).expect("a transmitted frame has a hop header");
        let signed = SignedView::parse(&frame[length..]).expect("a transmitted frame has an envelope");
        let tbs = TbsView::parse(signed.tbs).expect("transmitted fields are in range");
        assert_eq!((header.class, tbs.class), (transmit.class, transmit.class));
        assert!(header.remaining_hops <= tbs.max_hops.max(1));
        let part = signed_part(frame).expect("it was read just now");
        let known = !self.heard.insert(part);
        let sent_on = transmit.origin == Origin::Forwarded;
        assert!(known || !sent_on, "signed bytes that nobody signed are sent on");
    }

    /// Every table within its bound; every frame ended, or waiting in a table; nothing lost on its way to the host.
    pub(super) fn hold(&self, node: &Node) {
        let mut waiting = 0;
        for table in node.tables() {
            assert!(table.held <= table.limit, "{} {}: at most {}", table.held, table.name, table.limit);
            if WAITING.contains(&table.name) {
                waiting += table.held as u64;
            }
        }
        assert_eq!(node.counters().outputs_lost, 0);
        assert_eq!(node.counters().frames, self.ended + waiting, "each frame ends in one event");
    }

    /// Nothing waits any longer.
    pub(super) fn all_ended(&self, node: &Node) {
        assert_eq!(self.ended, node.counters().frames, "each frame ends in one event");
    }
}

/// A hash of the signed bytes and the signature of a frame that can be read.
fn signed_part(frame: &[u8]) -> Option<u64> {
    let (_, length) = hop::parse(frame).ok()?;
    let signed = SignedView::parse(&frame[length..]).ok()?;
    let mut hasher = DefaultHasher::new();
    hasher.write(signed.tbs);
    hasher.write(signed.signature);
    Some(hasher.finish())
}

/// The tables in which a frame waits.
const WAITING: [&str; 4] = [
    "frames held for their credential",
    "frames to verify",
    "demoted frames to verify",
    "frames from afar to verify",
];
