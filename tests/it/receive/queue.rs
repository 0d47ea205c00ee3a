//! The verification queue: what is verified first, and what is shed.

use bytes::Bytes;
use v2x_core::{AwarenessRule, Config, DropReason, Event, Instant, limits};
use v2x_proto::Class;
use v2x_proto::envelope::SignerRef;
use v2x_proto::hop::HopHeader;

use super::AT;
use testkit::craft::{Crafter, forged, poked};
use testkit::{PLACE, Station};

/// A listener among test traffic: no rate keeps its queue from filling.
fn test_station() -> Station {
    let config = Config { test: true, awareness: AwarenessRule::Off, ..Config::vehicle() };
    let mut station = Station::new(9, config);
    station.start(Instant::ZERO, PLACE);
    station
}

/// The frame as a test station sends it.
fn in_test(bytes: &Bytes) -> Bytes {
    poked(bytes, 1, |flags| flags | 1 << 4)
}

#[test]
fn a_full_queue_sheds_background_then_infrastructure_then_awareness_and_never_an_alert() {
    let car = Crafter::station(1);
    let mut receiver = test_station();
    receiver.hear(AT, &in_test(&car.full(&car.fields(AT))));
    // Not worth a signature each: they are shed, or forgotten, before any is looked at.
    let junk = |receiver: &mut Station, class| {
        let bytes = in_test(&forged(&car.brief(&car.fields_in(class, AT)), 0));
        receiver.feed(AT, testkit::frame(&bytes, [1; 6]));
    };
    let half = limits::MAX_VERIFY_QUEUE / 2;
    for (class, count) in
        [(Class::D0, 4), (Class::D5, 100), (Class::D4, 100), (Class::D2, half - 100), (Class::D3, half - 104)]
    {
        (0..count).for_each(|_| junk(&mut receiver, class));
    }
    assert_eq!(receiver.last_drop(), None, "just full");
    for class in [Class::D0, Class::D1, Class::D3, Class::D0] {
        (0..100).for_each(|_| junk(&mut receiver, class));
    }
    let shed: Vec<Class> = receiver
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Dropped(dropped) if dropped.reason == DropReason::VerifyQueueFull => {
                dropped.claimed.map(|id| id.class)
            }
            _ => None,
        })
        .collect();
    let count = |class| shed.iter().filter(|shed| **shed == class).count();
    assert_eq!([Class::D5, Class::D4, Class::D2].map(count), [100, 100, half - 100]);
    assert!(shed[..half + 100].is_sorted_by_key(|class| std::cmp::Reverse(class.index())), "in this order");
    // When nothing else is left, the one to give way is drawn.
    assert_eq!(shed.len(), 400);
    assert_eq!([Class::D0, Class::D1, Class::D3].map(count).iter().sum::<usize>(), 300 - half);
}

#[test]
fn a_frame_that_was_shed_is_taken_when_it_comes_again() {
    let (car, mut receiver) = (Crafter::station(1), test_station());
    receiver.hear(AT, &in_test(&car.full(&car.fields(AT))));
    let background = in_test(&car.brief(&car.fields_in(Class::D5, AT)));
    receiver.feed(AT, testkit::frame(&background, [1; 6]));
    for n in 0..limits::MAX_VERIFY_QUEUE {
        let junk = in_test(&forged(&car.brief(&car.fields(AT)), n));
        receiver.feed(AT, testkit::frame(&junk, [1; 6]));
    }
    assert_eq!(receiver.last_drop(), Some("verify_queue_full"));
    receiver.verify(AT);
    receiver.hear(AT, &background);
    assert_eq!(receiver.received(), 2);
}

#[test]
fn the_most_urgent_of_a_burst_is_verified_first() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    for class in [Class::D4, Class::D2, Class::D1, Class::D0] {
        receiver.feed(AT, testkit::frame(&car.brief(&car.fields_in(class, AT)), testkit::address(99)));
    }
    receiver.verify(AT);
    let classes: Vec<Class> = receiver
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Received(received) => Some(received.id.class),
            _ => None,
        })
        .skip(1)
        .collect();
    assert_eq!(classes, [Class::D0, Class::D1, Class::D2, Class::D4]);
}

// An outsider fills the lot with alerts, and then repeats what waits there in the name and from the address of a neighbour.
#[test]
fn who_repeats_in_a_neighbours_name_what_waits_in_the_lot_has_no_frame_vanish() {
    let neighbour = Crafter::station(1);
    let mut receiver = Station::silent(9);
    receiver.hear(AT, &neighbour.full(&neighbour.fields(AT)));
    for n in 0..limits::MAX_LOT {
        let alert = forged(&neighbour.brief(&neighbour.fields_in(Class::D0, AT)), n);
        receiver.feed(AT, testkit::frame(&alert, [1; 6]));
    }
    for number in 100..140 {
        let newcomer = Crafter::station(number);
        let fields = newcomer.fields(AT);
        receiver.feed(AT, testkit::frame(&newcomer.full(&fields), [1; 6]));
        let header = HopHeader { forwarder: neighbour.digest, ..newcomer.header(&fields) };
        let repeated = newcomer.frame(&header, &fields, SignerRef::Credential(&newcomer.credential));
        receiver.feed(AT, testkit::frame(&repeated, testkit::address(99)));
    }
    receiver.verify(AT);
    let ended = receiver.received() + receiver.drops().values().sum::<usize>();
    assert_eq!(ended as u64, receiver.node.counters().frames, "each frame ends once: {:?}", receiver.drops());
}
