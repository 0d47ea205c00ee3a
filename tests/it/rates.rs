//! How many frames each sender may have handled, and which frames of a flood are handled last.

use std::time::Duration;

use bytes::Bytes;
use v2x_core::{AwarenessRule, Config, Event, Input, Instant, Permissions, TimerKind, limits};
use v2x_proto::Class;
use v2x_proto::envelope::TbsRepr;
use v2x_proto::v1::Hazard;

use crate::signers::permitted;
use testkit::craft::{Crafter, circle, forged};
use testkit::{PLACE, Station};

const AT: Instant = Instant::from_millis(2_000);
const VICTIM: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ATTACKER: [u8; 6] = [2, 6, 6, 6, 6, 6];

/// A receiver that has heard `car` from its own address.
fn acquainted(car: &Crafter) -> Station {
    let mut receiver = Station::silent(9);
    receiver.hear_from(AT, &car.full(&car.fields(AT)), VICTIM);
    assert_eq!(receiver.received(), 1);
    receiver
}

fn drops(station: &Station, name: &str) -> usize {
    station.drops().get(name).copied().unwrap_or(0)
}

#[test]
fn forgeries_in_a_victims_name_do_not_use_up_its_rate() {
    let car = Crafter::station(1);
    let mut receiver = acquainted(&car);
    for n in 0..80 {
        receiver.hear_from(AT, &forged(&car.brief(&car.fields_in(Class::D0, AT)), n), ATTACKER);
    }
    assert_eq!(drops(&receiver, "signature_invalid"), 80);
    for _ in 0..20 {
        receiver.hear_from(AT, &car.brief(&car.fields_in(Class::D0, AT)), VICTIM);
    }
    assert_eq!(receiver.received(), 21, "the whole burst: {:?}", receiver.drops());
    receiver.hear_from(AT, &car.brief(&car.fields_in(Class::D0, AT)), VICTIM);
    assert_eq!(receiver.last_drop(), Some("rate_limited_signer"));
}

#[test]
fn copies_of_a_message_are_charged_once() {
    let car = Crafter::station(1);
    let mut receiver = acquainted(&car);
    for step in 0..50 {
        let now = AT + Duration::from_millis(100 * (step + 1));
        let bytes = car.brief(&car.fields(now));
        (0..20).for_each(|_| receiver.hear_from(now, &bytes, VICTIM));
    }
    assert_eq!(receiver.received(), 51, "ten a second");
    assert_eq!(drops(&receiver, "exact_copy"), 50 * 19);
}

#[test]
fn a_burst_of_one_signer_costs_no_signature_beyond_its_rate() {
    let car = Crafter::station(1);
    let mut receiver = acquainted(&car);
    for _ in 0..90 {
        receiver.feed(AT, testkit::frame(&car.brief(&car.fields_in(Class::D4, AT)), VICTIM));
    }
    receiver.verify(AT);
    assert_eq!((receiver.received(), drops(&receiver, "rate_limited_signer")), (31, 60));
}

#[test]
fn whoever_spoofs_a_victims_address_cannot_silence_it() {
    let (car, stranger) = (Crafter::station(1), crate::signers::stranger());
    let mut receiver = acquainted(&car);
    let mut heard = 1;
    for millis in 0..2_000 {
        let now = AT + Duration::from_millis(millis);
        for _ in 0..10 {
            receiver.hear_from(now, &stranger.brief(&stranger.fields(now)), VICTIM);
        }
        if millis % 100 == 50 {
            for class in [Class::D2, Class::D1, Class::D0] {
                let fields = if class == Class::D2 { car.fields(now) } else { car.fields_in(class, now) };
                receiver.hear_from(now, &car.brief(&fields), VICTIM);
                heard += 1;
            }
        }
    }
    assert_eq!(receiver.received(), heard, "{:?}", receiver.drops());
    assert!(drops(&receiver, "unknown_credential") > 19_000);
}

#[test]
fn whoever_writes_a_victims_name_into_the_hop_header_does_not_slow_it_down() {
    let car = Crafter::station(1);
    let mut receiver = acquainted(&car);
    for n in 0..1_000_u16 {
        let [a, b] = n.to_le_bytes();
        let bytes = forged(&car.brief(&car.fields_in(Class::D0, AT)), usize::from(n));
        receiver.feed(AT, testkit::frame(&bytes, [2, 6, 0, 0, a, b]));
    }
    assert!(drops(&receiver, "verify_queue_full") > 700, "{:?}", receiver.drops());
    receiver.feed(AT, testkit::frame(&car.brief(&car.fields(AT)), VICTIM));
    while receiver.deadline.1 == TimerKind::Verify {
        receiver.feed(AT, Input::Timeout);
    }
    assert_eq!((receiver.received(), receiver.deadline.1), (2, TimerKind::Demoted), "it was not demoted");
}

#[test]
fn a_known_station_is_heard_from_an_address_that_somebody_else_floods() {
    let car = Crafter::station(1);
    let mut receiver = acquainted(&car);
    let stranger = crate::signers::stranger();
    (0..200).for_each(|_| receiver.hear_from(AT, &stranger.full(&stranger.fields(AT)), ATTACKER));
    receiver.hear_from(AT, &car.brief(&car.fields(AT)), ATTACKER);
    for class in [Class::D0, Class::D1] {
        receiver.hear_from(AT, &car.brief(&car.fields_in(class, AT)), ATTACKER);
    }
    assert_eq!(receiver.received(), 4, "{:?}", receiver.drops());
}

#[test]
fn a_flood_under_made_up_addresses_is_looked_at_last() {
    let cars: Vec<_> = (1..=20).map(Crafter::station).collect();
    let mut receiver = Station::silent(99);
    for (n, car) in cars.iter().enumerate() {
        receiver.hear_from(AT, &car.full(&car.fields(AT)), [2, 0, 0, 0, 0, n as u8]);
    }
    // Alerts in all their names, each from another address.
    for n in 0..400_u16 {
        let [a, b] = n.to_le_bytes();
        let car = &cars[usize::from(n) % cars.len()];
        let bytes = forged(&car.brief(&car.fields_in(Class::D0, AT)), usize::from(n));
        receiver.feed(AT, testkit::frame(&bytes, [2, 6, 0, 0, a, b]));
    }
    let shed = drops(&receiver, "verify_queue_full");
    assert_eq!(shed, 400 - limits::MAX_LOT);
    let (honest, before) = (&cars[0], drops(&receiver, "signature_invalid"));
    receiver.feed(AT, testkit::frame(&honest.brief(&honest.fields(AT)), [2, 0, 0, 0, 0, 0]));
    while receiver.deadline.1 == TimerKind::Verify {
        receiver.feed(AT, Input::Timeout);
    }
    assert_eq!(receiver.received(), 21, "beacons of known addresses come before all that is demoted");
    assert_eq!(drops(&receiver, "signature_invalid"), before);
    // The demoted have their turns, one at a time.
    assert_eq!(receiver.deadline, (AT, TimerKind::Demoted));
    receiver.feed(AT, Input::Timeout);
    assert_eq!(drops(&receiver, "signature_invalid"), before + 1);
    receiver.verify(AT);
    assert_eq!(drops(&receiver, "signature_invalid") + drops(&receiver, "verify_queue_full"), 400);
}

#[test]
fn test_stations_may_send_as_much_as_they_like() {
    let config = Config { test: true, awareness: AwarenessRule::Off, ..Config::vehicle() };
    let mut receiver = Station::new(9, config);
    receiver.start(Instant::ZERO, PLACE);
    let car = Crafter::station(1);
    let in_test = |bytes: &Bytes| testkit::craft::poked(bytes, 1, |flags| flags | 1 << 4);
    receiver.hear(AT, &in_test(&car.full(&car.fields(AT))));
    for _ in 0..1_000 {
        receiver.hear(AT, &in_test(&car.brief(&car.fields_in(Class::D1, AT))));
    }
    assert_eq!(receiver.received(), 1_001);
}

// ---- events

/// A hazard message about event `number`.
fn declared(car: &Crafter, number: u32) -> Bytes {
    let detected = testkit::anchor().wire_at(AT);
    let hazard = Hazard { cause: 2, ..testkit::hazard::new(car.digest, number, PLACE, detected) };
    let payload = prost::Message::encode_to_vec(&hazard);
    let fields = TbsRepr {
        message_type: v2x_proto::v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 10_000,
        max_hops: 5,
        area: Some(circle(1000)),
        payload: &payload,
        ..car.fields(AT)
    };
    car.full(&fields)
}

#[test]
fn a_signer_declares_a_few_events_at_once_and_says_them_again_for_nothing() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    (0..8).for_each(|_| receiver.hear(AT, &declared(&car, 7)));
    assert_eq!(receiver.received(), 8);
    (8..13).for_each(|number| receiver.hear(AT, &declared(&car, number)));
    assert_eq!((receiver.received(), receiver.last_drop()), (11, Some("rate_limited_signer")));
}

// ---- roles

#[test]
fn a_flood_wider_or_longer_than_the_credential_permits_is_refused_before_its_signature() {
    let car = permitted(Permissions::HAZARD);
    for (radius_m, lifetime_ms, reason) in
        [(2_000, 60_000, None), (2_001, 1_000, Some("role_denied")), (1_000, 60_001, Some("role_denied"))]
    {
        let fields = TbsRepr {
            message_type: v2x_proto::v1::MessageType::Hazard as u32,
            class: Class::D3,
            lifetime_ms,
            max_hops: 5,
            area: Some(circle(radius_m)),
            ..car.fields(AT)
        };
        let mut receiver = Station::silent(9);
        receiver.feed(AT, testkit::frame(&car.full(&fields), VICTIM));
        assert_eq!(receiver.last_drop(), reason, "{radius_m} m, {lifetime_ms} ms");
    }
}

// ---- sampled verification

/// A receiver set to verify one in `sample`, and a car 400 m north of it that drives north.
fn far_and_leaving(sample: Option<u8>) -> (Crafter, Station) {
    let config = Config { sample_far_awareness: sample, awareness: AwarenessRule::Off, ..Config::vehicle() };
    let mut receiver = Station::new(9, config);
    receiver.start(Instant::ZERO, PLACE);
    // The receiver itself drives north at 15 m/s; this car at 40 m/s.
    let car = Crafter::station(1);
    receiver.hear_from(AT, &car.full(&north(&car, AT)), VICTIM);
    (car, receiver)
}

fn north(car: &Crafter, at: Instant) -> TbsRepr<'static> {
    let place = PLACE.moved(0.0, 400.0 + at.since(AT).as_secs_f64() * 40.0);
    // Awareness { station_type: 5, speed: 40 m/s, heading: 0 }.
    let payload: &[u8] = &[0x08, 5, 0x20, 0xa0, 0x1f, 0x28, 0];
    TbsRepr { latitude: place.latitude, longitude: place.longitude, payload, ..car.fields(at) }
}

fn unverified(station: &Station) -> usize {
    let is = |event: &&Event| matches!(event, Event::Received(received) if !received.verified);
    station.events.iter().filter(is).count()
}

#[test]
fn awareness_of_who_is_far_and_leaves_is_verified_by_sample_only_when_asked_for() {
    let run = |sample| {
        let (car, mut receiver) = far_and_leaving(sample);
        for step in 1..=100 {
            let now = AT + Duration::from_millis(100 * step);
            receiver.hear_from(now, &car.brief(&north(&car, now)), VICTIM);
        }
        assert_eq!(receiver.received(), 101, "{:?}", receiver.drops());
        unverified(&receiver)
    };
    assert_eq!(run(None), 0, "off unless told");
    assert_eq!(run(Some(1)), 0);
    let passed = run(Some(5));
    assert!((65..=92).contains(&passed), "{passed} of 100, four in five expected");
}

#[test]
fn what_was_not_verified_leaves_no_trace() {
    let (car, mut receiver) = far_and_leaving(Some(200));
    let before = receiver.node.neighbour_table().get(&car.digest).unwrap().clone();
    let now = AT + Duration::from_millis(100);
    let fields = north(&car, now);
    receiver.hear_from(now, &forged(&car.brief(&fields), 3), VICTIM);
    assert_eq!(unverified(&receiver), 1, "{:?}", receiver.drops());
    let after = receiver.node.neighbour_table().get(&car.digest).unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    // The real message with that number is heard as if nothing had been.
    receiver.hear_from(now, &car.brief(&fields), VICTIM);
    assert_eq!(drops(&receiver, "replayed"), 0);
    assert_eq!(receiver.received(), 3);
}

#[test]
fn nobody_else_goes_unverified() {
    let now = AT + Duration::from_millis(100);
    let mut cases: Vec<(&str, Bytes, [u8; 6])> = Vec::new();
    let (car, _) = far_and_leaving(None);
    let near = TbsRepr { latitude: PLACE.latitude, ..north(&car, now) };
    cases.push(("a place near by", car.brief(&near), VICTIM));
    cases.push(("another address", car.brief(&north(&car, now)), ATTACKER));
    cases.push(("an alert", car.brief(&car.fields_in(Class::D1, now)), VICTIM));
    let new = Crafter::station(2);
    cases.push(("a newcomer", new.full(&north(&new, now)), [2, 0, 0, 0, 0, 2]));
    for (what, bytes, link) in cases {
        let (_, mut receiver) = far_and_leaving(Some(200));
        receiver.hear_from(now, &forged(&bytes, 0), link);
        assert_eq!((unverified(&receiver), receiver.last_drop()), (0, Some("signature_invalid")), "{what}");
    }
}

// Whoever is first: the outsider repeats the victim's own message, from an address that is over its rate.
#[test]
fn a_copy_that_waits_behind_others_takes_nothing_from_the_one_that_need_not() {
    let car = Crafter::station(1);
    let mut receiver = acquainted(&car);
    for n in 0..110 {
        let alert = forged(&car.brief(&car.fields_in(Class::D0, AT)), n);
        receiver.hear_from(AT, &alert, ATTACKER);
    }
    let bytes = car.brief(&car.fields_in(Class::D0, AT));
    let now = AT + Duration::from_millis(2);
    for _ in 0..2 {
        receiver.feed(now, testkit::frame(&bytes, ATTACKER));
    }
    assert_eq!(receiver.deadline.1, TimerKind::Demoted);
    assert_eq!(drops(&receiver, "exact_copy"), 1, "it waits once");
    receiver.feed(now, testkit::frame(&bytes, VICTIM));
    assert_eq!(receiver.deadline.1, TimerKind::Verify, "{:?}", receiver.drops());
    receiver.feed(now, Input::Timeout);
    assert_eq!(receiver.received(), 2);
    receiver.verify(now);
    receiver.feed(now, testkit::frame(&bytes, VICTIM));
    assert_eq!((receiver.received(), drops(&receiver, "exact_copy")), (2, 3), "each frame ends once");
}
