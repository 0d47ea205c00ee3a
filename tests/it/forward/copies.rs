//! Copies of floods that come together, and what an outsider brings along with them.

use v2x_core::DropReason;

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
