//! The town's stations: vehicles of the compiled-in trace, and two roadside units at its central crossings.

use core::time::Duration;

use v2x_apps::roadside::content::{Advert, Content, Intersection, SignalGroup};
use v2x_core::{Fix, Instant, Position, Role, WireTime};
use v2x_proto::v1;
use v2x_replay::geodesy::Plane;
use v2x_replay::source::town::{self, Junction};
use v2x_replay::source::{Trace, Track};
use v2x_report::html::{MapData, UnitMark};

/// The scenario.
pub(crate) struct Town {
    trace: Trace,
    junctions: [Junction; 2],
}

impl Town {
    pub(crate) fn new() -> Self {
        Self { trace: town::trace(), junctions: town::signals() }
    }

    /// Vehicles first, then the units.
    pub(crate) fn stations(&self) -> u32 {
        (self.trace.stations() + self.junctions.len()) as u32
    }

    pub(crate) fn vehicles(&self) -> u32 {
        self.trace.stations() as u32
    }

    /// A vehicle's name in the trace, a unit's crossing.
    pub(crate) fn name(&self, number: u32) -> String {
        let unit = number.checked_sub(self.vehicles()).and_then(|unit| self.junctions.get(unit as usize));
        unit.map_or_else(|| self.trace.name(number), |junction| junction.name.to_owned())
    }

    pub(crate) fn role(&self, number: u32) -> Role {
        if number < self.vehicles() { Role::Vehicle } else { Role::Roadside }
    }

    /// The vehicle that is on the road for longest plays the ambulance.
    pub(crate) fn ambulance(&self) -> u32 {
        let tracks = self.trace.tracks();
        let longest = tracks
            .iter()
            .enumerate()
            .max_by_key(|(index, track)| (track.leave_ns() - track.enter_ns(), usize::MAX - index));
        longest.map_or(0, |(_, track)| track.station)
    }

    /// The vehicle nearest to the middle of the town at this time of the trace, of those that have been there for a while, where
    /// the trace has begun for long enough, and will be.
    pub(crate) fn central(&self, at: Duration) -> Option<u32> {
        let plane = Plane::new(town::ORIGIN.0, town::ORIGIN.1)?;
        let middle = plane.point(town::SIZE_M.0 / 2.0, town::SIZE_M.1 / 2.0)?;
        let length = self.trace.duration().as_nanos().max(1);
        let into = (at.as_nanos() % length) as u64;
        let while_ns = A_WHILE.as_nanos() as u64;
        let tracks = self.trace.tracks();
        let known = |track: &Track| {
            (track.enter_ns() + while_ns <= into || into < while_ns) && into + while_ns <= track.leave_ns()
        };
        let distances = tracks.iter().filter(|track| known(track)).filter_map(|track| {
            let sample = track.at(into)?;
            let place = Position { latitude: sample.latitude, longitude: sample.longitude };
            Some((place.distance_m(middle), track.station))
        });
        distances.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, number)| number)
    }

    /// Where the car that lies stands: beside the first crossing.
    pub(crate) fn kerb(&self) -> Position {
        position(&self.junctions[0]).moved(15.0, 15.0)
    }

    /// What a roadside unit sends: two groups that are green in turn.
    pub(crate) fn intersection(&self, number: u32) -> Option<(Content, String, v1::Position)> {
        let index = number.checked_sub(self.vehicles())? as usize;
        let junction = self.junctions.get(index)?;
        let position = position(junction);
        let group = |group, offset_ms| SignalGroup {
            group,
            green_ms: 12_000,
            yellow_ms: 3_000,
            red_ms: 15_000,
            offset_ms,
        };
        let plan = vec![group(1, 0), group(2, 15_000)];
        let intersection = Intersection::planned(1 + index as u32, position, plan);
        let description = "signal state".to_owned();
        let advert = Advert { service_id: INTERSECTION_SAFETY, description, channel: None, address: None };
        let config =
            Content { intersections: vec![intersection], adverts: vec![advert], ..Content::default() };
        let place = v1::Position {
            latitude: position.latitude,
            longitude: position.longitude,
            ..v1::Position::default()
        };
        Some((config, junction.name.to_owned(), place))
    }

    /// The map of a run of this length.
    pub(crate) fn map(&self, run: Duration, missed: impl Fn(u32) -> Option<f64>) -> MapData {
        let Some(plane) = Plane::new(town::ORIGIN.0, town::ORIGIN.1) else { return MapData::default() };
        let run_ns = u64::try_from(run.as_nanos()).unwrap_or(u64::MAX);
        let mut map = v2x_replay::map::of_trace(&self.trace, &plane, run_ns, missed);
        map.lanes = town::lanes();
        map.units = self
            .junctions
            .iter()
            .map(|junction| UnitMark { name: junction.name.to_owned(), position: (junction.x, junction.y) })
            .collect();
        map
    }
}

/// Plays one station's positions in real time, over and over.
pub(crate) struct Player {
    track: Option<Track>,
    fixed: Position,
    start: Instant,
    length: Duration,
    next: Instant,
}

impl Player {
    /// The station's positions from `start` on, each station at its own phase of the 100 ms.
    pub(crate) fn new(town: &Town, number: u32, start: Instant) -> Self {
        let track = town.trace.tracks().into_iter().find(|track| track.station == number);
        let junction =
            number.checked_sub(town.vehicles()).and_then(|index| town.junctions.get(index as usize));
        let phase = Duration::from_micros(u64::from(number) * 1_700 % 100_000);
        Self {
            track,
            fixed: junction.map(position).unwrap_or_default(),
            start: start + phase,
            length: town.trace.duration(),
            next: start,
        }
    }

    /// When the next position is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// The position at `now`; `None` while the vehicle is not in town.
    pub(crate) fn fix(&mut self, now: Instant, wire: WireTime) -> Option<Fix> {
        if now < self.start {
            // Its own phase begins a moment later than the run.
            self.next = self.start;
            return None;
        }
        let steps = now.nanos_since(self.start) / FIX_INTERVAL.as_nanos() as u64;
        self.next = self.start + FIX_INTERVAL * (steps as u32 + 1);
        let Some(track) = &self.track else {
            return Some(Fix {
                position: self.fixed,
                altitude_cm: None,
                speed: Some(0),
                heading: None,
                acceleration: None,
                yaw_rate: None,
                accuracy_cm: Some(50),
                time: wire,
            });
        };
        let length = self.length.as_nanos() as u64;
        let into = (steps * FIX_INTERVAL.as_nanos() as u64).checked_rem(length).unwrap_or(0);
        let sample = track.at(into)?;
        Some(Fix {
            position: Position { latitude: sample.latitude, longitude: sample.longitude },
            altitude_cm: None,
            speed: sample.speed,
            heading: sample.heading,
            acceleration: sample.acceleration,
            yaw_rate: None,
            accuracy_cm: Some(150),
            time: wire,
        })
    }
}

fn position(junction: &Junction) -> Position {
    Position { latitude: junction.point.latitude, longitude: junction.point.longitude }
}

const FIX_INTERVAL: Duration = Duration::from_millis(100);
/// IEEE 1609.12: intersection safety and awareness.
const INTERSECTION_SAFETY: u32 = 130;
/// A vehicle that is known to its neighbours.
const A_WHILE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_vehicle_is_in_the_middle_of_the_town_at_any_half_time() {
        let town = Town::new();
        for half_s in [2, 5, 10, 30, 50, 70, 600] {
            let number = town.central(Duration::from_secs(half_s));
            assert!(number.is_some_and(|number| number < town.vehicles()), "{half_s} s");
            assert_eq!(number, town.central(Duration::from_secs(half_s)));
        }
    }
}
