//! Awareness as it is heard on the air: when a whole node sends it, and its content.
//!
//! Rows are those of ETSI TS 102 868-2 (CAM conformance) that a test adapts.

use std::time::Duration;

use bytes::Bytes;
use v2x_core::{
    AwarenessRule, ClockState, Config, Fix, Input, Instant, Permissions, Position, WireTime, limits,
};
use v2x_proto::{Class, v1};

use testkit::craft::{awareness, read};
use testkit::{Authority, PLACE, Station, anchor};

// MSD/GFQ/TI/01.
#[test]
fn never_faster_than_100_ms_however_fast_it_goes() {
    let frames = on_air(Config::vehicle(), 5, |at| moving(at, 60.0));
    assert!(gaps(&frames).iter().all(|gap| *gap == 100), "{:?}", gaps(&frames));
    assert!(frames.len() >= 49);
}

// MSD/GFQ/TI/02.
#[test]
fn never_slower_than_once_a_second_however_still_it_stands() {
    let frames = on_air(Config::vehicle(), 10, standing);
    assert!(gaps(&frames).iter().all(|gap| *gap == 1000), "{:?}", gaps(&frames));
    assert!(frames.len() >= 10);
}

// MSD/GFQ/TI/03.
#[test]
fn after_three_sent_by_time_the_interval_is_a_second_again() {
    let frames = on_air(Config::vehicle(), 8, |at| Fix {
        heading: Some(if ms(at) >= 3_300 { 50 } else { 0 }),
        ..crawling(at)
    });
    let gaps = gaps(&frames);
    let turn = gaps.iter().position(|gap| *gap < 1000).unwrap();
    // The turn is reported at the next check; the interval stays for three more, sent by time alone.
    assert_eq!(gaps[turn..turn + 4], [gaps[turn]; 4], "{gaps:?}");
    assert!(gaps[turn + 4..].iter().all(|gap| *gap == 1000), "{gaps:?}");
}

// MSD/GFQ/BV/04-06.
#[test]
fn four_degrees_four_metres_and_half_a_metre_per_second_are_told_at_once() {
    type Change = fn(Fix) -> Fix;
    let enough: [(&str, Change); 4] = [
        ("4.1 degrees", |fix| Fix { heading: Some(41), ..fix }),
        ("through north", |fix| Fix { heading: Some(3_559), ..fix }),
        ("4.2 m", |fix| Fix { position: fix.position.moved(4.2, 0.0), ..fix }),
        ("0.51 m/s", |fix| Fix { speed: Some(251), heading: None, ..fix }),
    ];
    let too_little: [(&str, Change); 3] = [
        ("4 degrees", |fix| Fix { heading: Some(40), ..fix }),
        ("3.8 m", |fix| Fix { position: fix.position.moved(3.8, 0.0), ..fix }),
        ("0.5 m/s", |fix| Fix { speed: Some(250), heading: None, ..fix }),
    ];
    let shortest =
        |change: Change| {
            let frames = on_air(Config::vehicle(), 4, |at| {
                if ms(at) >= 2_250 { change(crawling(at)) } else { crawling(at) }
            });
            gaps(&frames).into_iter().min().unwrap()
        };
    for (what, change) in enough {
        let shortest = shortest(change);
        assert!(shortest < 1000, "{what}: {shortest} ms");
    }
    for (what, change) in too_little {
        assert_eq!(shortest(change), 1000, "{what}");
    }
}

// A receiver at rest reports a course at random and a speed of some centimetres a second.
#[test]
fn a_parked_car_with_a_wandering_course_says_so_once_a_second_with_the_heading_it_came_with() {
    let drove = |at| ms(at) < 1_000;
    let frames = on_air(Config::vehicle(), 13, |at| {
        let random = (ms(at) / 100).wrapping_mul(2_654_435_761);
        let (north, east) = ((random % 7) as f64 * 0.1, (random % 11) as f64 * 0.1);
        match drove(at) {
            true => Fix { speed: Some(200), heading: Some(900), ..standing(at) },
            false => Fix {
                position: PLACE.moved(east, north),
                speed: Some((random % 30) as u16),
                heading: Some((random % 3_600) as u16),
                ..standing(at)
            },
        }
    });
    let parked: Vec<_> = frames.iter().filter(|(at, _)| ms(*at) >= 2_000).collect();
    assert!((10..=12).contains(&parked.len()), "{} beacons in 11 s", parked.len());
    assert!(frames.len() <= 20, "{} beacons in 13 s", frames.len());
    assert!(frames.iter().all(|(_, bytes)| awareness(bytes).heading == Some(900)));
}

// MSD/GFQ/TI/08.
#[test]
fn a_roadside_unit_keeps_to_once_a_second_even_if_its_position_jumps() {
    let frames = on_air(Config::roadside(), 10, |at| moving(at, 20.0));
    assert!(gaps(&frames).iter().all(|gap| *gap >= 1000), "{:?}", gaps(&frames));
    assert!((9..=11).contains(&frames.len()));
    assert!(frames.iter().all(|(_, bytes)| awareness(bytes).station_type == 15));
}

// MSD/FMT/BV/02-03.
#[test]
fn low_frequency_data_is_in_the_first_and_then_at_least_half_a_second_apart() {
    let frames = on_air(Config::vehicle(), 5, |at| moving(at, 50.0));
    let with: Vec<u64> =
        frames.iter().filter(|(_, bytes)| awareness(bytes).length.is_some()).map(|(at, _)| ms(*at)).collect();
    assert_eq!(with[0], ms(frames[0].0), "the first");
    assert!(with.windows(2).all(|pair| pair[1] - pair[0] == 500), "{with:?}");
    // Path history and size travel together or not at all.
    for (_, bytes) in &frames {
        let message = awareness(bytes);
        assert_eq!(message.width.is_some(), message.length.is_some());
        assert!(message.length.is_some() || message.path_delta_latitude.is_empty());
    }
    let last = awareness(&frames[frames.len() - 1 - frames.len() % 5].1);
    assert!(last.path_delta_latitude.len() <= limits::MAX_PATH_POINTS);
}

#[test]
fn the_path_leads_back_to_where_the_station_was() {
    let frames = on_air(Config::vehicle(), 6, |at| moving(at, 25.0));
    let (_, bytes) = frames.iter().rev().find(|(_, bytes)| awareness(bytes).length.is_some()).unwrap();
    let (_, fields, _) = read(bytes);
    let message = awareness(bytes);
    assert!(message.path_delta_latitude.len() >= 4);
    let (mut latitude, mut longitude) = (fields.latitude, fields.longitude);
    for (north, east) in message.path_delta_latitude.iter().zip(&message.path_delta_longitude) {
        latitude += north;
        longitude += east;
    }
    let oldest = Position { latitude, longitude };
    assert!(oldest.distance_m(PLACE) < 10.0, "{} m from the start", oldest.distance_m(PLACE));
}

// MSD/PAR/BV/02-03.
#[test]
fn awareness_goes_one_hop_and_lives_less_than_a_second() {
    for (_, bytes) in on_air(Config::vehicle(), 3, |at| moving(at, 15.0)) {
        let (header, fields, _) = read(&bytes);
        assert_eq!((header.remaining_hops, fields.max_hops, fields.area), (1, 1, None));
        assert!(!header.flags.multi_hop && !header.flags.store_carry_forward);
        assert_eq!((header.class, fields.class), (Class::D2, Class::D2));
        assert!((1..1000).contains(&fields.lifetime_ms));
        assert_eq!(fields.message_type, v1::MessageType::Awareness as u32);
    }
}

// MSD/INA/BV/01.
#[test]
fn what_a_sensor_says_is_in_the_next_beacon() {
    let changed = |at: Instant| ms(at) >= 1_500;
    let frames = on_air(Config::vehicle(), 4, |at| {
        if changed(at) {
            Fix {
                altitude_cm: Some(31_400),
                speed: Some(1_200),
                heading: Some(900),
                acceleration: Some(-25),
                yaw_rate: Some(-340),
                accuracy_cm: Some(80),
                ..standing(at)
            }
        } else {
            standing(at)
        }
    });
    let next = frames.iter().position(|(at, _)| changed(*at)).unwrap();
    let before = awareness(&frames[next - 1].1);
    assert_eq!((before.speed, before.heading, before.yaw_rate), (Some(0), None, None), "it never moved");
    let after = awareness(&frames[next].1);
    assert_eq!((after.altitude_cm, after.speed, after.heading), (Some(31_400), Some(1_200), Some(900)));
    assert_eq!((after.acceleration, after.yaw_rate), (Some(-25), Some(-340)));
    assert_eq!(after.position_confidence.unwrap().semi_major_cm, 80);
    assert!(
        frames[next].0.since(Instant::from_millis(1_500)) <= Duration::from_millis(100),
        "at the next check"
    );
}

#[test]
fn values_beyond_their_range_are_sent_as_that_or_more() {
    let frames = on_air(Config::vehicle(), 1, |at| Fix {
        speed: Some(u16::MAX),
        heading: Some(7_250),
        acceleration: Some(i16::MIN),
        yaw_rate: Some(i16::MIN),
        accuracy_cm: Some(u16::MAX),
        ..standing(at)
    });
    let message = awareness(&frames[0].1);
    assert_eq!((message.speed, message.heading), (Some(16_382), Some(50)));
    assert_eq!((message.acceleration, message.yaw_rate), (Some(-160), Some(-32_766)));
    // What was sent is believed.
    let mut receiver = Station::silent(9);
    let (_, bytes) = &frames[0];
    receiver.hear(frames[0].0, bytes);
    assert_eq!((receiver.received(), receiver.last_drop()), (1, None));
}

// GEONW PON/LPV/BV/01: its own position is brought up to date before each message.
#[test]
fn the_position_is_moved_on_to_the_moment_of_sending() {
    let frames = on_air(Config::vehicle(), 3, |at| moving(at, 30.0));
    assert!(frames.len() > 10);
    for (at, bytes) in frames {
        let (_, fields, _) = read(&bytes);
        assert_eq!(fields.generation_time_us, anchor().wire_at(at).as_micros());
        let said = Position { latitude: fields.latitude, longitude: fields.longitude };
        let true_position = moving(at, 30.0).position;
        // The fix is up to 100 ms or 3 m old.
        let error = said.distance_m(true_position);
        assert!(error < 0.05, "{error} m off at {at:?}");
    }
}

#[test]
fn without_a_recent_position_nothing_is_said() {
    let mut station = Station::new(1, Config::vehicle());
    station.start(Instant::ZERO, PLACE);
    let lost = |_| Input::Fix(None);
    assert!(station.drive(Instant::from_millis(1), Instant::from_millis(3_000), lost).is_empty());
    // The receiver has hung: its last position comes again and again, and ages.
    let old = |_| Input::Fix(Some(standing(Instant::from_millis(3_000))));
    let sent = station.drive(Instant::from_millis(3_001), Instant::from_millis(9_000), old);
    let last = sent.last().unwrap().0;
    assert!(last < Instant::from_millis(3_000) + limits::MAX_FIX_AGE, "{last:?}");
    assert_eq!(sent.len(), 2);
}

#[test]
fn a_station_that_may_not_speak_of_itself_does_not() {
    let authority = Authority::new();
    let identity = authority.identity_with(1, Permissions::HAZARD);
    let node = v2x_core::Node::new(Config::vehicle(), identity, authority.trust.clone(), 7, anchor());
    let mut station = Station::with(1, node);
    station.start(Instant::ZERO, PLACE);
    let sent =
        station.drive(Instant::ZERO, Instant::from_millis(2_000), |at| Input::Fix(Some(moving(at, 30.0))));
    assert!(sent.is_empty());
}

#[test]
fn a_fixed_interval_is_kept_on_the_air() {
    let every = AwarenessRule::Every(Duration::from_millis(250));
    let frames = on_air(Config { awareness: every, ..Config::vehicle() }, 5, standing);
    assert!(gaps(&frames).iter().all(|gap| *gap == 250), "{:?}", gaps(&frames));
    assert!(frames.iter().all(|(_, bytes)| awareness(bytes).beacon_interval_ms == Some(250)));
}

/// What a lone station sends over `seconds`, given its position every 100 ms.
fn on_air(config: Config, seconds: u64, at: impl Fn(Instant) -> Fix) -> Vec<(Instant, Bytes)> {
    let mut station = Station::new(1, config);
    let wire = anchor().wire_at(Instant::ZERO);
    station.feed(Instant::ZERO, Input::Clock { wire, state: ClockState::Locked });
    station.drive(Instant::ZERO, Instant::from_millis(seconds * 1000), |now| Input::Fix(Some(at(now))))
}

/// Times between generation times, ms.
fn gaps(frames: &[(Instant, Bytes)]) -> Vec<u64> {
    let times = frames.iter().map(|(_, bytes)| WireTime::from_micros(read(bytes).1.generation_time_us));
    let times: Vec<WireTime> = times.collect();
    times.windows(2).map(|pair| pair[1].since(pair[0]).as_millis() as u64).collect()
}

fn ms(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

fn standing(at: Instant) -> Fix {
    Fix {
        position: PLACE,
        altitude_cm: None,
        speed: Some(0),
        heading: Some(0),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time: anchor().wire_at(at),
    }
}

/// North at 2 m/s, over and over from the same place.
fn crawling(at: Instant) -> Fix {
    Fix { speed: Some(200), ..standing(at) }
}

/// North at `speed` m/s.
fn moving(at: Instant, speed: f64) -> Fix {
    let metres = at.as_nanos() as f64 * 1e-9 * speed;
    Fix { position: PLACE.moved(0.0, metres), speed: Some((speed * 100.0) as u16), ..standing(at) }
}
