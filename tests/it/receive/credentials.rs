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

/// Where a newcomer sends from.
const NEWCOMER: [u8; 6] = [2, 0, 0, 0, 0, 2];

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
fn what_needs_no_signature_is_judged_before_a_new_credential_waits_for_its_own() {
    let mut receiver = Station::silent(9);
    for stranger in strangers(limits::MAX_DEMOTED as u32) {
        receiver.feed(AT, testkit::frame(&stranger.full(&stranger.fields_in(Class::D0, AT)), NEWCOMER));
        assert_eq!(receiver.last_drop(), Some("unknown_issuer"));
    }
    let mute = permitted(Permissions::AWARENESS);
    receiver.feed(AT, testkit::frame(&mute.full(&mute.fields_in(Class::D0, AT)), NEWCOMER));
    assert_eq!(receiver.last_drop(), Some("permission_denied"));
    // None of them took the room of a newcomer.
    let new = Crafter::station(2);
    receiver.hear_from(AT, &new.full(&new.fields(AT)), NEWCOMER);
    assert_eq!(receiver.received(), 1);
}

#[test]
fn a_new_credential_is_checked_with_the_first_of_its_frames_and_serves_all_of_them() {
    let (new, mut receiver) = (Crafter::station(2), Station::silent(9));
    receiver.feed(AT, testkit::frame(&new.brief(&new.fields(AT)), NEWCOMER));
    for class in [Class::D0, Class::D1] {
        receiver.feed(AT, testkit::frame(&new.full(&new.fields_in(class, AT)), NEWCOMER));
    }
    assert_eq!(receiver.received(), 0, "it waits like its frames");
    receiver.verify(AT);
    assert_eq!(receiver.received(), 3, "the one that was held, too: {:?}", receiver.drops());
}

// ---- frames held for their credential

#[test]
fn held_frames_are_released_by_their_credential() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let held: Vec<_> = (0..3).map(|_| car.brief(&car.fields(AT))).collect();
    held.iter().for_each(|bytes| receiver.hear(AT, bytes));
    assert!(receiver.events.iter().all(|event| !matches!(event, Event::Dropped(_))));
    receiver.hear(AT, &held[0]);
    assert_eq!(receiver.last_drop(), Some("exact_copy"), "a held frame is held once");
    let soon = AT + Duration::from_millis(100);
    receiver.hear(soon, &car.full(&car.fields(soon)));
    let mut sequences: Vec<_> = received_sequences(&receiver);
    sequences.sort_unstable();
    assert_eq!(sequences, [1001, 1002, 1003, 1004], "in an order that is drawn");
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
fn of_more_held_frames_than_there_is_room_for_beacons_give_way_to_alerts_and_all_end_in_time() {
    let mut receiver = Station::silent(9);
    let car = Crafter::station(1);
    let unknown = strangers(1).remove(0);
    for _ in 0..limits::MAX_HELD {
        receiver.hear(AT, &unknown.brief(&unknown.fields(AT)));
    }
    assert!(receiver.drops().is_empty());
    for _ in 0..20 {
        receiver.hear(AT, &car.brief(&car.fields_in(Class::D1, AT)));
    }
    assert_eq!(receiver.drops().get("unknown_credential"), Some(&20));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    assert_eq!(receiver.received(), 21, "a beacon gave way to each");
    let deadline = receiver.deadline.0;
    assert_eq!(deadline, AT + limits::HOLD_TIME);
    receiver.feed(deadline, Input::Timeout);
    assert_eq!(receiver.drops()["unknown_credential"], limits::MAX_HELD);
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
