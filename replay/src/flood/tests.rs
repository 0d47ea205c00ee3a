use v2x_core::Position;
use v2x_proto::{Class, Digest, Shape};

use super::*;

const MS: u64 = 1_000_000;
const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

fn id(class: Class, sequence: u32) -> MessageId {
    MessageId { signer: Digest([7; 8]), class, sequence }
}

/// What the floods of a test are about.
const EVENT: Option<EventId> = Some(EventId { origin: Digest([7; 8]), number: 1 });

/// Stations 1, 2, ... at these distances east of station 0, m.
fn line(metres: &[f64]) -> (Places, Vec<Neighbour>) {
    let mut places = Places::new(300.0);
    places.set(0, HERE);
    for (index, east) in metres.iter().enumerate() {
        places.set(index as u32 + 1, HERE.moved(*east, 0.0));
    }
    let mut near = Vec::new();
    places.within(HERE, f64::INFINITY, 0, &mut near);
    (places, near)
}

fn area(half_length: u32) -> AreaView {
    AreaView {
        latitude: HERE.latitude,
        longitude: HERE.longitude,
        shape: Shape::Rectangle,
        distance_a_m: half_length,
        distance_b_m: 50,
        azimuth_deg: 90,
    }
}

/// A flood at 1 s to five stations of an area of 4 km, one of them beyond 3 km; a sixth is outside.
fn by_hand() -> FloodLog {
    let (places, near) = line(&[100.0, 600.0, 1500.0, 1990.0, 3500.0, 4500.0]);
    let mut log = FloodLog::default();
    let flood = id(Class::D3, 1);
    log.announced(1000 * MS, flood, &near);
    let began = log.transmitted(flood, EVENT, Some(&area(4000)), &places).unwrap();
    assert_eq!(began.sent_ns, 1000 * MS);
    let intended: Vec<_> = began.intended.iter().map(|near| near.station).collect();
    assert_eq!(intended, [1, 2, 3, 4], "in the area and within 3 km");
    for (station, at_ms, hops) in [(1, 1001, 1), (2, 1060, 2), (3, 1150, 6), (5, 1700, 14), (6, 1900, 15)] {
        log.delivered(at_ms * MS, station, flood, hops);
    }
    // A second copy changes nothing.
    log.delivered(1900 * MS, 1, flood, 9);
    for _ in 0..5 {
        assert!(log.transmitted(flood, EVENT, Some(&area(4000)), &places).is_none());
    }
    log
}

#[test]
fn the_figures_of_a_flood_are_those_reckoned_by_hand() {
    let flood = measure("roadcast", &[by_hand()]).unwrap();
    assert_eq!((flood.floods, flood.seeds), (1, 1));
    assert_eq!(flood.reach_300ms_3km, 3.0 / 4.0);
    assert_eq!(flood.reach_final, 4.0 / 5.0);
    assert_eq!((flood.transmissions, flood.transmissions_per_station), (6.0, 1.0));
    let near = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 0.01 * wanted;
    // Of 100, 100 and 200 ms/km and 3.3, 4 and 4 hops/km.
    assert!(near(flood.delay_ms_per_km, 100.0) && near(flood.hops_per_km, 4.0), "{flood:?}");
    let bands: Vec<_> = flood
        .reach_by_km
        .iter()
        .map(|band| (band.km, band.pairs, band.reach_300ms, band.reach_final))
        .collect();
    assert_eq!(bands, [(1, 2, 1.0, 1.0), (2, 2, 0.5, 0.5), (4, 1, 0.0, 1.0)]);
    let over_time = &flood.reach_by_km[0].reach_over_time;
    assert!(over_time.is_sorted_by_key(|(ms, _)| *ms) && over_time.is_sorted_by_key(|(_, share)| *share));
    assert_eq!(over_time.iter().find(|(ms, _)| *ms == 50), Some(&(50, 0.5)));
    assert_eq!(flood.reach_by_km[0].median_ms, Some(30.5));
    assert_eq!(flood.d0_20ms_150m, None);
}

#[test]
fn runs_are_taken_together_and_the_worst_is_told() {
    let (places, near) = line(&[100.0]);
    let mut other = FloodLog::default();
    let flood = id(Class::D3, 1);
    other.announced(0, flood, &near);
    other.transmitted(flood, EVENT, Some(&area(4000)), &places);
    let flood = measure("etsi", &[by_hand(), other]).unwrap();
    assert_eq!((flood.floods, flood.seeds, flood.forwarding.as_str()), (2, 2, "etsi"));
    assert_eq!(flood.reach_300ms_3km, 3.0 / 5.0);
    assert_eq!(
        (flood.worst.reach_300ms_3km, flood.worst.reach_final, flood.worst.transmissions),
        (0.0, 0.0, 6.0)
    );
    assert_eq!(flood.transmissions, 3.5);
    assert!(measure("roadcast", &[FloodLog::default()]).is_none());
}

#[test]
fn a_flood_that_never_left_reaches_nobody() {
    let (_, near) = line(&[100.0, 3500.0]);
    let mut log = FloodLog::default();
    log.announced(0, id(Class::D3, 1), &near);
    let never = log.withheld(id(Class::D3, 1)).unwrap();
    assert_eq!(never.intended.len(), 1);
    assert!(log.withheld(id(Class::D3, 1)).is_none());
    let flood = measure("roadcast", &[log]).unwrap();
    assert_eq!((flood.reach_final, flood.transmissions, flood.delay_ms_per_km), (0.0, 0.0, None));
}

#[test]
fn an_alert_counts_once_from_when_it_was_due_and_the_far_do_not_count() {
    let (_, near) = line(&[50.0, 149.0, 151.0]);
    let mut log = FloodLog::default();
    log.alerted(0, id(Class::D0, 1), &near);
    log.alert_delivered(2 * MS, 1, id(Class::D0, 1));
    // By the second copy of the same signed bytes.
    log.alert_delivered(8 * MS, 2, id(Class::D0, 1));
    // Signed anew: another message of the same event, too late for the figure.
    log.alert_delivered(101 * MS, 1, id(Class::D0, 2));
    // Another alert, late at both.
    log.alerted(900 * MS, id(Class::D0, 3), &near);
    log.alert_delivered(921 * MS, 1, id(Class::D0, 3));
    let flood = measure("roadcast", &[log]).unwrap();
    assert_eq!((flood.d0_20ms_150m, flood.floods), (Some(0.5), 0));
}

#[test]
fn what_says_an_event_anew_is_the_same_flood() {
    let (places, near) = line(&[100.0, 2000.0]);
    let mut log = FloodLog::default();
    for (number, at_ms) in [(1, 0), (2, 40_000)] {
        log.announced(at_ms * MS, id(Class::D3, number), &near);
        let began = log.transmitted(id(Class::D3, number), EVENT, Some(&area(4000)), &places);
        assert_eq!(began.unwrap().sent_ns, at_ms * MS, "a message of its own all the same");
    }
    log.delivered(5 * MS, 1, id(Class::D3, 1), 1);
    // Stations that missed the first message have it by the second; the others have it from the first.
    log.delivered(40_050 * MS, 1, id(Class::D3, 2), 1);
    log.delivered(40_150 * MS, 2, id(Class::D3, 2), 5);
    let flood = measure("roadcast", &[log]).unwrap();
    assert_eq!((flood.floods, flood.transmissions), (1, 2.0));
    assert_eq!((flood.reach_300ms_3km, flood.reach_final), (0.5, 1.0));
}

#[test]
fn a_partition_heals_from_the_moment_both_sides_have_heard_each_other() {
    let (places, near) = line(&[100.0, 2000.0, 2100.0]);
    let mut log = FloodLog::default();
    log.part(vec![Side::Near, Side::Near, Side::Far, Side::Far]);
    let flood = id(Class::D3, 1);
    log.announced(0, flood, &near);
    log.transmitted(flood, EVENT, Some(&area(4000)), &places);
    log.heard(500 * MS, 0, 1);
    log.heard(1000 * MS, 2, 1);
    log.heard(1200 * MS, 1, 2);
    log.heard(1300 * MS, 2, 1);
    log.delivered(1450 * MS, 2, flood, 2);
    log.delivered(1500 * MS, 3, flood, 3);
    // Sent after the contact, so it does not count for the healing.
    log.announced(1600 * MS, id(Class::D3, 2), &near);
    log.transmitted(id(Class::D3, 2), None, Some(&area(4000)), &places);
    let healed = measure("roadcast", &[log]).unwrap().healed.unwrap();
    assert_eq!((healed.floods, healed.crossed), (1, 1));
    assert_eq!((healed.first_ms, healed.last_ms), (Some(250.0), Some(300.0)));
}
