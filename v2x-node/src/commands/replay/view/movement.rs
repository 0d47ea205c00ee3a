//! The movement of a trace as lines of the page.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use v2x_core::Position;
use v2x_replay::geodesy::Plane;
use v2x_replay::source::{Sample, StationKind, Trace, Track, town};

use super::story::Lines;

/// How long a trace is shown, and how often its places are told: the page draws the way between two of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) duration_s: f64,
    step_s: f64,
}

impl Span {
    /// As often as the page has room for, so many stations over so long a time.
    pub(super) fn new(duration_s: f64, stations: usize) -> Self {
        let places = duration_s / SHORTEST_STEP_S * stations as f64;
        Self { duration_s, step_s: SHORTEST_STEP_S * (places / MOST_PLACES).ceil().max(1.0) }
    }

    /// The times at which places are told.
    fn times(self) -> impl Iterator<Item = f64> {
        let steps = (self.duration_s / self.step_s).floor() as u64;
        (0..=steps).map(move |step| step as f64 * self.step_s)
    }
}

/// Tells where each station of the trace is, when it comes and when it leaves. A trace that is shorter than the span begins anew, as
/// the demo's does. `ratios` are the shares of messages that stations got, by name.
pub(super) fn tell(trace: &Trace, span: Span, ratios: &BTreeMap<String, f64>, lines: &mut Lines) {
    let tracks = trace.tracks();
    let length_ns = (trace.duration().as_nanos() as u64).max(1);
    let mut present = vec![false; tracks.len()];
    for t_s in span.times() {
        let at_ns = (t_s * 1e9) as u64;
        let into_ns = if at_ns > length_ns { at_ns % length_ns } else { at_ns };
        let mut moves = Vec::new();
        for (track, present) in tracks.iter().zip(&mut present) {
            let sample = within(track, into_ns).then(|| track.at(into_ns)).flatten();
            match sample {
                Some(sample) if *present => moves.push(moved(&sample)),
                Some(sample) => lines.push(
                    t_s,
                    json!({ "watch": "neighbour", "change": "new", "neighbour": station(trace, &sample, ratios) }),
                ),
                None if *present => lines.push(
                    t_s,
                    json!({ "watch": "neighbour", "change": "lost", "neighbour": { "digest": digest(track.station) } }),
                ),
                None => {}
            }
            *present = sample.is_some();
        }
        if !moves.is_empty() {
            lines.push(t_s, json!({ "watch": "moves", "moves": moves }));
        }
    }
}

fn within(track: &Track, at_ns: u64) -> bool {
    (track.enter_ns()..=track.leave_ns()).contains(&at_ns)
}

/// The lanes of the town that is compiled in, where this is its trace; else the ways that stations took.
pub(super) fn roads(trace: &Trace) -> Vec<Vec<[f64; 2]>> {
    let known = town::trace();
    if trace.names == known.names && trace.samples.len() == known.samples.len() {
        return town_lanes();
    }
    let mut ways: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut room = MOST_ROAD_POINTS;
    for track in trace.tracks() {
        let mut way: Vec<[f64; 2]> = Vec::new();
        let mut last: Option<Position> = None;
        for sample in &track.samples {
            let place = sample.point();
            if last.is_none_or(|last| last.distance_m(place) > ROAD_STEP_M) && room > 0 {
                way.push(degrees(place));
                last = Some(place);
                room -= 1;
            }
        }
        if way.len() > 1 {
            ways.push(way);
        }
    }
    ways
}

/// The lanes of the demo's town.
pub(crate) fn town_lanes() -> Vec<Vec<[f64; 2]>> {
    let Some(plane) = Plane::new(town::ORIGIN.0, town::ORIGIN.1) else { return Vec::new() };
    let lane = |lane: Vec<(f64, f64)>| {
        lane.into_iter().filter_map(|(x, y)| plane.point(x, y).map(degrees)).collect()
    };
    town::lanes().into_iter().map(lane).collect()
}

/// A unit that stands somewhere, as the page is told of it.
pub(super) fn unit(number: usize, name: &str, place: Position) -> Value {
    let [latitude, longitude] = degrees(place);
    json!({
        "digest": format!("unit {number}"), "name": name, "station_type": "roadside_unit", "role": "roadside", "fixed": true,
        "latitude_deg": latitude, "longitude_deg": longitude,
    })
}

fn station(trace: &Trace, sample: &Sample, ratios: &BTreeMap<String, f64>) -> Value {
    let name = trace.name(sample.station);
    let kind = trace.kinds.get(sample.station as usize).copied().unwrap_or_default();
    let [latitude, longitude] = degrees(sample.point());
    let mut told = json!({
        "digest": digest(sample.station), "station_type": station_type(kind), "role": role(kind),
        "latitude_deg": latitude, "longitude_deg": longitude,
    });
    if let Some(ratio) = ratios.get(&name) {
        told["delivery_ratio"] = json!(ratio);
    }
    told["name"] = json!(name);
    if let Some(speed) = sample.speed {
        told["speed_m_s"] = json!(f64::from(speed) / 100.0);
    }
    if let Some(heading) = sample.heading {
        told["heading_deg"] = json!(f64::from(heading) / 10.0);
    }
    told
}

/// Digest, latitude, longitude, speed, heading.
fn moved(sample: &Sample) -> Value {
    let [latitude, longitude] = degrees(sample.point());
    let speed = sample.speed.map(|speed| f64::from(speed) / 100.0);
    let heading = sample.heading.map(|heading| (f64::from(heading) / 10.0).round());
    json!([digest(sample.station), latitude, longitude, speed, heading])
}

/// A trace has names, not credentials; the number is shorter in each line.
fn digest(station: u32) -> String {
    station.to_string()
}

fn degrees(place: Position) -> [f64; 2] {
    [place.latitude, place.longitude].map(|units| f64::from(units) / 1e7)
}

/// Named as in the schema.
fn station_type(kind: StationKind) -> &'static str {
    match kind {
        StationKind::Passenger => "passenger_car",
        StationKind::Bus => "bus",
        StationKind::Truck => "heavy_truck",
        StationKind::Motorcycle => "motorcycle",
        StationKind::Bicycle => "cyclist",
        StationKind::Pedestrian => "pedestrian",
        StationKind::Tram | StationKind::Train => "tram",
        StationKind::Emergency => "special_vehicle",
        StationKind::Roadside => "roadside_unit",
    }
}

/// As a neighbour's, and `emergency`, which a live station shows by its permissions.
fn role(kind: StationKind) -> &'static str {
    match kind {
        StationKind::Bicycle | StationKind::Pedestrian => "vru",
        StationKind::Roadside => "roadside",
        StationKind::Emergency => "emergency",
        StationKind::Passenger
        | StationKind::Bus
        | StationKind::Truck
        | StationKind::Motorcycle
        | StationKind::Tram
        | StationKind::Train => "vehicle",
    }
}

const SHORTEST_STEP_S: f64 = 0.5;
/// Places told in all: some 20 megabytes of page.
const MOST_PLACES: f64 = 400_000.0;
/// A way is drawn from points so far from each other.
const ROAD_STEP_M: f64 = 8.0;
/// Points of all ways: a megabyte.
const MOST_ROAD_POINTS: usize = 40_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_trace_of_many_stations_is_told_less_often() {
        assert_eq!(Span::new(60.0, 30).times().take(3).collect::<Vec<_>>(), [0.0, 0.5, 1.0]);
        let long = Span::new(3_600.0, 5_000);
        let places = long.times().count() as f64 * 5_000.0;
        assert!(places <= MOST_PLACES + 5_000.0, "{places}");
        assert_eq!(Span::new(0.0, 0).times().count(), 1);
    }

    #[test]
    fn the_town_has_lanes_and_another_trace_the_ways_of_its_stations() {
        let trace = town::trace();
        assert_eq!(roads(&trace), town_lanes());
        let mut other = trace;
        other.names[0].push('x');
        let ways = roads(&other);
        assert!(ways.len() > 20 && ways.iter().all(|way| way.len() > 1), "{}", ways.len());
    }
}
