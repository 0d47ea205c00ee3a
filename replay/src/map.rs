//! The map of a trace, for the page of its run.

use crate::geodesy::Plane;
use crate::source::{StationKind, Trace};
use v2x_report::html::{MapData, TrackKind, TrackLine, UnitMark};

/// The tracks of a trace on a plane, with the share of messages that each of its stations missed; the caller adds lanes
/// and units, on the same plane.
pub fn of_trace(trace: &Trace, plane: &Plane, missed: impl Fn(u32) -> Option<f64>) -> MapData {
    let mut points = vec![Vec::new(); trace.stations()];
    for sample in &trace.samples {
        if let Some(points) = points.get_mut(sample.station as usize) {
            points.push(plane.metres(sample.point()));
        }
    }
    let mut map = MapData::default();
    for (((name, kind), points), station) in trace.names.iter().zip(&trace.kinds).zip(points).zip(0..) {
        match (kind, points.first()) {
            (StationKind::Roadside, Some(position)) => {
                map.units.push(UnitMark { name: name.clone(), position: *position });
            }
            _ => {
                let (name, kind, missed) = (name.clone(), track_kind(*kind), missed(station));
                map.tracks.push(TrackLine { name, kind, missed, points });
            }
        }
    }
    map
}

fn track_kind(kind: StationKind) -> TrackKind {
    match kind {
        StationKind::Bicycle | StationKind::Pedestrian => TrackKind::Vulnerable,
        StationKind::Passenger
        | StationKind::Bus
        | StationKind::Truck
        | StationKind::Tram
        | StationKind::Emergency
        | StationKind::Motorcycle
        | StationKind::Roadside => TrackKind::Vehicle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::town;

    #[test]
    fn a_trace_makes_a_map_of_its_stations() {
        let plane = Plane::new(town::ORIGIN.0, town::ORIGIN.1).unwrap();
        let map = of_trace(&town::trace(), &plane, |station| (station == 1).then_some(0.5));
        assert_eq!(map.tracks.len(), town::trace().stations());
        assert_eq!((map.tracks[0].missed, map.tracks[1].missed), (None, Some(0.5)));
        let inside = |&(x, y): &(f64, f64)| (-1.0..=651.0).contains(&x) && (-1.0..=651.0).contains(&y);
        assert!(map.tracks.iter().all(|track| !track.points.is_empty() && track.points.iter().all(inside)));
    }
}
