//! Vehicles on rings about one point, each a real [`Node`], sending what the awareness rules give.

use core::time::Duration;

use ed25519_dalek::VerifyingKey;
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, Event, Fix, Identity, Input, Instant, Node, Output, Position,
    TrustStore, WireTime, signing_input,
};
use v2x_proto::envelope::SignedView;
use v2x_proto::hop;

use testkit::drive::drain;
use testkit::{Authority, PLACE, address, anchor};

/// Vehicles that drive and send.
#[derive(Debug)]
pub struct Fleet {
    vehicles: Vec<Vehicle>,
    now: Instant,
}

/// What the vehicles of a fleet have in common.
#[derive(Clone, Debug)]
pub struct Common {
    /// Whom they trust.
    pub trust: TrustStore,
    /// When they begin, and what time of the wire that is.
    pub anchor: Anchor,
    /// When they send.
    pub awareness: AwarenessRule,
}

/// One frame with all that a bare verification of it needs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it was sent.
    pub at: Instant,
    /// Hop header and signed message.
    pub frame: Vec<u8>,
    /// Sender's link address.
    pub link: [u8; 6],
    /// What its signature covers.
    pub signed: Vec<u8>,
    /// Its signature.
    pub signature: [u8; 64],
    /// The key it holds under, decompressed.
    pub key: VerifyingKey,
    /// Whether the whole credential travels in it.
    pub full_credential: bool,
}

impl Fleet {
    /// `count` vehicles with credentials 1..=count.
    pub fn new(authority: &Authority, count: u32) -> Self {
        let (trust, anchor) = (authority.trust.clone(), anchor());
        let common = Common { trust, anchor, awareness: Config::vehicle().awareness };
        Self::of((1..=count).map(|number| authority.identity(number)), &common)
    }

    /// A vehicle for each identity.
    pub fn of(identities: impl IntoIterator<Item = Identity>, common: &Common) -> Self {
        let numbered = (1..).zip(identities);
        let vehicles = numbered.map(|(number, identity)| Vehicle::new(identity, number, common)).collect();
        Self { vehicles, now: common.anchor.instant }
    }

    /// Drives on for `time`; returns what was sent, in the order of sending.
    pub fn drive(&mut self, time: Duration) -> Vec<Sample> {
        let until = self.now + time;
        let mut samples = Vec::new();
        for vehicle in &mut self.vehicles {
            vehicle.drive(until, &mut samples);
        }
        self.now = until;
        samples.sort_by_key(|sample| (sample.at, sample.link));
        samples
    }
}

/// The centre of all rings.
pub const CENTRE: Position = PLACE;

/// A fix of a vehicle `angle` radians round a ring of `radius` metres, at `speed` m/s.
pub fn fix_on_ring(radius: f64, angle: f64, speed: f64, time: WireTime) -> Fix {
    let (sin, cos) = angle.sin_cos();
    let heading = (angle.to_degrees() + 90.0).rem_euclid(360.0);
    Fix {
        position: CENTRE.moved(radius * sin, radius * cos),
        altitude_cm: Some(25_000),
        speed: Some((speed * 100.0) as u16),
        heading: Some((heading * 10.0) as u16 % 3600),
        acceleration: Some(0),
        yaw_rate: Some(-((speed / radius).to_degrees() * 100.0) as i16),
        accuracy_cm: Some(80),
        time,
    }
}

#[derive(Debug)]
struct Vehicle {
    node: Node,
    anchor: Anchor,
    hash: [u8; 32],
    key: VerifyingKey,
    link: [u8; 6],
    radius: f64,
    speed: f64,
    start_angle: f64,
    next_fix: Instant,
}

impl Vehicle {
    fn new(identity: Identity, number: u32, common: &Common) -> Self {
        let Common { trust, anchor, awareness } = common.clone();
        let (hash, key) = (*identity.hash(), *identity.key());
        let config = Config { awareness, ..Config::vehicle() };
        let mut node = Node::new(config, identity, trust, 1, anchor);
        node.handle_input(anchor.instant, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        let spread = f64::from(number) * 0.618_033_988_75;
        Self {
            node,
            anchor,
            hash,
            key,
            link: address(number),
            radius: 60.0 + 340.0 * spread.fract(),
            // Walking pace in a jam to a fast arterial.
            speed: 4.0 + 22.0 * (spread * 7.0).fract(),
            start_angle: f64::from(number),
            next_fix: anchor.instant,
        }
    }

    /// A fix every 100 ms, and the node's own timers between them.
    fn drive(&mut self, until: Instant, samples: &mut Vec<Sample>) {
        loop {
            let timer = self.drain(samples);
            let now = timer.min(self.next_fix);
            if now >= until {
                return;
            }
            let input = if self.next_fix <= timer {
                self.next_fix = self.next_fix + FIX_INTERVAL;
                Input::Fix(Some(self.fix(now)))
            } else {
                Input::Timeout
            };
            self.node.handle_input(now, input);
        }
    }

    fn drain(&mut self, samples: &mut Vec<Sample>) -> Instant {
        let mut sent = None;
        let (deadline, _) = drain(&mut self.node, |output| match output {
            Output::Event(Event::Sent(event)) => sent = Some(event),
            Output::Event(_) | Output::Timeout(..) => {}
            Output::Transmit(transmit) => {
                let frame = transmit.bytes.to_vec();
                let (signed, signature) = signing_parts(&frame, &self.hash);
                let full_credential = sent.is_some_and(|sent| sent.full_credential);
                let (at, key, link) = (transmit.stamps.gate_open, self.key, self.link);
                samples.push(Sample { at, frame, link, signed, signature, key, full_credential });
            }
        });
        deadline
    }

    fn fix(&self, now: Instant) -> Fix {
        let seconds = now.since(self.anchor.instant).as_secs_f64();
        let angle = self.start_angle + seconds * self.speed / self.radius;
        fix_on_ring(self.radius, angle, self.speed, self.anchor.wire_at(now))
    }
}

/// What the signature of one of our frames covers, and the signature.
///
/// # Panics
///
/// On bytes that no node sent.
pub fn signing_parts(frame: &[u8], credential_hash: &[u8; 32]) -> (Vec<u8>, [u8; 64]) {
    let (_, header_len) = hop::parse(frame).expect("invariant: a node sent this frame");
    let view = SignedView::parse(&frame[header_len..]).expect("invariant: a node sent this frame");
    let mut signed = Vec::new();
    signing_input(&mut signed, credential_hash, view.tbs);
    (signed, *view.signature)
}

const FIX_INTERVAL: Duration = Duration::from_millis(100);
