//! Two stations with one credential, near and far from each other, and outsiders that would have a station believe so.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    Anchor, AwarenessRule, Config, Event, HeardElsewhere, Identity, Input, Instant, Node, Pool, SendRequest,
    TrustLevel,
};
use v2x_proto::v1;
use v2x_proto::{Class, Digest};

use testkit::craft::{Crafter, forged};
use testkit::{Authority, PLACE, Station, address, anchor, fix, frame, hazard};

/// Stations on one road that all hear each other, a millisecond later.
struct Road {
    beacon_ms: u64,
    cars: Vec<Car>,
    now: Instant,
    /// What was on the air: when, from which car, the frame.
    air: Vec<(Instant, usize, Bytes)>,
}

struct Car {
    station: Station,
    /// Metres north of the place at the start.
    north: f64,
    up: bool,
}

impl Road {
    fn new() -> Self {
        Self { beacon_ms: 100, cars: Vec::new(), now: Instant::ZERO, air: Vec::new() }
    }

    /// One more station, with these credentials, that starts now. Returns its number.
    fn start(&mut self, pool: Pool, north: f64) -> usize {
        let number = self.cars.len();
        let config = Config {
            awareness: AwarenessRule::Every(Duration::from_millis(self.beacon_ms)),
            ..Config::vehicle()
        };
        let start = Anchor { instant: self.now, wire: anchor().wire_at(self.now) };
        let node = Node::new(config, pool, Authority::new().trust.clone(), 7 + number as u64, start);
        let mut car = Car { station: Station::with(number as u32, node), north, up: true };
        car.station.start(self.now, car.place(self.now));
        self.cars.push(car);
        number
    }

    fn run(&mut self, until_ms: u64) {
        self.run_with(until_ms, |_, _| Vec::new());
    }

    /// The same with an outsider's frames, which the first car hears.
    fn run_with(
        &mut self,
        until_ms: u64,
        mut outsider: impl FnMut(&[(Instant, usize, Bytes)], u64) -> Vec<Bytes>,
    ) {
        while self.now < Instant::from_millis(until_ms) {
            self.now = self.now + Duration::from_millis(1);
            let (now, millis) = (self.now, self.now.as_nanos() / 1_000_000);
            let mut sent = Vec::new();
            for (number, car) in self.cars.iter_mut().enumerate().filter(|(_, car)| car.up) {
                if millis % 100 == 7 * number as u64 {
                    let place = car.place(now);
                    sent.extend(
                        car.station.feed(now, fix(now, place)).into_iter().map(|bytes| (number, bytes)),
                    );
                }
                while car.station.deadline.0 <= now {
                    sent.extend(
                        car.station.feed(now, Input::Timeout).into_iter().map(|bytes| (number, bytes)),
                    );
                }
            }
            for (from, bytes) in sent {
                for (number, car) in self.cars.iter_mut().enumerate() {
                    if number != from && car.up {
                        car.station.feed(now, frame(&bytes, address(from as u32)));
                    }
                }
                self.air.push((now, from, bytes));
            }
            for bytes in outsider(&self.air, millis) {
                self.cars[0].station.feed(now, frame(&bytes, address(66)));
            }
        }
    }

    fn node(&self, car: usize) -> &Node {
        &self.cars[car].station.node
    }

    /// What this car heard from elsewhere in its own name.
    fn elsewhere(&self, car: usize) -> Vec<HeardElsewhere> {
        let events = self.cars[car].station.events.iter();
        events
            .filter_map(|event| match event {
                Event::HeardElsewhere(heard) => Some(*heard),
                _ => None,
            })
            .collect()
    }

    /// Messages of one car that another took, from a moment on; and those it dropped as replayed meanwhile.
    fn taken(&self, by: usize, from: usize, since: Instant) -> (usize, usize) {
        let wire = anchor().wire_at(since);
        let (mut taken, mut replayed) = (0, 0);
        for event in &self.cars[by].station.events {
            match event {
                Event::Received(one) if one.link_source == address(from as u32) => {
                    taken += usize::from(one.generation_time >= wire);
                }
                Event::Dropped(one) if one.link_source == address(from as u32) => {
                    replayed += usize::from(one.reason.name() == "replayed");
                }
                _ => {}
            }
        }
        (taken, replayed)
    }
}

impl Car {
    fn place(&self, now: Instant) -> v2x_core::Position {
        PLACE.moved(0.0, self.north + 15.0 * now.as_nanos() as f64 * 1e-9)
    }
}

fn identity(number: u32) -> Pool {
    Authority::new().identity(number).into()
}

fn pool(first: u32, count: u32) -> Pool {
    let authority = Authority::new();
    Pool::new((first..first + count).map(|number| authority.identity(number)).collect::<Vec<Identity>>())
        .unwrap()
}

#[test]
fn a_second_station_that_speaks_for_a_second_mutes_the_first_no_longer_than_that() {
    let mut road = Road::new();
    let first = road.start(identity(1), 0.0);
    let third = road.start(identity(2), 50.0);
    road.run(5_000);
    let second = road.start(identity(1), 2.0);
    road.run(6_000);
    road.cars[second].up = false;
    let after = road.now;
    road.run(126_000);
    let (taken, replayed) = road.taken(third, first, after);
    println!("{taken} of 1200 taken in 120 s, {replayed} dropped as replayed in all");
    assert!(taken >= 1_195 && replayed <= 5, "{taken} {replayed}");
    // Both are told who, from which address, and where.
    let heard = road.elsewhere(first)[0];
    assert_eq!((heard.id.signer, heard.link_source), (road.node(first).digest(), address(second as u32)));
    let there = road.cars[second].place(Instant::from_millis(5_000));
    assert!(heard.position.distance_m(there) < 5.0, "{heard:?}");
    assert_eq!(road.elsewhere(second)[0].link_source, address(first as u32));
    assert!(road.elsewhere(third).is_empty());
}

#[test]
fn two_stations_that_keep_one_credential_are_both_heard_and_told() {
    // Together they send no more beacons than the rules allow one station, or their name would be isolated for that.
    let mut road = Road { beacon_ms: 300, ..Road::new() };
    let first = road.start(identity(1), 0.0);
    let third = road.start(identity(2), 50.0);
    road.run(1_500);
    let second = road.start(identity(1), 1.0);
    road.run(31_500);
    let since = Instant::from_millis(2_000);
    for car in [first, second] {
        let (taken, _) = road.taken(third, car, since);
        println!("car {car}: {taken} of 98 taken, {:?}", road.cars[third].station.drops());
        assert!(taken >= 60, "car {car}: {taken}");
        assert!(road.elsewhere(car).len() > 30);
    }
    // Their numbers do not run away from the clock's, or a restart would be behind them.
    let numbers = |car: usize| road.elsewhere(car).iter().map(|heard| heard.id.sequence).collect::<Vec<_>>();
    let seen = numbers(first);
    let span = seen.last().unwrap().wrapping_sub(seen[0]);
    assert!(span < 61 * 31 + 200, "{span} numbers in 30 s");
}

/// The outsider moves first: it has recorded everything before the station has spoken twice.
#[test]
fn whatever_an_outsider_replays_or_forges_raises_no_alarm_and_uses_no_numbers() {
    let mut road = Road::new();
    let car = road.start(identity(1), 0.0);
    let other = road.start(identity(2), 50.0);
    road.run(300);
    let flood = hazard::new(road.node(car).digest(), 9, PLACE, anchor().wire_at(road.now));
    let request = SendRequest {
        to: None,
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 30_000,
        max_hops: 5,
        area: Some(hazard::circle(PLACE, 1_000)),
        subject: 0,
        due: None,
        token: None,
        payload: flood.encode_to_vec().into(),
    };
    for bytes in road.cars[car].station.feed(road.now, Input::Send(request)) {
        road.cars[other].station.hear(road.now, &bytes);
        road.air.push((road.now, car, bytes));
    }
    road.run_with(20_000, |air, millis| {
        let own: Vec<_> = air.iter().filter(|(_, from, _)| *from == car).map(|(.., bytes)| bytes).collect();
        // Every frame at once and again later, the flood all the time, and forgeries of the newest.
        let at = millis as usize;
        let mut frames: Vec<Bytes> = own.iter().rev().take(2).map(|bytes| (*bytes).clone()).collect();
        frames.extend(own.get(at % own.len()).map(|bytes| (*bytes).clone()));
        frames.extend(own.last().filter(|_| at.is_multiple_of(10)).map(|bytes| forged(bytes, at)));
        frames
    });
    assert!(road.elsewhere(car).is_empty(), "{:?}", road.elsewhere(car));
    let numbers: Vec<u32> = road.cars[other]
        .station
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Received(one) if one.id.class == Class::D2 && one.link_source == address(car as u32) => {
                Some(one.id.sequence)
            }
            _ => None,
        })
        .collect();
    assert!(
        numbers.len() > 190 && numbers.windows(2).all(|two| two[1] == two[0].wrapping_add(1)),
        "{numbers:?}"
    );
}

#[test]
fn what_it_said_before_a_restart_raises_no_alarm_however_long_it_stays_fresh() {
    let mut road = Road::new();
    let before = road.start(identity(1), 0.0);
    road.run(1_000);
    let flood = hazard::new(road.node(before).digest(), 9, PLACE, anchor().wire_at(road.now));
    let crafter = Crafter::station(1);
    let fields = v2x_proto::envelope::TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 5,
        area: Some(hazard::circle(PLACE, 1_000)),
        payload: &flood.encode_to_vec(),
        ..crafter.fields(road.now)
    };
    let mut recorded: Vec<Bytes> = road.air.iter().map(|(.., bytes)| bytes.clone()).collect();
    recorded.push(crafter.full(&fields));
    road.cars[before].up = false;
    let mut again = Road { now: road.now, ..Road::new() };
    let car = again.start(identity(1), 0.0);
    again.run_with(20_000, |_, millis| vec![recorded[millis as usize % recorded.len()].clone()]);
    assert!(again.elsewhere(car).is_empty(), "{:?}", again.elsewhere(car));
}

/// The flood of forgeries in the victim's name and from its address begins before the thief speaks.
#[test]
fn forgeries_in_its_name_delay_the_alarm_and_do_not_keep_it_away() {
    let mut road = Road::new();
    let car = road.start(identity(1), 0.0);
    road.run(1_000);
    let thief = Crafter::station(1);
    let mut stolen = 0;
    road.run_with(31_000, |air, millis| {
        let own = air.iter().rev().find(|(_, from, _)| *from == car).unwrap();
        let mut frames: Vec<Bytes> =
            (0..4).filter(|_| millis % 20 == 0).map(|n| forged(&own.2, millis as usize * 4 + n)).collect();
        if millis % 100 == 50 {
            stolen += 1;
            frames.push(thief.full(&thief.fields(Instant::from_millis(millis))));
        }
        frames
    });
    let heard = road.elsewhere(car);
    println!("{} of {stolen} noticed among 200 forgeries a second", heard.len());
    assert!(heard.len() >= 3, "{} of {stolen}", heard.len());
    assert!(heard.iter().all(|heard| heard.link_source == address(66)));
}

/// Two places at once under one name: a neighbour of both isolates the name, as it has to, and the honest holder is told and
/// goes on under another.
#[test]
fn a_thief_far_away_has_the_name_isolated_and_the_car_goes_on_under_its_next_one() {
    let mut road = Road::new();
    let car = road.start(pool(1, 4), 0.0);
    let third = road.start(identity(9), 100.0);
    road.run(3_000);
    let stolen = road.node(car).digest();
    let number = (1..5).find(|number| Authority::new().identity(*number).digest() == stolen).unwrap();
    let thief = Crafter::station(number);
    for step in 0..100u64 {
        road.run(3_000 + 100 * step);
        let far = PLACE.moved(0.0, 400.0);
        let fields = v2x_proto::envelope::TbsRepr {
            latitude: far.latitude,
            longitude: far.longitude,
            sequence: u32::MAX / 4 + step as u32,
            ..thief.fields(road.now)
        };
        let bytes = thief.full(&fields);
        for victim in [car, third] {
            road.cars[victim].station.feed(road.now, frame(&bytes, address(66)));
        }
    }
    let next = road.node(car).digest();
    assert_ne!(next, stolen, "it has moved");
    assert_eq!(road.elsewhere(car)[0].id.signer, stolen);
    let since = road.now;
    road.run(since.as_nanos() / 1_000_000 + 10_000);
    let level = |digest: &Digest| road.node(third).watch().standing(digest);
    assert_eq!(level(&next), TrustLevel::Trusted);
    assert!(road.taken(third, car, since).0 >= 95, "{:?}", road.taken(third, car, since));
}

/// Whoever copied the whole device has every pseudonym of it.
#[test]
fn a_thief_of_the_whole_pool_does_not_use_it_up_in_seconds() {
    let mut road = Road::new();
    let car = road.start(pool(1, 6), 0.0);
    let thieves: Vec<_> = (1..7).map(Crafter::station).collect();
    road.run(1_000);
    road.run_with(31_000, |_, millis| {
        let now = Instant::from_millis(millis);
        let all = thieves.iter().filter(|_| millis % 200 == 0);
        all.map(|thief| thief.full(&thief.fields(now))).collect()
    });
    println!("{} heard", road.elsewhere(car).len());
    let changes = road.cars[car].station.events.iter();
    let changes = changes.filter(|event| matches!(event, Event::PseudonymChanged { .. })).count();
    assert!((3..=4).contains(&changes), "{changes} changes in 30 s");
    assert!(road.elsewhere(car).len() > 20);
}
