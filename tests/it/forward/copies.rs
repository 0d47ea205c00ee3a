//! Copies of floods that come together, and what an outsider brings along with them.

use v2x_core::DropReason;
use v2x_proto::envelope::TbsRepr;

use super::rules::{copy_of, drops, flooded, imminent, in_range};
use super::*;
use testkit::craft::{Crafter, poked};
use testkit::{PLACE, address};

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

// Where many stand, few relays of an imminent message wait for nobody: so an outsider repeats the beacons of another road
// first, and then sends copies in the names and from the addresses of neighbours.
#[test]
fn beacons_brought_from_elsewhere_end_no_relay_of_an_imminent_message() {
    let mut crew = Crew::default();
    let places = vec![(0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (20.0, 10.0), (40.0, 10.0), (70.0, -10.0)];
    let mut field = Field::new(&mut crew, places, Scheme::Roadcast);
    // Station 2 stands round the corner, where 1 alone is heard.
    let links = |from: usize, to: usize, _: u64| (from == 1 || to == 1) || (from != 2 && to != 2);
    field.run(ms(2_100), &links);
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
