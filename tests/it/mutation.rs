//! Every bit of the signed bytes counts: a frame with one flipped is refused, and the real frame is accepted
//! afterwards.

use bytes::Bytes;
use v2x_core::{Event, Input, Instant, TrustStore, limits};
use v2x_proto::hop;

use testkit::craft::{self, Crafter};
use testkit::{Authority, PLACE, START, Station};

const AT: Instant = Instant::from_millis(2_000);

// RCV_CAM_10, RCV_CAM_11: a wrong signature, by credential and by digest; row 62.
#[test]
fn no_bit_of_a_signed_frame_can_be_flipped() {
    let car = Crafter::station(1);
    let full = car.full(&car.fields(AT));
    let brief = car.brief(&car.fields(AT));
    let (_, start) = hop::parse(&full).unwrap();
    for (bytes, introduction) in [(&full, None), (&brief, Some(car.full(&car.fields(AT))))] {
        for bit in start * 8..bytes.len() * 8 {
            let mut receiver = Station::silent(9);
            if let Some(introduction) = &introduction {
                receiver.hear(AT, introduction);
            }
            let known = receiver.received();
            receiver.hear(AT, &flipped(bytes, bit));
            // Under another name it waits for a credential that no station has.
            let given_up = AT + limits::HOLD_TIME;
            receiver.feed(given_up, Input::Timeout);
            assert_eq!(receiver.received(), known, "bit {bit} of {}", bytes.len() * 8);
            assert_eq!(receiver.drops().values().sum::<usize>(), 1, "bit {bit}: {:?}", receiver.drops());
            receiver.hear(given_up, bytes);
            assert_eq!(receiver.received(), known + 1, "bit {bit}: {:?}", receiver.drops());
        }
    }
}

// SND_CERT_AT_08: the signature of a credential holds under its issuer's key; row 65.
#[test]
fn no_bit_of_a_credential_can_be_flipped() {
    let authority = Authority::new();
    let station = authority.issue(&Authority::request(&Authority::key(1)));
    let trust = authority.trust.clone();
    assert!(trust.check_station(&station, START).is_ok());
    for bit in 0..station.len() * 8 {
        let wrong = flipped(&station, bit);
        assert!(trust.check_station(&wrong, START).is_err(), "station, bit {bit}");
    }
    for bit in 0..authority.issuer.len() * 8 {
        let wrong = flipped(&authority.issuer, bit);
        let trust = TrustStore::new(std::slice::from_ref(&authority.root), &[wrong]);
        assert!(trust.is_err(), "issuer, bit {bit}");
    }
    for bit in 0..authority.root.len() * 8 {
        let wrong = flipped(&authority.root, bit);
        let trust = TrustStore::new(&[wrong], std::slice::from_ref(&authority.issuer));
        assert!(trust.is_err(), "root, bit {bit}");
    }
}

// What is not signed may be changed by every relay, and changes nothing of what is delivered.
#[test]
fn a_flipped_bit_of_the_hop_header_never_changes_what_is_delivered() {
    let car = Crafter::station(1);
    let bytes = car.full(&car.fields(AT));
    let (_, end) = hop::parse(&bytes).unwrap();
    let whole = craft::AWARENESS;
    for bit in 0..end * 8 {
        let mut receiver = Station::silent(9);
        receiver.hear(AT, &flipped(&bytes, bit));
        let delivered = receiver.events.iter().find_map(|event| match event {
            Event::Received(received) => Some(received),
            _ => None,
        });
        if let Some(received) = delivered {
            let position = received.position;
            assert_eq!((received.id.signer, position), (car.digest, PLACE), "bit {bit}");
            assert_eq!(received.payload, whole, "bit {bit}");
        } else {
            assert!(receiver.last_drop().is_some(), "bit {bit}");
        }
    }
}

fn flipped(bytes: &Bytes, bit: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes.into()
}
