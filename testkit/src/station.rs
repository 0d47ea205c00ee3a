//! One station under test, with everything it put out.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use v2x_core::{AwarenessRule, ClockState, Config, Event, Input, Instant, Node, Output, Position, TimerKind};

use crate::Authority;
use crate::drive::drain;
use crate::start::{PLACE, address, anchor, fix, frame};

/// A node, drained after every input, with all its outputs.
#[derive(Debug)]
pub struct Station {
    /// The node itself.
    pub node: Node,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// Its transmitted frames, in order.
    pub frames: Vec<Bytes>,
    /// All its outputs, as [`transcribe`](Self::transcribe) writes them.
    pub transcript: Vec<u8>,
    /// Writes each output to the transcript; does nothing unless a test enables it.
    pub transcribe: fn(&Output, &mut Vec<u8>),
    /// Its next deadline, and the reason.
    pub deadline: (Instant, TimerKind),
    /// Its link address.
    pub address: [u8; 6],
}

impl Station {
    /// Station `number` of the usual [`Authority`].
    pub fn new(number: u32, config: Config) -> Self {
        let authority = Authority::new();
        let identity = authority.identity(number);
        Self::with(number, Node::new(config, identity, authority.trust.clone(), 7, anchor()))
    }

    /// A node made by the test, at the address of station `number`.
    pub fn with(number: u32, node: Node) -> Self {
        let mut station = Self {
            node,
            events: Vec::new(),
            frames: Vec::new(),
            transcript: Vec::new(),
            transcribe: |_, _| {},
            deadline: (Instant::ZERO, TimerKind::Idle),
            address: address(number),
        };
        station.drain();
        station
    }

    /// A listener that never sends of its own accord.
    pub fn silent(number: u32) -> Self {
        let mut station = Self::new(number, Config { awareness: AwarenessRule::Off, ..Config::vehicle() });
        station.start(Instant::ZERO, PLACE);
        station
    }

    /// Sends `Timeout` at every deadline up to `end`, and renews the position by `place` every 100 ms.
    /// Returns what was sent, and when.
    pub fn drive(
        &mut self,
        from: Instant,
        end: Instant,
        place: impl Fn(Instant) -> Input,
    ) -> Vec<(Instant, Bytes)> {
        let mut sent = Vec::new();
        let mut next_fix = from;
        loop {
            let now = self.deadline.0.min(next_fix).max(from);
            if now > end {
                return sent;
            }
            let input = if now >= next_fix {
                next_fix = next_fix + Duration::from_millis(100);
                place(now)
            } else {
                Input::Timeout
            };
            sent.extend(self.feed(now, input).into_iter().map(|bytes| (now, bytes)));
        }
    }

    /// Sets clock and position.
    pub fn start(&mut self, now: Instant, place: Position) {
        let wire = anchor().wire_at(now);
        self.feed(now, Input::Clock { wire, state: ClockState::Locked });
        self.feed(now, fix(now, place));
    }

    /// Feeds one input and drains, as the contract requires; transmitted frames are returned.
    pub fn feed(&mut self, now: Instant, input: Input) -> Vec<Bytes> {
        self.node.handle_input(now, input);
        self.drain()
    }

    /// Feeds a frame and sends `Timeout` until no verification waits.
    pub fn hear(&mut self, now: Instant, bytes: &Bytes) {
        self.hear_from(now, bytes, address(99));
    }

    /// The same from another address.
    pub fn hear_from(&mut self, now: Instant, bytes: &Bytes, link_source: [u8; 6]) {
        self.feed(now, frame(bytes, link_source));
        self.verify(now);
    }

    /// Sends `Timeout` until no verification waits.
    pub fn verify(&mut self, now: Instant) {
        // Demoted frames have their turns later.
        while matches!(self.deadline.1, TimerKind::Verify | TimerKind::Demoted | TimerKind::Afar) {
            self.feed(self.deadline.0.max(now), Input::Timeout);
        }
    }

    fn drain(&mut self) -> Vec<Bytes> {
        let mut sent = Vec::new();
        let Self { node, events, transcript, transcribe, .. } = self;
        self.deadline = drain(node, |output| {
            transcribe(&output, transcript);
            match output {
                Output::Event(event) => events.push(event),
                Output::Transmit(transmit) => sent.push(transmit.bytes),
                Output::Timeout(..) => {}
            }
        });
        self.frames.extend(sent.iter().cloned());
        sent
    }

    /// Messages delivered so far.
    pub fn received(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Received(_))).count()
    }

    /// Drops so far, by name.
    pub fn drops(&self) -> BTreeMap<&'static str, usize> {
        let mut drops = BTreeMap::new();
        for event in &self.events {
            if let Event::Dropped(dropped) = event {
                *drops.entry(dropped.reason.name()).or_default() += 1;
            }
        }
        drops
    }

    /// The name of the last drop.
    pub fn last_drop(&self) -> Option<&'static str> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Dropped(dropped) => Some(dropped.reason.name()),
            _ => None,
        })
    }
}
