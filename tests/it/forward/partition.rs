//! A road in two parts, and one car that drives from one to the other.

use v2x_core::{Config, Event, Fix, Input};

use super::*;
use testkit::fix;
use testkit::motorway::received;

/// Two clusters of standing cars, 2 km apart, and a courier.
struct Parts {
    field: Field,
    courier: usize,
    drives: bool,
}

impl Parts {
    const GAP_M: f64 = 2_000.0;
    const SPEED_MPS: f64 = 30.0;

    fn new(crew: &mut Crew) -> Self {
        let near = (0..8).map(|n| (f64::from(n) * 50.0, 3.0));
        let far = (0..8).map(|n| (PART_M + Self::GAP_M + f64::from(n) * 50.0, 3.0));
        let mut places: Vec<(f64, f64)> = near.chain(far).collect();
        let courier = places.len();
        places.push((300.0, 0.0));
        let mut field = Field::with(crew, places, |_| Config { test: true, ..Config::vehicle() });
        field.moving.push(courier);
        Self { field, courier, drives: false }
    }

    /// Lets this much time pass, the courier on its way; what it meets loses frames as the table says.
    fn pass(&mut self, time: Duration, seed: u64) {
        let step = Duration::from_millis(50);
        let end = self.field.now + time;
        while self.field.now < end {
            if self.drives {
                self.field.places[self.courier].0 += Self::SPEED_MPS * step.as_secs_f64();
            }
            let Input::Fix(Some(at)) = fix(self.field.now, self.field.place(self.courier)) else {
                unreachable!("a fix")
            };
            let speed = if self.drives { 3_000 } else { 0 };
            let at = Fix { speed: Some(speed), heading: Some(900), ..at };
            self.field.feed(self.courier, Input::Fix(Some(at)));
            let places = self.field.places.clone();
            let links = move |from: usize, to: usize, number: u64| {
                let metres = (places[from].0 - places[to].0).abs();
                let mut draw = Dice(seed ^ (number << 20) ^ ((from as u64) << 40) ^ to as u64);
                draw.below(1.0) < received(metres)
            };
            let next = self.field.now + step;
            self.field.run(next, &links);
        }
    }
}

/// Length of each part.
const PART_M: f64 = 350.0;
/// Where one frame in eleven arrives.
const CONTACT_M: f64 = 350.0;

#[test]
fn a_car_that_drives_between_two_parts_brings_the_event_within_a_second_of_contact() {
    let mut crew = Crew::default();
    for seed in 0..10 {
        let mut parts = Parts::new(&mut crew);
        parts.pass(Duration::from_secs(3), seed);
        let mut area = AreaView { distance_a_m: 3_000, distance_b_m: 100, azimuth_deg: 90, ..circle(1) };
        area.shape = Shape::Rectangle;
        let middle = parts.field.place(4).moved(1_200.0, 0.0);
        (area.latitude, area.longitude) = (middle.latitude, middle.longitude);
        let input = flood(&parts.field, 2, Some(area), hops_for(&area), 600_000);
        parts.field.feed(2, input);
        let id = parts.field.last_sent(2, Class::D3);
        parts.drives = true;
        let started = parts.field.now;
        parts.pass(Duration::from_secs(90), seed);
        let far = 8..16;
        // Contact: when the courier and one of the other part have each verified a message of the other, and are as near
        // as one frame in eleven needs. Before that it takes luck, and the credentials first.
        let met = |who: usize, whom: usize| {
            let digest = parts.field.nodes[whom].digest();
            let mut events = parts.field.events.iter().filter(|(_, station, _)| *station == who);
            events.find_map(|(at, _, event)| {
                matches!(event, Event::NeighbourAdded(added) if *added == digest).then_some(*at)
            })
        };
        let courier = parts.courier;
        let both = |station: usize| Some(met(station, courier)?.max(met(courier, station)?));
        let near = (PART_M + Parts::GAP_M - CONTACT_M - 300.0) / Parts::SPEED_MPS;
        let contact =
            far.clone().filter_map(both).min().unwrap().max(started + Duration::from_secs_f64(near));
        assert!(contact.since(started) > Duration::from_secs(50), "they were apart");
        let delivered = parts.field.delivered(id);
        let first = far.clone().filter_map(|station| delivered.get(&station)).map(|times| times[0]).min();
        let took = first.unwrap().since(contact);
        assert!(took <= Duration::from_secs(1), "seed {seed}: {took:?} after contact");
        let all = far.filter(|station| delivered.contains_key(station)).count();
        assert_eq!(all, 8, "seed {seed}: the whole other part has it");
    }
}
