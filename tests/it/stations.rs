//! Several stations on one virtual clock and an ideal link: the harness of the tests about the node.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, CredentialRequest, Event, Fix, Identity, Input, Instant,
    KeyPair, Node, Output, Permissions, Position, ReceivedFrame, TimerKind, TrustStore, WireTime, issue,
    make_root,
};
use v2x_recording::transcript;

/// Wire time at the start of every test: some day in 2026.
pub const START: WireTime = WireTime::from_micros(720_000_000_000_000);
/// Where stations stand unless told otherwise.
pub const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

/// An authority for tests: keys from small numbers, never for the road.
pub struct Authority {
    pub root: Bytes,
    pub issuer: Bytes,
    pub issuer_key: SigningKey,
}

impl Authority {
    pub fn new() -> Self {
        let root_key = SigningKey::from_bytes(&[1; 32]);
        let issuer_key = SigningKey::from_bytes(&[2; 32]);
        let not_before_s = (START.as_micros() / 1_000_000) as u32 - 3600;
        let root = make_root(&root_key, Permissions(u64::MAX), not_before_s, 60 * 24).unwrap();
        let request = CredentialRequest {
            public_key: issuer_key.verifying_key().to_bytes(),
            permissions: Permissions(u64::MAX),
            not_before_s,
            duration_min: 60 * 24,
            region: None,
            station_class: 1,
            revocation_series: 0,
        };
        let issuer = issue(&root, &root_key, &request).unwrap();
        Self { root, issuer, issuer_key }
    }

    pub fn trust(&self) -> TrustStore {
        TrustStore::new(std::slice::from_ref(&self.root), std::slice::from_ref(&self.issuer)).unwrap()
    }

    /// The identity of station `number`, with every permission a station may have.
    pub fn identity(&self, number: u8) -> Identity {
        self.identity_with(number, Permissions(u64::MAX).without(Permissions::ISSUE))
    }

    pub fn identity_with(&self, number: u8, permissions: Permissions) -> Identity {
        let request = CredentialRequest { permissions, ..Self::request(&Self::key(number)) };
        self.identity_as(number, &request)
    }

    /// The identity of station `number`, with a credential as `request` says.
    pub fn identity_as(&self, number: u8, request: &CredentialRequest) -> Identity {
        Identity::new(self.issue(request), Box::new(KeyPair::from(Self::key(number)))).unwrap()
    }

    pub fn issue(&self, request: &CredentialRequest) -> Bytes {
        issue(&self.issuer, &self.issuer_key, request).unwrap()
    }

    /// The key of station `number`.
    pub fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[100 + number; 32])
    }

    /// What stations ask for: every permission they may have, from a minute ago, for two hours.
    pub fn request(key: &SigningKey) -> CredentialRequest {
        CredentialRequest {
            public_key: key.verifying_key().to_bytes(),
            permissions: Permissions(u64::MAX).without(Permissions::ISSUE),
            not_before_s: (START.as_micros() / 1_000_000) as u32 - 60,
            duration_min: 120,
            region: None,
            station_class: 2,
            revocation_series: 0,
        }
    }
}

/// A node with what it said.
pub struct Station {
    pub node: Node,
    pub events: Vec<Event>,
    pub frames: Vec<Bytes>,
    pub transcript: Vec<u8>,
    pub deadline: (Instant, TimerKind),
    pub address: [u8; 6],
}

impl Station {
    pub fn new(number: u8, config: Config) -> Self {
        let authority = Authority::new();
        Self::with(number, Node::new(config, authority.identity(number), authority.trust(), 7, anchor()))
    }

    pub fn with(number: u8, node: Node) -> Self {
        let mut station = Self {
            node,
            events: Vec::new(),
            frames: Vec::new(),
            transcript: Vec::new(),
            deadline: (Instant::ZERO, TimerKind::Idle),
            address: [2, 0, 0, 0, 0, number],
        };
        station.drain();
        station
    }

    /// A listener that never sends of its own accord.
    pub fn silent(number: u8) -> Self {
        let mut station = Self::new(number, Config { awareness: AwarenessRule::Off, ..Config::vehicle() });
        station.start(Instant::ZERO, PLACE);
        station
    }

    /// Says `Timeout` at every deadline up to `end`, and renews the position by `place` every 100 ms.
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

    /// Gives clock and position.
    pub fn start(&mut self, now: Instant, place: Position) {
        let wire = anchor().wire_at(now);
        self.feed(now, Input::Clock { wire, state: ClockState::Locked });
        self.feed(now, fix(now, place));
    }

    /// Feeds one input and drains, as the contract asks; frames sent are returned.
    pub fn feed(&mut self, now: Instant, input: Input) -> Vec<Bytes> {
        self.node.handle_input(now, input);
        self.drain()
    }

    /// Feeds a frame and says `Timeout` until no verification waits.
    pub fn hear(&mut self, now: Instant, bytes: &Bytes) {
        self.hear_from(now, bytes, [2, 0, 0, 0, 0, 99]);
    }

    pub fn hear_from(&mut self, now: Instant, bytes: &Bytes, link_source: [u8; 6]) {
        self.feed(now, frame(bytes, link_source));
        self.verify(now);
    }

    pub fn verify(&mut self, now: Instant) {
        // Demoted frames have their turns later.
        while matches!(self.deadline.1, TimerKind::Verify | TimerKind::Demoted) {
            self.feed(self.deadline.0.max(now), Input::Timeout);
        }
    }

    fn drain(&mut self) -> Vec<Bytes> {
        let mut sent = Vec::new();
        loop {
            let output = self.node.poll_output();
            transcript::write(&output, &mut self.transcript);
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Transmit(transmit) => sent.push(transmit.bytes),
                Output::Timeout(at, kind) => {
                    self.deadline = (at, kind);
                    self.frames.extend(sent.iter().cloned());
                    return sent;
                }
            }
        }
    }

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

/// Stations that all hear each other after a fixed delay.
pub struct Street {
    pub stations: Vec<Station>,
    pub now: Instant,
    air: VecDeque<(Instant, usize, Bytes)>,
    pub delay: Duration,
    /// A station that nobody hears, and that hears nobody.
    pub away: Option<usize>,
    /// Says `Timeout` this often besides the deadlines, to prove that it changes nothing.
    pub extra_timeouts: Option<Duration>,
}

impl Street {
    pub fn new(count: u8) -> Self {
        let stations = (0..count).map(|number| Station::new(number, Config::vehicle())).collect();
        Self {
            stations,
            now: Instant::ZERO,
            air: VecDeque::new(),
            delay: Duration::from_micros(500),
            away: None,
            extra_timeouts: None,
        }
    }

    /// Runs to `end`, sleeping exactly to deadlines; positions are renewed every 100 ms.
    pub fn run(&mut self, end: Instant) {
        let mut next_fix = self.now;
        let mut next_extra = self.extra_timeouts.map(|step| self.now + step);
        let mut steps = 0u32;
        while self.now <= end {
            steps += 1;
            assert!(steps < 10_000_000, "no progress at {:?}", self.now);
            let deadlines = self.stations.iter().map(|station| station.deadline.0);
            let arrival = self.air.front().map(|(at, ..)| *at);
            let next = deadlines.chain(arrival).chain(next_extra).fold(next_fix, Instant::min);
            self.now = self.now.max(next);
            if self.now > end {
                return;
            }
            if self.now >= next_fix {
                self.renew_fixes();
                next_fix = next_fix + Duration::from_millis(100);
            } else if next_extra.is_some_and(|at| self.now >= at) {
                next_extra = next_extra.zip(self.extra_timeouts).map(|(at, step)| at + step);
                for index in 0..self.stations.len() {
                    // Waiting verifications are due now, so this timeout would not be early for them.
                    if self.stations[index].deadline.0 > self.now {
                        self.feed(index, Input::Timeout);
                    }
                }
            } else if arrival.is_some_and(|at| self.now >= at) {
                self.arrive();
            } else {
                for index in 0..self.stations.len() {
                    if self.stations[index].deadline.0 <= self.now {
                        self.feed(index, Input::Timeout);
                    }
                }
            }
        }
    }

    fn renew_fixes(&mut self) {
        for index in 0..self.stations.len() {
            // Each drives north at 15 m/s, 20 m behind the one before.
            let metres = self.now.as_nanos() as f64 * 15e-9 - index as f64 * 20.0;
            if self.now == Instant::ZERO {
                let wire = anchor().wire_at(self.now);
                self.feed(index, Input::Clock { wire, state: ClockState::Locked });
            }
            self.feed(index, fix(self.now, PLACE.moved(0.0, metres)));
        }
    }

    fn feed(&mut self, index: usize, input: Input) {
        let at = self.now + self.delay;
        for bytes in self.stations[index].feed(self.now, input) {
            if self.away != Some(index) {
                self.air.push_back((at, index, bytes));
            }
        }
    }

    fn arrive(&mut self) {
        let Some((_, sender, bytes)) = self.air.pop_front() else { return };
        let source = self.stations[sender].address;
        let away = self.away;
        for index in (0..self.stations.len()).filter(|index| *index != sender && Some(*index) != away) {
            self.feed(index, frame(&bytes, source));
        }
    }
}

pub fn anchor() -> Anchor {
    Anchor { instant: Instant::ZERO, wire: START }
}

pub fn fix(now: Instant, position: Position) -> Input {
    Input::Fix(Some(Fix {
        position,
        altitude_cm: None,
        speed: Some(1500),
        heading: Some(0),
        acceleration: Some(0),
        yaw_rate: None,
        accuracy_cm: Some(150),
        time: anchor().wire_at(now),
    }))
}

pub fn frame(bytes: &Bytes, link_source: [u8; 6]) -> Input {
    Input::Frame(ReceivedFrame {
        bytes: bytes.clone(),
        link_source,
        kernel_receive: None,
        user_receive: None,
        signal_dbm: None,
    })
}
