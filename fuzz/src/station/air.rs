//! The frames of a script: who signs what, around which fields, in which form.

use bytes::Bytes;
use prost::Message as _;
use testkit::{PLACE, hazard};
use v2x_core::{BeaconTags, FloodName, WireTime};
use v2x_proto::envelope::{SignedView, SignerRef, TbsRepr, TbsView, encode_signed};
use v2x_proto::hop::{self, Flags, HopHeader, Kind};
use v2x_proto::{AreaView, Class, Digest, Shape, v1};

use crate::script::{Beacon, Crowd, Envelope, Event, Fields, Relay, Step, Template};
use crate::signer::World;
use crate::templates;

/// What is on the air, and where each signer is in its numbers.
#[derive(Debug)]
pub(super) struct Air {
    world: &'static World,
    /// Last number of each signer.
    sequences: Vec<u32>,
    /// What was on the air, the station's own frames included; the newest last.
    frames: Vec<Bytes>,
    /// Counts what nobody has.
    strangers: u32,
}

/// A frame and the link address it comes from.
type Heard = (Bytes, [u8; 6]);

impl Air {
    pub(super) fn new(world: &'static World) -> Self {
        let sequences = vec![1000; world.signers.len()];
        Self { world, sequences, frames: Vec::new(), strangers: 0 }
    }

    pub(super) fn remember(&mut self, frame: Bytes) {
        if self.frames.len() == MAX_REMEMBERED {
            self.frames.remove(0);
        }
        self.frames.push(frame);
    }

    /// The frames of a step that makes some, when the station's wire clock reads `wire`.
    pub(super) fn frames(&mut self, step: &Step<'_>, wire: WireTime) -> Vec<Heard> {
        let one = |frame: Bytes, link: u8| vec![(frame, address(link))];
        match step {
            Step::Fields(envelope, fields) => one(self.fields(envelope, fields, wire), envelope.link),
            Step::Signed(envelope, tbs) => one(self.sign(envelope, tbs), envelope.link),
            Step::Raw(link, bytes) => one(Bytes::copy_from_slice(bytes), *link),
            Step::Again(again) => {
                let Some(frame) = self.back(again.back) else { return Vec::new() };
                let mut bytes = frame.to_vec();
                let length = bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(usize::from(again.place) % length) {
                    *byte ^= again.flip;
                }
                one(bytes.into(), again.link)
            }
            Step::Beacon(envelope, beacon) => one(self.beacon(envelope, beacon, wire), envelope.link),
            Step::Hazard(envelope, event) => one(self.hazard(envelope, event, wire), envelope.link),
            Step::Relay(relay) => self.relay(relay).into_iter().collect(),
            Step::Template(envelope, template) => one(self.template(envelope, template, wire), envelope.link),
            Step::Crowd(crowd) => (0..crowd.count).filter_map(|n| self.of_crowd(crowd, n, wire)).collect(),
            _ => Vec::new(),
        }
    }

    /// A message of `carrier` with this delta.
    pub(super) fn delta(&mut self, carrier: u8, delta: &Bytes, wire: WireTime) -> Heard {
        let envelope = Envelope { signer: carrier, link: carrier, form: 1, remaining_hops: 1, class: 5 };
        let fields = Fields {
            message_type: v1::MessageType::RevocationDelta as u16,
            sequence: 1,
            class: Class::D5 as u8,
            lifetime_ms: 10_000,
            max_hops: 1,
            payload: delta,
            ..Fields::default()
        };
        (self.fields(&envelope, &fields, wire), address(carrier))
    }

    fn back(&self, back: u8) -> Option<Bytes> {
        let index = self.frames.len().checked_sub(1 + usize::from(back))?;
        self.frames.get(index).cloned()
    }

    fn fields(&mut self, envelope: &Envelope, fields: &Fields<'_>, wire: WireTime) -> Bytes {
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
            generation_time_us: ago(wire, fields.age_ms).as_micros(),
            sequence: self.next(envelope.signer, fields.sequence),
            latitude: place.latitude,
            longitude: place.longitude,
            class: class(fields.class),
            lifetime_ms: u32::from(fields.lifetime_ms),
            max_hops: fields.max_hops,
            area,
            credential_requests: fields.requests,
            payload: fields.payload,
        };
        self.sign(envelope, &encoded(&tbs))
    }

    fn beacon(&mut self, envelope: &Envelope, beacon: &Beacon, wire: WireTime) -> Bytes {
        let tags = BeaconTags::new(&self.world.signer(envelope.signer).digest, ago(wire, beacon.age_ms));
        let floods = self.frames.iter().rev().filter_map(|frame| flood(frame)).enumerate();
        let named = floods.take_while(|(n, _)| *n < 16).filter(|(n, _)| beacon.floods & 1 << n != 0);
        let mut floods_held: Vec<u32> = named.map(|(_, name)| tags.tag(name)).collect();
        floods_held.sort_unstable();
        let points = usize::from(beacon.points).min(MAX_POINTS);
        let awareness = v1::Awareness {
            station_type: i32::from(beacon.station_type % 16),
            speed: Some(u32::from(beacon.speed)),
            heading: Some(u32::from(beacon.heading) % 3600),
            path_delta_latitude: vec![10; points],
            path_delta_longitude: vec![-10; points],
            path_delta_time: vec![10; points],
            floods_held,
            ..v1::Awareness::default()
        };
        let asked = (0..8_u8).filter(|bit| beacon.requests & 1 << bit != 0);
        let requests: Vec<u8> =
            asked.flat_map(|number| self.world.signer(number).digest.0.into_iter().take(3)).collect();
        let fields = Fields {
            message_type: v1::MessageType::Awareness as u16,
            age_ms: beacon.age_ms,
            sequence: beacon.sequence,
            east: beacon.east,
            north: beacon.north,
            class: Class::D2 as u8,
            lifetime_ms: 900,
            max_hops: 1,
            requests: &requests,
            payload: &awareness.encode_to_vec(),
            ..Fields::default()
        };
        self.fields(envelope, &fields, wire)
    }

    fn hazard(&mut self, envelope: &Envelope, event: &Event, wire: WireTime) -> Bytes {
        let origin = if event.origin == u8::MAX { envelope.signer } else { event.origin };
        let place = PLACE.moved(f64::from(event.east), f64::from(event.north));
        let generated = ago(wire, event.age_ms);
        let detected = ago(generated, event.detected_ms);
        let payload = v1::Hazard {
            state: i32::from(event.state % 5),
            reference_time_us: generated.as_micros(),
            cause: event.cause.into(),
            sub_cause: event.sub_cause.into(),
            validity_s: Some(event.validity_s.into()),
            keep_alive_interval_ms: (event.keep_alive > 0).then_some(u32::from(event.keep_alive) * 100),
            ..hazard::new(self.world.signer(origin).digest, event.number.into(), place, detected)
        };
        let tbs = TbsRepr {
            message_type: v1::MessageType::Hazard as u32,
            generation_time_us: generated.as_micros(),
            sequence: self.next(envelope.signer, event.sequence),
            latitude: place.latitude,
            longitude: place.longitude,
            class: class(event.class),
            lifetime_ms: u32::from(event.lifetime) * 10,
            max_hops: event.max_hops,
            area: (event.radius > 0).then(|| hazard::circle(place, event.radius.into())),
            credential_requests: &[],
            payload: &payload.encode_to_vec(),
        };
        self.sign(envelope, &encoded(&tbs))
    }

    fn template(&mut self, envelope: &Envelope, template: &Template, wire: WireTime) -> Bytes {
        let generated = ago(wire, template.age_ms);
        let origin = self.world.signer(envelope.signer).digest;
        let mut message = templates::message(template.which, origin, generated);
        let length = message.payload.len().max(1);
        if let Some(byte) = message.payload.get_mut(usize::from(template.place) % length) {
            *byte ^= template.flip;
        }
        let tbs = TbsRepr {
            message_type: message.message_type,
            generation_time_us: generated.as_micros(),
            sequence: self.next(envelope.signer, template.sequence),
            latitude: PLACE.latitude,
            longitude: PLACE.longitude,
            class: message.class,
            lifetime_ms: message.lifetime_ms,
            max_hops: message.max_hops,
            area: (message.max_hops > 1).then(|| hazard::circle(PLACE, 1000)),
            credential_requests: &[],
            payload: &message.payload,
        };
        let form = envelope.form & !2 | if message.max_hops > 1 { 2 } else { 0 };
        let remaining_hops = message.max_hops;
        let envelope = Envelope { form, remaining_hops, class: message.class as u8, ..*envelope };
        self.sign(&envelope, &encoded(&tbs))
    }

    fn sign(&self, envelope: &Envelope, tbs: &[u8]) -> Bytes {
        let author = self.world.signer(envelope.signer);
        let has = |bit: u8| envelope.form & 1 << bit != 0;
        let forwarder = if has(6) { self.world.signer(envelope.link).digest } else { author.digest };
        let header = HopHeader {
            kind: Kind::Data,
            flags: Flags { multi_hop: has(1), store_carry_forward: has(2), keep_alive: has(3), test: has(4) },
            remaining_hops: envelope.remaining_hops,
            class: class(envelope.class),
            forwarder,
            forwarder_position: has(5).then_some((PLACE.latitude, PLACE.longitude)),
        };
        if has(7) {
            return author.frame_around(&header, tbs, &[0x55; 64], has(0));
        }
        author.frame(&header, tbs, has(0))
    }

    /// A frame sent on: signed bytes and signature as they were, the rest anew.
    fn relay(&self, relay: &Relay) -> Option<Heard> {
        let frame = self.back(relay.back)?;
        let (header, length) = hop::parse(&frame).ok()?;
        let signed = SignedView::parse(&frame[length..]).ok()?;
        let has = |bit: u8| relay.form & 1 << bit != 0;
        let header = HopHeader {
            flags: Flags { store_carry_forward: has(2), keep_alive: has(3), ..header.flags },
            remaining_hops: relay.remaining_hops,
            forwarder: self.world.signer(relay.forwarder).digest,
            ..header
        };
        let author = self.world.signers.iter().find(|signer| match signed.signer {
            SignerRef::Digest(digest) => signer.digest == digest,
            SignerRef::Credential(credential) => signer.credential == credential,
        })?;
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let named =
            if has(0) { SignerRef::Credential(&author.credential) } else { SignerRef::Digest(author.digest) };
        encode_signed(&mut bytes, signed.tbs, signed.signature, named);
        if has(4) {
            // A field that no reader knows: number 15, two bytes.
            bytes.extend([0x7a, 2, 0, 0]);
        }
        Some((bytes.into(), address(relay.link)))
    }

    /// The `n`-th frame of a crowd.
    fn of_crowd(&mut self, crowd: &Crowd, n: u8, wire: WireTime) -> Option<Heard> {
        self.strangers = self.strangers.wrapping_add(1);
        let stranger = self.strangers;
        let signer = crowd.from.wrapping_add(n) % self.world.signers.len() as u8;
        let own_address = crowd.form & 1 != 0;
        let [low, high, ..] = stranger.to_le_bytes();
        let link = if own_address { address(signer) } else { [6, 6, 0, 0, low, high] };
        let envelope =
            Envelope { signer, link: signer, form: crowd.form >> 1 & 1, remaining_hops: 1, class: 2 };
        let beacon = Beacon { age_ms: 2, sequence: 1, east: i16::from(signer) * 9, ..Beacon::default() };
        let event = Event {
            sequence: 1,
            class: Class::D3 as u8,
            origin: u8::MAX,
            number: low,
            state: 1,
            validity_s: 60,
            cause: 94,
            radius: 500,
            lifetime: 6000,
            max_hops: 5,
            ..Event::default()
        };
        let flooding =
            Envelope { form: envelope.form | 2, remaining_hops: 5, class: Class::D3 as u8, ..envelope };
        let frame = match crowd.kind % 8 {
            0 => nobody(&self.beacon(&envelope, &beacon, wire), stranger)?,
            1 => made_up(&self.beacon(&Envelope { form: 1, ..envelope }, &beacon, wire), stranger)?,
            2 => self.hazard(
                &Envelope { signer: crowd.from, form: 0x80, class: 0, ..envelope },
                &Event { class: 0, lifetime: 10, radius: 0, max_hops: 1, cause: 99, ..event },
                wire,
            ),
            3 => self.beacon(&envelope, &beacon, wire),
            4 => self.hazard(&flooding, &event, wire),
            5 => self.hazard(&flooding, &Event { number: 1, state: 2, ..event }, wire),
            6 => self.back(0)?,
            _ => self.hazard(
                &Envelope { class: 0, ..envelope },
                &Event { class: 0, lifetime: 10, radius: 0, max_hops: 1, cause: 99, ..event },
                wire,
            ),
        };
        Some((frame, link))
    }

    /// The signer's next number, this many steps on.
    fn next(&mut self, signer: u8, steps: i8) -> u32 {
        let count = self.sequences.len();
        let sequence = &mut self.sequences[usize::from(signer) % count];
        *sequence = sequence.wrapping_add_signed(i32::from(steps));
        *sequence
    }
}

/// The frame under the digest of nobody.
fn nobody(frame: &Bytes, n: u32) -> Option<Bytes> {
    let [a, b, c, d] = n.to_le_bytes();
    reframed(frame, |_| Some(SignerRef::Digest(Digest([0xee, a, b, c, d, 1, 2, 3]))))
}

/// The frame under a credential that its issuer never signed.
fn made_up(frame: &Bytes, n: u32) -> Option<Bytes> {
    let (_, length) = hop::parse(frame).ok()?;
    let SignerRef::Credential(credential) = SignedView::parse(&frame[length..]).ok()?.signer else {
        return None;
    };
    let mut credential = credential.to_vec();
    let end = credential.len();
    credential[end - 8..end - 4].copy_from_slice(&n.to_le_bytes());
    reframed(frame, |_| Some(SignerRef::Credential(&credential)))
}

fn reframed<'a>(frame: &Bytes, signer: impl Fn(&SignedView<'_>) -> Option<SignerRef<'a>>) -> Option<Bytes> {
    let (header, length) = hop::parse(frame).ok()?;
    let signed = SignedView::parse(&frame[length..]).ok()?;
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    encode_signed(&mut bytes, signed.tbs, signed.signature, signer(&signed)?);
    Some(bytes.into())
}

/// The name of a flood in a frame that carries one.
fn flood(frame: &[u8]) -> Option<FloodName> {
    let (header, length) = hop::parse(frame).ok()?;
    let signed = SignedView::parse(&frame[length..]).ok()?;
    let multi_hop = header.flags.multi_hop && TbsView::parse(signed.tbs).is_ok_and(|tbs| tbs.max_hops > 1);
    multi_hop.then(|| FloodName::of(signed.signature))
}

fn encoded(tbs: &TbsRepr<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    tbs.encode(&mut bytes);
    bytes
}

fn ago(wire: WireTime, ms: i16) -> WireTime {
    WireTime::from_micros(wire.as_micros().saturating_sub_signed(i64::from(ms) * 1000))
}

fn address(link: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, link]
}

fn class(number: u8) -> Class {
    Class::try_from(number % 6).expect("invariant: there are six classes")
}

const MAX_REMEMBERED: usize = 64;
const MAX_POINTS: usize = 23;
