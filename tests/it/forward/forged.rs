//! Copies of floods whose hop header, which nobody signs, an outsider made up.

use v2x_core::limits;
use v2x_proto::envelope::{SignedView, SignerRef};
use v2x_proto::hop;

use super::rules::{copy_of, flooded, in_range, line, wave};
use super::*;
use testkit::{address, craft};

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
