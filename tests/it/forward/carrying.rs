//! How a flood gets to who missed it: carried, given to newcomers, kept alive.

use v2x_core::{Config, ForwardCause, limits};

use super::rules::{in_range, line};
use super::*;

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
