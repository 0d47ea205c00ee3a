//! Relevance of an event: by distance, and by the station's direction towards it.

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_proto::v1::RelevanceDirection;

use super::command::DEFAULT_RELEVANCE_M;
use super::known::KnownHazard;
use crate::base::{Fix, Plane, Position, STANDING, Velocity, WireTime, heading_difference};
use crate::forward::Area;

/// Our track: where the station is, how it moves and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The plane about our position.
    pub here: Plane,
    /// Metres per second east and north; zero while it stands or its motion is not known.
    pub velocity: Velocity,
    /// 0.1 degree; while it stands, the last known one.
    pub heading: Option<u16>,
    /// Past positions, the latest first.
    pub path: &'a [Position],
}

/// Where the station is, as seen from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Coming up to it from behind.
    Upstream,
    /// Ahead of it, or past it.
    Downstream,
    /// In the opposite traffic.
    Opposite,
    /// On a crossing road.
    Crossing,
    /// Our heading is not known.
    Unknown,
}

/// Places the station has passed, thinned out.
#[derive(Clone, Debug, Default)]
pub struct OwnPath {
    places: ArrayVec<Position, PATH_PLACES>,
}

impl OwnPath {
    /// Takes a position.
    pub fn moved(&mut self, fix: &Fix) {
        let apart = |last: &Position| last.distance_m(fix.position);
        match self.places.first().map(apart) {
            Some(metres) if metres < PATH_STEP_M => return,
            // A jump is not part of a track.
            Some(metres) if metres > PATH_JUMP_M => self.places.clear(),
            _ => {}
        }
        if self.places.is_full() {
            self.places.pop();
        }
        self.places.insert(0, fix.position);
    }

    /// Our track as of `fix`, whose heading is the [held](crate::HeldHeading) one.
    #[must_use]
    pub fn course(&self, fix: &Fix) -> Course<'_> {
        let moving = fix.speed.filter(|speed| *speed >= STANDING).zip(fix.heading);
        Course {
            here: Plane::at(fix.position),
            velocity: moving.map_or((0.0, 0.0), |(speed, heading)| crate::base::velocity(speed, heading)),
            heading: fix.heading,
            path: &self.places,
        }
    }
}

/// Where an event is at `now`, metres east and north of our position, and its velocity.
///
/// It is extrapolated for [`RECKONING`] at most.
#[must_use]
pub fn offset(course: &Course<'_>, event: &KnownHazard, now: WireTime) -> ((f64, f64), Velocity) {
    let moving = event.speed.filter(|speed| *speed >= STANDING).zip(event.heading);
    let velocity = moving.map_or((0.0, 0.0), |(speed, heading)| crate::base::velocity(speed, heading));
    let seconds = now.since(event.reference).min(RECKONING).as_secs_f64();
    let (east, north) = course.here.offset(event.position);
    ((east + velocity.0 * seconds, north + velocity.1 * seconds), velocity)
}

/// Where the station is, as seen from an event.
#[must_use]
pub fn side(course: &Course<'_>, event: &KnownHazard, now: WireTime) -> Side {
    let Some(heading) = course.heading else { return Side::Unknown };
    let ((east, north), _) = offset(course, event, now);
    let (sin, cos) = (f64::from(heading) * 0.1).to_radians().sin_cos();
    let ahead = east * sin + north * cos;
    let place = course.here.origin().moved(east, north);
    let passed = course.path.iter().any(|was| was.distance_m(place) < PASSED_M) && ahead < PASSED_M;
    let along = match event.heading.map(|its| heading_difference(its, heading)) {
        Some(difference) if difference > OPPOSITE => return Side::Opposite,
        Some(difference) => difference < SAME,
        None => true,
    };
    match along {
        _ if passed => Side::Downstream,
        true if ahead < 0.0 => Side::Downstream,
        true => Side::Upstream,
        false => Side::Crossing,
    }
}

/// Whether the station is near enough to an event and in the traffic it addresses.
///
/// Traffic on a crossing road may turn either way, and a station that does not know its heading cannot tell: both count
/// as addressed.
#[must_use]
pub fn is_relevant(course: &Course<'_>, event: &KnownHazard, now: WireTime) -> bool {
    let ((east, north), _) = offset(course, event, now);
    let reach = event.relevance_distance_m.or(event.area.is_none().then_some(DEFAULT_RELEVANCE_M));
    let near = reach.is_none_or(|reach| east.hypot(north) <= f64::from(reach));
    let inside = event.area.as_ref().is_none_or(|area| Area::new(area).contains(course.here.origin()));
    if !near || !inside {
        return false;
    }
    let meant = match event.relevance_direction {
        RelevanceDirection::Unspecified => return true,
        RelevanceDirection::Upstream => Side::Upstream,
        RelevanceDirection::Downstream => Side::Downstream,
        RelevanceDirection::Opposite => Side::Opposite,
    };
    let side = side(course, event, now);
    side == meant || matches!(side, Side::Crossing | Side::Unknown)
}

/// A moving event is extrapolated for this long: later, it will have turned or stopped.
pub const RECKONING: Duration = Duration::from_secs(10);

/// 0.1 degree: closer headings are one direction, and beyond the other bound the opposite one.
pub(super) const SAME: u16 = 450;

pub(super) const OPPOSITE: u16 = 1350;

/// Within this distance of our path, an event counts as passed: a carriageway's width.
const PASSED_M: f64 = 15.0;

/// Half a kilometre of track, in steps shorter than twice the passing distance.
const PATH_PLACES: usize = 25;

const PATH_STEP_M: f64 = 20.0;

const PATH_JUMP_M: f64 = 500.0;

#[cfg(test)]
mod tests {
    use super::super::testing::{HERE, event, fix};
    use super::*;

    const NOW: WireTime = WireTime::from_secs(1000);

    fn side_of(event: &KnownHazard, heading: u16, came_from: &[f64]) -> Side {
        let mut path = OwnPath::default();
        for metres in came_from {
            path.moved(&fix(HERE.moved(0.0, *metres), 1500, heading));
        }
        let fix = fix(HERE, 1500, heading);
        path.moved(&fix);
        side(&path.course(&fix), event, NOW)
    }

    fn at(east: f64, north: f64, heading: Option<u16>) -> KnownHazard {
        KnownHazard { heading, ..event(HERE.moved(east, north)) }
    }

    #[test]
    fn traffic_is_before_past_against_or_across_an_event() {
        let ahead = at(0.0, 300.0, Some(0));
        assert_eq!(side_of(&ahead, 0, &[]), Side::Upstream);
        assert_eq!(side_of(&ahead, 1800, &[]), Side::Opposite);
        assert_eq!(side_of(&ahead, 900, &[]), Side::Crossing);
        assert_eq!(side_of(&at(0.0, -300.0, Some(0)), 0, &[]), Side::Downstream);
        assert_eq!(side_of(&at(0.0, 300.0, None), 3590, &[]), Side::Upstream);
        assert_eq!(side_of(&at(0.0, -300.0, None), 10, &[]), Side::Downstream);
    }

    #[test]
    fn what_lies_on_the_own_path_was_passed_whatever_the_heading_now() {
        // It came from the north, turned east and stands across: the event is on the way it came.
        let came = [200.0, 160.0, 120.0, 80.0, 40.0];
        assert_eq!(side_of(&at(0.0, 120.0, Some(1800)), 900, &came), Side::Downstream);
        assert_eq!(side_of(&at(60.0, 120.0, Some(1800)), 900, &came), Side::Crossing, "beside it");
    }

    #[test]
    fn distance_and_direction_decide_for_whom_an_event_is_meant() {
        let path = OwnPath::default();
        let relevant =
            |event: &KnownHazard, heading| is_relevant(&path.course(&fix(HERE, 1500, heading)), event, NOW);
        let near = KnownHazard { relevance_distance_m: Some(400), ..at(0.0, 300.0, Some(0)) };
        let far = KnownHazard { relevance_distance_m: Some(200), ..near };
        assert!(relevant(&near, 0) && !relevant(&far, 0));
        let meant = |relevance_direction| KnownHazard { relevance_direction, ..near };
        let upstream = meant(RelevanceDirection::Upstream);
        assert!(relevant(&upstream, 0) && !relevant(&upstream, 1800) && relevant(&upstream, 900));
        let opposite = meant(RelevanceDirection::Opposite);
        assert!(!relevant(&opposite, 0) && relevant(&opposite, 1800));
        let downstream = meant(RelevanceDirection::Downstream);
        assert!(!relevant(&downstream, 0));
        assert!(relevant(&KnownHazard { position: HERE.moved(0.0, -300.0), ..downstream }, 0));
    }

    #[test]
    fn an_area_decides_when_no_distance_is_said() {
        let path = OwnPath::default();
        let area = |metres| {
            let place = HERE.moved(0.0, 3_000.0);
            Some(v2x_proto::AreaView {
                latitude: place.latitude,
                longitude: place.longitude,
                shape: v2x_proto::Shape::Circle,
                distance_a_m: metres,
                distance_b_m: 0,
                azimuth_deg: 0,
            })
        };
        let event = |metres| KnownHazard { area: area(metres), ..at(0.0, 3_000.0, None) };
        let relevant = |event: &KnownHazard| is_relevant(&path.course(&fix(HERE, 1500, 0)), event, NOW);
        assert!(relevant(&event(3_100)) && !relevant(&event(2_900)));
        assert!(!relevant(&at(0.0, 1_100.0, None)), "a kilometre unless it says otherwise");
    }

    #[test]
    fn a_standing_station_has_a_heading_and_no_velocity() {
        let path = OwnPath::default();
        let course = path.course(&fix(HERE, STANDING - 1, 900));
        assert_eq!((course.heading, course.velocity), (Some(900), (0.0, 0.0)));
    }

    #[test]
    fn the_path_is_bounded_and_a_jump_begins_it_anew() {
        let mut path = OwnPath::default();
        for n in 0..1000 {
            path.moved(&fix(HERE.moved(0.0, f64::from(n) * 5.0), 1500, 0));
        }
        assert_eq!(path.places.len(), PATH_PLACES);
        path.moved(&fix(HERE.moved(9_000.0, 0.0), 1500, 0));
        assert_eq!(path.places.len(), 1);
    }
}
