//! Which stations forward a flood, when, and which do not.

use v2x_core::{Config, DropReason, Event, ForwardCause, Input, Position, limits};
use v2x_proto::envelope::{SignedView, SignerRef};
use v2x_proto::hop;
use v2x_proto::link::AccessCategory;

use super::*;
use testkit::field::Links;
use testkit::{address, craft};

/// Stations this many metres east of each other that hear as far as `RANGE`.
const RANGE: f64 = 300.0;

fn line(crew: &mut Crew, east: &[f64]) -> Field {
    Field::new(crew, east.iter().map(|east| (*east, 0.0)).collect(), Scheme::Roadcast)
}

pub(super) fn in_range(places: &[(f64, f64)]) -> Box<Links<'static>> {
    let places = places.to_vec();
    Box::new(move |from, to, _| {
        let ((ax, ay), (bx, by)) = (places[from], places[to]);
        (ax - bx).hypot(ay - by) <= RANGE
    })
}

/// A field in which all know their neighbours, and a flood from station 0.
pub(super) fn flooded(crew: &mut Crew, east: &[f64], area: Option<AreaView>, hops: u8) -> (Field, Instant) {
    let mut field = line(crew, east);
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
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
fn wave(field: &Field) -> Vec<(usize, u8)> {
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
    let mut field = line(&mut crew, &[0.0, 250.0, 500.0, 750.0, 1_000.0, 1_250.0, -250.0]);
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
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
    let mut field = line(&mut crew, &[0.0, 200.0, 280.0]);
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    let start = field.now;
    field.feed(2, Input::Link { ready: false });
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 60_000));
    field.run(start + Duration::from_millis(100), &*links);
    assert_eq!(wave(&field), [(1, 19)], "the nearer one was first");
    // A tie by position would have been cancelled; this one is farther along, and sends when the link opens.
    field.feed(2, Input::Link { ready: true });
    assert_eq!(wave(&field), [(1, 19), (2, 19)]);

    let mut field = line(&mut crew, &[0.0, 280.0, 200.0]);
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    let start = field.now;
    field.feed(2, Input::Link { ready: false });
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 60_000));
    field.run(start + Duration::from_millis(100), &*links);
    field.feed(2, Input::Link { ready: true });
    assert_eq!(wave(&field), [(1, 19)], "what waited was cancelled");
}

// A forged forwarder: another's name in the hop header, from another address.
#[test]
fn a_copy_in_a_far_neighbours_name_silences_nobody() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 20);
    // Station 2 does not have it; a station at the origin claims that it has.
    field.run(start + Duration::from_millis(1), &|from, to, _| (from, to) == (0, 1));
    let mut copy = field.floods[0].2.to_vec();
    copy[2] = 19;
    copy[4..12].copy_from_slice(&field.nodes[2].digest().0);
    let copy = bytes::Bytes::from(copy);
    field.hear(1, &copy, [2, 0, 0, 0, 0xff, 0xff]);
    field.run(start + Duration::from_millis(100), &|_, _, _| false);
    assert_eq!(wave(&field), [(1, 19)]);
    // From its own address it is believed: that is what forwarding looks like.
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 20);
    field.run(start + Duration::from_millis(1), &|from, to, _| (from, to) == (0, 1));
    field.hear(1, &copy_of(&field, 19, 2), address(2));
    field.run(start + Duration::from_millis(100), &|_, _, _| false);
    assert!(wave(&field).is_empty());
}

// Somebody near enough to be heard by both, with a neighbour's name and address.
#[test]
fn who_hears_a_copy_in_its_own_name_sends_one_itself() {
    for first in [false, true] {
        let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 20);
        let forged = copy_of(&field, 19, 2);
        if first {
            field.hear(2, &forged, address(2));
        }
        field.run(start + Duration::from_millis(1), &|from, to, _| (from, to) == (0, 1));
        field.hear(1, &forged, address(2));
        if !first {
            field.hear(2, &forged, address(2));
        }
        for _ in 0..3 {
            field.hear(2, &forged, address(2));
        }
        field.run(start + Duration::from_millis(10), &|_, _, _| false);
        let sent: Vec<usize> = wave(&field).into_iter().map(|(station, _)| station).collect();
        assert_eq!(sent, [2], "what was claimed is true, and costs one copy, however often it is claimed");
    }
}

// A directional antenna: the station whose name is used hears nothing of it.
#[test]
fn who_was_silenced_in_the_name_of_a_station_sends_when_that_one_s_beacon_lacks_the_flood() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 20);
    field.run(start + Duration::from_millis(1), &|from, to, _| (from, to) == (0, 1));
    let forged = copy_of(&field, 19, 2);
    let links = in_range(&field.places);
    for step in 1..=11 {
        // Also what the beacon brought about is called off, again and again.
        field.hear(1, &forged, address(2));
        let at = start + Duration::from_millis(100 * step);
        field.run(at, &|from, to, number| from > 0 && links(from, to, number));
    }
    field.run(start + Duration::from_secs(3), &|from, to, number| from > 0 && links(from, to, number));
    let delivered = field.delivered(field.last_sent(0, Class::D3));
    let after = delivered.get(&2).map(|times| times[0].since(start));
    assert!(after.is_some_and(|after| after < Duration::from_millis(1_200)), "{after:?}");
}

// A copy by digest is of no use to who never heard the signer, so no relay sends it so.
#[test]
fn a_stripped_copy_silences_nobody_and_is_sent_on_whole() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 20);
    let whole = field.floods[0].2.clone();
    let (header, len) = hop::parse(&whole).unwrap();
    let signed = SignedView::parse(&whole[len..]).unwrap();
    let digest = SignerRef::Digest(field.nodes[0].digest());
    let strip = |header: &hop::HopHeader| craft::frame(header, signed.tbs, signed.signature, digest);
    field.hear(1, &strip(&header), address(0));
    let header = hop::HopHeader { forwarder: field.nodes[2].digest(), remaining_hops: 19, ..header };
    field.hear(1, &strip(&header), address(2));
    field.run(start + Duration::from_millis(100), &|_, _, _| false);
    assert_eq!(wave(&field), [(1, 19)]);
    let relayed = &field.floods.last().unwrap().2;
    let (header, relayed_len) = hop::parse(relayed).unwrap();
    assert_eq!((header.forwarder, relayed_len), (field.nodes[1].digest(), len));
    assert_eq!(relayed[relayed_len..], whole[len..], "as its signer sent it");
}

pub(super) fn copy_of(field: &Field, hops: u8, forwarder: usize) -> bytes::Bytes {
    let mut copy = field.floods[0].2.to_vec();
    copy[2] = hops;
    copy[4..12].copy_from_slice(&field.nodes[forwarder].digest().0);
    copy.into()
}

// Blockage: a first copy with its hops used up is delivered and settles nothing.
#[test]
fn a_flood_that_came_with_its_hops_used_up_is_sent_on_when_a_good_copy_comes() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 10);
    field.hear(1, &copy_of(&field, 1, 2), address(2));
    field.run(start + Duration::from_millis(100), &|_, _, _| false);
    assert!(wave(&field).is_empty());
    field.hear(1, &copy_of(&field, 10, 0), address(0));
    field.run(start + Duration::from_millis(300), &|_, _, _| false);
    assert_eq!(wave(&field), [(1, 9)]);
    assert_eq!(field.delivered(field.last_sent(0, Class::D3))[&1].len(), 1, "delivered once");
}

// Where the signed hops suffice for the signed area, the rest of them, which is not signed, ends nothing.
#[test]
fn used_up_hops_end_no_flood_that_its_area_bounds() {
    for hops in 0..=2 {
        let east = [0.0, 250.0, 500.0, 750.0, 1_000.0];
        let (mut field, start) = flooded(&mut Crew::default(), &east, Some(circle(600)), 9);
        let links = in_range(&field.places);
        // The outsider is first.
        field.hear(1, &copy_of(&field, hops, 2), [2, 6, 6, 6, 6, 6]);
        field
            .run(start + Duration::from_millis(300), &|from, to, number| from > 0 && links(from, to, number));
        let relays: Vec<usize> = wave(&field).into_iter().map(|(station, _)| station).collect();
        assert_eq!(relays, [1, 2], "{hops} hops left: through the area, and no farther");
    }
}

// Unsigned hops raised again and again would take a flood without an area to the end of the road.
#[test]
fn raised_hops_take_a_flood_without_area_no_farther_than_its_hops_can_reach() {
    let east = [0.0, 1_400.0, 2_800.0, 4_200.0, 5_600.0, 7_000.0];
    let mut field = line(&mut Crew::default(), &east);
    field.run(ms(2_100), &|from, to, _| from.abs_diff(to) == 1);
    field.feed(0, flood(&field, 0, None, 3, 60_000));
    for station in 1..east.len() {
        field.hear(station, &copy_of(&field, 3, station - 1), address(station as u32 - 1));
    }
    field.run(ms(2_500), &|_, _, _| false);
    let mut relays = wave(&field);
    relays.sort_unstable();
    assert_eq!(relays, [(1, 2), (2, 1)], "one less each 1,500 m");
}

// Hops are not signed: a copy with more than the originator signed is no shorter way, and nobody would take it on.
#[test]
fn a_copy_with_more_hops_than_were_signed_moves_no_flood() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 200.0, 290.0], Some(circle(2_000)), 10);
    field.hear(1, &copy_of(&field, 1, 2), address(2));
    field.run(start + Duration::from_millis(100), &|_, _, _| false);
    field.hear(1, &copy_of(&field, 11, 0), address(0));
    field.run(start + Duration::from_millis(300), &|_, _, _| false);
    assert!(wave(&field).is_empty());
}

// Copies heard before the flood is verified: the list of them is short, and an outsider is first.
#[test]
fn a_full_list_of_early_copies_keeps_no_flood() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 250.0], Some(circle(2_000)), 20);
    let genuine = field.floods[0].2.clone();
    for n in 0..2 * limits::MAX_EARLY_COPIES {
        let forged = craft::forged(&genuine, n);
        for _ in 0..2 {
            field.feed(1, testkit::frame(&forged, address(0)));
        }
    }
    field.hear(1, &genuine, address(0));
    field.run(start + Duration::from_millis(100), &|_, _, _| false);
    assert_eq!(field.delivered(field.last_sent(0, Class::D3)).into_keys().collect::<Vec<_>>(), [1]);
    assert_eq!(wave(&field), [(1, 19)]);
}

// Poisoned duplicate list: garbage under the flood's number does not stop it.
#[test]
fn garbage_under_a_floods_number_ahead_of_it_does_not_stop_it() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 250.0], Some(circle(2_000)), 20);
    let mut poison = field.floods[0].2.to_vec();
    let last = poison.len() - 1;
    poison[last] ^= 1;
    field.hear(1, &poison.into(), address(0));
    let links = in_range(&field.places);
    field.run(start + Duration::from_millis(100), &*links);
    assert_eq!(field.delivered(field.last_sent(0, Class::D3)).len(), 1);
    assert_eq!(wave(&field), [(1, 19)]);
}

// GEONW PON/FPB/BV/06, /08, /10: held while no station is near, given to a station that comes, dropped at its expiry.
#[test]
fn a_newcomer_is_given_what_it_lacks_and_nothing_that_expired() {
    for (lifetime_ms, given) in [(60_000, true), (3_000, false)] {
        let mut crew = Crew::default();
        let mut field = line(&mut crew, &[0.0, 250.0]);
        field.up[1] = false;
        let links = in_range(&field.places);
        field.run(ms(2_100), &*links);
        field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, lifetime_ms));
        let id = field.last_sent(0, Class::D3);
        field.run(ms(8_000), &*links);
        assert!(field.forwarded().is_empty(), "nobody is there");
        field.up[1] = true;
        field.run(ms(10_500), &*links);
        assert_eq!(field.delivered(id).len(), usize::from(given), "lifetime {lifetime_ms} ms");
        let causes: Vec<_> = field.forwarded().iter().map(|(_, _, forwarded)| forwarded.cause).collect();
        assert_eq!(causes.contains(&ForwardCause::Carry), given);
    }
}

#[test]
fn one_of_many_that_hold_a_flood_gives_it_to_a_newcomer() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &[0.0, 50.0, 100.0, 150.0, 200.0, 250.0]);
    field.up[5] = false;
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 60_000));
    field.run(ms(6_000), &*links);
    let before = field.forwarded().len();
    field.up[5] = true;
    field.run(ms(9_000), &*links);
    let served: Vec<_> = field.forwarded().split_off(before);
    let carried = served.iter().filter(|(_, _, forwarded)| forwarded.cause == ForwardCause::Carry).count();
    // Copies are no proof: by lot one of those that heard it goes and sees.
    assert!((1..=2).contains(&carried), "{served:?}");
    assert!(field.delivered(field.last_sent(0, Class::D3)).contains_key(&5));
}

#[test]
fn who_always_says_that_it_lacks_every_flood_gets_no_more_than_the_rate_of_such_copies() {
    let mut crew = Crew::default();
    // Station 1 names no floods in its beacons, whatever it holds.
    let places = (0..7).map(|station| (f64::from(station) * 20.0, 0.0)).collect();
    let scheme = |station| if station == 1 { Scheme::Off } else { Scheme::Roadcast };
    let with = |station| Config { test: true, forwarding: scheme(station), ..Config::vehicle() };
    let mut field = Field::with(&mut crew, places, with);
    let links = |_: usize, to: usize, _: u64| to <= 1;
    field.run(ms(2_100), &links);
    for _ in 0..12 {
        for station in 2..7 {
            field.feed(station, flood(&field, station, Some(circle(2_000)), 20, 60_000));
        }
        field.run(field.now + Duration::from_millis(600), &links);
    }
    assert_eq!(field.nodes[0].forwarder().len(), 60);
    let (before, start) = (field.forwarded().len(), field.now);
    field.run(start + Duration::from_secs(10), &links);
    let served = field.forwarded().split_off(before);
    let carried = served
        .iter()
        .filter(|(_, station, forwarded)| *station == 0 && forwarded.cause == ForwardCause::Carry);
    // Sixty floods at four a second each would be 2,400.
    let carried = carried.count();
    assert!((400..=32 + 500).contains(&carried), "{carried}");
}

#[test]
fn eleven_holders_do_not_each_give_a_flood_as_often_as_one_may() {
    let mut crew = Crew::default();
    let places = (0..12).map(|station| (f64::from(station) * 8.0, 0.0)).collect();
    let scheme = |station| if station == 0 { Scheme::Off } else { Scheme::Roadcast };
    let with = |station| Config {
        test: true,
        forwarding: scheme(station),
        awareness: v2x_core::AwarenessRule::Every(Duration::from_millis(if station == 0 {
            100
        } else {
            1_000
        })),
        ..Config::vehicle()
    };
    let mut field = Field::with(&mut crew, places, with);
    field.run(ms(2_100), &|_, _, _| true);
    for station in 1..6 {
        field.feed(station, flood(&field, station, Some(circle(2_000)), 20, 60_000));
    }
    field.run(ms(4_000), &|_, _, _| true);
    let before = field.forwarded().len();
    field.run(ms(14_000), &|_, _, _| true);
    let given = field.forwarded().split_off(before);
    let given = given.iter().filter(|(_, _, forwarded)| forwarded.cause == ForwardCause::Carry).count();
    // Five floods, four a second each for ten seconds, and as many at once as a rate allows: of one holder. They silence
    // each other, but take turns.
    let one = 5 * (8 + 40);
    assert!((one / 2..=6 * one).contains(&given), "{given}, one alone gives {one}");
}

// Row 52, EN 302 637-3 keep-alive forwarding: an anchor repeats what it has not heard for twice the interval.
#[test]
fn a_roadside_unit_keeps_an_event_alive_until_it_expires() {
    let mut crew = Crew::default();
    let mut field = Field::with(&mut crew, vec![(0.0, 0.0), (250.0, 0.0)], |station| Config {
        test: true,
        ..if station == 1 { Config::roadside() } else { Config::vehicle() }
    });
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    let start = field.now;
    field.feed(0, flood(&field, 0, Some(circle(2_000)), 20, 20_000));
    field.run(start + Duration::from_secs(40), &*links);
    let kept: Vec<Instant> = field
        .forwarded()
        .iter()
        .filter(|(_, station, forwarded)| *station == 1 && forwarded.cause == ForwardCause::KeepAlive)
        .map(|(at, ..)| *at)
        .collect();
    assert!(kept.len() >= 4, "{kept:?}");
    let gap = limits::ANCHOR_INTERVAL * 2;
    assert!(kept.windows(2).all(|pair| {
        let waited = pair[1].since(pair[0]);
        gap <= waited && waited <= gap + Duration::from_millis(150)
    }));
    assert!(kept.last().unwrap().since(start) < Duration::from_secs(20), "not beyond its life");
}

/// An imminent message that neighbours may relay.
pub(super) fn imminent(field: &Field) -> Input {
    let Input::Send(request) = flood(field, 0, None, 2, 100) else { unreachable!("a request") };
    Input::Send(v2x_core::SendRequest { class: Class::D0, ..request })
}

// Three copies in three neighbours' names and from their addresses, and first.
#[test]
fn copies_in_others_names_end_no_relay_of_an_imminent_message() {
    let mut crew = Crew::default();
    let places = vec![(0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (20.0, 10.0), (40.0, 10.0), (70.0, -10.0)];
    let mut field = Field::new(&mut crew, places, Scheme::Roadcast);
    // Station 2 stands round the corner, where 1 alone is heard.
    let links = |from: usize, to: usize, _: u64| (from == 1 || to == 1) || (from != 2 && to != 2);
    field.run(ms(2_100), &links);
    for round in 0..10 {
        let start = field.now;
        field.floods.clear();
        field.feed(0, imminent(&field));
        let id = field.last_sent(0, Class::D0);
        field.run(start + Duration::from_micros(600), &links);
        for name in 3..=5 {
            field.hear(1, &copy_of(&field, 1, name), address(name as u32));
        }
        field.run(start + Duration::from_millis(20), &links);
        assert!(field.delivered(id).contains_key(&2), "round {round}");
        field.run(start + Duration::from_millis(500), &links);
    }
}

#[test]
fn where_many_stand_few_relay_an_imminent_message_and_some_of_them_whatever_they_hear() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &(0..40).map(|n| f64::from(n) * 6.0).collect::<Vec<_>>());
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    let (mut alone, mut silenced) = (0, 0);
    for round in 0..20 {
        let (before, start) = (field.forwarded().len(), field.now);
        field.floods.clear();
        field.feed(0, imminent(&field));
        field.run(start + Duration::from_micros(600), &*links);
        if round % 2 == 1 {
            for name in [7, 8, 9] {
                let copy = copy_of(&field, 1, name);
                (1..40)
                    .filter(|one| *one != name)
                    .for_each(|one| field.hear(one, &copy, address(name as u32)));
            }
        }
        field.run(start + Duration::from_millis(400), &*links);
        let relays = field.forwarded().len() - before;
        *if round % 2 == 1 { &mut silenced } else { &mut alone } += relays;
    }
    // Six by lot, two that are first, and who is about to send when they are heard.
    assert!((20..=150).contains(&alone), "{alone} relays of ten messages");
    assert!((20..=150).contains(&silenced), "{silenced} relays of ten messages");
}

#[test]
fn an_imminent_message_is_relayed_by_a_few_neighbours_and_at_once() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &[0.0, 40.0, 80.0, 120.0, 160.0, 200.0]);
    let links = in_range(&field.places);
    field.run(ms(2_100), &*links);
    let start = field.now;
    field.feed(0, imminent(&field));
    field.run(start + Duration::from_millis(100), &*links);
    let relays = field.forwarded();
    assert_eq!(relays.len(), 5, "each neighbour, where there are no more than six: {relays:?}");
    assert!(relays.iter().all(|(at, _, forwarded)| {
        at.since(start) <= Duration::from_millis(8) && forwarded.remaining_hops == 1
    }));
    assert_eq!(field.delivered(field.last_sent(0, Class::D0)).len(), 5);
}

#[test]
fn a_relay_brings_an_imminent_message_past_what_is_in_the_way() {
    let mut crew = Crew::default();
    let mut field = line(&mut crew, &[0.0, 60.0, 120.0]);
    // A truck between 0 and 2.
    let links = |from: usize, to: usize, _: u64| from.abs_diff(to) == 1;
    field.run(ms(2_100), &links);
    let start = field.now;
    field.feed(0, imminent(&field));
    field.run(start + Duration::from_millis(20), &links);
    assert!(field.delivered(field.last_sent(0, Class::D0)).contains_key(&2));
}

// EN 302 636-4-1, 10.3.11.3: a copy is a duplicate for the network; whether the application has had it is another question.
#[test]
fn a_station_that_drives_into_the_area_gets_the_flood_it_heard_outside_from_the_next_copy() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 250.0], Some(circle(100)), 5);
    let links = in_range(&field.places);
    field.run(start + Duration::from_secs(1), &*links);
    let id = field.last_sent(0, Class::D3);
    assert_eq!(drops(&field, 1), [DropReason::OutsideArea]);
    let copy = field.floods[0].2.clone();
    field.hear(1, &copy, address(0));
    assert_eq!(drops(&field, 1).last(), Some(&DropReason::ExactCopy), "still outside");
    field.places[1] = (50.0, 0.0);
    field.run(start + Duration::from_secs(4), &*links);
    assert!(field.delivered(id).is_empty());
    let events = field.events.len();
    field.hear(1, &copy, address(0));
    assert_eq!(field.delivered(id).into_keys().collect::<Vec<_>>(), [1]);
    let hazards = |(_, who, event): &&(Instant, usize, Event)| *who == 1 && matches!(event, Event::Hazard(_));
    assert_eq!(field.events[events..].iter().filter(hazards).count(), 1, "known from now on");
    // Once: copies are copies again, here and when it comes back.
    for east in [50.0, 250.0, 50.0] {
        field.places[1] = (east, 0.0);
        field.run(field.now + Duration::from_secs(3), &*links);
        field.hear(1, &copy, address(0));
        assert_eq!(drops(&field, 1).last(), Some(&DropReason::ExactCopy));
    }
    let suspicions = field.events.iter().filter(|(_, _, event)| matches!(event, Event::Suspicion(_)));
    assert_eq!(suspicions.count(), 0, "an old position is no false one");
}
