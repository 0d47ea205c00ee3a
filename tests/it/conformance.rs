//! Rows 53 to 65 of the security conformance suite (ETSI TS 103 096-2), as far as no other test file has them: what two
//! or more stations in virtual time make of a rule. `trust`, `receive` and `clock` have the rest.

use std::time::Duration;

use prost::Message as _;
use v2x_core::{AwarenessRule, Config, CredentialRequest, Event, Input, Instant, Node};
use v2x_proto::credential::CREDENTIAL_DOMAIN;
use v2x_proto::envelope::{SignedView, TbsRepr};
use v2x_proto::{AreaView, Class, Shape, hop, v1};

use testkit::craft::{self, Crafter, circle, frame, hazard_of, is_full, probe, read};
use testkit::{Authority, PLACE, Station, Street, anchor, fix};

const AT: Instant = Instant::from_millis(2_000);

// Rows 53 and 54, SND_CAM_04, 05, 07: among stations that know each other the digest is enough, and each sends its
// whole credential at least once a second after the last time.
#[test]
fn every_second_of_every_station_of_a_street_has_a_whole_credential_and_all_is_delivered() {
    let mut street = Street::new(6);
    street.run(Instant::from_millis(8_000));
    for station in &street.stations {
        let times: Vec<u64> = station.frames.iter().map(|bytes| read(bytes).1.generation_time_us).collect();
        let full: Vec<u64> = station
            .frames
            .iter()
            .filter(|bytes| is_full(bytes))
            .map(|bytes| read(bytes).1.generation_time_us)
            .collect();
        assert!(full.len() < times.len(), "digests too");
        // A beacon is due when a second is over, and comes within its longest interval.
        assert!(full.windows(2).all(|pair| pair[1] - pair[0] <= 2_000_000), "{full:?}");
        assert!(station.drops().is_empty(), "{:?}", station.drops());
        assert!(station.received() > 5 * 8, "{}", station.received());
    }
}

// Row 57, SND_CAM_10, SND_DENM_04: what a station signs is dated by the moment, and heard as that.
#[test]
fn generation_times_are_those_of_the_moment_and_within_the_credential() {
    let (mut sender, mut receiver) = (Station::new(1, Config::vehicle()), Station::silent(9));
    sender.start(Instant::ZERO, PLACE);
    let sent = sender.drive(Instant::ZERO, Instant::from_millis(4_000), |now| fix(now, PLACE));
    let (from, until) = (sender.node.pool().active().valid_from(), sender.node.pool().valid_until());
    for (at, bytes) in &sent {
        let generated = read(bytes).1.generation_time_us;
        let right = anchor().wire_at(*at).as_micros();
        assert!(generated <= right && right - generated <= 100_000, "{generated} at {right}");
        assert!(from.as_micros() <= generated && generated < until.as_micros());
        receiver.hear(*at, bytes);
    }
    assert_eq!(receiver.received(), sent.len());
}

// Row 58, SND_DENM_05: a station outside its credential's region sends nothing; receivers would drop it all.
#[test]
fn nothing_is_sent_outside_the_region_of_the_own_credential() {
    for shape in [Shape::Circle, Shape::Rectangle, Shape::Ellipse] {
        let distance_b_m = if shape == Shape::Circle { 0 } else { 300 };
        let region = AreaView { shape, distance_b_m, ..circle(300) };
        let authority = Authority::new();
        let request = CredentialRequest { region: Some(region), ..Authority::request(&Authority::key(1)) };
        let every = AwarenessRule::Every(Duration::from_millis(100));
        let config = Config { awareness: every, ..Config::vehicle() };
        let node =
            Node::new(config, authority.identity_as(1, &request), authority.trust.clone(), 7, anchor());
        let (mut sender, mut receiver) = (Station::with(1, node), Station::silent(9));
        sender.start(Instant::ZERO, PLACE);
        let place = |east: f64| move |now| fix(now, PLACE.moved(east, 0.0));
        let inside = sender.drive(Instant::ZERO, Instant::from_millis(990), place(0.0));
        assert!(inside.len() >= 9, "{shape:?}: {}", inside.len());
        inside.iter().for_each(|(at, bytes)| receiver.hear(*at, bytes));
        assert_eq!(receiver.received(), inside.len(), "{shape:?}: {:?}", receiver.drops());
        let outside = sender.drive(Instant::from_millis(1_000), Instant::from_millis(1_990), place(310.0));
        assert!(outside.is_empty(), "{shape:?}");
        let now = Instant::from_millis(1_995);
        let hazard = v2x_core::SendRequest {
            message_type: v1::MessageType::Hazard as u32,
            lifetime_ms: 100,
            payload: hazard_of(sender.node.digest(), now).encode_to_vec().into(),
            ..probe(Class::D1)
        };
        assert!(sender.feed(now, Input::Send(hazard.clone())).is_empty());
        let last = sender.events.last();
        assert!(
            matches!(last, Some(Event::NotSent(it)) if it.reason.name() == "send_not_permitted"),
            "{last:?}"
        );
        let back = sender.drive(Instant::from_millis(2_000), Instant::from_millis(2_500), place(0.0));
        assert!(back.len() >= 4, "{shape:?}: inside again, it speaks again");
        let hazard = sender.feed(Instant::from_millis(2_505), Input::Send(hazard));
        assert!(is_full(&hazard[0]), "SND_DENM_03: with its credential");
    }
}

// Row 59, RCV_CAM_01, 02: every version but ours is refused, by credential and by digest.
#[test]
fn every_other_version_is_refused_and_leaves_the_station_as_it_was() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    for bytes in [car.full(&car.fields(AT)), car.brief(&car.fields(AT))] {
        for version in (0..16).filter(|version| *version != hop::VERSION) {
            receiver.hear(AT, &craft::poked(&bytes, 0, |byte| byte & 0x0f | version << 4));
            assert_eq!(receiver.last_drop(), Some("bad_version"), "{version}");
        }
        receiver.hear(AT, &bytes);
    }
    assert_eq!(
        receiver.received(),
        3,
        "and the real ones are taken: none counted as a copy of what was refused"
    );
}

// Row 60, RCV_CAM_04, 09: fields that are missing or doubled, though signed.
#[test]
fn a_field_that_is_missing_or_said_twice_is_refused_before_its_signature() {
    let car = Crafter::station(1);
    let fields = TbsRepr { credential_requests: &[1, 2, 3], ..car.fields(AT) };
    let mut tbs = Vec::new();
    fields.encode(&mut tbs);
    let parts = fields_of(&tbs);
    assert!(parts.len() >= 9, "{}", parts.len());
    let tell = |tbs: &[u8]| {
        let mut receiver = Station::silent(9);
        let signer = v2x_proto::envelope::SignerRef::Credential(&car.credential);
        receiver.hear(AT, &frame(&car.header(&fields), tbs, &car.sign(tbs), signer));
        (receiver.received(), receiver.last_drop())
    };
    assert_eq!(tell(&tbs), (1, None));
    for (number, part) in &parts {
        let twice = [&tbs[..], part].concat();
        assert_eq!(tell(&twice), (0, Some("malformed_fields")), "field {number} twice");
        let without: Vec<u8> =
            parts.iter().filter(|(other, _)| other != number).flat_map(|(_, part)| part.clone()).collect();
        // Without hops or sequence number they are zero, and without requests nothing is requested.
        let (received, dropped) = tell(&without);
        match number {
            3 | 10 => assert_eq!((received, dropped), (1, None), "field {number}"),
            4 | 5 => assert_eq!((received, dropped), (0, Some("out_of_reach")), "field {number}"),
            7 => assert_eq!((received, dropped), (0, Some("bad_lifetime")), "field {number}"),
            8 => assert_eq!((received, dropped), (0, Some("hops_inflated")), "field {number}"),
            _ => assert_eq!((received, dropped), (0, Some("malformed_fields")), "field {number}"),
        }
    }
}

// Row 62, RCV_CAM_10, 11: no signature, two of them, another's; by credential and by digest.
#[test]
fn a_missing_doubled_or_foreign_signature_is_refused() {
    let (car, other) = (Crafter::station(1), Crafter::station(2));
    let fields = car.fields(AT);
    for bytes in [car.full(&fields), car.brief(&fields)] {
        let (_, start) = hop::parse(&bytes).unwrap();
        let signed = SignedView::parse(&bytes[start..]).unwrap();
        let parts = fields_of(&bytes[start..]);
        assert_eq!(parts.len(), 3, "signed bytes, signature, signer");
        let (_, signature) = parts.iter().find(|(_, part)| part.ends_with(signed.signature)).unwrap();
        let tell = |message: &[u8]| {
            let mut receiver = Station::silent(9);
            receiver.hear(AT, &car.full(&car.fields(AT)));
            receiver.hear(AT, &[&bytes[..start], message].concat().into());
            assert_eq!(receiver.received(), 1);
            receiver.last_drop().unwrap()
        };
        let without: Vec<u8> =
            parts.iter().filter(|(_, part)| part != signature).flat_map(|(_, part)| part.clone()).collect();
        assert_eq!(tell(&without), "malformed_envelope");
        assert_eq!(tell(&[&bytes[start..], signature].concat()), "unsigned_bytes", "twice");
        let foreign = frame(&car.header(&fields), signed.tbs, &other.sign(signed.tbs), signed.signer);
        assert_eq!(tell(&foreign[start..]), "signature_invalid", "another station's");
        // The right key, and what it signed for another purpose.
        let key = Authority::key(1);
        let input = [CREDENTIAL_DOMAIN.as_slice(), &[0; 32], signed.tbs].concat();
        let wrong = ed25519_dalek::Signer::sign(&key, &input).to_bytes();
        let domain = frame(&car.header(&fields), signed.tbs, &wrong, signed.signer);
        assert_eq!(tell(&domain[start..]), "signature_invalid", "signed as a credential");
    }
}

// Row 64, RCV_DENM_01, 08: what one station hears as inside, another hears so too, wherever it is itself.
#[test]
fn a_region_is_about_the_sender_and_not_about_who_listens() {
    let region = AreaView { shape: Shape::Rectangle, distance_b_m: 50, ..circle(200) };
    let car = crate::signers::within(region);
    let mut near = Station::silent(8);
    let mut far = Station::silent(9);
    far.feed(AT, fix(AT, PLACE.moved(600.0, 0.0)));
    for (east, inside) in [(0.0, true), (49.0, true), (51.0, false)] {
        let place = PLACE.moved(east, 0.0);
        let fields = TbsRepr { latitude: place.latitude, longitude: place.longitude, ..car.fields(AT) };
        let bytes = car.full(&fields);
        for receiver in [&mut near, &mut far] {
            let before = receiver.received();
            receiver.hear(AT, &bytes);
            assert_eq!(
                receiver.received() - before,
                usize::from(inside),
                "{east}: {:?}",
                receiver.last_drop()
            );
        }
    }
}

/// The fields of an encoded message, each with its tag, by number.
fn fields_of(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let tag = varint(bytes, &mut at);
        match tag & 7 {
            0 => drop(varint(bytes, &mut at)),
            1 => at += 8,
            2 => at = varint(bytes, &mut at) as usize + at,
            5 => at += 4,
            other => panic!("wire type {other}"),
        }
        parts.push((tag >> 3, bytes[start..at].to_vec()));
    }
    parts
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
