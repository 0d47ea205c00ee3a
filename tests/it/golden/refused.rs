//! Frames that every station drops, each breaking one rule of an otherwise good frame, with the reason and the field.
//!
//! Signed by the vehicle of the vectors, with its whole credential, and heard 10 ms later in the same place.

use bytes::Bytes;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use testkit::Station;
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, Event, Fix, Identity, Input, Instant, KeyPair, Node, Position,
    ReceivedFrame, TrustStore, Way, WireTime,
};
use v2x_proto::envelope::{self, MESSAGE_DOMAIN, SignerRef, TbsRepr};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::{Class, v1};

use super::messages::{AREA, LATITUDE, LONGITUDE, NOW_US};
use super::{CREDENTIAL_DOMAIN, Keys, ROADSIDE_SEED, VEHICLE_SEED, digest_of, sign};

/// A frame and why it is dropped.
pub struct Refused {
    pub name: &'static str,
    pub what: &'static str,
    pub frame: Vec<u8>,
    pub reason: &'static str,
    pub field: Option<&'static str>,
}

/// How long after its generation time each is heard.
pub const HEARD_AFTER_US: u64 = 10_000;

/// All of them.
pub fn frames(keys: &Keys) -> Vec<Refused> {
    let make = Maker { keys };
    let mut all = Vec::new();
    let mut add = |name, what, reason, field: &'static str, frame| {
        all.push(Refused { name, what, frame, reason, field: (!field.is_empty()).then_some(field) });
    };
    make.headers(&mut add);
    make.envelopes(&mut add);
    make.fields(&mut add);
    make.payloads(&mut add);
    all
}

/// What a station says of a frame.
pub fn told(keys: &Keys, frame: &[u8]) -> Result<(), (&'static str, Option<&'static str>)> {
    let trust = TrustStore::new(&[keys.root.clone().into()], &[keys.issuer.clone().into()]).unwrap();
    let key = ed25519_dalek::SigningKey::from_bytes(&ROADSIDE_SEED);
    let identity = Identity::new(keys.roadside.clone().into(), Box::new(KeyPair::from(key))).unwrap();
    let config = Config { awareness: AwarenessRule::Off, ..Config::roadside() };
    let wire = WireTime::from_micros(NOW_US + HEARD_AFTER_US);
    let anchor = Anchor { instant: Instant::ZERO, wire };
    let mut station = Station::with(1, Node::new(config, identity, trust, 7, anchor));
    station.feed(Instant::ZERO, Input::Clock { wire, state: ClockState::Locked });
    let fix = Fix {
        position: Position { latitude: LATITUDE, longitude: LONGITUDE },
        altitude_cm: None,
        speed: None,
        heading: None,
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: Some(100),
        time: wire,
    };
    station.feed(Instant::ZERO, Input::Fix(Some(fix)));
    let bytes = Bytes::copy_from_slice(frame);
    let (link_source, kernel_receive, user_receive, signal_dbm) = ([2, 0, 0, 0, 0, 9], None, None, None);
    let received =
        ReceivedFrame { bytes, link_source, kernel_receive, user_receive, signal_dbm, way: Way::Air };
    station.feed(Instant::ZERO, Input::Frame(received));
    station.verify(Instant::ZERO);
    let fate = station.events.iter().find_map(|event| match event {
        Event::Received(_) => Some(Ok(())),
        Event::Dropped(dropped) => Some(Err((dropped.reason.name(), dropped.field))),
        _ => None,
    });
    fate.expect("every frame is delivered or dropped")
}

type Add<'a> = dyn FnMut(&'static str, &'static str, &'static str, &'static str, Vec<u8>) + 'a;

struct Maker<'a> {
    keys: &'a Keys,
}

impl Maker<'_> {
    fn headers(&self, add: &mut Add<'_>) {
        let good = self.with(|_| {});
        let poked = |at: usize, value: u8| {
            let mut frame = good.clone();
            frame[at] = value;
            frame
        };
        add("hop_cut", "eleven bytes", "truncated", "", good[..11].to_vec());
        let long = [&good[..], &vec![0; 1_399 - good.len()]].concat();
        add("hop_long", "1,399 bytes", "too_long", "", long);
        add("hop_version", "version 2", "bad_version", "version", poked(0, 0x20));
        add("hop_kind", "kind 3", "unknown_kind", "kind", poked(0, 0x13));
        add("hop_probe", "kind 2, a measuring frame", "unknown_kind", "kind", poked(0, 0x12));
        add("hop_flag", "flag 7 set", "reserved_bits", "", poked(1, 0x80));
        add("hop_reserved", "the low half of byte 3 not 0", "reserved_bits", "", poked(3, 0x21));
        add("hop_class", "class 6", "bad_class", "class", poked(3, 0x60));
        add(
            "hop_other_class",
            "class D1 around a signed D2",
            "class_mismatch",
            "deadline_class",
            poked(3, 0x10),
        );
        add("hop_more_hops", "2 remaining hops, 1 signed", "hops_inflated", "max_hops", poked(2, 2));
        let off = [&good[..12], &900_000_001_i32.to_le_bytes(), &[0; 4], &good[12..]].concat();
        let off = [&[off[0], 0x08], &off[2..]].concat();
        add(
            "hop_position",
            "a forwarder at latitude 90.0000001",
            "bad_forwarder_position",
            "forwarder position",
            off,
        );
    }

    fn envelopes(&self, add: &mut Add<'_>) {
        let tbs = self.tbs(|_| {});
        let signature = self.sign(&tbs);
        let part = |number: u8, bytes: &[u8]| {
            let mut part = vec![number << 3 | 2];
            prost::encode_length_delimiter(bytes.len(), &mut part).unwrap();
            [part, bytes.to_vec()].concat()
        };
        let (signed, sealed) = (part(1, &tbs), part(2, &signature));
        let (digest, credential) = (part(3, &digest_of(&self.keys.vehicle).0), part(4, &self.keys.vehicle));
        let frame = |parts: &[&[u8]]| [&self.header(1)[..], &parts.concat()].concat();
        let mut bad = |name, what, field, parts: &[&[u8]]| {
            add(name, what, "malformed_envelope", field, frame(parts));
        };
        bad("envelope_empty", "nothing behind the hop header", "tbs", &[]);
        bad("envelope_twice", "tbs twice", "tbs", &[&signed, &signed, &sealed, &credential]);
        bad("envelope_no_signature", "no signature", "signature", &[&signed, &credential]);
        bad(
            "envelope_short_signature",
            "63 bytes of signature",
            "signature",
            &[&signed, &part(2, &signature[..63]), &credential],
        );
        bad("envelope_no_signer", "no signer", "signer", &[&signed, &sealed]);
        bad(
            "envelope_both_signers",
            "digest and credential",
            "signer",
            &[&signed, &sealed, &digest, &credential],
        );
        bad(
            "envelope_long_credential",
            "a credential of 257 bytes",
            "credential",
            &[&signed, &sealed, &part(4, &[0; 257])],
        );
        bad(
            "envelope_long_varint",
            "the signature's length in two bytes",
            "signature",
            &[&signed, &[0x12, 0xc0, 0x00], &signature, &credential],
        );
        bad("envelope_wire_type", "tbs as a number", "tbs", &[&[0x08, 0x01], &sealed, &credential]);
        bad(
            "envelope_group",
            "a group, in a field of no name",
            "SignedMessage",
            &[&signed, &sealed, &credential, &[0x7b, 0x7c]],
        );
        bad("envelope_cut", "tbs longer than the frame", "tbs", &[&[0x0a, 0x7f], &tbs[..20]]);
        let mut added = |name, what, field, parts: &[&[u8]]| {
            add(name, what, "unsigned_bytes", field, frame(parts));
        };
        added(
            "envelope_more",
            "an unknown field behind the signer",
            "SignedMessage",
            &[&signed, &sealed, &credential, &[0x78, 0x01]],
        );
        added(
            "envelope_order",
            "the signature before what it signs",
            "SignedMessage",
            &[&sealed, &signed, &credential],
        );
        let more = [&self.keys.vehicle[..], &[0x18, 0x01]].concat();
        added(
            "envelope_credential_more",
            "an unknown field behind the credential's signature",
            "credential",
            &[&signed, &sealed, &part(4, &more)],
        );
        let (first, second) = self.keys.vehicle.split_at(self.keys.vehicle.len() - 66);
        added(
            "envelope_credential_order",
            "the credential's signature before what it signs",
            "credential",
            &[&signed, &sealed, &part(4, &[second, first].concat())],
        );

        let hash = Sha256::digest(&self.keys.vehicle);
        let mut forged = |name, what, signature: &[u8; 64]| {
            let frame = frame(&[&signed, &part(2, signature), &credential]);
            add(name, what, "signature_invalid", "signature", frame);
        };
        forged("signature_bare", "signed without domain and hash", &sign(VEHICLE_SEED, b"", b"", &tbs));
        forged(
            "signature_no_hash",
            "signed without the hash of the credential",
            &sign(VEHICLE_SEED, MESSAGE_DOMAIN, b"", &tbs),
        );
        forged(
            "signature_domain",
            "signed as if it were a credential",
            &sign(VEHICLE_SEED, CREDENTIAL_DOMAIN, &hash, &tbs),
        );
        forged(
            "signature_foreign",
            "signed with another's key",
            &sign(ROADSIDE_SEED, MESSAGE_DOMAIN, &hash, &tbs),
        );
    }

    fn fields(&self, add: &mut Add<'_>) {
        let good = self.tbs(|_| {});
        let with = |more: &[u8]| self.signed(1, &[&good[..], more].concat());
        let mut bad = |name, what, field, frame| add(name, what, "malformed_fields", field, frame);
        bad("fields_twice", "lifetime_ms twice", "lifetime_ms", with(&[0x38, 0x01]));
        let mut long = self.tbs(|fields| fields.sequence = 0);
        long.extend([0x18, 0x81, 0x80, 0x80, 0x80, 0x10]);
        bad("fields_too_large", "sequence 2^32 + 1", "sequence", self.signed(1, &long));
        let mut long = self.tbs(|fields| fields.sequence = 0);
        long.extend([0x18, 0x81, 0x00]);
        bad("fields_long_varint", "sequence 1 in two bytes", "sequence", self.signed(1, &long));
        bad("fields_group", "a group", "ToBeSigned", with(&[0x63, 0x64]));
        bad("fields_unknown", "17 fields of unknown numbers", "ToBeSigned", with(&[0x78, 0x01].repeat(17)));
        let no_class: Vec<u8> = without(&good, &[0x30, 0x02]);
        bad("fields_no_class", "no deadline class", "deadline_class", self.signed(1, &no_class));
        let class_6 = [&no_class[..], &[0x30, 0x06]].concat();
        bad("fields_class", "deadline class 6", "deadline_class", self.signed(1, &class_6));
        bad("fields_no_type", "no type", "type", self.with(|fields| fields.message_type = 0));
        let no_time = self.with(|fields| fields.generation_time_us = 0);
        bad("fields_no_time", "no generation time", "generation_time_us", no_time);
        let off = self.with(|fields| fields.latitude = 900_000_001);
        bad("fields_latitude", "latitude 90.0000001", "latitude, longitude", off);
        let cut = self.with(|fields| fields.credential_requests = &[1, 2, 3, 4]);
        bad("fields_requests", "credential requests of 4 bytes", "credential_requests", cut);
        bad("fields_no_payload", "an empty payload", "payload", self.with(|fields| fields.payload = &[]));
        bad("fields_no_shape", "an area without a shape", "shape", with(&[0x4a, 0x02, 0x20, 0x05]));
        let azimuth = [0x4a, 0x09, 0x18, 0x02, 0x20, 0x05, 0x28, 0x05, 0x30, 0xe8, 0x02];
        bad("fields_azimuth", "an area with azimuth 360", "azimuth_deg", with(&azimuth));

        add("scope_no_hops", "max_hops 0", "bad_scope", "max_hops", self.with(|fields| fields.max_hops = 0));
        add(
            "scope_hops",
            "max_hops 2 in D2",
            "bad_scope",
            "max_hops",
            self.with(|fields| fields.max_hops = 2),
        );
        let d1 = |fields: &mut TbsRepr<'_>| (fields.class, fields.lifetime_ms) = (Class::D1, 500);
        add("scope_class", "awareness in D1", "bad_scope", "deadline_class", self.with(d1));
        let d0 = |fields: &mut TbsRepr<'_>| {
            (fields.class, fields.lifetime_ms, fields.area) = (Class::D0, 100, Some(AREA));
        };
        add("scope_area", "D0 with an area", "bad_scope", "area", self.with(d0));
        let lifetime = |ms| self.with(move |fields| fields.lifetime_ms = ms);
        add("lifetime_none", "lifetime 0", "bad_lifetime", "lifetime_ms", lifetime(0));
        add("lifetime_long", "lifetime 1,001 ms in D2", "bad_lifetime", "lifetime_ms", lifetime(1_001));
        let at = |us| self.with(move |fields| fields.generation_time_us = us);
        let field = "generation_time_us";
        add(
            "time_unix",
            "a time without the leap seconds since 2004",
            "stale",
            field,
            at(NOW_US - 5_000_000),
        );
        add("time_future", "five seconds early", "from_future", field, at(NOW_US + 5_000_000));
        let far = self.with(|fields| fields.latitude += 10_000_000);
        add("place_far", "a degree of latitude away", "out_of_reach", "latitude, longitude", far);
        let type_of = |number| self.with(move |fields| fields.message_type = number);
        add("type_unknown", "type 12", "unknown_type", "type", type_of(12));
        let group = v1::SignalGroup { group: 1, ..Default::default() };
        let state = v1::SignalState { state_time_us: NOW_US, groups: vec![group], ..Default::default() };
        let signals = self.carrying(&state.encode_to_vec(), |fields| {
            (fields.message_type, fields.class) = (3, Class::D4);
        });
        add("type_denied", "a vehicle's signal state", "permission_denied", "type", signals);
    }

    fn payloads(&self, add: &mut Add<'_>) {
        let mut bad = |name, what, field, payload: &[u8]| {
            add(name, what, "malformed_payload", field, self.awareness(payload));
        };
        bad("payload_too_large", "speed 2^32 + 1000", "speed", &[0x20, 0xe8, 0x87, 0x80, 0x80, 0x10]);
        bad("payload_twice", "speed twice", "speed", &[0x20, 0x01, 0x20, 0x02]);
        bad("payload_long_varint", "speed 1 in two bytes", "speed", &[0x20, 0x81, 0x00]);
        bad("payload_wire_type", "speed as fixed32", "speed", &[0x25, 0x01, 0, 0, 0]);
        let minus_one = [0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        bad("payload_ten_bytes", "acceleration -1 in ten bytes, not zigzag", "acceleration", &minus_one);
        let below = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        bad("payload_enum", "station type -1", "station_type", &below);
        bad("payload_group", "a group", "Awareness", &[0xc3, 0x02, 0xc4, 0x02]);
        bad(
            "payload_message_twice",
            "position confidence twice",
            "position_confidence",
            &[0x1a, 0x02, 0x08, 0x01, 0x1a, 0x02, 0x10, 0x01],
        );
        bad(
            "payload_nested",
            "semi_major_cm 2^32",
            "semi_major_cm",
            &[0x1a, 0x06, 0x08, 0x80, 0x80, 0x80, 0x80, 0x10],
        );
        bad("payload_bool", "siren 2", "siren", &[0xb2, 0x01, 0x02, 0x10, 0x02]);
        let columns = [0x9a, 0x01, 0x01, 0x02, 0xa2, 0x01, 0x01, 0x02];
        bad(
            "payload_unpacked",
            "a path that is not packed",
            "path_delta_time",
            &[&columns[..], &[0xa8, 0x01, 0x02]].concat(),
        );
        bad(
            "payload_two_pieces",
            "a path in two pieces",
            "path_delta_latitude",
            &[&columns[..4], &columns[..4]].concat(),
        );
        bad("payload_part", "floods that end within one", "floods_held", &[0xba, 0x01, 0x03, 1, 2, 3]);
        bad("payload_cut", "a speed without its number", "speed", &[0x20]);
        bad("payload_columns", "a path without times", "path_delta_time", &columns);
        bad("payload_speed", "speed 16383", "speed", &[0x20, 0xff, 0x7f]);
        bad("payload_heading", "heading 3600", "heading", &[0x28, 0x90, 0x1c]);

        let sealed = |receiver: &[u8; 8], length: usize| {
            let message = v1::Confidential {
                receiver: Bytes::copy_from_slice(receiver),
                encapsulated_key: Bytes::from_static(&[9; 32]),
                ciphertext: vec![0; length].into(),
            };
            let fields = |fields: &mut TbsRepr<'_>| {
                (fields.message_type, fields.class, fields.lifetime_ms) = (13, Class::D4, 1_000);
            };
            self.carrying(&message.encode_to_vec(), fields)
        };
        let (here, elsewhere) = (digest_of(&self.keys.roadside).0, digest_of(&self.keys.confidant).0);
        let cut = sealed(&here, 81);
        add("seal_cut", "a ciphertext of 81 bytes", "malformed_payload", "ciphertext", cut);
        let another = sealed(&elsewhere, 80);
        add("seal_for_another", "sealed to another station", "sealed_for_another", "receiver", another);
        let wiped = sealed(&here, 80);
        add("seal_without_key", "sealed to one without that key", "sealed_key_wiped", "receiver", wiped);

        let text = |software: &[u8]| {
            let payload = [&[0x0a, software.len() as u8], software].concat();
            let fields = |fields: &mut TbsRepr<'_>| {
                (fields.message_type, fields.class, fields.lifetime_ms) = (36, Class::D5, 10_000);
            };
            self.carrying(&payload, fields)
        };
        add(
            "payload_utf_8",
            "software that is not UTF-8",
            "malformed_payload",
            "software",
            text(&[0xc3, 0x28]),
        );
        add(
            "payload_zero_byte",
            "software with a zero byte",
            "malformed_payload",
            "software",
            text(b"1.0\0x"),
        );

        let siren = self.awareness(&[0xb2, 0x01, 0x02, 0x10, 0x01]);
        add("role_emergency", "a private vehicle with a siren", "role_denied", "emergency", siren);
        let good = v1::Hazard {
            id: Some(v1::EventId { origin: digest_of(&self.keys.vehicle).0.to_vec().into(), number: 1 }),
            state: v1::HazardState::New as i32,
            detection_time_us: NOW_US - 1_000,
            reference_time_us: NOW_US - 1_000,
            position: Some(v1::Position { latitude: LATITUDE, longitude: LONGITUDE, altitude_cm: None }),
            cause: 94,
            ..Default::default()
        };
        let mut bad = |name, what, reason, field, change: fn(&mut v1::Hazard)| {
            let mut hazard = good.clone();
            change(&mut hazard);
            let fields = |fields: &mut TbsRepr<'_>| {
                (fields.message_type, fields.class, fields.lifetime_ms) = (2, Class::D1, 500);
            };
            add(name, what, reason, field, self.carrying(&hazard.encode_to_vec(), fields));
        };
        let malformed = "malformed_payload";
        bad("hazard_no_place", "a new event without a position", malformed, "position", |it| {
            it.position = None
        });
        bad("hazard_state", "state 9", malformed, "state", |it| it.state = 9);
        bad("hazard_no_id", "no id", malformed, "id", |it| it.id = None);
        bad("hazard_cause", "a private vehicle's road works", "role_denied", "cause", |it| it.cause = 3);
        bad("hazard_origin", "another's event", "not_origin", "origin", |it| {
            it.id = Some(v1::EventId { origin: vec![9; 8].into(), number: 1 });
        });
        bad("hazard_time", "made a minute after it was signed", "event_time", "reference_time_us", |it| {
            it.reference_time_us = NOW_US + 60_000_000;
        });
    }

    /// A frame of this awareness payload.
    fn awareness(&self, payload: &[u8]) -> Vec<u8> {
        self.carrying(payload, |_| {})
    }

    fn carrying(&self, payload: &[u8], change: impl FnOnce(&mut TbsRepr<'_>)) -> Vec<u8> {
        let mut fields = TbsRepr { payload, ..GOOD };
        change(&mut fields);
        let mut tbs = Vec::new();
        fields.encode(&mut tbs);
        self.framed(fields.class, fields.max_hops, &tbs)
    }

    /// A frame of these changed fields.
    fn with(&self, change: impl FnOnce(&mut TbsRepr<'_>)) -> Vec<u8> {
        self.carrying(GOOD.payload, change)
    }

    fn tbs(&self, change: impl FnOnce(&mut TbsRepr<'_>)) -> Vec<u8> {
        let (mut fields, mut tbs) = (GOOD, Vec::new());
        change(&mut fields);
        fields.encode(&mut tbs);
        tbs
    }

    fn sign(&self, tbs: &[u8]) -> [u8; 64] {
        sign(VEHICLE_SEED, MESSAGE_DOMAIN, &Sha256::digest(&self.keys.vehicle), tbs)
    }

    fn signed(&self, max_hops: u8, tbs: &[u8]) -> Vec<u8> {
        self.framed(Class::D2, max_hops, tbs)
    }

    fn framed(&self, class: Class, max_hops: u8, tbs: &[u8]) -> Vec<u8> {
        let mut frame = self.header_of(class, max_hops);
        let signer = SignerRef::Credential(&self.keys.vehicle);
        envelope::encode_signed(&mut frame, tbs, &self.sign(tbs), signer);
        frame
    }

    fn header(&self, hops: u8) -> Vec<u8> {
        self.header_of(Class::D2, hops)
    }

    fn header_of(&self, class: Class, remaining_hops: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = HopHeader {
            kind: Kind::Data,
            flags: Flags::default(),
            remaining_hops,
            class,
            forwarder: digest_of(&self.keys.vehicle),
            forwarder_position: None,
        };
        header.encode(&mut bytes);
        bytes
    }
}

/// The good frame's: a cyclist who stands.
const GOOD: TbsRepr<'static> = TbsRepr {
    message_type: v1::MessageType::Awareness as u32,
    generation_time_us: NOW_US,
    sequence: 7,
    latitude: LATITUDE,
    longitude: LONGITUDE,
    class: Class::D2,
    lifetime_ms: 1_000,
    max_hops: 1,
    area: None,
    credential_requests: &[],
    payload: &[0x08, 0x02, 0x20, 0x00, 0x28, 0x00],
};

/// `bytes` without the first occurrence of `part`.
fn without(bytes: &[u8], part: &[u8]) -> Vec<u8> {
    let at = bytes.windows(part.len()).rposition(|window| window == part).unwrap();
    [&bytes[..at], &bytes[at + part.len()..]].concat()
}

#[test]
fn stations_drop_them_for_these_reasons_and_take_the_good_one() {
    let keys = Keys::new();
    assert_eq!(told(&keys, &Maker { keys: &keys }.with(|_| {})), Ok(()));
    for refused in frames(&keys) {
        assert_eq!(told(&keys, &refused.frame), Err((refused.reason, refused.field)), "{}", refused.name);
    }
}
