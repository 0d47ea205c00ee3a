//! Simulated field: many standing stations, with any links between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::{SigningKey, VerifyingKey};
use prost::Message as _;
use v2x_core::{
    AwarenessRule, ClockState, Config, Event, Fix, Forwarded, Host, Identity, Input, Instant, KeyPair,
    MessageId, Node, Output, Position, Scheme, SendRequest, Transmit, strict,
};
use v2x_proto::link::AccessCategory;
use v2x_proto::{AreaView, Class, v1};

use crate::drive::drain;
use crate::start::{PLACE, address, anchor, fix, frame};
use crate::{Authority, hazard};

/// Verifies each signature once for all stations.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<BTreeMap<[u8; 64], bool>>>);

impl Host for Shared {
    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        // No station here sends one signature under two messages.
        *self
            .0
            .lock()
            .expect("no verification panics")
            .entry(*signature)
            .or_insert_with(|| strict(key, message, signature))
    }
}

/// Creates identities once: a thousand tests use the same few keys.
#[derive(Debug, Default)]
pub struct Crew {
    credentials: BTreeMap<u32, Bytes>,
    shared: Shared,
}

impl Crew {
    /// A host that verifies each signature once for all stations of the crew.
    pub fn host(&self) -> Box<dyn Host> {
        Box::new(self.shared.clone())
    }

    fn identity(&mut self, authority: &Authority, number: u32) -> Identity {
        let key = key(number);
        let credential =
            self.credentials.entry(number).or_insert_with(|| authority.issue(&Authority::request(&key)));
        Identity::new(credential.clone(), Box::new(KeyPair::from(key)))
            .expect("invariant: the credential was issued for this key")
    }
}

/// Not the keys of [`Authority::key`]: a crafter under such a key is none of the field's stations.
fn key(number: u32) -> SigningKey {
    let mut secret = [0x33; 32];
    secret[..4].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&secret)
}

/// Which station hears which: from, to, and the number of the transmission.
pub type Links<'a> = dyn Fn(usize, usize, u64) -> bool + 'a;

/// Stations and the frames on the air between them.
#[derive(Debug)]
pub struct Field {
    /// The stations' nodes.
    pub nodes: Vec<Node>,
    /// Where they stand, metres east and north of [`PLACE`].
    pub places: Vec<(f64, f64)>,
    /// Virtual time.
    pub now: Instant,
    /// Reported events: time, station, event.
    pub events: Vec<(Instant, usize, Event)>,
    /// Frames of floods on the air: time, sender, frame.
    pub floods: Vec<(Instant, usize, Bytes)>,
    /// How each of them accesses the channel.
    pub accesses: Vec<AccessCategory>,
    /// Everything the nodes put on the air, with time and sender, for a test that begins such a list.
    pub aired: Option<Vec<(Instant, usize, Transmit)>>,
    /// Stations that are not up hear nothing and get no input.
    pub up: Vec<bool>,
    /// Stations that get their positions from the test.
    pub moving: Vec<usize>,
    deadlines: Vec<Instant>,
    air: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    frames: BTreeMap<u64, (usize, Bytes, [u8; 6])>,
    sent: u64,
    next_fix: Instant,
}

impl Field {
    /// Stations at `places` (metres east and north), each with an awareness message a second.
    pub fn new(crew: &mut Crew, places: Vec<(f64, f64)>, scheme: Scheme) -> Self {
        Self::with(crew, places, |_| Config {
            awareness: AwarenessRule::Every(Duration::from_secs(1)),
            forwarding: scheme,
            test: true,
            plausibility: v2x_core::Plausibility::Off,
            ..Config::vehicle()
        })
    }

    /// The same, each with a configuration of its own.
    pub fn with(crew: &mut Crew, places: Vec<(f64, f64)>, config: impl Fn(usize) -> Config) -> Self {
        let authority = Authority::new();
        let nodes: Vec<Node> = (0..places.len())
            .map(|number| {
                let identity = crew.identity(&authority, number as u32);
                let host = Box::new(crew.shared.clone());
                Node::with_host(config(number), identity, authority.trust.clone(), 7, anchor(), host)
            })
            .collect();
        Self::of(nodes, places)
    }

    /// These nodes, which have had no input, at `places`.
    pub fn of(nodes: Vec<Node>, places: Vec<(f64, f64)>) -> Self {
        let count = nodes.len();
        let mut field = Self {
            nodes,
            places,
            now: Instant::ZERO,
            events: Vec::new(),
            floods: Vec::new(),
            accesses: Vec::new(),
            aired: None,
            up: vec![true; count],
            moving: Vec::new(),
            deadlines: vec![Instant::ZERO; count],
            air: BinaryHeap::new(),
            frames: BTreeMap::new(),
            sent: 0,
            next_fix: Instant::ZERO,
        };
        for station in 0..count {
            let clock = Input::Clock { wire: anchor().wire, state: ClockState::Locked };
            field.feed(station, clock);
        }
        field
    }

    /// Where a station stands.
    pub fn place(&self, station: usize) -> Position {
        let (east, north) = self.places[station];
        PLACE.moved(east, north)
    }

    /// Metres between two stations.
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        let ((ax, ay), (bx, by)) = (self.places[a], self.places[b]);
        (ax - bx).hypot(ay - by)
    }

    /// Runs everything up to `end`.
    pub fn run(&mut self, end: Instant, links: &Links<'_>) {
        while self.now <= end {
            let due = self.deadlines.iter().zip(&self.up).filter(|(_, up)| **up).map(|(at, _)| *at).min();
            let arrival = self.air.peek().map(|Reverse((at, ..))| *at);
            let next = due.into_iter().chain(arrival).fold(self.next_fix, Instant::min).max(self.now);
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            if arrival.is_some_and(|at| at <= next) {
                self.arrive(links);
            } else if self.next_fix <= next {
                self.next_fix = next + Duration::from_millis(500);
                for station in 0..self.nodes.len() {
                    if !self.moving.contains(&station) {
                        let place = fix_at(self.now, self.place(station));
                        self.feed(station, place);
                    }
                }
            } else {
                for station in 0..self.nodes.len() {
                    if self.up[station] && self.deadlines[station] <= next {
                        self.feed(station, Input::Timeout);
                    }
                }
            }
        }
    }

    fn arrive(&mut self, links: &Links<'_>) {
        let Some(Reverse((_, number, sender))) = self.air.pop() else { return };
        let (_, bytes, link_source) =
            self.frames.remove(&number).expect("invariant: what is on the air is kept");
        for station in 0..self.nodes.len() {
            if station != sender && self.up[station] && links(sender, station, number) {
                self.hear(station, &bytes, link_source);
            }
        }
    }

    /// A station hears a frame from an address.
    pub fn hear(&mut self, station: usize, bytes: &Bytes, link_source: [u8; 6]) {
        self.feed(station, frame(bytes, link_source));
        while self.deadlines[station] <= self.now {
            self.feed(station, Input::Timeout);
        }
    }

    /// Gives a station an input now.
    pub fn feed(&mut self, station: usize, input: Input) {
        let node = &mut self.nodes[station];
        node.handle_input(self.now, input);
        let mut sent = Vec::new();
        (self.deadlines[station], _) = drain(node, |output| match output {
            Output::Event(event) => self.events.push((self.now, station, event)),
            Output::Transmit(frame) => sent.push(frame),
            Output::Timeout(..) => {}
        });
        for frame in sent {
            if frame.class == Class::D3 || frame.class == Class::D0 {
                self.floods.push((self.now, station, frame.bytes.clone()));
                self.accesses.push(frame.access());
            }
            let link = frame.source.unwrap_or(address(station as u32));
            self.shout_as(station, frame.bytes.clone(), link);
            if let Some(aired) = &mut self.aired {
                aired.push((self.now, station, frame));
            }
        }
    }

    /// A station puts a frame on the air that its node does not know of.
    pub fn shout(&mut self, station: usize, bytes: Bytes) {
        self.shout_as(station, bytes, address(station as u32));
    }

    /// Somebody puts a frame on the air under any address. A `sender` that is none of the stations is heard where the links
    /// say.
    pub fn shout_as(&mut self, sender: usize, bytes: Bytes, link_source: [u8; 6]) {
        self.sent += 1;
        self.frames.insert(self.sent, (sender, bytes, link_source));
        self.air.push(Reverse((self.now + AIRTIME, self.sent, sender)));
    }

    /// Times at which a message was delivered, by station, in order of station.
    pub fn delivered(&self, id: MessageId) -> BTreeMap<usize, Vec<Instant>> {
        let mut delivered: BTreeMap<usize, Vec<Instant>> = BTreeMap::new();
        for (at, station, event) in &self.events {
            if matches!(event, Event::Received(received) if received.id == id) {
                delivered.entry(*station).or_default().push(*at);
            }
        }
        delivered
    }

    /// The last message of a class that a station sent.
    ///
    /// # Panics
    ///
    /// It sent none.
    pub fn last_sent(&self, station: usize, class: Class) -> MessageId {
        let sent = self.events.iter().rev().find_map(|(_, who, event)| match event {
            Event::Sent(sent) if *who == station && sent.id.class == class => Some(sent.id),
            _ => None,
        });
        sent.expect("the station sent a message of this class")
    }

    /// Messages forwarded by stations, in order.
    pub fn forwarded(&self) -> Vec<(Instant, usize, Forwarded)> {
        let forwarded = self.events.iter().filter_map(|(at, station, event)| match event {
            Event::Forwarded(forwarded) => Some((*at, *station, *forwarded)),
            _ => None,
        });
        forwarded.collect()
    }
}

/// A hazard for the area, declared by a station.
pub fn flood(
    origin: &Field,
    station: usize,
    area: Option<AreaView>,
    max_hops: u8,
    lifetime_ms: u32,
) -> Input {
    let number = (origin.now.as_nanos() / 1000) as u32;
    let wire = anchor().wire_at(origin.now);
    let hazard = hazard::new(origin.nodes[station].digest(), number, origin.place(station), wire);
    Input::Send(SendRequest {
        to: None,
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms,
        max_hops,
        area,
        subject: 0,
        due: None,
        token: None,
        payload: hazard.encode_to_vec().into(),
    })
}

fn fix_at(now: Instant, place: Position) -> Input {
    let Input::Fix(Some(fix)) = fix(now, place) else { unreachable!("a fix") };
    Input::Fix(Some(Fix { speed: Some(0), ..fix }))
}

/// Airtime of a hazard with its credential.
const AIRTIME: Duration = Duration::from_micros(560);
