//! Tests of the neighbour table: expiry, eviction, replay protection, dead reckoning, and reception.

use core::time::Duration;
use std::collections::BTreeMap;

use proptest::prelude::*;
use v2x_proto::Class;

use super::*;
use crate::base::Position;
use crate::trust::{Trusted, freshness};

const WIRE: WireTime = WireTime::from_micros(600_000_000_000_000);

const HOME: Position = Position { latitude: 500_000_000, longitude: 80_000_000 };

fn wire(millis: u64) -> WireTime {
    WIRE + Duration::from_millis(millis)
}

fn signer(n: u16) -> Digest {
    let [a, b] = n.to_be_bytes();
    Digest([a, b, 1, 2, 3, 4, 5, 6])
}

/// A beacon generated and heard at `millis`.
fn beacon(n: u16, sequence: u32, millis: u64) -> Heard {
    Heard {
        id: MessageId { signer: signer(n), class: Class::D2, sequence },
        generation: wire(millis),
        position: HOME,
        at: Instant::from_millis(millis),
        wire: wire(millis),
        link: [2, 0, 0, 0, 0, 1],
        direct: true,
        signal_dbm: Some(-70),
    }
}

fn hear(table: &mut NeighbourTable, message: &Heard) -> NeighbourChange {
    assert!(table.is_new(&message.id, message.generation), "{:?} is a replay", message.id);
    let change = table.hear(message, Some(&Plane::at(HOME)));
    assert!(!table.is_new(&message.id, message.generation), "{:?} is accepted twice", message.id);
    change
}

/// An index with two places for each entry, filled to seven eighths, takes no more buckets.
const BUCKETS: usize = 2048;

#[test]
fn a_neighbour_and_its_credential_take_at_most_752_bytes() {
    // Slot, place in the list, free slot, and its share of an index of two bytes and a control byte a bucket.
    let index = (BUCKETS * (size_of::<u16>() + 1)).div_ceil(NEIGHBOURS);
    let neighbour = size_of::<Option<Neighbour>>() + size_of::<Place>() + size_of::<u16>() + index;
    // A cached credential is one allocation (value, two counts; 8 bytes of allocator header, rounded to 16), and digest,
    // pointer, two links and free slot in the columns of the cache.
    let pointer = size_of::<usize>();
    let allocation = (size_of::<Trusted>() + 2 * pointer + 8).next_multiple_of(16);
    let entry = size_of::<Digest>() + pointer + 3 * size_of::<u16>() + index;
    // And its bytes, for its floods: with a region, which few have, 158.
    let bytes = (158_usize + 8).next_multiple_of(16);
    let credential = allocation + entry + bytes;
    assert!(neighbour + credential <= 752, "{neighbour} + {credential}");
}

#[test]
fn a_station_becomes_a_neighbour_with_its_first_message_and_is_lost_after_20_s() {
    let mut table = NeighbourTable::new();
    assert_eq!(table.next_expiry(), None);
    assert!(hear(&mut table, &beacon(1, 1, 0)).added);
    assert!(!hear(&mut table, &beacon(1, 2, 100)).added);
    hear(&mut table, &beacon(2, 1, 5000));
    assert_eq!(table.next_expiry(), Some(Instant::from_millis(20_100)));
    assert_eq!(table.expire(Instant::from_millis(20_099), wire(20_099)), None);
    assert_eq!(table.expire(Instant::from_millis(20_100), wire(20_100)), Some(signer(1)));
    assert_eq!(table.expire(Instant::from_millis(20_100), wire(20_100)), None);
    assert!(table.get(&signer(1)).is_none() && table.get(&signer(2)).is_some());
}

#[test]
fn an_older_message_moves_nothing() {
    let mut table = NeighbourTable::new();
    hear(&mut table, &beacon(1, 2, 1000));
    let elsewhere = HOME.moved(500.0, 0.0);
    let late = Heard { generation: wire(900), position: elsewhere, ..beacon(1, 1, 1100) };
    hear(&mut table, &late);
    let motion = Motion { speed: Some(100), ..Motion::default() };
    assert!(!table.set_motion(&signer(1), wire(900), &motion));
    let neighbour = table.get(&signer(1)).unwrap();
    assert_eq!((neighbour.position(), neighbour.generation()), (HOME, wire(1000)));
    assert_eq!(neighbour.heard(), Instant::from_millis(1100));
}

#[test]
fn a_full_table_lets_the_one_heard_longest_ago_go_then_the_farthest() {
    let mut table = NeighbourTable::new();
    for n in 0..NEIGHBOURS as u16 {
        // The first ten are heard in the same moment, number 7 farthest away.
        let millis = u64::from(n.saturating_sub(9));
        let east = if n == 7 { 900.0 } else { f64::from(n) };
        let message = Heard { position: HOME.moved(east, 0.0), ..beacon(n, 1, millis) };
        assert_eq!(hear(&mut table, &message), NeighbourChange { added: true, evicted: None });
    }
    let evicted: Vec<_> = (0..3).map(|n| hear(&mut table, &beacon(2000 + n, 1, 2000)).evicted).collect();
    assert_eq!(evicted, [Some(signer(7)), Some(signer(9)), Some(signer(8))]);
    assert_eq!(table.len(), NEIGHBOURS);
}

#[test]
fn a_table_of_ten_thousand_is_full_at_ten_thousand_and_evicts_among_few_of_equal_age() {
    let mut table = NeighbourTable::with_capacity(usize::MAX, Reserve::AsHeard);
    for n in 0..MAX_NEIGHBOURS as u16 {
        // All at once; the farthest of all lies beyond those that are compared.
        let far = usize::from(n) == MAX_EVICTION_TIES;
        let east = if far { 9000.0 } else { f64::from(n % 64) };
        let message = Heard { position: HOME.moved(east, 0.0), ..beacon(n, 1, 0) };
        assert_eq!(hear(&mut table, &message), NeighbourChange { added: true, evicted: None });
    }
    let room = table.slots.capacity();
    let change = hear(&mut table, &beacon(20_000, 1, 1));
    assert_eq!(change.evicted, Some(signer(MAX_EVICTION_TIES as u16 - 1)));
    assert_eq!((table.len(), table.slots.capacity()), (MAX_NEIGHBOURS, room));
    assert_eq!(table.expire(Instant::from_millis(20_000), wire(20_000)), Some(signer(0)), "the list's head");
}

/// Most neighbours that one call of each operation looks at, in a full table of this size.
fn most_touched(size: usize) -> [(&'static str, usize); 6] {
    let mut table = NeighbourTable::with_capacity(size, Reserve::AsHeard);
    // Digests as they are in life, without a pattern.
    let spread = |n: u64| Digest((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let heard = |n: usize, sequence, millis| {
        let beacon = beacon(0, sequence, millis);
        Heard { id: MessageId { signer: spread(n as u64), ..beacon.id }, ..beacon }
    };
    for n in 0..size {
        hear(&mut table, &heard(n, 1, n as u64 / 8));
    }
    let start = size as u64 / 8 + 1;
    let mut most =
        ["lookup", "lookup in vain", "update", "eviction", "next expiry", "expiry"].map(|name| (name, 0));
    let mut count = |table: &NeighbourTable, operation: usize| {
        most[operation].1 = most[operation].1.max(table.touched.replace(0));
    };
    table.touched.set(0);
    for n in 0..size {
        assert!(table.get(&spread(n as u64)).is_some());
        count(&table, 0);
        assert!(table.get(&spread((size * 9 + n) as u64)).is_none());
        count(&table, 1);
        // Those heard longest ago, those in the middle, those heard last.
        assert!(!table.hear(&heard(n * 7 % size, 2, start + n as u64 / 8), None).added);
        count(&table, 2);
    }
    for n in size..2 * size {
        let newcomer = heard(n, 1, start * 2 + n as u64 / 8);
        assert!(table.hear(&newcomer, Some(&Plane::at(HOME))).evicted.is_some());
        count(&table, 3);
        let _next = table.next_expiry();
        count(&table, 4);
    }
    let end = start * 4 + 20_000;
    while table.expire(Instant::from_millis(end), wire(end)).is_some() {
        count(&table, 5);
    }
    assert!(table.is_empty());
    most
}

#[test]
fn a_table_of_ten_thousand_costs_no_more_work_than_one_of_a_hundred() {
    let small = most_touched(100);
    // Digests that share a place's seven bits of tag are compared in vain: by chance, a few.
    assert!(small.iter().all(|(_, touched)| *touched <= 32), "{small:?}");
    for size in [1_000, MAX_NEIGHBOURS] {
        for ((name, touched), (_, small)) in most_touched(size).into_iter().zip(small) {
            assert!(touched <= small + 4, "{name} of {size}: {touched}, of 100: {small}");
        }
    }
}

#[test]
fn expiry_and_eviction_open_no_replay() {
    for class in Class::ALL {
        let mut table = NeighbourTable::new();
        let flood = Heard { id: MessageId { class, ..beacon(1, 5, 0).id }, ..beacon(1, 5, 0) };
        hear(&mut table, &flood);
        let end = freshness::refused_from(class, flood.generation).since(WIRE).as_millis() as u64;
        // Pushed out by a crowd at once, or expired after 20 s: the copy stays known while it is fresh.
        let mut crowded = table.clone();
        for n in 0..NEIGHBOURS as u16 {
            hear(&mut crowded, &beacon(100 + n, 1, 1));
        }
        assert!(crowded.get(&signer(1)).is_none());
        assert!(!crowded.is_new(&flood.id, flood.generation), "{class:?} after eviction");
        let late = Instant::from_millis(20_000);
        assert_eq!(table.expire(late, wire(20_000)), Some(signer(1)));
        let refused = !table.is_new(&flood.id, flood.generation);
        assert!(refused || end <= 20_000, "{class:?} after expiry");
        // It comes back with another message: the window comes back too.
        hear(&mut table, &beacon(1, 900, 21_000));
        let refused = !table.is_new(&flood.id, flood.generation);
        assert!(refused || end <= 20_000, "{class:?} after return");
    }
}

#[test]
fn dead_reckoning_follows_heading_speed_and_acceleration_for_two_seconds() {
    let mut table = NeighbourTable::new();
    hear(&mut table, &beacon(1, 1, 0));
    let place = |table: &NeighbourTable, millis| {
        let (east, north) = table.get(&signer(1)).unwrap().position_at(wire(millis)).offset_from(HOME);
        [east, north].map(|metres| (metres * 10.0).round() / 10.0)
    };
    assert_eq!(place(&table, 1000), [0.0, 0.0]);
    let mut drive = |speed, heading, acceleration| {
        let motion = Motion {
            speed: Some(speed),
            heading: Some(heading),
            acceleration: Some(acceleration),
            station_type: 5,
        };
        assert!(table.set_motion(&signer(1), wire(0), &motion));
        [0, 1000, 2000, 9000].map(|millis| place(&table, millis))
    };
    assert_eq!(drive(2000, 900, 0), [[0.0, 0.0], [20.0, 0.0], [40.0, 0.0], [40.0, 0.0]]);
    assert_eq!(drive(2000, 1800, 20), [[0.0, 0.0], [0.0, -21.0], [0.0, -44.0], [0.0, -44.0]]);
    // Brakes with 8 m/s^2 from 8 m/s: halts after 4 m and stays.
    assert_eq!(drive(800, 0, -80), [[0.0, 0.0], [0.0, 4.0], [0.0, 4.0], [0.0, 4.0]]);
    // 100 g are not believed.
    assert_eq!(drive(0, 0, 9810)[1], [0.0, 4.9]);
    let before = table.get(&signer(1)).unwrap().position_at(wire(0) - Duration::from_secs(5));
    assert_eq!(before, HOME);
}

#[test]
fn reception_is_measured_from_beacons_heard_straight() {
    let mut table = NeighbourTable::new();
    for n in 0..200 {
        // Every fourth beacon is lost; each takes 3 ms.
        if n % 4 != 3 {
            let sent = beacon(1, n, u64::from(n) * 100);
            let message = Heard { generation: sent.generation - Duration::from_millis(3), ..sent };
            hear(&mut table, &message);
        }
    }
    let neighbour = table.get(&signer(1)).unwrap();
    assert_eq!(neighbour.beacons(), (150, 199));
    assert!((neighbour.delivery_ratio() - 0.75).abs() < 0.03, "{}", neighbour.delivery_ratio());
    assert_eq!(neighbour.latency(), Some(Duration::from_millis(3)));
    let gap = neighbour.beacon_gap().unwrap().as_millis();
    assert!((110..160).contains(&gap), "{gap}");
    assert_eq!(neighbour.signal_dbm(), Some(-70.0));
    assert_eq!(neighbour.link(), Some([2, 0, 0, 0, 0, 1]));
}

#[test]
fn a_restart_does_not_count_as_losses() {
    let mut table = NeighbourTable::new();
    hear(&mut table, &beacon(1, 10, 0));
    hear(&mut table, &beacon(1, 1_000_000, 1000));
    assert_eq!(table.get(&signer(1)).unwrap().beacons(), (2, 2));
}

#[test]
fn what_came_through_forwarders_says_nothing_about_the_link() {
    let mut table = NeighbourTable::new();
    hear(&mut table, &Heard { direct: false, ..beacon(1, 1, 500) });
    let neighbour = table.get(&signer(1)).unwrap();
    assert!(!neighbour.is_direct() && neighbour.link().is_none() && neighbour.signal_dbm().is_none());
    assert_eq!((neighbour.latency(), neighbour.beacon_gap(), neighbour.beacons()), (None, None, (0, 0)));
}

#[test]
fn time_that_runs_backwards_is_clamped() {
    let mut table = NeighbourTable::new();
    hear(&mut table, &beacon(1, 1, 5000));
    hear(&mut table, &Heard { at: Instant::ZERO, ..beacon(2, 1, 5000) });
    assert_eq!(table.get(&signer(2)).unwrap().heard(), Instant::from_millis(5000));
}

proptest! {
    /// The table against a map with the same rules, in any order of hearing, waiting and expiring.
    #[test]
    fn agrees_with_a_plain_map(steps in proptest::collection::vec((0_u16..30, 0_u64..4000), 1..300)) {
        let mut table = NeighbourTable::new();
        let mut model = BTreeMap::new();
        let mut now = 0;
        for (step, (n, wait)) in (0_u32..).zip(steps) {
            now += wait;
            let mut lost = 0;
            while let Some(digest) = table.expire(Instant::from_millis(now), wire(now)) {
                prop_assert!(model.remove(&digest).is_some_and(|heard| heard + 20_000 <= now));
                lost += 1;
            }
            prop_assert!(lost <= 30);
            let change = hear(&mut table, &beacon(n, step, now));
            prop_assert_eq!(change.added, model.insert(signer(n), now).is_none());
            prop_assert_eq!(table.len(), model.len());
            prop_assert_eq!(table.iter().count(), model.len());
            let next = model.values().min().map(|heard| Instant::from_millis(heard + 20_000));
            prop_assert_eq!(table.next_expiry(), next);
            for (digest, heard) in &model {
                prop_assert_eq!(table.get(digest).map(Neighbour::heard), Some(Instant::from_millis(*heard)));
            }
        }
    }

    #[test]
    fn hostile_numbers_never_panic(
        generation: u64, wire_now: u64, at: u64, sequence: u32, speed: Option<u16>, heading: Option<u16>,
        acceleration: Option<i16>, dbm: Option<i8>, direct: bool,
        latitude in -900_000_000_i32..=900_000_000, longitude in -1_800_000_000_i32..=1_800_000_000,
    ) {
        let mut table = NeighbourTable::new();
        let message = Heard {
            generation: WireTime::from_micros(generation),
            wire: WireTime::from_micros(wire_now),
            at: Instant::from_nanos(at),
            position: Position { latitude, longitude },
            signal_dbm: dbm,
            direct,
            ..beacon(1, sequence, 0)
        };
        table.hear(&message, None);
        table.hear(&Heard { at: Instant::from_nanos(at.rotate_left(7)), ..message }, Some(&Plane::at(HOME)));
        let motion = Motion { speed, heading, acceleration, station_type: 1 };
        table.set_motion(&signer(1), message.generation, &motion);
        let neighbour = table.get(&signer(1)).unwrap();
        let moved = neighbour.position_at(WireTime::from_micros(wire_now));
        prop_assert!(Position::new(moved.latitude, moved.longitude).is_some());
        prop_assert!((0.0..=1.0).contains(&neighbour.delivery_ratio()));
    }
}
