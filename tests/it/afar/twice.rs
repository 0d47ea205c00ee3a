//! Two units out of radio range of each other, bridged twice: no message goes round.

use std::collections::{BTreeSet, VecDeque};

use testkit::field::{Crew, Field, flood};
use v2x_core::MessageId;
use v2x_proto::link::Origin;

use super::*;

/// Unit, car, and 3 km farther on another unit and another car.
const UNITS: [usize; 2] = [0, 2];
const CARS: [usize; 2] = [1, 3];

/// A program that gives each unit all that the other tells, whatever it is and however it came there.
struct Bridge {
    peer: u16,
    delay: Duration,
    on_way: VecDeque<(Instant, usize, Bytes)>,
}

impl Bridge {
    fn hear(&mut self, now: Instant, unit: usize, bytes: &Bytes) {
        let other = if unit == UNITS[0] { UNITS[1] } else { UNITS[0] };
        self.on_way.push_back((now + self.delay, other, bytes.clone()));
    }
}

#[test]
fn of_a_thousand_events_each_is_on_the_far_air_once_and_none_comes_back() {
    let mut crew = Crew::default();
    let places = vec![(0.0, 0.0), (80.0, 20.0), (3_000.0, 0.0), (3_080.0, 20.0)];
    let mut field = Field::with(&mut crew, places, |station| {
        let quiet = v2x_core::Plausibility::Off;
        if UNITS.contains(&station) {
            Config { test: true, from_afar: true, plausibility: quiet, ..Config::roadside() }
        } else {
            Config { test: true, plausibility: quiet, ..Config::vehicle() }
        }
    });
    field.aired = Some(Vec::new());
    let places = field.places.clone();
    let in_range = |from: usize, to: usize, _: u64| (places[from].0 - places[to].0).abs() < 600.0;
    let mut bridges = [(1, 4), (2, 23)].map(|(peer, delay_ms)| Bridge {
        peer,
        delay: Duration::from_millis(delay_ms),
        on_way: VecDeque::new(),
    });
    let (mut told, mut sent) = (0, 0);
    let mut declared: [BTreeSet<MessageId>; 2] = Default::default();
    let area = Some(hazard::circle(PLACE.moved(1_500.0, 0.0), 4_000));
    let mut step = 0_u64;
    while step < 66_000 {
        step += 1;
        field.run(ms(step), &in_range);
        // A car on either side says something each 120 ms, and every tenth time its unit does.
        if step > 2_000 && step.is_multiple_of(60) && step <= 62_000 {
            let side = (step / 60 % 2) as usize;
            let by = if step / 60 % 20 < 2 { UNITS[side] } else { CARS[side] };
            field.feed(by, flood(&field, by, area, 10, 60_000));
            declared[side].insert(field.last_sent(by, Class::D3));
        }
        for (at, station, event) in &field.events[told..] {
            if let (true, Event::Received(received)) = (UNITS.contains(station), event) {
                bridges.iter_mut().for_each(|bridge| bridge.hear(*at, *station, &received.frame));
            }
        }
        told = field.events.len();
        let aired = field.aired.as_ref().unwrap();
        for (at, station, transmit) in &aired[sent..] {
            if UNITS.contains(station) && transmit.origin == Origin::Own {
                bridges.iter_mut().for_each(|bridge| bridge.hear(*at, *station, &transmit.bytes));
            }
        }
        sent = aired.len();
        for bridge in &mut bridges {
            while let Some((_, unit, bytes)) = bridge.on_way.pop_front_if(|(at, ..)| *at <= ms(step)) {
                field.feed(unit, from_afar(&bytes, bridge.peer));
            }
        }
    }
    assert_eq!(declared[0].len() + declared[1].len(), 1_000);
    let forwarded = field.forwarded();
    for (side, unit) in UNITS.into_iter().enumerate() {
        let (ours, theirs) = (&declared[side], &declared[1 - side]);
        let brought =
            forwarded.iter().filter(|(_, station, one)| *station == unit && one.cause == ForwardCause::Afar);
        let mut brought: Vec<_> = brought.map(|(_, _, one)| one.id).collect();
        brought.sort_unstable();
        assert_eq!(brought, theirs.iter().copied().collect::<Vec<_>>(), "each of the other side's once");
        let others = forwarded.iter().filter(|(_, station, one)| {
            *station == unit
                && theirs.contains(&one.id)
                && !matches!(one.cause, ForwardCause::Afar | ForwardCause::KeepAlive)
        });
        assert_eq!(others.count(), 0, "and by no other rule than that of keep-alive");
        for id in ours {
            let back = field.events.iter().any(|(_, station, event)| {
                *station == unit
                    && matches!(event, Event::Received(one) if one.id == *id && one.way.is_afar())
            });
            assert!(!back, "{id} came back");
        }
    }
    // Each station has each event once, and the far car by air.
    for (side, car) in CARS.into_iter().enumerate() {
        for id in declared.iter().flatten() {
            let by: BTreeSet<_> = field.delivered(*id).get(&car).into_iter().flatten().copied().collect();
            let own = declared[side].contains(id) && id.signer == field.nodes[car].digest();
            assert_eq!(by.len(), usize::from(!own), "{id} at car {car}");
        }
    }
}
