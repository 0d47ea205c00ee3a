//! The neighbour table of a whole node: which stations enter, what is known of them, when they leave.
//!
//! Rows are those of ETSI TS 102 871-2 (GeoNetworking conformance, location table) that a test adapts.

use std::time::Duration;

use bytes::Bytes;
use v2x_core::{
    AwarenessRule, Config, CredentialRequest, Event, Input, Instant, Neighbour, RECKONING_LIMIT, limits,
    starting_sequence,
};
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::hop::HopHeader;
use v2x_proto::{Class, v1};

use testkit::craft::{Crafter, forged, read};
use testkit::{Authority, PLACE, Station, Street, anchor, fix};

const AT: Instant = Instant::from_millis(1_000);

// PON/LOT/BV/01.
#[test]
fn a_verified_beacon_makes_a_neighbour_and_nothing_else_does() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let bytes = car.full(&moving_fields(&car, AT, &awareness(1500, 900)));
    receiver.hear(AT, &forged(&bytes, 3));
    assert_eq!(receiver.node.neighbours().count(), 0, "a forgery");
    receiver.hear_from(AT, &bytes, [2, 0, 0, 0, 0, 1]);
    assert_eq!(events(&receiver, |event| matches!(event, Event::NeighbourAdded(d) if *d == car.digest)), 1);
    let neighbour = only(&receiver);
    assert_eq!((neighbour.digest(), neighbour.heard()), (car.digest, AT));
    assert_eq!((neighbour.position(), neighbour.generation()), (PLACE, anchor().wire_at(AT)));
    assert_eq!((neighbour.motion().speed, neighbour.motion().heading), (Some(1500), Some(900)));
    assert_eq!((neighbour.is_direct(), neighbour.link()), (true, Some([2, 0, 0, 0, 0, 1])));
    receiver.hear(AT, &car.brief(&car.fields(AT)));
    assert_eq!(events(&receiver, |event| matches!(event, Event::NeighbourAdded(_))), 1, "once");
}

// PON/LOT/BV/03.
#[test]
fn a_message_through_a_forwarder_makes_its_source_known_but_no_direct_neighbour() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let fields = car.fields_in(Class::D3, AT);
    let header = HopHeader { remaining_hops: fields.max_hops - 1, ..car.header(&fields) };
    receiver.hear(AT, &car.frame(&header, &fields, SignerRef::Credential(&car.credential)));
    assert_eq!((only(&receiver).is_direct(), only(&receiver).link()), (false, None));
    receiver.hear_from(AT, &car.brief(&car.fields(AT)), [2, 0, 0, 0, 0, 1]);
    assert_eq!((only(&receiver).is_direct(), only(&receiver).link()), (true, Some([2, 0, 0, 0, 0, 1])));
}

// PON/LOT/BV/04.
#[test]
fn a_neighbour_is_gone_after_twenty_seconds_of_silence() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    let last = AT + Duration::from_millis(700);
    receiver.hear(last, &car.brief(&car.fields(last)));
    let lost = |receiver: &Station| events(receiver, |event| matches!(event, Event::NeighbourLost(_)));
    let end = last + limits::NEIGHBOUR_LIFETIME;
    receiver.feed(end - Duration::from_nanos(1), Input::Timeout);
    assert_eq!((lost(&receiver), receiver.node.neighbours().count()), (0, 1));
    // No later than at its deadline.
    while receiver.deadline.0 < end {
        let at = receiver.deadline.0;
        receiver.feed(at, Input::Timeout);
    }
    assert_eq!(receiver.deadline.0, end);
    receiver.feed(end, Input::Timeout);
    assert_eq!((lost(&receiver), receiver.node.neighbours().count()), (1, 0));
    // It is known by its digest still, and comes back with it.
    receiver.hear(end, &car.brief(&car.fields(end)));
    assert_eq!(receiver.node.neighbours().count(), 1);
}

// PON/LOT/BV/05.
#[test]
fn an_older_message_never_overwrites_a_newer_position() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let (older, newer) = (AT - Duration::from_millis(300), AT);
    let ahead = PLACE.moved(0.0, 6.0);
    let fast = awareness(2000, 0);
    let fields = TbsRepr { latitude: ahead.latitude, ..moving_fields(&car, newer, &fast) };
    receiver.hear(AT, &car.full(&fields));
    receiver.hear(AT, &car.full(&moving_fields(&car, older, &awareness(100, 1800))));
    assert_eq!(receiver.received(), 2, "it is delivered all the same");
    let neighbour = only(&receiver);
    assert_eq!((neighbour.position(), neighbour.generation()), (ahead, anchor().wire_at(newer)));
    assert_eq!((neighbour.motion().speed, neighbour.motion().heading), (Some(2000), Some(0)));
}

#[test]
fn a_neighbour_drives_on_by_dead_reckoning_between_its_beacons() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    // 20 m/s to the east.
    receiver.hear(AT, &car.full(&moving_fields(&car, AT, &awareness(2000, 900))));
    let east = |after: Duration| {
        let position = only(&receiver).position_at(anchor().wire_at(AT + after));
        let (east, north) = position.offset_from(PLACE);
        assert!(north.abs() < 0.02, "{north}");
        east
    };
    assert!((east(Duration::from_millis(500)) - 10.0).abs() < 0.05);
    assert!((east(RECKONING_LIMIT) - 40.0).abs() < 0.05);
    assert_eq!(east(RECKONING_LIMIT), east(Duration::from_secs(15)), "then it is a guess");
}

// PON/SQN/BV/01-02.
#[test]
fn numbers_start_by_the_clock_and_count_up_by_one_per_class() {
    let mut station = Station::new(1, Config::vehicle());
    station.start(Instant::ZERO, PLACE);
    let mut frames = station.drive(Instant::ZERO, Instant::from_millis(3_000), street);
    let at = Instant::from_millis(3_001);
    for class in [Class::D0, Class::D0, Class::D4] {
        frames
            .extend(station.feed(at, Input::Send(testkit::craft::probe(class))).into_iter().map(|b| (at, b)));
    }
    for class in [Class::D0, Class::D2, Class::D4] {
        let of_class: Vec<_> = frames.iter().map(|(_, b)| read(b).1).filter(|f| f.class == class).collect();
        let first = v2x_core::WireTime::from_micros(of_class[0].generation_time_us);
        let offset = station.node.pool().active().starts().0[class.index()];
        assert_eq!(of_class[0].sequence, starting_sequence(first).wrapping_add(offset));
        assert!(of_class.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    }
}

#[test]
fn delivery_ratio_latency_and_gap_follow_what_is_heard() {
    let frames = beacons();
    let heard = |keep: fn(usize) -> bool| {
        let mut receiver = Station::silent(9);
        let late = Duration::from_millis(7);
        // The first brings the credential in every case.
        for (n, (at, bytes)) in frames.iter().enumerate().filter(|(n, _)| *n == 0 || keep(*n)) {
            receiver.hear(*at + late, bytes);
            assert_eq!(receiver.last_drop(), None, "frame {n}");
        }
        receiver
    };
    let all = heard(|_| true);
    assert_eq!(only(&all).delivery_ratio(), 1.0);
    assert_eq!(only(&all).beacons(), (frames.len() as u32, frames.len() as u32));
    assert_eq!(only(&all).latency(), Some(Duration::from_millis(7)));
    let gap = only(&all).beacon_gap().unwrap();
    assert!(gap.abs_diff(Duration::from_millis(100)) < Duration::from_millis(1), "{gap:?}");

    let half = heard(|n| n % 2 == 1);
    let ratio = only(&half).delivery_ratio();
    assert!((0.45..0.55).contains(&ratio), "{ratio}");
    let (received, expected) = only(&half).beacons();
    assert!(expected.abs_diff(2 * received) <= 2, "{received} of {expected}");

    // Lost for two seconds, then all well again: the ratio recovers.
    let recovered = heard(|n| !(50..70).contains(&n));
    assert!(only(&recovered).delivery_ratio() > 0.95);
    let (received, expected) = only(&recovered).beacons();
    assert_eq!(expected - received, 20);
}

#[test]
fn a_street_of_stations_knows_each_other_and_where_each_is() {
    let mut street = Street::new(5);
    street.run(Instant::from_millis(4_000));
    let wire = anchor().wire_at(street.now);
    for (n, station) in street.stations.iter().enumerate() {
        assert_eq!(station.node.neighbours().count(), 4);
        for (m, other) in street.stations.iter().enumerate().filter(|(m, _)| *m != n) {
            let neighbour = station.node.neighbour_table().get(&other.node.digest()).unwrap();
            let metres = street.now.as_nanos() as f64 * 15e-9 - m as f64 * 20.0;
            let error = neighbour.position_at(wire).distance_m(PLACE.moved(0.0, metres));
            assert!(error < 0.1, "{error} m");
            assert_eq!(neighbour.delivery_ratio(), 1.0);
            assert_eq!(neighbour.latency(), Some(street.delay));
        }
    }
}

#[test]
fn three_thousand_signers_leave_the_table_at_its_bound_with_the_last_heard_in_it() {
    let mut receiver = Station::silent(9);
    let authority = Authority::new();
    let key = Authority::key(1);
    let signers = 3_000u64;
    // All within a neighbour's lifetime... of the last 1,024.
    let step = Duration::from_millis(8);
    let mut digests = Vec::new();
    for n in 0..signers {
        // One key, many names: what counts here is the credential.
        let request = CredentialRequest { revocation_series: n as u32 + 1, ..Authority::request(&key) };
        let signer = Crafter::new(key.clone(), authority.issue(&request));
        let at = AT + step * n as u32;
        let [a, b, ..] = n.to_le_bytes();
        receiver.hear_from(at, &signer.full(&signer.fields(at)), [2, 1, 0, 0, b, a]);
        digests.push(signer.digest);
        assert!(receiver.node.neighbours().count() <= limits::NEIGHBOURS);
    }
    assert_eq!((receiver.received() as u64, receiver.last_drop()), (signers, None));
    assert_eq!(receiver.node.neighbours().count(), limits::NEIGHBOURS);
    let table = receiver.node.neighbour_table();
    let (gone, kept) = digests.split_at(digests.len() - limits::NEIGHBOURS);
    assert!(kept.iter().all(|digest| table.get(digest).is_some()), "the newest stay");
    assert!(gone.iter().all(|digest| table.get(digest).is_none()));
    let lost = events(&receiver, |event| matches!(event, Event::NeighbourLost(_)));
    assert_eq!(lost, gone.len(), "each was said to be lost");
}

/// The frames of a station that sends every 100 ms for 20 s.
fn beacons() -> Vec<(Instant, Bytes)> {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    let mut sender = Station::new(1, Config { awareness: every, ..Config::vehicle() });
    sender.start(Instant::ZERO, PLACE);
    sender.drive(Instant::ZERO, Instant::from_millis(20_000), street)
}

fn street(now: Instant) -> Input {
    fix(now, PLACE.moved(0.0, now.as_nanos() as f64 * 15e-9))
}

fn only(station: &Station) -> &Neighbour {
    let mut neighbours = station.node.neighbours();
    let first = neighbours.next().unwrap();
    assert!(neighbours.next().is_none());
    first
}

fn events(station: &Station, is_it: impl Fn(&Event) -> bool) -> usize {
    station.events.iter().filter(|event| is_it(event)).count()
}

fn moving_fields<'a>(car: &Crafter, at: Instant, payload: &'a [u8]) -> TbsRepr<'a> {
    TbsRepr { payload, ..car.fields(at) }
}

fn awareness(speed: u32, heading: u32) -> Vec<u8> {
    use prost::Message as _;
    let message = v1::Awareness {
        station_type: 5,
        speed: Some(speed),
        heading: Some(heading),
        ..v1::Awareness::default()
    };
    message.encode_to_vec()
}
