//! A change of pseudonym as an eavesdropper sees it: everything that could join the two is gone, and no safety message
//! was lost for it.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    Anchor, BeaconTags, ChangeRule, ClockState, Config, CredentialRequest, Event, Fix, FloodName, Identity,
    Input, Instant, Node, NotSentReason, Output, Pool, PseudonymConfig, SendRequest, SendingState, Transmit,
    WireTime, warm_up,
};
use v2x_proto::envelope::{SignedView, SignerRef, TbsRepr, TbsView};
use v2x_proto::hop::HopHeader;
use v2x_proto::{Class, Digest, hop, v1};
use v2x_recording::transcript;

use testkit::craft::Crafter;
use testkit::drive::drain;
use testkit::{Authority, PLACE, Station, anchor, fix, frame, hazard};

/// A car that changes about every `seconds`, and keeps what it transmits.
struct Car {
    node: Node,
    now: Instant,
    sent: Vec<(Instant, Transmit)>,
    events: Vec<(Instant, Event)>,
    transcript: Vec<u8>,
    speed: f64,
    metres: f64,
    /// Hands in `Timeout` half-way to every deadline as well.
    early: bool,
}

impl Car {
    fn new(pool: Pool, pseudonym: PseudonymConfig, seed: u64) -> Self {
        let config = Config { pseudonym, ..Config::vehicle() };
        let node = Node::new(config, pool, Authority::new().trust.clone(), seed, anchor());
        let mut car = Self {
            node,
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
            transcript: Vec::new(),
            speed: 15.0,
            metres: 0.0,
            early: false,
        };
        car.feed(Input::Clock { wire: anchor().wire, state: ClockState::Locked });
        car
    }

    fn every(seconds: u64, silence_ms: u64) -> Self {
        Self::new(pool(1, 10), every(seconds, silence_ms), 7)
    }

    /// Drives on for `seconds`, a fix each 100 ms.
    fn drive(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            let end = self.now + Duration::from_millis(100);
            self.sleep_to(end);
            self.metres += self.speed * 0.1;
            let Input::Fix(Some(place)) = fix(end, PLACE.moved(0.0, self.metres)) else { unreachable!() };
            self.feed(Input::Fix(Some(Fix { speed: Some((self.speed * 100.0) as u16), ..place })));
        }
    }

    fn sleep_to(&mut self, end: Instant) {
        loop {
            let (at, _) =
                drain(&mut self.node, |output| assert!(matches!(output, Output::Timeout(..)), "not drained"));
            if at > end {
                break;
            }
            if self.early && at > self.now {
                self.now = self.now + at.since(self.now) / 2;
                self.feed(Input::Timeout);
            }
            self.now = self.now.max(at);
            self.feed(Input::Timeout);
        }
        self.now = end;
    }

    fn feed(&mut self, input: Input) {
        self.node.handle_input(self.now, input);
        drain(&mut self.node, |output| {
            transcript::write(&output, &mut self.transcript);
            match output {
                Output::Transmit(frame) => self.sent.push((self.now, frame)),
                Output::Event(event) => self.events.push((self.now, event)),
                Output::Timeout(..) => {}
            }
        });
    }

    fn say(&mut self, class: Class, lifetime_ms: u32) {
        let message_type = v1::MessageType::Echo as u32;
        let payload = v1::Echo { sent_us: 5, ..v1::Echo::default() }.encode_to_vec().into();
        self.feed(Input::Send(SendRequest {
            to: None,
            message_type,
            class,
            lifetime_ms,
            max_hops: 1,
            area: None,
            subject: 0,
            due: None,
            token: None,
            payload,
        }));
    }

    fn changes(&self) -> Vec<(Instant, Digest, Digest)> {
        let changed = |(at, event): &(Instant, Event)| match event {
            Event::PseudonymChanged { old, new } => Some((*at, *old, *new)),
            _ => None,
        };
        self.events.iter().filter_map(changed).collect()
    }

    /// Frames of a pseudonym, with when they left.
    fn of(&self, pseudonym: Digest) -> Vec<&(Instant, Transmit)> {
        self.sent.iter().filter(|(_, frame)| frame.id.signer == pseudonym).collect()
    }
}

fn every(seconds: u64, silence_ms: u64) -> PseudonymConfig {
    let change = ChangeRule::Every(Duration::from_secs(seconds));
    PseudonymConfig { change, silence: Duration::from_millis(silence_ms) }
}

fn pool(first: u32, count: u32) -> Pool {
    let authority = Authority::new();
    Pool::new((first..first + count).map(|number| authority.identity(number)).collect::<Vec<Identity>>())
        .unwrap()
}

fn awareness(frame: &Bytes) -> (v1::Awareness, bool, Digest, u32) {
    let (header, len) = hop::parse(frame).unwrap();
    let signed = SignedView::parse(&frame[len..]).unwrap();
    let tbs = TbsView::parse(signed.tbs).unwrap();
    let full = matches!(signed.signer, SignerRef::Credential(_));
    (v1::Awareness::decode(tbs.payload).unwrap(), full, header.forwarder, tbs.sequence)
}

#[test]
fn everything_that_could_join_two_pseudonyms_changes_at_one_instant() {
    let mut car = Car::every(20, 0);
    car.drive(120);
    let changes = car.changes();
    assert!(changes.len() >= 4, "{changes:?}");
    for (at, old, new) in changes {
        let (before, after) = (car.of(old), car.of(new));
        let (last_at, last) = before.last().unwrap();
        let (first_at, first) = after.first().unwrap();
        assert!(*last_at <= at && at <= *first_at, "none of the old after, none of the new before");
        assert_ne!(last.source, first.source);
        let (beacon, full, forwarder, sequence) = awareness(&first.bytes);
        assert_eq!(sequence, first.id.sequence);
        // Its numbers are nowhere near those of the other: they do not even come from the same clock.
        assert!(last.id.sequence.abs_diff(sequence) > 10_000, "{} and {sequence}", last.id.sequence);
        assert!(full && forwarder == new, "the first message introduces the new pseudonym");
        assert!(
            beacon.path_delta_time.is_empty() && beacon.length.is_some(),
            "no path, low-frequency data anew"
        );
        assert_eq!(beacon.beacon_interval_ms, Some(1000), "as a station that has just started");
        let phase = |at: &Instant| at.as_nanos() % 100_000_000;
        assert_ne!(phase(last_at), phase(first_at));
    }
    let sources: Vec<_> = car.sent.iter().map(|(_, frame)| frame.source.unwrap()).collect();
    assert!(sources.iter().all(|source| source[0] & 0b11 == 0b10), "random addresses from the start");
}

#[test]
fn the_first_frame_of_an_address_is_sent_twice_and_heard_once() {
    let mut car = Car::every(20, 0);
    car.drive(30);
    let (_, _, new) = car.changes()[0];
    let frames = car.of(new);
    let ((first_at, first), (copy_at, copy), (_, third)) = (frames[0], frames[1], frames[2]);
    assert_eq!((&first.bytes, first.source), (&copy.bytes, copy.source));
    assert_eq!(copy_at.since(*first_at), warm_up::GAP);
    assert_ne!(third.id, first.id, "then once each");
    // The kernel took the first: the copy is heard. It did not: the copy is dropped for what it is.
    for lost in [true, false] {
        let mut other = Station::silent(50);
        for (at, frame) in frames.iter().skip(usize::from(lost)).take(2) {
            other.hear_from(*at, &frame.bytes, frame.source.unwrap());
        }
        assert_eq!(other.drops().get("exact_copy").copied(), (!lost).then_some(1));
        assert_eq!(other.received(), if lost { 2 } else { 1 });
    }
}

#[test]
fn no_change_while_an_own_alert_is_live() {
    let mut car = Car::every(20, 0);
    car.drive(10);
    for _ in 0..200 {
        car.say(Class::D1, 300);
        let next = car.now + Duration::from_millis(100);
        car.sleep_to(next);
        car.feed(fix(next, PLACE));
    }
    assert_eq!(car.changes(), [], "the alert is repeated, ten seconds beyond when a change was due");
    let over = car.now;
    car.drive(5);
    let (at, ..) = car.changes()[0];
    assert!((900..=1300).contains(&at.since(over).as_millis()), "{at:?}, a second after the last copy");
}

#[test]
fn no_change_while_standing_still() {
    let mut car = Car::every(20, 0);
    car.drive(10);
    car.speed = 0.0;
    car.drive(60);
    assert_eq!(car.changes(), []);
    car.speed = 10.0;
    car.drive(1);
    assert_eq!(car.changes().len(), 1);
}

#[test]
fn frames_that_wait_for_the_link_hold_a_change_back_and_none_is_lost() {
    let mut car = Car::every(20, 0);
    car.drive(10);
    car.feed(Input::Link { ready: false });
    car.say(Class::D5, 60_000);
    car.drive(30);
    assert_eq!(car.changes(), []);
    let old = car.node.digest();
    car.feed(Input::Link { ready: true });
    assert_eq!(car.changes().len(), 1);
    let last = car.of(old).last().unwrap().1.clone();
    assert_eq!(
        (last.class, last.id.signer),
        (Class::D5, old),
        "signed by the old one, sent before the change"
    );
}

#[test]
fn silence_follows_a_change_and_an_alert_breaks_it() {
    let silent_s = |car: &Car| {
        let (at, _, new) = car.changes()[0];
        (at, car.of(new)[0].0.since(at).as_millis())
    };
    let mut car = Car::every(20, 2000);
    car.drive(30);
    let (changed, silent_ms) = silent_s(&car);
    assert!((2000..2100).contains(&silent_ms), "{silent_ms}");

    let mut car = Car::every(20, 2000);
    while car.changes().is_empty() {
        car.drive(1);
    }
    assert_eq!(car.changes()[0].0, changed, "the same seed");
    let at_ms = car.now.since(changed).as_millis();
    car.say(Class::D2, 500);
    let refused = car.events.iter().filter_map(|(_, event)| match event {
        Event::NotSent(not_sent) => Some(not_sent.reason),
        _ => None,
    });
    assert_eq!(refused.collect::<Vec<_>>(), [NotSentReason::Silent]);
    car.say(Class::D0, 500);
    assert_eq!(silent_s(&car).1, at_ms, "an imminent alert leaves at once");
    let first = car.now;
    car.drive(1);
    let (_, _, new) = car.changes()[0];
    let after = car.of(new);
    assert_eq!((after[0].1.class, after[1].1.class), (Class::D0, Class::D0), "twice, within its 20 ms");
    assert!(after[1].0.since(first) < Duration::from_millis(20) && after[2].1.class == Class::D2);
}

#[test]
fn a_station_hears_its_own_former_frames_as_its_own() {
    let mut car = Car::every(20, 0);
    car.drive(60);
    let (at, old, _) = car.changes()[0];
    let before = car.of(old).last().unwrap().1.bytes.clone();
    let mut late = Car::every(20, 0);
    late.drive(at.since(Instant::ZERO).as_secs() + 1);
    late.feed(frame(&before, [9; 6]));
    let last = late.events.last().unwrap();
    assert!(matches!(last.1, Event::Dropped(dropped) if dropped.reason.name() == "own"), "{last:?}");
    assert_eq!(late.node.neighbours().count(), 0, "and asks nobody for its own credential");
}

// Row 15 (PON/GNA/BV/02): our own digest heard from another station.
#[test]
fn another_station_with_the_own_credential_makes_it_change() {
    let off = PseudonymConfig::default();
    let mut car = Car::new(pool(1, 4), off, 7);
    car.drive(5);
    let own = car.node.digest();
    let echo = car.sent.last().unwrap().1.bytes.clone();
    car.feed(frame(&echo, [9; 6]));
    assert_eq!(car.changes(), [], "an echo of its own is none");
    let mut forged = echo.to_vec();
    let last = forged.len() - 80;
    forged[last] ^= 1;
    car.feed(frame(&forged.into(), [9; 6]));
    assert_eq!(car.changes(), [], "nor is a forgery");
    // The same credential in two cars.
    let number = (1..5).find(|number| Authority::new().identity(*number).digest() == own).unwrap();
    let mut clone = Car::new(pool(number, 1), off, 8);
    clone.metres = 50.0;
    clone.drive(6);
    let (at, cloned) = clone.sent.last().unwrap();
    car.now = *at + Duration::from_millis(1);
    car.feed(frame(&cloned.bytes, [8; 6]));
    assert_eq!(car.changes().len(), 1);
    assert_ne!(car.node.digest(), own);
}

// An attacker that recorded a station before its restart must not make it use up its pseudonyms.
#[test]
fn its_own_frames_from_before_a_restart_are_not_another_stations() {
    let mut car = Car::new(pool(1, 4), PseudonymConfig::default(), 7);
    car.drive(5);
    let (own, before) = (car.node.digest(), car.sent.last().unwrap().clone());
    assert!(car.now.since(before.0) < Duration::from_millis(300), "{:?}: fresh still", before.0);
    let restart = |car: &Car| {
        let mut again = Car::new(pool(1, 4), PseudonymConfig::default(), 7);
        again.now = car.now;
        let wire = anchor().wire_at(car.now);
        let start = Anchor { instant: car.now, wire };
        again.node = Node::new(Config::vehicle(), pool(1, 4), Authority::new().trust.clone(), 7, start);
        again.feed(Input::Clock { wire, state: ClockState::Locked });
        assert_eq!(again.node.digest(), own, "it speaks as before");
        again.feed(fix(car.now, PLACE));
        again
    };
    let mut again = restart(&car);
    again.feed(frame(&before.1.bytes, [9; 6]));
    again.drive(1);
    assert_eq!(again.changes(), []);
    // Messages in its name from after its start come from another station.
    let mut clone = restart(&car);
    clone.drive(1);
    let mut again = restart(&car);
    let (at, said) = clone.sent.last().unwrap();
    again.now = *at + Duration::from_millis(1);
    again.feed(frame(&said.bytes, [9; 6]));
    assert_eq!(again.changes().len(), 1);
}

#[test]
fn the_last_pseudonyms_are_announced_and_the_last_one_stays() {
    let mut car = Car::new(pool(1, 4), every(20, 0), 7);
    car.drive(200);
    let low = car.events.iter().filter_map(|(_, event)| match event {
        Event::PoolLow { spares, .. } => Some(*spares),
        _ => None,
    });
    assert_eq!(low.collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(car.changes().len(), 3, "none is used twice");
}

#[test]
fn an_expired_pool_stops_sending_and_says_so_once() {
    // The credentials of these tests end two hours less a minute after the start.
    let mut car = Car::new(pool(1, 3), every(20, 0), 7);
    car.drive(5);
    let skip = Duration::from_secs(119 * 60);
    let wire = anchor().wire_at(car.now) + skip;
    car.feed(Input::Clock { wire, state: ClockState::Locked });
    for second in 0..5u64 {
        car.now = car.now + Duration::from_secs(1);
        let Input::Fix(Some(place)) = fix(car.now, PLACE) else { unreachable!() };
        let time = wire + Duration::from_secs(second);
        car.feed(Input::Fix(Some(Fix { time, ..place })));
        car.feed(Input::Timeout);
    }
    let not_valid = Event::Sending(SendingState::CredentialNotValid);
    let ended = car.events.iter().filter(|(_, event)| *event == not_valid).count();
    assert_eq!((ended, car.node.sending()), (1, SendingState::CredentialNotValid));
    assert!(car.events.iter().any(|(_, event)| matches!(event, Event::PoolLow { .. })), "warned before");
}

#[test]
fn equal_runs_change_alike_and_early_timeouts_move_nothing() {
    let run = |seed, early| {
        let mut car = Car::new(pool(1, 10), every(20, 1000), seed);
        car.early = early;
        car.drive(60);
        (car.changes().len(), car.transcript)
    };
    assert!(run(7, false) == run(7, true));
    assert!(run(7, false).1 != run(8, false).1);
    assert!(run(7, false).0 >= 2);
}

#[test]
fn a_roadside_unit_and_a_car_with_one_credential_keep_it() {
    let mut car = Car::new(pool(1, 1), every(20, 0), 7);
    car.drive(120);
    assert_eq!(car.changes(), []);
    assert!(car.sent.iter().all(|(_, frame)| frame.source.is_none()), "and the link's own address");
    assert_eq!(Config::roadside().pseudonym.change, ChangeRule::Off);
}

// ---- what a car holds for others

/// A hazard of `by`, in force in a circle of 2 km about a place so many metres east, with its hops used up where `last`.
fn flood(by: &Crafter, at: Instant, east: f64, keep_alive_ms: Option<u32>, last: bool) -> Bytes {
    let base = hazard::new(by.digest, 1, PLACE, anchor().wire_at(at));
    let payload = v1::Hazard { keep_alive_interval_ms: keep_alive_ms, ..base }.encode_to_vec();
    let fields = TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 600_000,
        max_hops: 10,
        area: Some(hazard::circle(PLACE.moved(east, 0.0), 2_000)),
        payload: &payload,
        ..by.fields(at)
    };
    let header = HopHeader { remaining_hops: if last { 1 } else { 10 }, ..by.header(&fields) };
    by.frame(&header, &fields, SignerRef::Credential(&by.credential))
}

impl Car {
    /// Drives on for `seconds` beside a station that says each second where it is, and that it has no flood.
    fn drive_beside(&mut self, other: &Crafter, seconds: u64) {
        for _ in 0..seconds {
            let place = PLACE.moved(30.0, self.metres);
            let fields =
                TbsRepr { latitude: place.latitude, longitude: place.longitude, ..other.fields(self.now) };
            self.feed(frame(&other.full(&fields), [2, 0, 0, 0, 7, 7]));
            self.drive(1);
        }
    }

    /// Beacons of a pseudonym, and how many of them name a flood.
    fn naming(&self, pseudonym: Digest) -> (usize, usize) {
        let beacons = self.of(pseudonym).into_iter().filter(|(_, frame)| frame.class == Class::D2);
        let named: Vec<bool> =
            beacons.map(|(_, frame)| !awareness(&frame.bytes).0.floods_held.is_empty()).collect();
        (named.len(), named.iter().filter(|named| **named).count())
    }

    /// Floods of others that it sent from `from` to `until`.
    fn sent_on(&self, from: Instant, until: Instant) -> usize {
        let within = |(at, frame): &&(Instant, Transmit)| {
            from <= *at
                && *at < until
                && frame.class == Class::D3
                && !self.node.pool().contains(&frame.id.signer)
        };
        self.sent.iter().filter(within).count()
    }
}

// The experiment: one hazard for a circle far away, heard by one car, was in the first beacon of each of its next pseudonyms.
#[test]
fn a_flood_for_elsewhere_is_in_no_beacon() {
    let (mut car, insider) = (Car::every(20, 0), Crafter::station(60));
    car.drive(5);
    let heard = flood(&insider, car.now, 5_000.0, None, false);
    car.feed(frame(&heard, [9; 6]));
    car.drive(1);
    assert_eq!(car.node.forwarder().len(), 1);
    car.drive(90);
    assert!(car.changes().len() >= 3);
    for (_, old, new) in car.changes() {
        assert_eq!((car.naming(old).1, car.naming(new).1), (0, 0));
    }
}

#[test]
fn a_flood_that_one_car_alone_has_shows_under_one_of_its_names_only() {
    let (mut car, insider, probe) = (Car::every(20, 0), Crafter::station(60), Crafter::station(61));
    car.drive(5);
    // It asks to be kept alive, and the other station seems to lack it.
    let heard = flood(&insider, car.now, 0.0, Some(500), false);
    car.feed(frame(&heard, [9; 6]));
    car.drive_beside(&probe, 90);
    let changes = car.changes();
    let (first, second) = (changes[0], changes[1]);
    let (beacons, naming) = car.naming(first.1);
    assert!(naming > 10 && naming < beacons, "{naming} of {beacons} under the name that heard it");
    assert!(car.sent_on(Instant::ZERO, first.0) > 5, "relayed, given, kept alive");
    for (_, _, new) in &changes {
        assert_eq!(car.naming(*new).1, 0);
    }
    assert_eq!(car.sent_on(first.0, car.now), 0);
    assert!(second.0 < car.now);
    // Heard again it is to this name what it is to a newcomer.
    car.feed(frame(&heard, [9; 6]));
    let (now, name) = (car.now, car.node.digest());
    let before = car.naming(name).1;
    car.drive(2);
    assert!(car.sent_on(now, now + Duration::from_millis(80)) == 1 && car.naming(name).1 > before);
}

#[test]
fn a_flood_that_others_have_too_crosses_a_gap_under_a_new_name() {
    let (mut car, insider, other) = (Car::every(20, 0), Crafter::station(60), Crafter::station(62));
    car.drive(5);
    let heard = flood(&insider, car.now, 0.0, None, false);
    car.feed(frame(&heard, [9; 6]));
    car.drive(1);
    // Another neighbour's beacon names it.
    let fields = other.fields(car.now);
    let beacon = BeaconTags::new(&other.digest, WireTime::from_micros(fields.generation_time_us));
    let tag = beacon.tag(FloodName::in_frame(&heard).unwrap());
    let payload = v1::Awareness { station_type: 5, floods_held: vec![tag], ..v1::Awareness::default() };
    let payload = payload.encode_to_vec();
    let fields = TbsRepr { payload: &payload, ..fields };
    car.feed(frame(&other.full(&fields), [2, 0, 0, 0, 6, 2]));
    car.drive(30);
    let changed = car.changes()[0];
    assert_eq!(
        (car.naming(changed.2).1, car.sent_on(changed.0, car.now)),
        (0, 0),
        "to itself it says nothing of it"
    );
    let met = car.now;
    car.drive_beside(&Crafter::station(61), 3);
    assert!(car.sent_on(met, car.now) > 0, "and gives it to who lacks it");
}

#[test]
fn a_change_because_a_credential_ends_comes_at_its_end_whatever_else_is_due() {
    let authority = Authority::new();
    let ends = CredentialRequest {
        not_before_s: (testkit::START.as_micros() / 1_000_000) as u32 + 10 - 60,
        duration_min: 1,
        ..authority.usual_request(1)
    };
    for seed in 7..12 {
        let pool = Pool::new(vec![authority.identity_as(1, &ends), authority.identity(2)]).unwrap();
        let mut car = Car::new(pool, every(3_600, 0), seed);
        car.speed = 0.0;
        car.sleep_to(Instant::from_millis(40));
        car.drive(12);
        let changed: Vec<_> = car.changes().iter().map(|(at, ..)| *at).collect();
        assert_eq!(changed, [Instant::from_millis(10_000)], "not when the next beacon or position is due");
    }
}
