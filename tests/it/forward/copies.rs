//! Copies that are news to a station: it heard the flood outside its area, and has driven into it.

use v2x_core::{DropReason, Event};

use super::rules::{drops, flooded, in_range};
use super::*;
use testkit::address;

// An outsider need only repeat the flood often where the road enters its area.
#[test]
fn copies_that_wait_together_where_a_station_enters_the_area_are_delivered_once() {
    let (mut field, start) = flooded(&mut Crew::default(), &[0.0, 250.0], Some(circle(100)), 5);
    let links = in_range(&field.places);
    field.run(start + Duration::from_secs(1), &*links);
    let id = field.last_sent(0, Class::D3);
    let copy = field.floods[0].2.clone();
    field.places[1] = (50.0, 0.0);
    field.run(start + Duration::from_secs(4), &*links);
    assert!(field.delivered(id).is_empty());
    for _ in 0..5 {
        field.feed(1, testkit::frame(&copy, address(0)));
    }
    field.hear(1, &copy, address(0));
    assert_eq!(field.delivered(id)[&1].len(), 1, "{:?}", drops(&field, 1));
    assert_eq!(drops(&field, 1)[1..], [DropReason::ExactCopy; 5]);
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
