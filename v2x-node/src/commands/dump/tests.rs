//! What is shown of good and bad frames, checked and unchecked.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use v2x_core::{Authority, CredentialRequest, Identity, Permissions, TrustStore};
use v2x_proto::envelope::{SignerRef, TbsRepr, encode_signed};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::payload::Message;
use v2x_proto::{Class, v1};

use super::*;

const ARRIVAL: Arrival<'static> = Arrival {
    unix_ns: 1_767_225_600_250_000_000,
    source: [2, 0, 0, 0, 0, 1],
    interface: "test",
    signal_dbm: Some(-71),
    rate_kbps: None,
    frequency_mhz: None,
    trailing: 0,
};
const START_S: u32 = 694_310_405;

/// An authority and a station, their keys from fixed bytes.
fn station() -> (TrustStore, Identity) {
    let key = |byte| SigningKey::from_bytes(&[byte; 32]);
    let all = Permissions::AWARENESS | Permissions::HAZARD;
    let request = |byte, permissions, station_class| CredentialRequest {
        encryption_key: None,
        public_key: key(byte).verifying_key().to_bytes(),
        permissions,
        not_before_s: START_S,
        duration_min: 60,
        region: None,
        station_class,
        revocation_series: 0,
    };
    let authority = Authority::new(key(1), key(2), &request(2, all | Permissions::ISSUE, 1)).unwrap();
    let identity = authority.identity(key(3), &request(3, all, 2)).unwrap();
    (authority.trust, identity)
}

fn frame(identity: &mut Identity, full_credential: bool) -> Vec<u8> {
    frame_with(identity, full_credential, |_| {}, &[])
}

/// A frame with other fields, and with bytes behind its payload.
fn frame_with(
    identity: &mut Identity,
    full_credential: bool,
    change: impl FnOnce(&mut TbsRepr<'_>),
    more: &[u8],
) -> Vec<u8> {
    let awareness = v1::Awareness {
        station_type: v1::StationType::PassengerCar as i32,
        speed: Some(1389),
        heading: Some(547),
        ..v1::Awareness::default()
    };
    let mut payload = Vec::new();
    Message::Awareness(awareness).encode(&mut payload);
    payload.extend_from_slice(more);
    let mut tbs = Vec::new();
    let mut fields = TbsRepr {
        message_type: v1::MessageType::Awareness as u32,
        generation_time_us: u64::from(START_S) * 1_000_000 + 5,
        sequence: 41,
        latitude: 496_116_000,
        longitude: -61_319_000,
        class: Class::D2,
        lifetime_ms: 1000,
        max_hops: 1,
        area: None,
        credential_requests: &[],
        payload: &payload,
    };
    change(&mut fields);
    fields.encode(&mut tbs);
    let header = HopHeader {
        kind: Kind::Data,
        flags: Flags { test: true, ..Flags::default() },
        remaining_hops: fields.max_hops,
        class: Class::D2,
        forwarder: identity.digest(),
        forwarder_position: None,
    };
    let mut frame = Vec::new();
    header.encode(&mut frame);
    let signature = identity.sign(&tbs);
    let signer = match full_credential {
        true => SignerRef::Credential(identity.credential()),
        false => SignerRef::Digest(identity.digest()),
    };
    encode_signed(&mut frame, &tbs, &signature, signer);
    frame
}

fn shown(style: Style, verifier: Option<Verifier>, frames: &[&[u8]]) -> String {
    let mut out = Vec::new();
    let mut printer = Printer { verifier, style, left: u64::MAX, out: &mut out };
    for frame in frames {
        printer.frame(frame, &ARRIVAL).unwrap();
    }
    String::from_utf8(out).unwrap()
}

const LINE: Style = Style::Line { full: false };

#[test]
fn a_frame_is_one_line_with_what_matters_first() {
    let (_, mut identity) = station();
    let frame = frame(&mut identity, true);
    let expected = format!(
        "00:00:00.250000 02:00:00:00:00:01 D2 awareness {}/41 at 49.6116000,-6.1319000 hops 1/1 {} B +credential test \
         -71 dBm | passenger car 13.9 m/s heading 54.7\n",
        identity.digest(),
        frame.len()
    );
    assert_eq!(shown(LINE, None, &[&frame]), expected);
    let full = shown(Style::Line { full: true }, None, &[&frame]);
    assert!(full.contains("speed: 1389") && !full.contains("None"), "{full}");
}

#[test]
fn signatures_are_checked_once_the_credential_was_seen() {
    let (store, mut identity) = station();
    let (short, long) = (frame(&mut identity, false), frame(&mut identity, true));
    let mut forged = long.clone();
    *forged.last_mut().unwrap() ^= 1;
    let mut tampered = short.clone();
    // The first byte of the signature, which stands 64 + 2 + 8 bytes before the end.
    let at = tampered.len() - 70;
    tampered[at] ^= 1;
    let text = shown(LINE, Some(Verifier::new(store)), &[&short, &long, &short, &tampered, &forged]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains(" signer unknown "), "{}", lines[0]);
    assert!(lines[1].contains(" verified "), "{}", lines[1]);
    assert!(lines[2].contains(" verified "), "{}", lines[2]);
    assert!(lines[3].contains(" NOT VALID (the signature does not match)"), "{}", lines[3]);
    assert!(lines[4].contains(" NOT VALID ("), "{}", lines[4]);
}

#[test]
fn json_has_stable_names_and_units() {
    let (store, mut identity) = station();
    let frame = frame(&mut identity, true);
    let text = shown(Style::Json, Some(Verifier::new(store)), &[&frame, &frame[..30]]);
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let good = lines.next().unwrap();
    assert_eq!(good["time_unix_ns"], 1_767_225_600_250_000_000_u64);
    assert_eq!((&good["class"], &good["message"]), (&"D2".into(), &"awareness".into()));
    assert_eq!((&good["signature"], &good["signer_form"]), (&"valid".into(), &"credential".into()));
    assert_eq!(good["payload"]["speed_cm_per_s"], 1389);
    assert_eq!(good["flags"], serde_json::json!(["test"]));
    assert!(good["undecodable"].is_null());
    let bad = lines.next().unwrap();
    assert_eq!(bad["undecodable"]["offset"], 12);
    assert!(bad["class"].is_null());
}

#[test]
fn what_does_not_decode_is_shown_with_reason_and_offset() {
    let (_, mut identity) = station();
    let frame = frame(&mut identity, false);
    let line = shown(LINE, None, &[&frame[..5]]);
    assert!(line.contains("02:00:00:00:00:01 undecodable at byte 0 of 5: hop header: "), "{line}");
    let line = shown(LINE, None, &[&[&frame[..12], [0xff; 40].as_slice()].concat()]);
    assert!(line.contains("undecodable at byte 12 of 52: signed message: "), "{line}");
    let line = shown(LINE, None, &[&[0; 1500]]);
    assert!(
        line.contains("undecodable at byte 1398 of 1500: 1500 bytes, a frame has at most 1398"),
        "{line}"
    );
}

/// A change of the signed fields.
type Change = fn(&mut TbsRepr<'_>);

#[test]
fn a_valid_signature_does_not_hide_that_stations_drop_the_frame() {
    let (_, mut identity) = station();
    let same: Change = |_| {};
    // Speed once more; a siren, which this station may not have.
    let (speed, siren) = ([0x20, 0xe8, 0x07], [0xb2, 0x01, 0x02, 0x10, 0x01]);
    let rows: [(Change, &[u8], &str, Option<&str>); 8] = [
        (same, &speed, "malformed_payload", Some("speed")),
        (same, &siren, "role_denied", Some("emergency")),
        (|fields| fields.max_hops = 0, &[], "bad_scope", Some("max_hops")),
        (|fields| fields.lifetime_ms = 1_001, &[], "bad_lifetime", Some("lifetime_ms")),
        (|fields| fields.lifetime_ms = 0, &[], "bad_lifetime", Some("lifetime_ms")),
        // Without the leap seconds since 2004.
        (|fields| fields.generation_time_us -= 5_000_000, &[], "stale", Some("generation_time_us")),
        (|fields| fields.generation_time_us += 5_000_000, &[], "from_future", Some("generation_time_us")),
        (|fields| fields.message_type = 7, &[], "permission_denied", Some("type")),
    ];
    for (change, more, reason, field) in rows {
        let (store, _) = station();
        let frame = frame_with(&mut identity, true, change, more);
        let line = shown(LINE, Some(Verifier::new(store.clone())), &[&frame]);
        let expected = format!(" verified, stations drop it: {reason} ({}", field.unwrap());
        // At a time before its credential is valid nothing can be verified.
        if reason != "stale" {
            assert!(line.contains(&expected), "{line}");
        }
        let text = shown(Style::Json, Some(Verifier::new(store)), &[&frame]);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&object["drop_reason"], &object["drop_field"]),
            (&reason.into(), &field.into()),
            "{text}"
        );
    }
}

#[test]
fn a_time_without_leap_seconds_is_said_with_its_distance() {
    let (_, mut identity) = station();
    let frame = frame_with(&mut identity, true, |fields| fields.generation_time_us -= 5_000_000, &[]);
    let line = shown(LINE, None, &[&frame]);
    assert!(
        line.contains(", stations drop it: stale (generation_time_us), made 5.250 s before it arrived"),
        "{line}"
    );
}

#[test]
fn a_frame_that_stations_take_has_no_reason() {
    let (store, mut identity) = station();
    let good = frame(&mut identity, true);
    let text = shown(Style::Json, Some(Verifier::new(store)), &[&good, &good[..5]]);
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert!(lines.next().unwrap()["drop_reason"].is_null());
    let cut = lines.next().unwrap();
    assert_eq!((&cut["drop_reason"], &cut["drop_field"]), (&"truncated".into(), &serde_json::Value::Null));
}

proptest! {
    #[test]
    fn no_bytes_stop_the_dump(bytes in prop::collection::vec(any::<u8>(), 0..400), json: bool) {
        let style = if json { Style::Json } else { Style::Line { full: true } };
        let (store, _) = station();
        prop_assert_eq!(shown(style, Some(Verifier::new(store)), &[&bytes]).lines().count(), 1);
    }

    #[test]
    fn no_change_of_a_good_frame_stops_the_dump(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>()) {
        let (store, mut identity) = station();
        let mut bytes = frame(&mut identity, true);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        prop_assert_eq!(shown(Style::Line { full: true }, Some(Verifier::new(store)), &[&bytes]).lines().count(), 1);
    }
}

#[test]
fn bytes_behind_a_message_are_told_apart_from_it() {
    let (_, mut identity) = station();
    for full_credential in [false, true] {
        let whole = frame(&mut identity, full_credential);
        for trailer in [&[0; 18][..], &[0xde, 0xad, 0xbe, 0xef]] {
            let padded = [&whole[..], trailer].concat();
            assert_eq!(decode::without_trailer(&padded), (&whole[..], trailer.len()));
        }
        assert_eq!(decode::without_trailer(&whole), (&whole[..], 0));
        let cut = &whole[..whole.len() - 1];
        assert_eq!(decode::without_trailer(cut), (cut, 0));
    }
}

proptest! {
    #[test]
    fn any_bytes_have_a_decodable_part_or_stay_whole(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (part, trailing) = decode::without_trailer(&bytes);
        prop_assert_eq!(part.len() + trailing, bytes.len());
    }
}
