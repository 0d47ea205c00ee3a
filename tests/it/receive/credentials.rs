//! Credentials as frames bring them, and frames that wait for theirs.

use std::time::Duration;

use v2x_core::{Event, Input, Instant, Permissions, limits};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::v1::MessageType;
use v2x_proto::{AreaView, Class, Shape};

use super::AT;
use crate::signers::{badly_issued, permitted, strangers, valid_from, within};
use testkit::craft::{self, Crafter, circle};
use testkit::{PLACE, Station};

// SEC RCV_DENM_01, RCV_DENM_08: circle, rectangle, ellipse.
#[test]
fn a_credential_speaks_inside_its_region_only() {
    for shape in [Shape::Circle, Shape::Rectangle, Shape::Ellipse] {
        let distance_b_m = if shape == Shape::Circle { 0 } else { 100 };
        // 300 m long to the north, but for the circle no more than 100 m to the east.
        let region = AreaView { shape, distance_b_m, ..circle(300) };
        let car = within(region);
        for (east, north, inside) in [(0.0, 0.0, true), (0.0, 290.0, true), (0.0, 310.0, false)] {
            let place = PLACE.moved(east, north);
            let fields = TbsRepr { latitude: place.latitude, longitude: place.longitude, ..car.fields(AT) };
            let mut receiver = Station::silent(9);
            receiver.hear(AT, &car.full(&fields));
            let expected = (!inside).then_some("credential_region");
            assert_eq!(receiver.last_drop(), expected, "{shape:?} {east} {north}");
        }
        let place = PLACE.moved(150.0, 0.0);
        let fields = TbsRepr { latitude: place.latitude, longitude: place.longitude, ..car.fields(AT) };
        let mut receiver = Station::silent(9);
        receiver.hear(AT, &car.full(&fields));
        assert_eq!(receiver.received() == 1, shape == Shape::Circle, "{shape:?} to the east");
    }
}

// SEC RCV_CAM: generation time within the credential's validity.
#[test]
fn a_message_made_outside_its_credentials_validity_is_refused_by_its_name() {
    // Valid from the second before the message arrives; made a little earlier.
    let car = valid_from(1);
    let mut receiver = Station::silent(9);
    let begins = Instant::from_millis(1_000);
    receiver.hear(begins, &car.full(&car.fields(begins)));
    assert_eq!(receiver.received(), 1, "the first moment counts");
    let early = car.fields(begins - Duration::from_millis(1));
    receiver.hear(begins, &car.full(&early));
    assert_eq!(receiver.last_drop(), Some("credential_not_yet_valid"));

    // Valid for ten minutes from there.
    let end = Instant::from_millis(601_000);
    let ahead = car.fields(end);
    let just_before = end - Duration::from_millis(1);
    receiver.hear(just_before, &car.full(&ahead));
    assert_eq!(receiver.last_drop(), Some("credential_expired"), "made at the very end, by a clock ahead");
    receiver.hear(just_before, &car.full(&car.fields(just_before)));
    assert_eq!(receiver.received(), 2);
    receiver.hear(end, &car.brief(&car.fields(just_before)));
    assert_eq!(receiver.last_drop(), Some("credential_expired"), "known, but over by now");
}

#[test]
fn a_credential_that_failed_is_paid_for_once_and_a_corrected_one_is_another() {
    let (liar, car, mut receiver) = (badly_issued(), Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &liar.full(&liar.fields(AT)));
    assert_eq!(receiver.last_drop(), Some("credential_signature"));
    for _ in 0..3 {
        receiver.hear(AT, &liar.full(&liar.fields(AT)));
        assert_eq!(receiver.last_drop(), Some("credential_known_bad"));
    }
    receiver.hear(AT, &car.full(&car.fields(AT)));
    assert_eq!(receiver.received(), 1);
}

#[test]
fn what_time_may_cure_is_not_held_against_a_credential() {
    let car = valid_from(3);
    let mut receiver = Station::silent(9);
    receiver.hear(AT, &car.full(&car.fields(AT)));
    assert_eq!(receiver.last_drop(), Some("credential_not_yet_valid"));
    let later = Instant::from_millis(3_000);
    receiver.hear(later, &car.full(&car.fields(later)));
    assert_eq!(receiver.received(), 1);
}

#[test]
fn the_budget_for_new_credentials_refills_evenly_and_known_ones_need_none() {
    let (known, new, mut receiver) = (Crafter::station(1), Crafter::station(2), Station::silent(9));
    receiver.hear(Instant::ZERO, &known.full(&known.fields(Instant::ZERO)));
    let flood = strangers(limits::NEW_CREDENTIALS_PER_SECOND + 40);
    for (n, stranger) in flood.iter().enumerate() {
        receiver.hear_from(AT, &stranger.full(&stranger.fields(AT)), [2, 1, 0, 0, 0, n as u8]);
    }
    let over_budget = receiver.drops()["credential_budget"];
    assert_eq!(over_budget, 40);
    receiver.hear(AT, &known.full(&known.fields(AT)));
    assert_eq!(receiver.received(), 2, "a known station is heard through the flood");
    receiver.hear(AT, &new.full(&new.fields(AT)));
    assert_eq!(receiver.last_drop(), Some("credential_budget"));
    let refilled = AT + Duration::from_secs(1) / limits::NEW_CREDENTIALS_PER_SECOND * 2;
    receiver.hear(refilled, &new.full(&new.fields(refilled)));
    assert_eq!(receiver.received(), 3);
}

#[test]
fn one_address_that_makes_credentials_up_leaves_checks_for_everybody_else() {
    let mut receiver = Station::silent(9);
    let flood = strangers(limits::NEW_CREDENTIALS_PER_SECOND);
    for stranger in &flood {
        receiver.hear(AT, &stranger.full(&stranger.fields(AT)));
    }
    let checked = receiver.drops()["unknown_issuer"];
    assert!(checked <= 16, "{checked}: its share");
    let new = Crafter::station(2);
    receiver.hear_from(AT, &new.full(&new.fields(AT)), [2, 0, 0, 0, 0, 2]);
    assert_eq!(receiver.received(), 1);
}

// ---- frames held for their credential

#[test]
fn held_frames_are_released_in_order_by_their_credential() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let held: Vec<_> = (0..3).map(|_| car.brief(&car.fields(AT))).collect();
    held.iter().for_each(|bytes| receiver.hear(AT, bytes));
    assert!(receiver.events.iter().all(|event| !matches!(event, Event::Dropped(_))));
    receiver.hear(AT, &held[0]);
    assert_eq!(receiver.last_drop(), Some("exact_copy"), "a held frame is held once");
    let soon = AT + Duration::from_millis(100);
    receiver.hear(soon, &car.full(&car.fields(soon)));
    let sequences: Vec<_> = received_sequences(&receiver);
    assert_eq!(sequences, [1001, 1002, 1003, 1004]);
}

// Whether a frame names its signer or brings its credential is not signed: an outsider strips what a newcomer needs.
#[test]
fn a_copy_with_its_credential_delivers_what_stripped_copies_hold() {
    for class in [Class::D0, Class::D1, Class::D2, Class::D3] {
        let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
        let payload = craft::hazard(AT);
        let flood = TbsRepr { message_type: MessageType::Hazard as u32, payload: &payload, ..car.fields(AT) };
        let flood = TbsRepr { class, lifetime_ms: 60_000, max_hops: 5, area: Some(circle(1_000)), ..flood };
        let fields = if class == Class::D3 { flood } else { car.fields_in(class, AT) };
        // The outsider comes first, and often.
        for copy in 0..3 {
            receiver.hear_from(AT, &car.brief(&fields), [2, 6, 6, 6, 6, copy]);
        }
        assert_eq!(receiver.received(), 0);
        let soon = AT + Duration::from_millis(5);
        receiver.hear(soon, &car.full(&fields));
        assert_eq!(receiver.received(), 1, "{class}: {:?}", receiver.drops());
        let copies = |receiver: &Station| receiver.drops().get("exact_copy").copied();
        assert_eq!(copies(&receiver), Some(3), "{class}: each frame ends once");
        for bytes in [car.brief(&fields), car.full(&fields)] {
            receiver.hear(soon, &bytes);
        }
        assert_eq!((receiver.received(), copies(&receiver)), (1, Some(5)), "{class}");
        receiver.feed(AT + limits::HOLD_TIME, Input::Timeout);
        assert_eq!(receiver.drops().get("unknown_credential"), None, "nothing is held");
    }
}

#[test]
fn a_held_frame_is_judged_again_when_it_is_released() {
    // D0 is fresh for 100 ms; the credential comes after 150 ms.
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &car.brief(&car.fields_in(Class::D0, AT)));
    let later = AT + Duration::from_millis(150);
    receiver.hear(later, &car.full(&car.fields(later)));
    assert_eq!((receiver.received(), receiver.last_drop()), (1, Some("stale")));
    // A message its signer has no permission for is still refused.
    let (mute, mut receiver) = (permitted(Permissions::AWARENESS), Station::silent(9));
    receiver.hear(AT, &mute.brief(&mute.fields_in(Class::D0, AT)));
    receiver.hear(AT, &mute.full(&mute.fields(AT)));
    assert_eq!((receiver.received(), receiver.last_drop()), (1, Some("permission_denied")));
}

#[test]
fn one_unknown_signer_gets_little_room_and_the_oldest_gives_way_when_it_is_full() {
    let mut receiver = Station::silent(9);
    let car = Crafter::station(1);
    for _ in 0..limits::MAX_HELD_PER_SIGNER + 2 {
        receiver.hear(AT, &car.brief(&car.fields(AT)));
    }
    assert_eq!(receiver.drops().get("unknown_credential"), Some(&2));
    let others = strangers(limits::MAX_HELD as u32);
    for other in &others {
        receiver.hear(AT, &other.brief(&other.fields(AT)));
    }
    let dropped = limits::MAX_HELD_PER_SIGNER + 2;
    assert_eq!(receiver.drops().get("unknown_credential"), Some(&dropped), "the first ones made room");
    // Its credential comes too late for what made room, but a copy of that is not a copy now.
    receiver.hear(AT, &car.full(&car.fields(AT)));
    assert_eq!(receiver.received(), 1);
    let deadline = receiver.deadline.0;
    assert_eq!(deadline, AT + limits::HOLD_TIME);
    receiver.feed(deadline, Input::Timeout);
    assert_eq!(receiver.drops()["unknown_credential"], dropped + limits::MAX_HELD);
}

#[test]
fn a_frame_that_gave_up_waiting_is_taken_when_it_comes_again() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let bytes = car.brief(&car.fields(AT));
    receiver.hear(AT, &bytes);
    let over = AT + limits::HOLD_TIME;
    receiver.feed(over, Input::Timeout);
    assert_eq!(receiver.last_drop(), Some("unknown_credential"));
    receiver.hear(over, &car.full(&car.fields(over)));
    receiver.hear(over, &bytes);
    assert_eq!(receiver.received(), 2, "{:?}", receiver.drops());
}

fn received_sequences(receiver: &Station) -> Vec<u32> {
    let sequence = |event: &Event| match event {
        Event::Received(received) => Some(received.id.sequence),
        _ => None,
    };
    receiver.events.iter().filter_map(sequence).collect()
}
