//! Attackers that replay recorded frames, change their names in the middle of a flood, and set their clocks: honest
//! stations lose nothing by them.
//!
//! Roadcast's own attack tests of the security suite; floods of one signer and of one address are in `rates`, poisoned
//! numbers in `contract`, forged signatures in `receive`, `mutation` and `golden`, floods of requests in `crowd`.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, CredentialRequest, Event, Instant, MessageId, Node,
};
use v2x_proto::envelope::{SignedView, TbsRepr};
use v2x_proto::{Class, Digest, hop, v1};

use testkit::craft::{self, Crafter, circle, hazard, read};
use testkit::{Authority, PLACE, Station, anchor, fix};

const ATTACKER: [u8; 6] = [2, 6, 6, 6, 6, 6];

/// A listener that starts at `now` and remembers nothing.
fn started(now: Instant) -> Station {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let authority = Authority::new();
    let start = Anchor { instant: now, wire: anchor().wire_at(now) };
    let node = Node::new(config, authority.identity(9), authority.trust.clone(), 7, start);
    let mut station = Station::with(9, node);
    station.start(now, PLACE);
    station
}

fn received(station: &Station) -> Vec<MessageId> {
    let id = |event: &Event| match event {
        Event::Received(received) => Some(received.id),
        _ => None,
    };
    station.events.iter().filter_map(id).collect()
}

/// The same signed bytes as another forwarder would send them.
fn relayed(bytes: &Bytes, by: u8) -> Bytes {
    let (mut header, start) = hop::parse(bytes).unwrap();
    header.forwarder = Digest([by; 8]);
    let signed = SignedView::parse(&bytes[start..]).unwrap();
    craft::frame(&header, signed.tbs, signed.signature, signed.signer)
}

// Replay after a restart of the receiver.
#[test]
fn what_was_said_before_a_restart_is_taken_once_at_most_and_only_while_it_is_fresh() {
    let mut car = Station::new(1, Config::vehicle());
    let place = |now: Instant| PLACE.moved(0.0, now.as_nanos() as f64 * 15e-9);
    car.start(Instant::ZERO, place(Instant::ZERO));
    let drive = |car: &mut Station, from: u64, end: u64| {
        car.drive(Instant::from_millis(from), Instant::from_millis(end), |now| fix(now, place(now)))
    };
    let recorded = drive(&mut car, 0, 5_000);
    let restart = Instant::from_millis(5_010);
    let mut receiver = started(restart);
    let fresh = |(at, _): &&(Instant, Bytes)| restart.since(*at) < Duration::from_millis(890);
    let newest = recorded.iter().filter(fresh).count();
    assert!(newest > 1 && newest < recorded.len(), "{newest} of {}", recorded.len());
    // Forwards, backwards, and under other forwarders.
    for (turn, (_, bytes)) in
        recorded.iter().chain(recorded.iter().rev()).cycle().take(5 * recorded.len()).enumerate()
    {
        let bytes = if turn < recorded.len() { bytes.clone() } else { relayed(bytes, turn as u8) };
        let now = restart + Duration::from_millis(turn as u64);
        receiver.hear_from(now, &bytes, ATTACKER);
    }
    let taken = received(&receiver);
    assert!(taken.len() <= newest, "{} of {newest}", taken.len());
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "none twice");
    // The car's current message is delivered, and its current position is the one in the table.
    let now = drive(&mut car, 5_000 + 300, 7_000);
    let before = taken.len();
    now.iter().for_each(|(at, bytes)| receiver.hear(*at, bytes));
    assert_eq!(receiver.received() - before, now.len(), "{:?}", receiver.drops());
    let known = receiver.node.neighbours().next().unwrap().position();
    assert!(known.distance_m(place(now.last().unwrap().0)) < 2.0);
    receiver.hear_from(now.last().unwrap().0, &relayed(&recorded.last().unwrap().1, 9), ATTACKER);
    assert_eq!(receiver.node.neighbours().next().unwrap().position(), known, "nothing takes it back");
}

#[test]
fn a_hazard_from_before_a_restart_is_heard_after_it_once() {
    let at = Instant::from_millis(2_000);
    let car = Crafter::station(1);
    let payload = hazard(at);
    let flood = car.full(&TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 600_000,
        max_hops: 3,
        area: Some(circle(1_000)),
        payload: &payload,
        ..car.fields(at)
    });
    let restart = Instant::from_millis(90_000);
    let mut receiver = started(restart);
    for second in 0..20 {
        let now = restart + Duration::from_secs(second);
        receiver.feed(now, fix(now, PLACE));
        receiver.hear_from(now, &relayed(&flood, second as u8), ATTACKER);
    }
    assert_eq!(receiver.received(), 1, "{:?}", receiver.drops());
}

// A change of pseudonym in the middle of a flood, with and without a change of address.
#[test]
fn a_flood_that_changes_its_pseudonym_costs_honest_stations_nothing() {
    for changes_address in [false, true] {
        let (mut receiver, honest) = (Station::silent(9), Crafter::station(1));
        let names = pseudonyms(80);
        let start = Instant::from_millis(2_000);
        receiver.hear(start, &honest.full(&honest.fields(start)));
        let mut said = BTreeSet::from([1_001]);
        for millis in 0..1_000_u64 {
            let now = start + Duration::from_millis(millis);
            // Two a millisecond are all a channel carries. A new name every 12.5 ms, with its credential at first.
            for half in 0..2 {
                let turn = (millis * 2 + half) as usize;
                let name = &names[turn / 25 % names.len()];
                let fields = name.fields(now);
                let bytes = if turn % 25 < 4 { name.full(&fields) } else { name.brief(&fields) };
                let mut address = ATTACKER;
                address[5] = if changes_address { (turn / 25) as u8 } else { 6 };
                receiver.feed(now, testkit::frame(&bytes, address));
            }
            // An alert and a beacon every tenth of a second, from where the honest station was heard before.
            if millis % 100 == 50 {
                for fields in [honest.fields(now), honest.fields_in(Class::D0, now)] {
                    said.insert(fields.sequence);
                    receiver.feed(now, testkit::frame(&honest.brief(&fields), [2, 0, 0, 0, 0, 99]));
                }
            }
            receiver.verify(now);
        }
        let heard = received(&receiver);
        let honest_heard: BTreeSet<_> =
            heard.iter().filter(|id| id.signer == honest.digest).map(|id| id.sequence).collect();
        assert_eq!(honest_heard, said, "changes address: {changes_address}");
        let flood = heard.len() - honest_heard.len();
        let known: BTreeSet<_> = heard.iter().map(|id| id.signer).collect();
        let drops = receiver.drops();
        // Each name has its twelve.
        assert!(flood <= 12 * known.len(), "{flood} of {} names", known.len());
        assert!(drops["rate_limited_signer"] > 900, "{drops:?}");
    }
}

// Clock steps, of an attacker and of the victim, among others that are right.
#[test]
fn clocks_that_step_cost_only_those_who_trust_them() {
    let (mut receiver, honest, stepping) = (Station::silent(9), Crafter::station(1), Crafter::station(2));
    let mut expected = 0;
    for tenth in 0..100_u64 {
        let now = Instant::from_millis(2_000 + tenth * 100);
        receiver.feed(now, fix(now, PLACE));
        // A second each: ahead by 2 s, right, behind by 2 s, right.
        let off = [2_000_000_i64, 0, -2_000_000, 0][(tenth / 10 % 4) as usize];
        let fields = stepping.fields(now);
        let generation_time_us = fields.generation_time_us.saturating_add_signed(off);
        let before = receiver.received();
        receiver.hear_from(now, &stepping.full(&TbsRepr { generation_time_us, ..fields }), ATTACKER);
        assert_eq!(receiver.received() - before, usize::from(off == 0), "{off}");
        receiver.hear(now, &honest.full(&honest.fields(now)));
        expected += 1;
    }
    let heard = received(&receiver).iter().filter(|id| id.signer == honest.digest).count();
    assert_eq!(heard, expected);
    assert_eq!(receiver.drops().keys().copied().collect::<Vec<_>>(), ["from_future", "stale"]);
    // The victim's own clock is set, and set right again: it missed only what was sent meanwhile.
    for off in [Duration::from_secs(2), Duration::from_millis(400)] {
        for ahead in [true, false] {
            let now = Instant::from_millis(20_000);
            let right = anchor().wire_at(now);
            let wire = if ahead { right + off } else { right - off };
            let mut victim = started(Instant::from_millis(15_000));
            victim.hear(now, &honest.full(&honest.fields(now)));
            let set = |victim: &mut Station, wire| {
                victim.feed(now, v2x_core::Input::Clock { wire, state: ClockState::Locked });
            };
            set(&mut victim, wire);
            victim.hear(now, &honest.full(&honest.fields(now)));
            set(&mut victim, right);
            let before = victim.received();
            let said: Vec<_> = (0..5).map(|_| honest.full(&honest.fields(now))).collect();
            said.iter().for_each(|bytes| victim.hear(now, bytes));
            assert_eq!(victim.received() - before, said.len(), "{off:?} {ahead}: {:?}", victim.drops());
        }
    }
}

// Oversized repeated fields, areas at the ends of the globe and the compass.
#[test]
fn fields_larger_than_any_station_writes_are_refused_without_a_signature() {
    let car = Crafter::station(1);
    let at = Instant::from_millis(2_000);
    let requests = [7; 27];
    let area = circle(1_000);
    let base = car.fields(at);
    let flood = TbsRepr { class: Class::D3, max_hops: 3, area: Some(area), ..car.fields_in(Class::D3, at) };
    let cases = [
        ("nine requests", TbsRepr { credential_requests: &requests, ..base }),
        ("a third of a request", TbsRepr { credential_requests: &requests[..22], ..base }),
        ("a place beyond the pole", TbsRepr { latitude: 900_000_001, ..base }),
        ("a place beyond the antimeridian", TbsRepr { longitude: 1_800_000_001, ..base }),
        ("azimuth 360", TbsRepr { area: Some(v2x_proto::AreaView { azimuth_deg: 360, ..area }), ..flood }),
        (
            "an area beyond the pole",
            TbsRepr { area: Some(v2x_proto::AreaView { latitude: -900_000_001, ..area }), ..flood },
        ),
        (
            "an area of no size",
            TbsRepr { area: Some(v2x_proto::AreaView { distance_a_m: 0, ..area }), ..flood },
        ),
    ];
    for (what, fields) in cases {
        let mut receiver = Station::silent(9);
        receiver.hear(at, &car.full(&fields));
        assert_eq!((receiver.received(), receiver.last_drop()), (0, Some("malformed_fields")), "{what}");
        assert_eq!(receiver.node.neighbours().count(), 0, "{what}");
    }
    assert_eq!(read(&car.full(&base)).1.latitude, PLACE.latitude);
}

/// This many names of one attacker, all valid.
fn pseudonyms(count: u32) -> Vec<Crafter> {
    let (authority, key) = (Authority::new(), Authority::key(70));
    let name = |number| {
        let request = CredentialRequest { revocation_series: number, ..Authority::request(&key) };
        Crafter::new(key.clone(), authority.issue(&request))
    };
    (0..count).map(name).collect()
}
