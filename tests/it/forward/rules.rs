//! Which stations forward a flood, when, and which do not.

use v2x_core::{DropReason, Event, ForwardCause, Input, Position, limits};
use v2x_proto::hop;
use v2x_proto::link::AccessCategory;

use super::*;
use testkit::address;
use testkit::field::Links;

/// Stations this many metres east of each other that hear as far as `RANGE`.
const RANGE: f64 = 300.0;

pub(super) fn line(crew: &mut Crew, east: &[f64]) -> Field {
    Field::new(crew, east.iter().map(|east| (*east, 0.0)).collect(), Scheme::Roadcast)
}

pub(super) fn in_range(places: &[(f64, f64)]) -> Box<Links<'static>> {
    let places = places.to_vec();
    Box::new(move |from, to, _| {
        let ((ax, ay), (bx, by)) = (places[from], places[to]);
        (ax - bx).hypot(ay - by) <= RANGE
    })
}

/// A field in which all know their neighbours.
pub(super) fn acquainted(crew: &mut Crew, east: &[f64]) -> Field {
    let mut field = line(crew, east);
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    field
}

/// The same, and a flood from station 0.
pub(super) fn flooded(crew: &mut Crew, east: &[f64], area: Option<AreaView>, hops: u8) -> (Field, Instant) {
    let mut field = acquainted(crew, east);
    let start = field.now;
    field.feed(0, flood(&field, 0, area, hops, 60_000));
    (field, start)
}

fn about(place: Position, radius_m: u32) -> AreaView {
    AreaView { latitude: place.latitude, longitude: place.longitude, ..circle(radius_m) }
}

pub(super) fn drops(field: &Field, station: usize) -> Vec<DropReason> {
    let drops = field.events.iter().filter_map(|(_, who, event)| match event {
        Event::Dropped(dropped) if *who == station => Some(dropped.reason),
        _ => None,
    });
    drops.collect()
}

/// Forwards of the wave itself, retries and repairs left out.
pub(super) fn wave(field: &Field) -> Vec<(usize, u8)> {
    let first = |(_, station, forwarded): (Instant, usize, v2x_core::Forwarded)| {
        (forwarded.cause == ForwardCause::Contention).then_some((station, forwarded.remaining_hops))
    };
    field.forwarded().into_iter().filter_map(first).collect()
}

// GEONW PON/GBC/BV/01, /03, BO/04, BV/07, /09.
#[test]
fn a_chain_sends_a_flood_on_station_by_station_each_with_a_hop_less() {
    let (mut field, start) =
        flooded(&mut Crew::default(), &[0.0, 250.0, 500.0, 750.0], Some(circle(2_000)), 20);
    let links = in_range(&field.places);
    field.run(start + Duration::from_millis(250), &*links);
    assert_eq!(wave(&field), [(1, 19), (2, 18), (3, 17)]);
    let id = field.last_sent(0, Class::D3);
    let delivered = field.delivered(id);
    assert!(delivered.len() == 3 && delivered.values().all(|times| times.len() == 1), "{delivered:?}");
    // Signed bytes are relayed untouched.
    let signed: Vec<_> =
        field.floods.iter().map(|(_, _, frame)| frame.slice(hop::parse(frame).unwrap().1..)).collect();
    assert!(signed.len() == 4 && signed.iter().all(|bytes| *bytes == signed[0]));
    let headers: Vec<_> =
        field.floods.iter().map(|(_, who, frame)| (*who, hop::parse(frame).unwrap().0)).collect();
    assert!(headers.iter().all(|(who, header)| header.forwarder == field.nodes[*who].digest()));
}

// GEONW PON/BCA/BV/01; vanetza #190: no station forwards what it sent or its own messages.
#[test]
fn the_farthest_answers_first_and_silences_those_between() {
    let (mut field, start) =
        flooded(&mut Crew::default(), &[0.0, 100.0, 180.0, 280.0], Some(circle(2_000)), 20);
    let links = in_range(&field.places);
    field.run(start + Duration::from_secs(5), &*links);
    assert_eq!(wave(&field), [(3, 19)], "one copy, and none of the origin's own echo");
}

// GEONW PON/GUC/BV/06, PON/BCA/BV/02: the wait by distance, within the jitter.
#[test]
fn the_wait_is_that_of_the_formula() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 250.0], Some(circle(2_000)), 20);
    let links = in_range(&field.places);
    field.run(start + Duration::from_millis(100), &*links);
    let window = v2x_core::contention::window(1, field.nodes[1].forwarder().reach_m());
    let wait = window.wait(Some(250.0));
    let heard = field.delivered(field.last_sent(0, Class::D3))[&1][0];
    let waited = field.forwarded()[0].0.since(heard);
    assert!(wait <= waited && waited <= wait + Duration::from_micros(1_050), "{wait:?} {waited:?}");
}

// GEONW PON/GBC/BV/20-21, PON/BCA/BV/05, /08.
#[test]
fn who_does_not_know_the_transmitter_waits_longest() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &[0.0, 280.0]);
    // No station has heard another.
    field.run(ms(1), &|_, _, _| false);
    for station in 0..2 {
        let fix = testkit::fix(field.now, field.place(station));
        field.feed(station, fix);
    }
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 60_000));
    field.run(ms(900), &|from, _, number| from == 0 && number == 1);
    let heard = field.delivered(field.last_sent(0, Class::D3))[&1][0];
    let waited = field.forwarded()[0].0.since(heard);
    assert!(waited >= Duration::from_millis(20), "{waited:?}");
}

// GEONW PON/GBC/BV/08.
#[test]
fn the_last_hop_is_delivered_and_goes_no_farther() {
    let (mut field, start) =
        flooded(&mut Crew::default(), &[0.0, 250.0, 500.0, 750.0], Some(circle(2_000)), 2);
    let links = in_range(&field.places);
    field.run(start + Duration::from_secs(3), &*links);
    assert_eq!(wave(&field), [(1, 1)]);
    assert_eq!(field.delivered(field.last_sent(0, Class::D3)).into_keys().collect::<Vec<_>>(), [1, 2]);
}

// GEONW FDV/COH/BO/04 holds at admission; here: a forwarder cannot give a flood hops it does not have.
#[test]
fn more_hops_than_were_signed_are_refused() {
    let (mut field, _) = flooded(&mut Crew::default(), &[0.0, 250.0], Some(circle(2_000)), 5);
    let mut frame = field.floods[0].2.to_vec();
    frame[2] = 6;
    field.hear(1, &frame.into(), address(0));
    assert_eq!(drops(&field, 1).last(), Some(&DropReason::HopsInflated));
}

// GEONW PON/GBC/BV/02, /05, /11.
#[test]
fn a_flood_for_an_area_ahead_is_carried_there_and_delivered_only_there() {
    let mut crew = Crew::default();
    let mut field = acquainted(&mut crew, &[0.0, 250.0, 500.0, 750.0, 1_000.0, 1_250.0, -250.0]);
    let links = in_range(&field.places);
    let start = field.now;
    let area = about(field.place(4), 300);
    field.feed(0, flood(&field, 0, Some(area), 20, 60_000));
    field.run(start + Duration::from_millis(400), &*links);
    let delivered = field.delivered(field.last_sent(0, Class::D3));
    assert_eq!(delivered.into_keys().collect::<Vec<_>>(), [3, 4, 5]);
    let on_the_way: Vec<_> = wave(&field).into_iter().map(|(station, _)| station).collect();
    assert!(on_the_way.starts_with(&[1, 2, 3]), "{on_the_way:?}");
    assert!(!on_the_way.contains(&6), "not away from the area");
    assert_eq!(drops(&field, 1).first(), Some(&DropReason::OutsideArea));
}

// GEONW PON/BCA/BO/03: outside, and the sender inside.
#[test]
fn a_flood_in_its_area_does_not_leave_it() {
    let (mut field, start) =
        flooded(&mut Crew::default(), &[0.0, 200.0, 450.0, 700.0], Some(circle(300)), 20);
    let links = in_range(&field.places);
    field.run(start + Duration::from_secs(3), &*links);
    assert_eq!(wave(&field), [(1, 19)]);
    assert!(drops(&field, 2).contains(&DropReason::OutsideArea));
}

// GEONW PON/GBC/BO/19.
#[test]
fn an_area_beyond_the_cap_is_refused_by_its_sender_and_by_everybody_else() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &[0.0, 250.0]);
    field.run(ms(1_100), &|_, _, _| true);
    field.feed(0, flood(&field, 0, Some(circle(limits::MAX_AREA_M + 1)), 20, 60_000));
    let refused = field.events.iter().rev().find_map(|(_, _, event)| match event {
        Event::NotSent(not_sent) => Some(not_sent.reason.name()),
        _ => None,
    });
    assert_eq!(refused, Some("send_bad_request"));
}

// GEONW PON/TSB/BV/02, BO/03, BV/04, BO/05, BO/07.
#[test]
fn topological_scope_ends_after_its_hops() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 250.0, 500.0, 750.0, 1_000.0], None, 3);
    let links = in_range(&field.places);
    field.run(start + Duration::from_secs(3), &*links);
    assert_eq!(wave(&field), [(1, 2), (2, 1)]);
    assert_eq!(field.delivered(field.last_sent(0, Class::D3)).into_keys().collect::<Vec<_>>(), [1, 2, 3]);
}

// GEONW PON/SHB/BV/01-02.
#[test]
fn a_single_hop_is_never_sent_on() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &[0.0, 250.0, 500.0]);
    let links = in_range(&field.places);
    field.run(ms(5_000), &*links);
    assert!(field.forwarded().is_empty(), "beacons");
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 1, 60_000));
    field.run(ms(8_000), &*links);
    assert!(field.forwarded().is_empty(), "a hazard of one hop");
    assert_eq!(field.delivered(field.last_sent(0, Class::D3)).into_keys().collect::<Vec<_>>(), [1]);
}

// Our hazard contends for the channel ahead of awareness, another's together with it; repeated it is still ours.
#[test]
fn a_flood_goes_as_video_from_its_signer_and_as_best_effort_from_others() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0], Some(circle(2_000)), 20);
    // No station is heard to forward it, so the signer repeats it.
    field.run(start + Duration::from_secs(1), &|from, to, _| (from, to) == (0, 1));
    let by = |station| field.floods.iter().zip(&field.accesses).filter(move |(flood, _)| flood.1 == station);
    assert!(by(0).count() > 1 && by(0).all(|(_, access)| *access == AccessCategory::Video));
    assert!(by(1).count() > 0 && by(1).all(|(_, access)| *access == AccessCategory::BestEffort));
}

// The gate: forward on time. While the link is closed a copy still cancels.
#[test]
fn a_flood_waiting_for_the_link_is_cancelled_by_a_copy() {
    let mut crew = Crew::default();
    let mut field = acquainted(&mut crew, &[0.0, 200.0, 280.0]);
    let links = in_range(&field.places);
    let start = field.now;
    field.feed(2, Input::Link { ready: false });
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 60_000));
    field.run(start + Duration::from_millis(100), &*links);
    assert_eq!(wave(&field), [(1, 19)], "the nearer one was first");
    // A tie by position would have been cancelled; this one is farther along, and sends when the link opens.
    field.feed(2, Input::Link { ready: true });
    assert_eq!(wave(&field), [(1, 19), (2, 19)]);

    let mut field = acquainted(&mut crew, &[0.0, 280.0, 200.0]);
    let links = in_range(&field.places);
    let start = field.now;
    field.feed(2, Input::Link { ready: false });
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 60_000));
    field.run(start + Duration::from_millis(100), &*links);
    field.feed(2, Input::Link { ready: true });
    assert_eq!(wave(&field), [(1, 19)], "what waited was cancelled");
}

/// The flood as station `forwarder` would send it on, with these hops left: whoever heard it can make that.
pub(super) fn copy_of(field: &Field, hops: u8, forwarder: usize) -> bytes::Bytes {
    let mut copy = field.floods[0].2.to_vec();
    copy[2] = hops;
    copy[4..12].copy_from_slice(&field.nodes[forwarder].digest().0);
    copy.into()
}
