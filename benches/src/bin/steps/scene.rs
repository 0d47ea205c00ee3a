//! A station whose tables are full, and the frames that it is given.

use core::time::Duration;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use prost::Message as _;
use testkit::draft::{Draft, Stander};
use testkit::{Authority, PLACE, START, anchor, fix, hazard};
use v2x_core::{
    BeaconTags, ClockState, Config, Event, FloodName, Host, Input, Instant, Node, Output, ReceivedFrame,
    RevocationRequest, TableFill, Way, WireTime, limits, revoke,
};
use v2x_proto::envelope::{SignedView, encode_signed};
use v2x_proto::payload::FloodTags;
use v2x_proto::{cause, hop, v1};

use crate::meter::Meter;

/// A host that takes every signature for valid but those of [`forged`]: steps of a signature check are the same for all
/// frames, and would hide the rest.
#[derive(Debug)]
struct Counting;

impl Host for Counting {
    fn verify(&mut self, _key: &VerifyingKey, _message: &[u8], signature: &[u8; 64]) -> bool {
        signature[63] != FORGED
    }
}

/// The frame with a signature that does not hold.
pub fn forged(mut frame: Vec<u8>) -> Vec<u8> {
    // The signature of a draft ends in the only run of these bytes that is as long.
    let run = [DRAFT; 16];
    let found = frame.windows(run.len()).rposition(|window| window == run);
    if let Some(end) = found.map(|start| start + run.len() - 1) {
        frame[end] = FORGED;
    }
    frame
}

/// What became of one frame, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Name of its end: that of a drop reason, or `received`.
    pub end: &'static str,
    /// Steps until it waited or was dropped.
    pub admission: u64,
    /// Steps of the turns until it had its end.
    pub verification: u64,
    /// Length of the frame, bytes.
    pub length: usize,
}

impl Cost {
    /// All steps.
    pub fn total(&self) -> u64 {
        self.admission + self.verification
    }
}

/// A station, and everybody it heard.
#[derive(Debug)]
pub struct Scene {
    node: Node,
    /// Virtual time.
    pub now: Instant,
    deadline: Instant,
    /// The neighbours.
    pub standers: Vec<Stander>,
    /// Stations it has not heard yet, with their credentials.
    pub newcomers: Vec<Stander>,
    authority: Authority,
    foreign: Authority,
    /// Numbers of messages: each greater than all before.
    sequence: u32,
    /// The floods it holds.
    floods: Vec<Draft>,
    ended: Vec<&'static str>,
}

impl Scene {
    /// A station that knows as many neighbours, floods and events as it has room for.
    pub fn full() -> Self {
        let mut scene = Self::quiet();
        scene.fill();
        scene
    }

    /// A station that knows as many neighbours as it has room for, and nothing else.
    pub fn quiet() -> Self {
        let authority = Authority::new();
        let standers: Vec<_> =
            (1..=limits::NEIGHBOURS as u32).map(|number| Stander::new(&authority, number)).collect();
        let newcomers =
            (0..NEWCOMERS).map(|number| Stander::new(&authority, 1_000 + number)).collect::<Vec<_>>();
        let node = Node::with_host(
            Config::vehicle(),
            authority.identity(0),
            authority.trust.clone(),
            1,
            anchor(),
            Box::new(Counting),
        );
        let sequence = 1000;
        let (now, deadline) = (Instant::ZERO, Instant::ZERO);
        let mut scene = Self {
            node,
            now,
            deadline,
            standers,
            newcomers,
            authority,
            foreign: Authority::numbered(2),
            sequence,
            floods: Vec::new(),
            ended: Vec::new(),
        };
        scene.input(Input::Clock { wire: START, state: ClockState::Locked });
        scene.input(fix(scene.now, PLACE));
        scene.meet();
        scene
    }

    fn meet(&mut self) {
        for n in 0..self.standers.len() {
            let stander = self.standers[n].clone();
            let beacon = self.beacon(n).in_full(&stander.credential).bytes();
            self.hear(beacon, stander.link);
            self.pass(Duration::from_millis(9));
        }
        self.refresh();
    }

    fn fill(&mut self) {
        // Sixteen floods each of sixteen stations, and the events of forty more.
        for round in 0..16 {
            for n in 0..52 {
                let flood = self.flood(n, 100 + round);
                if n < 16 {
                    self.hear_draft(&flood);
                    self.floods.push(flood);
                } else {
                    self.hear_draft(&one_hop(flood));
                }
                self.pass(Duration::from_millis(11));
            }
        }
        self.refresh();
    }

    /// Every neighbour is heard again, before it is forgotten.
    pub fn refresh(&mut self) {
        self.input(fix(self.now, PLACE));
        for n in 0..self.standers.len() {
            let beacon = self.beacon(n);
            self.hear_draft(&beacon);
            self.pass(Duration::from_micros(500));
        }
    }

    /// The fill of the tables whose names begin so.
    pub fn tables(&self) -> impl Iterator<Item = TableFill> {
        self.node.tables()
    }

    /// The wire clock.
    pub fn wire(&self) -> WireTime {
        anchor().wire_at(self.now)
    }

    /// The next beacon of a neighbour.
    pub fn beacon(&mut self, n: usize) -> Draft {
        self.sequence += 1;
        self.standers[n % self.standers.len()].beacon(self.sequence, self.wire())
    }

    /// A new event of a neighbour, about a kilometre wide and with five hops.
    pub fn flood(&mut self, n: usize, number: u32) -> Draft {
        self.sequence += 1;
        let wire = self.wire();
        let stander = &self.standers[n % self.standers.len()];
        let payload = v1::Hazard {
            cause: cause::ACCIDENT.into(),
            validity_s: Some(600),
            ..hazard::new(stander.digest, number, stander.position, wire)
        };
        Draft { payload: payload.encode_to_vec(), lifetime_ms: 600_000, ..stander.flood(self.sequence, wire) }
    }

    /// What this beacon calls the floods that the station holds: as many as a beacon names.
    pub fn tags(&self, beacon: &Draft) -> Vec<u32> {
        let tags = BeaconTags::new(&beacon.digest, beacon.wire);
        let names = self.floods.iter().rev().filter_map(|flood| FloodName::in_frame(&flood.bytes()));
        let mut tags: Vec<_> = names.take(FloodTags::MAX).map(|name| tags.tag(name)).collect();
        tags.sort_unstable();
        tags
    }

    /// One of the floods that it holds.
    pub fn held(&self, n: usize) -> Draft {
        self.floods[n % self.floods.len()].clone()
    }

    /// The credential of a station under an issuer that it does not know.
    pub fn foreign(&self, n: usize) -> Bytes {
        self.foreign.credential(n as u32 % 10_000)
    }

    /// A revocation delta of the issuer that it knows.
    ///
    /// # Panics
    ///
    /// The request breaks a rule.
    pub fn delta(&self, request: &RevocationRequest) -> Vec<u8> {
        revoke(&self.authority.issuer, &self.authority.issuer_key, request).expect("a valid request").to_vec()
    }

    /// Gives the station a frame and lets it come to its end.
    ///
    /// # Panics
    ///
    /// The counters cannot be read.
    pub fn measure(&mut self, meter: &mut Meter, frame: Vec<u8>, link: [u8; 6]) -> Cost {
        let length = frame.len();
        let before = self.ended.len();
        let input = received(frame, link);
        let admission = meter.steps(|| self.input(input)).expect("it was read before").1;
        let mut verification = 0;
        // Held frames wait for a quarter of a second, demoted ones for their turn.
        let until = self.now + HOLD;
        while self.ended.len() == before && self.deadline <= until {
            self.now = self.now.max(self.deadline);
            verification = meter.steps(|| self.input(Input::Timeout)).expect("it was read before").1;
        }
        let end = self.ended.last().copied().filter(|_| self.ended.len() > before).unwrap_or("waits");
        self.ended.clear();
        Cost { end, admission, verification, length }
    }

    /// The steps of a frame's admission alone, while what waits before it stays where it is.
    ///
    /// # Panics
    ///
    /// The counters cannot be read.
    pub fn admit(&mut self, meter: &mut Meter, frame: Vec<u8>, link: [u8; 6]) -> Cost {
        let (length, before) = (frame.len(), self.ended.len());
        let input = received(frame, link);
        let admission = meter.steps(|| self.input(input)).expect("it was read before").1;
        let end = self.ended.get(before).copied().unwrap_or("waits");
        Cost { end, admission, verification: 0, length }
    }

    /// Gives the station a frame.
    pub fn hear(&mut self, frame: Vec<u8>, link: [u8; 6]) {
        self.input(received(frame, link));
    }

    fn hear_draft(&mut self, draft: &Draft) {
        self.hear(draft.bytes(), draft.link);
    }

    /// Time passes, each deadline kept.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.deadline <= end {
            self.now = self.now.max(self.deadline);
            self.input(Input::Timeout);
        }
        self.now = end;
        self.ended.clear();
    }

    fn input(&mut self, input: Input) {
        self.node.handle_input(self.now, input);
        loop {
            match self.node.poll_output() {
                Output::Event(Event::Received(_)) => self.ended.push("received"),
                Output::Event(Event::Dropped(dropped)) => self.ended.push(dropped.reason.name()),
                Output::Timeout(at, _) => {
                    self.deadline = at;
                    return;
                }
                Output::Event(_) | Output::Transmit(_) => {}
            }
        }
    }
}

/// The draft as a message of one hop.
pub fn one_hop(draft: Draft) -> Draft {
    let flags = hop::Flags { multi_hop: false, ..draft.header.flags };
    let header = hop::HopHeader { flags, remaining_hops: 1, ..draft.header };
    Draft { header, max_hops: 1, ..draft }
}

/// The frame with bytes behind its signed fields, which are signed too.
pub fn with_behind(frame: &[u8], behind: &[u8]) -> Vec<u8> {
    let parts = hop::parse(frame).ok().and_then(|(header, length)| {
        let signed = SignedView::parse(&frame[length..]).ok()?;
        Some((header, signed))
    });
    let Some((header, signed)) = parts.filter(|_| !behind.is_empty()) else { return frame.to_vec() };
    let tbs = [signed.tbs, behind].concat();
    let mut out = Vec::new();
    header.encode(&mut out);
    encode_signed(&mut out, &tbs, signed.signature, signed.signer);
    out
}

fn received(frame: Vec<u8>, link_source: [u8; 6]) -> Input {
    Input::Frame(ReceivedFrame {
        bytes: Bytes::from(frame),
        link_source,
        kernel_receive: None,
        user_receive: None,
        signal_dbm: None,
        way: Way::Air,
    })
}

const NEWCOMERS: u32 = 400;
const HOLD: Duration = Duration::from_millis(300);
/// What a draft's signature is made of but for its first bytes.
const DRAFT: u8 = 0x55;
const FORGED: u8 = 0x56;
