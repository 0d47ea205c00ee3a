//! No message is taken twice; and what verification leaves behind.

use std::time::Duration;

use v2x_core::{Config, Input, Instant, limits};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::{Class, v1};

use super::AT;
use testkit::craft::{self, Crafter, forged, hazard};
use testkit::{PLACE, Station, fix};

#[test]
fn what_lies_behind_the_window_is_refused_and_what_lies_within_is_taken_once() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let at = |sequence| TbsRepr { sequence, ..car.fields(AT) };
    for (sequence, taken) in
        [(500, true), (437, true), (436, false), (437, false), (501, true), (437, false), (499, true)]
    {
        let before = receiver.received();
        // Another payload each time, so that no frame is an exact copy.
        let payload = [0x08, (receiver.node.counters().frames % 100) as u8];
        receiver.hear(AT, &car.full(&TbsRepr { payload: &payload, ..at(sequence) }));
        assert_eq!(
            receiver.received() - before,
            usize::from(taken),
            "{sequence}: {:?}",
            receiver.last_drop()
        );
    }
    assert_eq!(receiver.drops()["replayed"], 3);
}

// GEONW PON/SQN/BV/02.
#[test]
fn sequence_numbers_wrap() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    for sequence in [u32::MAX - 1, u32::MAX, 0, 1] {
        receiver.hear(AT, &car.full(&TbsRepr { sequence, ..car.fields(AT) }));
    }
    assert_eq!(receiver.received(), 4);
    receiver.hear(AT, &car.brief(&TbsRepr { sequence: u32::MAX, payload: &[0x08, 6], ..car.fields(AT) }));
    assert_eq!(receiver.last_drop(), Some("replayed"));
}

#[test]
fn a_victim_that_restarts_is_heard_and_what_it_said_before_is_not_heard_again() {
    let mut receiver = Station::silent(9);
    let drive = |from: u64, end: u64| {
        let mut victim = Station::new(1, Config::vehicle());
        victim.start(Instant::from_millis(from), PLACE);
        victim.drive(Instant::from_millis(from), Instant::from_millis(end), |now| {
            fix(now, PLACE.moved(0.0, now.as_nanos() as f64 * 15e-9))
        })
    };
    let (before, after) = (drive(0, 5_000), drive(5_600, 8_000));
    for (at, bytes) in before.iter().chain(&after) {
        receiver.hear(*at, bytes);
    }
    assert_eq!(receiver.received(), before.len() + after.len(), "{:?}", receiver.drops());
    // Its last frames, recorded before the restart and still fresh, replayed with a new header.
    let mut other = Station::silent(8);
    let late = Instant::from_millis(5_650);
    for (at, bytes) in before.iter().chain(&after).filter(|(at, _)| *at <= late) {
        other.hear(*at, bytes);
    }
    let heard = other.received();
    other.hear(late, &before.last().unwrap().1);
    assert_eq!(other.received(), heard);
}

#[test]
fn a_long_lived_message_is_not_taken_twice_although_its_signer_left_the_table() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let hazard = hazard(AT);
    let fields = TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        lifetime_ms: 600_000,
        // Not remembered as a flood: it is the replay window that this is about.
        max_hops: 1,
        payload: &hazard,
        ..car.fields_in(Class::D3, AT)
    };
    receiver.hear(AT, &car.full(&fields));
    assert_eq!(receiver.received(), 1, "{:?}", receiver.drops());
    let gone = AT + limits::NEIGHBOUR_LIFETIME;
    receiver.feed(gone, Input::Timeout);
    assert_eq!(receiver.node.neighbours().count(), 0);
    let much_later = AT + Duration::from_secs(300);
    // Others have turned the copy cache over.
    for n in 0..3 {
        let other = Crafter::station(2 + n);
        let at = much_later + limits::COPY_CACHE_AGE * n;
        receiver.hear(at, &other.full(&other.fields(at)));
    }
    receiver.hear(much_later + limits::COPY_CACHE_AGE * 3, &car.full(&fields));
    assert_eq!(receiver.last_drop(), Some("replayed"));
}

// ---- after verification

#[test]
fn an_unknown_type_is_counted_after_its_signature_held_and_its_number_is_used() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let fields = TbsRepr { message_type: craft::UNKNOWN_TYPE, ..car.fields(AT) };
    receiver.hear(AT, &forged(&car.full(&fields), 0));
    assert_eq!(receiver.last_drop(), Some("signature_invalid"));
    receiver.hear(AT, &car.full(&fields));
    assert_eq!(receiver.last_drop(), Some("unknown_type"));
    assert_eq!(receiver.node.neighbours().count(), 1, "its signer is near");
    assert!(receiver.frames.is_empty(), "it is never forwarded");
    receiver.hear(AT, &car.full(&TbsRepr { sequence: fields.sequence, ..car.fields(AT) }));
    assert_eq!(receiver.last_drop(), Some("replayed"));
}

#[test]
fn a_malformed_payload_is_counted_and_burns_its_number() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    // Broken encoding, and a value out of range.
    for payload in [&[0xff_u8][..], &[0x12, 0x7f], &[0x20, 0xff, 0xff, 0x7f]] {
        let fields = TbsRepr { payload, ..car.fields(AT) };
        receiver.hear(AT, &car.full(&fields));
        assert_eq!(receiver.last_drop(), Some("malformed_payload"), "{payload:?}");
        receiver.hear(AT, &car.full(&TbsRepr { sequence: fields.sequence, ..car.fields(AT) }));
        assert_eq!(receiver.last_drop(), Some("replayed"));
    }
    assert_eq!(receiver.received(), 0);
}
