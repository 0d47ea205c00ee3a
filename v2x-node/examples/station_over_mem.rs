//! Two cars in one program, joined by an in-process radio: the whole loop of a host around a station.
//!
//! ```sh
//! cargo run --example station_over_mem
//! ```
//!
//! One car declares an accident, the other hears of it. A station is a state machine without clock and sockets
//! (`v2x_core::Node`): a host brings it frames, positions and the time, and sends what it wants sent. This
//! program is such a host. Its time is a number that jumps from deadline to deadline, so the program ends at once; a host
//! on the road sleeps instead, and reads `CLOCK_MONOTONIC`.

use std::error::Error;
use std::io::{self, Write};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use ed25519_dalek::SigningKey;
use radio_adapters::mem::{MemHub, MemRadio};
use radio_adapters::radio::{LinkAddress, Radio, TxFrame};
use v2x_core::{
    Anchor, ClockState, Config, CredentialRequest, Event, Fix, HazardCommand, HazardDraft, Identity, Input,
    Instant, KeyPair, Node, Output, Permissions, Position, ReceivedFrame, TrustStore, Way, WireTime, issue,
    make_root,
};
use v2x_proto::Class;
use v2x_proto::cause;

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout().lock())
}

/// The example, writing to `out`.
pub fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // Credentials: an authority gives each car one; both pin its root and issuer.
    let authority = Authority::new()?;
    let hub = MemHub::new();
    let anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(NOW_S) };
    let mut cars = Vec::new();
    for number in 0..2 {
        // The seed decides every random choice of a station; a real one takes it from the operating system.
        let node = Node::new(Config::vehicle(), authority.identity(number)?, authority.trust()?, 7, anchor);
        let radio = hub.join(LinkAddress([2, 0, 0, 0, 0, number]));
        cars.push(Car {
            name: ["car a", "car b"][usize::from(number)],
            node,
            radio,
            deadline: Instant::ZERO,
        });
    }

    // Nothing is sent before the station knows the time and where it is.
    let place = Position { latitude: 496_116_000, longitude: 61_319_000 };
    for (car, east_m) in cars.iter_mut().zip([0.0, 80.0]) {
        car.input(Instant::ZERO, Input::Clock { wire: anchor.wire, state: ClockState::Locked }, out)?;
        let fix = Fix {
            position: place.moved(east_m, 0.0),
            altitude_cm: None,
            speed: Some(0),
            heading: Some(900),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: anchor.wire,
        };
        car.input(Instant::ZERO, Input::Fix(Some(fix)), out)?;
    }

    let accident_at = Instant::from_millis(1200);
    let mut declared = false;
    loop {
        // Sleep to the earliest deadline.
        let now = cars.iter().map(|car| car.deadline).min().expect("there are two cars");
        if now > Instant::from_millis(2000) {
            break;
        }
        if now >= accident_at && !declared {
            declared = true;
            let accident = HazardDraft { quality: Some(5), ..HazardDraft::new(Class::D3, cause::ACCIDENT) };
            let command = HazardCommand::New(accident);
            cars[0].input(now, Input::Hazard { command, token: None }, out)?;
        }
        for car in &mut cars {
            if car.deadline <= now {
                car.input(now, Input::Timeout, out)?;
            }
            car.receive(now, out)?;
        }
    }

    for car in &cars {
        let counters = car.radio.counters();
        let neighbours = car.node.neighbours().count();
        let events = car.node.hazards().count();
        writeln!(
            out,
            "{}: {} frames sent, {} received; knows {neighbours} neighbour, {events} event",
            car.name, counters.sent, counters.received
        )?;
    }
    Ok(())
}

/// A station and its radio.
struct Car {
    name: &'static str,
    node: Node,
    radio: MemRadio,
    /// When the station wants to be woken next.
    deadline: Instant,
}

impl Car {
    /// Hands in one input, then takes outputs until the station has none: the contract of a node.
    fn input(&mut self, now: Instant, input: Input, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
        let mut cx = Context::from_waker(Waker::noop());
        self.node.handle_input(now, input);
        loop {
            match self.node.poll_output() {
                Output::Transmit(transmit) => {
                    // A live host drops what has expired; this radio has room for all.
                    let frame = TxFrame::new(&transmit.bytes, transmit.access());
                    if let Poll::Ready(taken) = self.radio.poll_send(&mut cx, &frame) {
                        taken?;
                    }
                }
                Output::Event(event) => self.tell(now, &event, out)?,
                Output::Timeout(at, _why) => {
                    self.deadline = at;
                    return Ok(());
                }
            }
        }
    }

    /// Hands in every frame that the radio holds.
    fn receive(&mut self, now: Instant, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut buffer = BytesMut::new();
        while let Poll::Ready(received) = self.radio.poll_recv(&mut cx, &mut buffer) {
            let meta = received?;
            let frame = ReceivedFrame {
                bytes: buffer.split().freeze(),
                link_source: meta.source.0,
                // Stamps of the stages, for reports. They are of the machine's clock, and this host's time is virtual.
                kernel_receive: None,
                user_receive: None,
                signal_dbm: meta.signal_dbm,
                way: Way::Air,
            };
            self.input(now, Input::Frame(frame), out)?;
        }
        Ok(())
    }

    fn tell(&self, now: Instant, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        let seconds = now.as_nanos() as f64 / 1e9;
        match event {
            Event::NeighbourAdded(_) => writeln!(out, "{seconds:.3} s  {}: heard its neighbour", self.name),
            Event::HazardAccepted { .. } => {
                writeln!(out, "{seconds:.3} s  {}: declared an accident", self.name)
            }
            Event::Hazard(changed) if !changed.event.own => {
                let place = changed.event.position;
                let here = self.node.last_fix().map_or(place, |fix| fix.position);
                let cause = changed.event.cause;
                let away_m = here.distance_m(place);
                writeln!(out, "{seconds:.3} s  {}: received cause {cause}, {away_m:.0} m away", self.name)
            }
            _ => Ok(()),
        }
    }
}

/// A root, an issuer under it, and credentials for cars. `roadcast keys` does the same with files.
struct Authority {
    root: bytes::Bytes,
    issuer: bytes::Bytes,
    issuer_key: SigningKey,
}

impl Authority {
    fn new() -> Result<Self, Box<dyn Error>> {
        // Keys of an example: never use a number anyone can guess.
        let [root_key, issuer_key] = [1, 2].map(|number| SigningKey::from_bytes(&[number; 32]));
        let root = make_root(&root_key, CAR | Permissions::ISSUE, NOW_S, 60)?;
        let issuer = issue(&root, &root_key, &request(&issuer_key, CAR | Permissions::ISSUE))?;
        Ok(Self { root, issuer, issuer_key })
    }

    fn trust(&self) -> Result<TrustStore, Box<dyn Error>> {
        Ok(TrustStore::new(std::slice::from_ref(&self.root), std::slice::from_ref(&self.issuer))?)
    }

    fn identity(&self, number: u8) -> Result<Identity, Box<dyn Error>> {
        let key = SigningKey::from_bytes(&[100 + number; 32]);
        let credential = issue(&self.issuer, &self.issuer_key, &request(&key, CAR))?;
        Ok(Identity::new(credential, Box::new(KeyPair::from(key)))?)
    }
}

fn request(key: &SigningKey, permissions: Permissions) -> CredentialRequest {
    CredentialRequest {
        encryption_key: None,
        public_key: key.verifying_key().to_bytes(),
        permissions,
        not_before_s: NOW_S,
        duration_min: 60,
        region: None,
        station_class: 2,
        revocation_series: 0,
    }
}

/// What a car may send: beacons and hazards.
const CAR: Permissions = Permissions(Permissions::AWARENESS.0 | Permissions::HAZARD.0);
/// TAI seconds since 2004-01-01T00:00:00Z: some day in 2026.
const NOW_S: u32 = 720_000_000;
