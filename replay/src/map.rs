//! The map of a trace, for the page of its run.

use std::collections::BTreeMap;

use crate::geodesy::Plane;
use crate::source::{Sample, StationKind, Trace};
use v2x_report::html::{MOST_MOMENTS, MapData, MapMoment, TrackKind, TrackLine, UnitMark};

/// The tracks of a trace on a plane as far as a run of it came, with the share of messages that each of its stations missed;
/// the caller adds lanes and units, on the same plane.
pub fn of_trace(trace: &Trace, plane: &Plane, run_ns: u64, missed: impl Fn(u32) -> Option<f64>) -> MapData {
    let samples = &trace.samples[..trace.samples.partition_point(|sample| sample.time_ns <= run_ns)];
    let mut points = vec![Vec::new(); trace.stations()];
    for sample in samples {
        if let Some(points) = points.get_mut(sample.station as usize) {
            points.push(plane.metres(sample.point()));
        }
    }
    let mut map = MapData::default();
    let mut track_of = vec![None; trace.stations()];
    for (((name, kind), points), station) in trace.names.iter().zip(&trace.kinds).zip(points).zip(0..) {
        match (kind, points.first()) {
            (StationKind::Roadside, Some(position)) => {
                map.units.push(UnitMark { name: name.clone(), position: *position });
            }
            // It came after the run's end.
            (_, None) => {}
            _ => {
                let (name, kind, missed) = (name.clone(), track_kind(*kind), missed(station));
                track_of[station as usize] = Some(map.tracks.len());
                map.tracks.push(TrackLine { name, kind, missed, points });
            }
        }
    }
    map.moments = moments(samples, plane, &track_of);
    map
}

/// Where the stations with a track were at times spread evenly over these samples.
fn moments(samples: &[Sample], plane: &Plane, track_of: &[Option<usize>]) -> Vec<MapMoment> {
    let Some(last) = samples.last() else { return Vec::new() };
    let count = MOST_MOMENTS as u64;
    let moment = |number: u64| {
        let until = (u128::from(last.time_ns) * u128::from(number) / u128::from(count - 1)) as u64;
        let first = samples.partition_point(|sample| sample.time_ns.saturating_add(PRESENT_NS) <= until);
        let end = samples.partition_point(|sample| sample.time_ns <= until);
        // The last sample of each counts.
        let mut places = BTreeMap::new();
        for sample in &samples[first..end] {
            if let Some(track) = track_of.get(sample.station as usize).copied().flatten() {
                places.insert(track, plane.metres(sample.point()));
            }
        }
        MapMoment { time_s: until as f64 / 1e9, places: places.into_iter().collect() }
    };
    (0..count).map(moment).collect()
}

fn track_kind(kind: StationKind) -> TrackKind {
    match kind {
        StationKind::Bicycle | StationKind::Pedestrian => TrackKind::Vulnerable,
        StationKind::Passenger
        | StationKind::Bus
        | StationKind::Truck
        | StationKind::Tram
        | StationKind::Train
        | StationKind::Emergency
        | StationKind::Motorcycle
        | StationKind::Roadside => TrackKind::Vehicle,
    }
}

/// A station without a sample for longer than this has left.
const PRESENT_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::town;

    #[test]
    fn a_trace_makes_a_map_of_its_stations() {
        let plane = Plane::new(town::ORIGIN.0, town::ORIGIN.1).unwrap();
        let map = of_trace(&town::trace(), &plane, u64::MAX, |station| (station == 1).then_some(0.5));
        assert_eq!(map.tracks.len(), town::trace().stations());
        assert_eq!((map.tracks[0].missed, map.tracks[1].missed), (None, Some(0.5)));
        let inside = |&(x, y): &(f64, f64)| (-1.0..=651.0).contains(&x) && (-1.0..=651.0).contains(&y);
        assert!(map.tracks.iter().all(|track| !track.points.is_empty() && track.points.iter().all(inside)));
        let times: Vec<_> = map.moments.iter().map(|moment| moment.time_s).collect();
        assert!(times.len() == MOST_MOMENTS && times[0] == 0.0 && times.is_sorted(), "{times:?}");
        for moment in &map.moments {
            assert!(!moment.places.is_empty() && moment.places.len() <= map.tracks.len());
            for (track, place) in &moment.places {
                assert!(
                    map.tracks[*track].points.contains(place),
                    "{} at {}",
                    map.tracks[*track].name,
                    moment.time_s
                );
            }
        }
    }

    #[test]
    fn a_run_that_ends_before_its_trace_has_a_map_of_what_was_run() {
        let plane = Plane::new(town::ORIGIN.0, town::ORIGIN.1).unwrap();
        let trace = town::trace();
        let of = |run_ns| of_trace(&trace, &plane, run_ns, |_| None);
        let (whole, part) = (of(u64::MAX), of(15_000_000_000));
        assert!(
            part.moments.iter().all(|moment| moment.time_s <= 15.0) && part.moments.len() == MOST_MOMENTS
        );
        assert!(part.tracks.len() < whole.tracks.len());
        let points = |map: &MapData| map.tracks.iter().map(|track| track.points.len()).sum::<usize>();
        assert_eq!(
            points(&part),
            trace.samples.iter().filter(|sample| sample.time_ns <= 15_000_000_000).count()
        );
        assert!(part.tracks.iter().all(|track| !track.points.is_empty()));
    }
}
