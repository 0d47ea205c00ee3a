//! A whole station under a script: frames with valid signatures, broken ones, inputs of every kind, and time.
//!
//! What is held: the lines of the node's contract that need no second run. Every frame ends in one event, no table passes
//! its bound, deadlines come to rest, and what the station transmits is a frame that others can read.

use bytes::Bytes;
use prost::Message as _;
use testkit::{PLACE, START, anchor};
use v2x_core::{
    ClockState, Config, Event, Fix, Imminent, Input, Instant, Node, Output, Plausibility, Position,
    ReceivedFrame, Scheme, limits,
};
use v2x_proto::envelope::{MAX_FRAME, SignedView, TbsRepr, TbsView};
use v2x_proto::hop::{self, Flags, HopHeader, Kind};
use v2x_proto::{AreaView, Class, Shape, v1};
use v2x_recording::record;

use crate::script::{Envelope, Fields, Step};
use crate::signer::{self, World, world};

/// Plays a script to a station. Its first two bytes choose the configuration.
pub fn run(script: &[u8]) {
    let Some((&[role, more], mut script)) = script.split_first_chunk() else { return };
    let mut station = Station::new(role, more);
    for _ in 0..MAX_STEPS {
        let Some(step) = Step::read(&mut script) else { break };
        station.suffer(&step);
    }
    // Longer than a frame waits for its credential or for its signature to be checked.
    station.pass_to(station.now.as_nanos() + 2 * SECOND);
    assert_eq!(station.ended, station.node.counters().frames, "each frame ends in one event");
    assert_eq!(station.node.counters().outputs_lost, 0);
}

#[derive(Debug)]
struct Station {
    world: &'static World,
    node: Node,
    now: Instant,
    deadline: Instant,
    /// Time that may still pass, so that one input ends soon.
    patience_ns: u64,
    place: Position,
    /// Last number of each signer.
    sequences: Vec<u32>,
    /// What was on the air, the station's own frames included; the newest last.
    air: Vec<Bytes>,
    /// Frames whose end an event reported.
    ended: u64,
}

impl Station {
    fn new(role: u8, more: u8) -> Self {
        let world = world();
        let pseudonyms = role & 0x40 != 0;
        let node = Node::new(
            config(role),
            world.own(pseudonyms),
            world.authority.trust.clone(),
            u64::from(more),
            anchor(),
        );
        let mut station = Self {
            world,
            node,
            now: Instant::ZERO,
            deadline: Instant::ZERO,
            patience_ns: 20 * SECOND,
            place: PLACE,
            sequences: vec![1000; world.signers.len()],
            air: Vec::new(),
            ended: 0,
        };
        station.drain();
        if more & 1 == 0 {
            station.input(Input::Clock { wire: START, state: ClockState::Locked });
        }
        if more & 2 == 0 {
            station.drive((0, 0), 1389, 900);
        }
        station
    }

    fn suffer(&mut self, step: &Step<'_>) {
        match *step {
            Step::Fields(envelope, fields) => {
                let frame = self.sign_fields(&envelope, &fields);
                self.hear(frame, envelope.link);
            }
            Step::Signed(envelope, tbs) => {
                let frame = self.sign(&envelope, tbs);
                self.hear(frame, envelope.link);
            }
            Step::Raw { link, bytes } => self.hear(Bytes::copy_from_slice(bytes), link),
            Step::Again { back, link, place, flip } => {
                let Some(index) = self.air.len().checked_sub(1 + usize::from(back)) else { return };
                let mut bytes = self.air[index].to_vec();
                let length = bytes.len();
                if let Some(byte) = bytes.get_mut(usize::from(place) % length.max(1)) {
                    *byte ^= flip;
                }
                self.hear(bytes.into(), link);
            }
            Step::Pass(millis) => self.pass_to(self.now.as_nanos() + u64::from(millis) * MILLISECOND),
            Step::Sleep(units) => {
                self.now = Instant::from_nanos(self.now.as_nanos() + u64::from(units) * 100 * MILLISECOND);
                self.input(Input::Timeout);
            }
            Step::Drive(east, north, speed, heading) => self.drive((east, north), speed, heading),
            Step::Input(bytes) => {
                if let Ok(Ok((_, input))) = v1::RecordedInput::decode(bytes).map(record::decode) {
                    self.input(input);
                }
            }
        }
    }

    fn sign_fields(&mut self, envelope: &Envelope, fields: &Fields<'_>) -> Bytes {
        let sequence = &mut self.sequences[usize::from(envelope.signer) % self.world.signers.len()];
        *sequence = sequence.wrapping_add_signed(i32::from(fields.sequence));
        let sequence = *sequence;
        let wire = self.node.anchor().wire_at(self.now).as_micros();
        let place = PLACE.moved(f64::from(fields.east), f64::from(fields.north));
        let shape = [Shape::Circle, Shape::Rectangle, Shape::Ellipse]
            .into_iter()
            .find(|shape| *shape as u8 == fields.shape);
        let area = shape.map(|shape| AreaView {
            latitude: place.latitude,
            longitude: place.longitude,
            shape,
            distance_a_m: u32::from(fields.distance_a),
            distance_b_m: u32::from(fields.distance_b),
            azimuth_deg: u32::from(fields.azimuth),
        });
        let tbs = TbsRepr {
            message_type: u32::from(fields.message_type),
            generation_time_us: wire.saturating_sub_signed(i64::from(fields.age_ms) * 1000),
            sequence,
            latitude: place.latitude,
            longitude: place.longitude,
            class: class(fields.class),
            lifetime_ms: u32::from(fields.lifetime_ms),
            max_hops: fields.max_hops,
            area,
            credential_requests: fields.requests,
            payload: fields.payload,
        };
        let mut bytes = Vec::new();
        tbs.encode(&mut bytes);
        self.sign(envelope, &bytes)
    }

    fn sign(&self, envelope: &Envelope, tbs: &[u8]) -> Bytes {
        let signers = &self.world.signers;
        let author = &signers[usize::from(envelope.signer) % signers.len()];
        let has = |bit: u8| envelope.form & (1 << bit) != 0;
        let forwarder = if has(6) { &signers[usize::from(envelope.link) % signers.len()] } else { author };
        let header = HopHeader {
            kind: Kind::Data,
            flags: Flags { multi_hop: has(1), store_carry_forward: has(2), keep_alive: has(3), test: has(4) },
            remaining_hops: envelope.remaining_hops,
            class: class(envelope.class),
            forwarder: forwarder.digest,
            forwarder_position: has(5).then_some((PLACE.latitude, PLACE.longitude)),
        };
        signer::frame(author, &header, tbs, has(0))
    }

    fn hear(&mut self, bytes: Bytes, link: u8) {
        self.remember(bytes.clone());
        self.input(Input::Frame(ReceivedFrame {
            bytes,
            link_source: [2, 0, 0, 0, 0, link],
            kernel_receive: None,
            user_receive: None,
            signal_dbm: (link & 0x80 != 0).then_some(-60),
        }));
    }

    fn remember(&mut self, frame: Bytes) {
        if self.air.len() == MAX_REMEMBERED {
            self.air.remove(0);
        }
        self.air.push(frame);
    }

    fn drive(&mut self, by: (i16, i16), speed: u16, heading: u16) {
        self.place = self.place.moved(f64::from(by.0), f64::from(by.1));
        let time = self.node.anchor().wire_at(self.now);
        self.input(Input::Fix(Some(Fix {
            position: self.place,
            altitude_cm: None,
            speed: Some(speed),
            heading: Some(heading % 3600),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time,
        })));
    }

    fn input(&mut self, input: Input) {
        self.node.handle_input(self.now, input);
        self.drain();
    }

    /// Keeps every deadline up to a time, within a bound on the number of steps.
    fn pass_to(&mut self, end_ns: u64) {
        let spent = end_ns.saturating_sub(self.now.as_nanos()).min(self.patience_ns + 2 * SECOND);
        self.patience_ns = self.patience_ns.saturating_sub(spent);
        let end = Instant::from_nanos(self.now.as_nanos() + spent);
        let mut turns = 0;
        while self.deadline <= end {
            self.now = self.now.max(self.deadline);
            self.input(Input::Timeout);
            turns += 1;
            assert!(turns < MAX_TURNS, "deadlines do not come to rest");
        }
        self.now = end;
        self.input(Input::Timeout);
    }

    fn drain(&mut self) {
        for _ in 0..=limits::MAX_OUTPUTS {
            match self.node.poll_output() {
                Output::Transmit(transmit) => {
                    check_transmitted(&transmit.bytes, transmit.class);
                    self.remember(transmit.bytes);
                }
                Output::Event(Event::Received(_) | Event::Dropped(_)) => self.ended += 1,
                Output::Event(_) => {}
                Output::Timeout(at, _) => {
                    self.deadline = at;
                    return self.check();
                }
            }
        }
        panic!("more outputs than a node may hold");
    }

    fn check(&self) {
        for table in self.node.tables() {
            assert!(table.held <= table.limit, "{} {}: at most {}", table.held, table.name, table.limit);
        }
    }
}

fn check_transmitted(frame: &[u8], transmitted_as: Class) {
    assert!(frame.len() <= MAX_FRAME);
    let (header, length) = hop::parse(frame).expect("a transmitted frame has a hop header");
    let signed = SignedView::parse(&frame[length..]).expect("a transmitted frame has an envelope");
    let tbs = TbsView::parse(signed.tbs).expect("transmitted fields are in range");
    assert_eq!((header.class, tbs.class), (transmitted_as, transmitted_as));
    assert!(header.remaining_hops <= tbs.max_hops.max(1));
}

fn config(role: u8) -> Config {
    let pick = |shift: u8| usize::from(role >> shift & 3);
    Config {
        test: role & 2 != 0,
        forwarding: [Scheme::Roadcast, Scheme::Etsi, Scheme::Flooding, Scheme::Off][pick(2)],
        plausibility: [Plausibility::Enforce, Plausibility::Flag, Plausibility::Off, Plausibility::Enforce]
            [pick(4)],
        imminent: if role & 0x80 == 0 { Imminent::Lab } else { Imminent::Regulated },
        sample_far_awareness: (role & 0x80 != 0).then_some(2),
        max_neighbours: 16,
        ..if role & 1 == 0 { Config::vehicle() } else { Config::roadside() }
    }
}

fn class(number: u8) -> Class {
    Class::try_from(number % 6).expect("invariant: there are six classes")
}

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;
const MAX_STEPS: usize = 200;
const MAX_REMEMBERED: usize = 64;
/// Far above what 20 s of a station with every mechanism awake take.
const MAX_TURNS: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    /// What the station knows after this many steps of one of the committed scripts.
    fn after(seed: &str, steps: usize) -> Station {
        let scripts = seeds::of("node");
        let (_, script) = scripts.iter().find(|(name, _)| name == seed).unwrap();
        let (&[role, more], mut script) = script.split_first_chunk().unwrap();
        let mut station = Station::new(role, more);
        for step in std::iter::from_fn(|| Step::read(&mut script)).take(steps) {
            station.suffer(&step);
        }
        // What came last is verified too.
        station.pass_to(station.now.as_nanos() + 100 * MILLISECOND);
        station
    }

    #[test]
    fn signatures_of_the_scripts_are_valid_and_their_messages_believed() {
        assert_eq!(after("beacons", MAX_STEPS).node.neighbours().count(), 2);
        assert!(after("flood", MAX_STEPS).node.hazards().any(|known| !known.own && known.class == Class::D3));
        assert!(after("alert", MAX_STEPS).node.hazards().any(|known| !known.own && known.class == Class::D0));
        assert!(after("own_events", 2).node.hazards().any(|known| known.own));
        assert_eq!(after("revocation", MAX_STEPS).node.neighbours().count(), 0, "both were revoked");
    }
}
