//! Stations that others try to have taken for liars: by what a receiver measures, and by what an insider signs. None is
//! isolated or loses a safety message by it, and no report holds an honest message against its signer.
//!
//! In each the attacker is heard first.

use bytes::Bytes;
use v2x_core::{
    Check, ClockState, Config, DropReason, Event, Fix, Input, Instant, Position, ReceivedFrame, TrustLevel,
    Way,
};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::{Class, Digest, v1};

use testkit::craft::{Crafter, circle, hazard_of, read};
use testkit::{PLACE, Station, address, anchor};

const REPEATER: [u8; 6] = [2, 6, 6, 6, 6, 6];

/// A car that drives north, straight along a meridian, and what it sent and when.
struct Drive {
    car: Station,
    sent: Vec<(Instant, Bytes)>,
}

impl Drive {
    /// From `south` metres south of [`PLACE`] and `east` of it; `way` gives how far it drove, m, at each time, s.
    fn new(number: u32, (east, south): (f64, f64), seconds: u64, way: impl Fn(f64) -> f64) -> Self {
        let mut car = Station::new(number, Config::vehicle());
        let at = |now: Instant| now.as_nanos() as f64 * 1e-9;
        let place = |now: Instant| PLACE.moved(east, way(at(now)) - south);
        let start = Instant::ZERO;
        car.feed(start, Input::Clock { wire: anchor().wire, state: ClockState::Locked });
        let speed = |now: Instant| (way(at(now) + 0.05) - way(at(now) - 0.05)) * 10.0;
        let sent =
            car.drive(start, Instant::from_millis(seconds * 1000), |now| fix(now, place(now), speed(now)));
        Self { car, sent }
    }

    fn digest(&self) -> Digest {
        self.car.node.digest()
    }

    /// Where it was when it spoke last.
    fn last_place(&self) -> Position {
        let (_, tbs, _) = read(&self.sent.last().unwrap().1);
        Position { latitude: tbs.latitude, longitude: tbs.longitude }
    }
}

fn fix(now: Instant, position: Position, speed: f64) -> Input {
    Input::Fix(Some(Fix {
        position,
        altitude_cm: None,
        speed: Some((speed * 100.0).round() as u16),
        heading: Some(0),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time: anchor().wire_at(now),
    }))
}

fn steadily(speed: f64) -> impl Fn(f64) -> f64 {
    move |s| speed * s
}

/// Off at a light and on to the next, again and again.
fn in_town(s: f64) -> f64 {
    7.0 * (s - (s * 0.6).sin() / 0.6)
}

/// A receiver that stands at [`PLACE`] and speaks only when it relays or reports.
fn listener() -> Station {
    Station::silent(9)
}

/// It hears a frame at a power from an address.
fn hears(station: &mut Station, now: Instant, bytes: &Bytes, from: [u8; 6], signal_dbm: Option<i8>) {
    station.feed(now, fix(now, PLACE, 0.0));
    let frame = ReceivedFrame {
        bytes: bytes.clone(),
        link_source: from,
        kernel_receive: None,
        user_receive: None,
        signal_dbm,
        way: Way::Air,
    };
    station.feed(now, Input::Frame(frame));
    station.verify(now);
}

/// No isolation, no report, no message of this signer that is flagged or dropped for what others did.
fn is_unharmed(station: &Station, victim: Digest) {
    assert!(!station.node.watch().is_discredited(&victim));
    assert!(station.node.watch().standing(&victim) < TrustLevel::Isolated);
    for event in &station.events {
        match event {
            Event::Misbehaviour(report) => assert_ne!(report.subject, victim),
            Event::Received(received) if received.id.signer == victim => assert!(!received.suspect),
            Event::Dropped(dropped) => assert_ne!(dropped.reason, DropReason::Isolated),
            _ => {}
        }
    }
}

/// What the car says at this time arrives in each class, is not flagged, and goes on where it should.
fn is_heard_and_relayed(station: &mut Station, car: u32, now: Instant, place: Position) {
    let signer = Crafter::station(car);
    let here = |fields: TbsRepr<'static>| TbsRepr {
        latitude: place.latitude,
        longitude: place.longitude,
        // Beyond those that its station used.
        sequence: 4_000_000_000 + fields.class.index() as u32,
        ..fields
    };
    let payload = prost::Message::encode_to_vec(&hazard_of(signer.digest, now));
    let hazard = TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 10_000,
        max_hops: 5,
        area: Some(circle(1_000)),
        payload: &payload,
        ..here(signer.fields_in(Class::D3, now))
    };
    for fields in [here(signer.fields_in(Class::D0, now)), here(signer.fields_in(Class::D1, now)), hazard] {
        let before = station.received();
        hears(station, now, &signer.brief(&fields), address(car), None);
        assert_eq!(station.received(), before + 1, "{:?}: {:?}", fields.class, station.last_drop());
        let last = station.events.iter().rev().find_map(|event| match event {
            Event::Received(received) => Some(received.suspect),
            _ => None,
        });
        assert_eq!(last, Some(false), "{:?}", fields.class);
    }
    let later = Instant::from_millis(now.as_nanos() / 1_000_000 + 900);
    let relayed = station.drive(now, later, |now| fix(now, PLACE, 0.0));
    let is_hazard = |bytes: &Bytes| read(bytes).1.message_type == v1::MessageType::Hazard as u32;
    assert!(relayed.iter().any(|(_, bytes)| is_hazard(bytes)), "the flood goes on: {} frames", relayed.len());
}

fn after(drive: &Drive, ms: u64) -> Instant {
    Instant::from_millis(drive.sent.last().unwrap().0.as_nanos() / 1_000_000 + ms)
}

// A repeater here plays what it hears 1.4 km away: fresh, signed, and from farther than radio reaches.
#[test]
fn a_wormhole_costs_the_car_it_repeats_nothing() {
    // In a queue for half a minute, then at up to 30 m/s until it is 80 m away.
    let way = |s: f64| match s - 30.0 {
        late if late < 0.0 => s,
        late if late < 10.0 => s + 1.45 * late * late,
        late => s + 145.0 + 29.0 * (late - 10.0),
    };
    let drive = Drive::new(1, (0.0, 1_400.0), 77, way);
    let mut station = listener();
    for (now, bytes) in &drive.sent {
        let metres = 1_400.0 - way(now.as_nanos() as f64 * 1e-9);
        let (from, dbm) = if metres > 300.0 { (REPEATER, -40) } else { (address(1), -70) };
        hears(&mut station, *now, bytes, from, Some(dbm));
    }
    assert!(station.node.watch().findings().of(Check::Range) > 10, "it was heard from afar");
    is_unharmed(&station, drive.digest());
    assert!((50.0..150.0).contains(&drive.last_place().distance_m(PLACE)), "{:?}", drive.last_place());
    is_heard_and_relayed(&mut station, 1, after(&drive, 10), drive.last_place());
}

// The same for a repeater that plays each message in many places at once, late, and in any order.
#[test]
fn nor_does_one_that_holds_messages_back_and_lets_some_through() {
    let drive = Drive::new(1, (30.0, 400.0), 40, in_town);
    let mut station = listener();
    let late: Vec<_> = drive.sent.iter().enumerate().filter(|(n, _)| n % 7 != 3 && n % 5 != 1).collect();
    for pair in late.chunks(3) {
        let now = pair.last().unwrap().1.0 + std::time::Duration::from_millis(150);
        for (_, (_, bytes)) in pair.iter().rev() {
            hears(&mut station, now, bytes, REPEATER, Some(-30));
        }
    }
    is_unharmed(&station, drive.digest());
    is_heard_and_relayed(&mut station, 1, after(&drive, 200), drive.last_place());
}

// A unit on a mast hears cars 1.4 km away, without anybody's help.
#[test]
fn a_mast_that_hears_far_isolates_nobody() {
    let drives: Vec<_> = (1..=4)
        .map(|car| Drive::new(car, (4.0 * f64::from(car), 1_450.0), 14, steadily(5.0 + f64::from(car))))
        .collect();
    let mut station = listener();
    let mut all: Vec<_> =
        drives.iter().flat_map(|drive| drive.sent.iter().map(|sent| (sent, drive.car.address))).collect();
    all.sort_by_key(|((at, _), _)| *at);
    for ((now, bytes), from) in all {
        hears(&mut station, *now, bytes, from, Some(-90));
    }
    assert!(station.node.watch().findings().of(Check::Range) > 10, "heard from afar");
    for drive in &drives {
        is_unharmed(&station, drive.digest());
    }
    let end = drives.iter().map(|drive| after(drive, 10)).max().unwrap();
    is_heard_and_relayed(&mut station, 1, end, drives[0].last_place());
}

// It hears the car, signs the car's claim with an earlier time, is heard first, and then lets the car's frame through.
#[test]
fn an_insider_that_signs_the_victims_claim_first_gains_nothing() {
    for early_ms in [0, 40, 300, 900] {
        let drive = Drive::new(1, (30.0, 150.0), 25, in_town);
        let insider = Crafter::station(2);
        let mut station = listener();
        for (n, (now, bytes)) in drive.sent.iter().enumerate() {
            let (_, tbs, _) = read(bytes);
            let fields = TbsRepr {
                generation_time_us: tbs.generation_time_us - early_ms * 1000,
                latitude: tbs.latitude,
                longitude: tbs.longitude,
                payload: tbs.payload,
                ..insider.fields(*now)
            };
            let copy = if n == 0 { insider.full(&fields) } else { insider.brief(&fields) };
            hears(&mut station, *now, &copy, REPEATER, None);
            hears(&mut station, *now, bytes, REPEATER, None);
        }
        assert!(station.received() > 80, "{:?}", station.drops());
        is_unharmed(&station, drive.digest());
        assert_eq!(
            station.node.watch().findings().of(Check::Copied) > 0,
            early_ms > 0,
            "or it tries nothing"
        );
        is_heard_and_relayed(&mut station, 1, after(&drive, 10), drive.last_place());
    }
}

// Its ghost was there first: the car is the newcomer, drives through it, and along with it.
#[test]
fn an_insider_that_is_in_the_victims_place_first_costs_it_nothing() {
    let drive = Drive::new(1, (0.0, 200.0), 40, in_town);
    let ghost = Crafter::station(2);
    let mut station = listener();
    let first = Instant::from_millis(50);
    let said = |now: Instant, bytes: &Bytes| {
        let (_, tbs, _) = read(bytes);
        TbsRepr {
            latitude: tbs.latitude + 2,
            longitude: tbs.longitude,
            payload: Box::leak(tbs.payload.to_vec().into_boxed_slice()),
            ..ghost.fields(now)
        }
    };
    hears(&mut station, first, &ghost.full(&said(first, &drive.sent[0].1)), REPEATER, None);
    for (now, bytes) in drive.sent.iter().skip(10) {
        hears(&mut station, *now, &ghost.brief(&said(*now, bytes)), REPEATER, Some(-60));
        hears(&mut station, *now, bytes, address(1), Some(-60));
    }
    assert!(station.node.watch().standing(&drive.digest()) >= TrustLevel::Suspect, "or it tries nothing");
    is_unharmed(&station, drive.digest());
    is_heard_and_relayed(&mut station, 1, after(&drive, 10), drive.last_place());
}

// Cars of one lane and speed that send at the same places: each repeats what those ahead of it said.
#[test]
fn a_column_of_one_speed_isolates_and_suspects_nobody() {
    let leader = Drive::new(1, (0.0, 300.0), 14, steadily(30.0));
    let followers: Vec<_> = (2..=4).map(Crafter::station).collect();
    let mut all: Vec<_> = leader.sent.iter().map(|(at, bytes)| (*at, 0, bytes.clone())).collect();
    for (n, car) in followers.iter().enumerate() {
        for (turn, (at, bytes)) in leader.sent.iter().enumerate() {
            // 60 m behind the one ahead.
            let now = *at + std::time::Duration::from_secs(2 * (n as u64 + 1));
            let (_, tbs, _) = read(bytes);
            let (latitude, longitude, payload) = (tbs.latitude, tbs.longitude, tbs.payload);
            let fields = TbsRepr { latitude, longitude, payload, ..car.fields(now) };
            let said = if turn == 0 { car.full(&fields) } else { car.brief(&fields) };
            all.push((now, n as u32 + 2, said));
        }
    }
    all.sort_by_key(|(at, ..)| *at);
    let mut station = listener();
    for (now, car, bytes) in &all {
        hears(&mut station, *now, bytes, address(*car), None);
    }
    assert_eq!(station.received(), all.len(), "{:?}", station.drops());
    for digest in followers.iter().map(|car| car.digest).chain([leader.digest()]) {
        is_unharmed(&station, digest);
        assert_eq!(station.node.watch().standing(&digest), TrustLevel::Trusted);
    }
}
