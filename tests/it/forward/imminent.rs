//! Relays of imminent messages.

use v2x_core::Input;
use v2x_proto::envelope::TbsRepr;

use super::rules::{acquainted, copy_of, in_range, line};
use super::*;
use testkit::craft::{Crafter, poked};
use testkit::{PLACE, address};

/// An imminent message that neighbours may relay.
fn imminent(field: &Field) -> Input {
    let Input::Send(request) = flood(field, 0, None, 2, 100) else { unreachable!("a request") };
    Input::Send(v2x_core::SendRequest { class: Class::D0, ..request })
}

/// Station 2 stands round the corner, where 1 alone is heard; 3 to 5 stand near 1.
fn corner(crew: &mut Crew) -> Field {
    let places = vec![(0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (20.0, 10.0), (40.0, 10.0), (70.0, -10.0)];
    let mut field = Field::new(crew, places, Scheme::Roadcast);
    field.run(ms(2_100), &round_the_corner);
    field
}

fn round_the_corner(from: usize, to: usize, _: u64) -> bool {
    (from == 1 || to == 1) || (from != 2 && to != 2)
}

/// Station 0 warns, and 1 hears copies in the names and from the addresses of three neighbours first: 2 gets the warning.
fn is_relayed_round_the_corner(field: &mut Field, round: usize) {
    let start = field.now;
    field.floods.clear();
    field.feed(0, imminent(field));
    let id = field.last_sent(0, Class::D0);
    field.run(start + Duration::from_micros(600), &round_the_corner);
    for name in 3..=5 {
        field.hear(1, &copy_of(field, 1, name), address(name as u32));
    }
    field.run(start + Duration::from_millis(20), &round_the_corner);
    assert!(field.delivered(id).contains_key(&2), "round {round}");
    field.run(start + Duration::from_millis(500), &round_the_corner);
}

// Three copies in three neighbours' names and from their addresses, and first.
#[test]
fn copies_in_others_names_end_no_relay_of_an_imminent_message() {
    let mut crew = Crew::default();
    let mut field = corner(&mut crew);
    for round in 0..10 {
        is_relayed_round_the_corner(&mut field, round);
    }
}

// Where many stand, few relays of an imminent message wait for nobody: so an outsider repeats the beacons of another road
// first, and then sends copies in the names and from the addresses of neighbours.
#[test]
fn beacons_brought_from_elsewhere_end_no_relay_of_an_imminent_message() {
    let mut crew = Crew::default();
    let mut field = corner(&mut crew);
    let far: Vec<_> = (500..560).map(Crafter::station).collect();
    for round in 0..10 {
        for (n, car) in far.iter().enumerate() {
            let place = PLACE.moved(900.0, 10.0 * n as f64);
            let fields =
                TbsRepr { latitude: place.latitude, longitude: place.longitude, ..car.fields(field.now) };
            let beacon = car.full(&fields);
            field.hear(1, &poked(&beacon, 1, |flags| flags | 1 << 4), [2, 6, 6, 6, 6, 6]);
        }
        assert!(field.nodes[1].neighbour_table().len() > far.len());
        is_relayed_round_the_corner(&mut field, round);
    }
}

#[test]
fn where_many_stand_few_relay_an_imminent_message_and_some_of_them_whatever_they_hear() {
    let mut crew = Crew::default();
    let mut field = acquainted(&mut crew, &(0..40).map(|n| f64::from(n) * 6.0).collect::<Vec<_>>());
    let links = in_range(&field.places);
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
    let mut field = acquainted(&mut crew, &[0.0, 40.0, 80.0, 120.0, 160.0, 200.0]);
    let links = in_range(&field.places);
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
