use bytes::Bytes;
use v2x_proto::link::Origin;
use v2x_proto::link::access::SLOT_NS;

use super::super::channel::{COLLISION, OWN_TRANSMISSION};
use super::*;

const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

/// Stations on a line to the east, by their distance from the first.
fn line(metres: &[f64]) -> Places {
    let mut places = Places::new(MEANT_M);
    for (station, east) in metres.iter().enumerate() {
        places.set(station as u32, HERE.moved(*east, 0.0));
    }
    places
}

fn begin(
    medium: &mut Tabulated,
    places: &Places,
    ticket: u32,
    sender: u32,
    at_ns: u64,
    fates: &mut Vec<Fate>,
) -> Option<u64> {
    let bytes = Bytes::from(vec![0; 300]);
    let position = places.position(sender).unwrap();
    let transmission =
        Transmission { sender, at_ns, position, bytes: &bytes, class: Class::D3, origin: Origin::Forwarded };
    asked(medium.transmit(ticket, &transmission, places, fates))
}

/// When a frame is to be asked about again.
fn asked(state: TransmissionState) -> Option<u64> {
    match state {
        TransmissionState::Pending { ask_ns } => Some(ask_ns),
        TransmissionState::Decided { .. } => None,
    }
}

/// Sends frames by (sender, time), and what each station made of each: `None` heard, else the cause.
fn send(
    medium: &mut Tabulated,
    places: &Places,
    frames: &[(u32, u64)],
) -> Vec<Vec<(u32, Option<&'static str>)>> {
    let mut fates = vec![Vec::new(); frames.len()];
    let mut due = Vec::new();
    for (ticket, (sender, at_ns)) in frames.iter().enumerate() {
        let again = begin(medium, places, ticket as u32, *sender, *at_ns, &mut fates[ticket]);
        due.extend(again.map(|at_ns| (at_ns, ticket)));
    }
    while !due.is_empty() {
        due.sort_unstable();
        let (now_ns, ticket) = due.remove(0);
        let again = asked(medium.proceed(ticket as u32, now_ns, places, &mut fates[ticket]));
        due.extend(again.map(|at_ns| (at_ns, ticket)));
    }
    let outcome = |fate: Fate| match fate.outcome {
        Outcome::Heard(_) => (fate.station, None),
        Outcome::Lost(cause) => (fate.station, Some(cause)),
    };
    fates.into_iter().map(|fates| fates.into_iter().map(outcome).collect()).collect()
}

/// Whether each of `count` frames of station 0 reached each other station of `places`.
fn heard(seed: u64, places: &Places, count: usize) -> Vec<Vec<bool>> {
    let mut medium = Tabulated::new(Column::Hz10, seed);
    let frames: Vec<_> = (0..count as u64).map(|frame| (0, frame * 10_000_000)).collect();
    let fates = send(&mut medium, places, &frames);
    fates.into_iter().map(|fates| fates.into_iter().map(|(_, lost)| lost.is_none()).collect()).collect()
}

#[test]
fn reception_is_the_table_s_at_its_points_and_linear_between_them() {
    for column in Column::ALL {
        assert_eq!(Column::of_name(column.name()), Some(column));
        assert!(column.points().windows(2).all(|pair| pair[0] >= pair[1]));
    }
    let share = |distance| Column::Hz10.reception(distance);
    assert_eq!((share(0.0), share(150.0), share(500.0)), (0.9833, 0.9278, 0.0006));
    assert!((share(162.5) - (0.9278 + 0.9003) / 2.0).abs() < 1e-12);
    assert_eq!((share(500.1), share(f64::INFINITY), share(-3.0)), (0.0, 0.0, 0.9833));
    assert_eq!(Column::Hz25.reception(200.0), 0.7021);
}

#[test]
fn frames_arrive_as_often_as_the_table_says() {
    const FRAMES: usize = 20_000;
    let distances = [10.0, 100.0, 160.0, 210.0, 260.0, 310.0, 420.0];
    let places = line(&[&[0.0], &distances[..]].concat());
    let heard = heard(11, &places, FRAMES);
    for (index, distance) in distances.iter().enumerate() {
        let share = heard.iter().filter(|frame| frame[index]).count() as f64 / FRAMES as f64;
        let wanted = Column::Hz10.reception(*distance);
        // Four standard deviations of the binomial.
        let tolerance = 4.0 * (wanted * (1.0 - wanted) / FRAMES as f64).sqrt();
        assert!((share - wanted).abs() <= tolerance, "{distance} m: {share} for {wanted}");
    }
}

#[test]
fn a_station_more_moves_nobody_else_s_draws_and_another_seed_does() {
    let few = heard(3, &line(&[0.0, 220.0, 260.0]), 200);
    let mut places = line(&[0.0, 220.0, 260.0]);
    places.set(9, HERE.moved(240.0, 0.0));
    let mut more = heard(3, &places, 200);
    more.iter_mut().for_each(|frame| frame.truncate(2));
    assert_eq!(few, more);
    assert_ne!(few, heard(4, &line(&[0.0, 220.0, 260.0]), 200));
}

#[test]
fn a_sender_waits_for_the_frame_it_hears() {
    let places = line(&[0.0, 30.0, 60.0]);
    let mut medium = Tabulated::new(Column::Hz10, 1).interference(true);
    let fates = send(&mut medium, &places, &[(0, 0), (1, 300_000)]);
    let lost: Vec<_> = fates.iter().flatten().filter(|(_, lost)| *lost == Some(COLLISION)).collect();
    assert!(lost.is_empty(), "{fates:?}");
    // It began only when the other had ended.
    let mut medium = Tabulated::new(Column::Hz10, 1).interference(true);
    let mut fates = Vec::new();
    let first = begin(&mut medium, &places, 0, 0, 0, &mut fates).unwrap();
    let end_ns = asked(medium.proceed(0, first, &places, &mut fates)).unwrap();
    let second = begin(&mut medium, &places, 1, 1, 300_000, &mut fates).unwrap();
    assert!(second < end_ns);
    assert!(asked(medium.proceed(1, second, &places, &mut fates)).unwrap() > end_ns);
}

#[test]
fn senders_that_do_not_hear_each_other_collide_between_them() {
    // 0 and 2 are 400 m apart, 1 is in the middle; 3 is next to 0.
    let places = line(&[0.0, 200.0, 400.0, 20.0]);
    let mut medium = Tabulated::new(Column::Hz10Dbm30, 1).interference(true);
    let fates = send(&mut medium, &places, &[(0, 0), (2, 100_000)]);
    assert!(fates[0].contains(&(1, Some(COLLISION))) && fates[1].contains(&(1, Some(COLLISION))));
    assert!(
        fates[0].contains(&(2, Some(OWN_TRANSMISSION))) && fates[1].contains(&(0, Some(OWN_TRANSMISSION)))
    );
    // The near one's frame is captured.
    assert!(fates[0].contains(&(3, None)), "{fates:?}");
    // Without interference each is alone.
    let alone = send(&mut Tabulated::new(Column::Hz10Dbm30, 1), &places, &[(0, 0), (2, 100_000)]);
    assert!(alone.iter().flatten().all(|(_, lost)| lost.is_none_or(|cause| cause == NOT_RECEIVED)));
}

#[test]
fn a_building_stops_a_frame() {
    let mut places = line(&[0.0, 100.0]);
    places.set(2, HERE.moved(75.0, 75.0));
    let mut medium = Tabulated::new(Column::Hz10, 1).among(Some(Streets::new(HERE, 150.0)));
    let fates = send(&mut medium, &places, &[(0, 0)]);
    assert_eq!(fates[0].iter().map(|(station, _)| *station).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_own_hazard_gets_to_the_air_before_a_forwarded_one() {
    let places = line(&[0.0, 50.0]);
    let on_air = |origin| {
        let mut medium = Tabulated::new(Column::Hz10, 7);
        let bytes = Bytes::from(vec![0; 300]);
        let mut fates = Vec::new();
        let class = Class::D3;
        let transmission = Transmission { sender: 0, at_ns: 0, position: HERE, bytes: &bytes, class, origin };
        assert_eq!(asked(medium.transmit(0, &transmission, &places, &mut fates)), None);
        match &fates[0].outcome {
            Outcome::Heard(reception) => reception.on_air_ns,
            Outcome::Lost(cause) => panic!("lost: {cause}"),
        }
    };
    // The same draw, once of 8 slots and once of 16, after an interframe space three slots longer.
    let (own, forwarded) = (on_air(Origin::Own), on_air(Origin::Forwarded));
    assert!(own + 3 * SLOT_NS <= forwarded, "{own} {forwarded}");
}
