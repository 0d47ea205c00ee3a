//! Conflict estimate: whether, where and when an event and this station meet if neither changes course.
//!
//! Both continue along straight lines; an emergency-braking vehicle brakes to a halt. That covers a stationary event
//! ahead on our course, an oncoming wrong-way driver, a braking vehicle ahead, crossing courses and an emergency
//! vehicle that comes up from behind. It is a hint for drivers and driver assistance, not a collision avoidance system:
//! it has no map.

use core::time::Duration;

use super::known::{Concern, EventState, KnownHazard};
use super::relevance::{Course, SAME};
use v2x_proto::cause;

use super::relevance;
use crate::base::{STANDING, Velocity, WireTime, heading_difference};

/// Whether an event concerns a station on its course, as of `now`.
#[must_use]
pub fn concern(course: &Course<'_>, event: &KnownHazard, now: WireTime) -> Option<Concern> {
    if event.state != EventState::Active
        || event.valid_until <= now
        || !relevance::is_relevant(course, event, now)
    {
        return None;
    }
    let (place, velocity) = relevance::offset(course, event, now);
    let distance = place.0.hypot(place.1);
    let seconds = match brakes_ahead(course, event, place) {
        Some(gap) => {
            let (own, its) = (length(course.velocity), length(velocity));
            Some(until_caught_up(gap, own, its)).filter(|seconds| *seconds <= HORIZON_S)
        }
        None => meeting(place, relative(course.velocity, velocity), &tolerance(course, event, velocity)),
    }?;
    let at = course.here.origin().moved(course.velocity.0 * seconds, course.velocity.1 * seconds);
    Some(Concern {
        time_to_conflict: Duration::try_from_secs_f64(seconds).ok(),
        distance_m: distance as f32,
        at,
    })
}

/// How near two courses must come to each other to count as meeting, and within what time.
#[derive(Clone, Copy, Debug)]
struct Tolerance {
    metres: f64,
    /// Added for each metre of distance: headings are known to a few degrees, and roads bend.
    slope: f64,
    most: f64,
    seconds: f64,
}

fn tolerance(course: &Course<'_>, event: &KnownHazard, velocity: Velocity) -> Tolerance {
    if event.cause == cause::EMERGENCY_VEHICLE {
        return EMERGENCY;
    }
    let crossing = velocity != (0.0, 0.0)
        && event.heading.zip(course.heading).is_some_and(|(its, own)| {
            let difference = heading_difference(its, own);
            (SAME..=relevance::OPPOSITE).contains(&difference)
        });
    if crossing { CROSSING } else { CORRIDOR }
}

/// Seconds until two points are nearest to each other, when that is near enough and soon enough.
///
/// `place` is where the other is, `velocity` how it moves relative to this station.
fn meeting(place: (f64, f64), velocity: Velocity, tolerance: &Tolerance) -> Option<f64> {
    let speed_2 = velocity.0 * velocity.0 + velocity.1 * velocity.1;
    if speed_2 < MIN_CLOSING * MIN_CLOSING {
        return None;
    }
    let seconds = -(place.0 * velocity.0 + place.1 * velocity.1) / speed_2;
    let miss = (place.0 + velocity.0 * seconds).hypot(place.1 + velocity.1 * seconds);
    let allowed = (tolerance.metres + tolerance.slope * place.0.hypot(place.1)).min(tolerance.most);
    let meets = (0.0..=tolerance.seconds).contains(&seconds) && miss <= allowed;
    meets.then_some(seconds)
}

/// Metres to an emergency-braking vehicle ahead in our direction.
fn brakes_ahead(course: &Course<'_>, event: &KnownHazard, place: (f64, f64)) -> Option<f64> {
    let brakes = event.cause == cause::DANGEROUS_SITUATION && event.sub_cause == cause::EMERGENCY_BRAKE;
    let (own, its) = course.heading.zip(event.heading)?;
    if !brakes || heading_difference(own, its) >= SAME || length(course.velocity) < f64::from(STANDING) * 0.01
    {
        return None;
    }
    let (sin, cos) = (f64::from(own) * 0.1).to_radians().sin_cos();
    let (ahead, across) = (place.0 * sin + place.1 * cos, place.0 * cos - place.1 * sin);
    let allowed = (CORRIDOR.metres + CORRIDOR.slope * ahead).min(CORRIDOR.most);
    (ahead > 0.0 && across.abs() <= allowed).then_some(ahead)
}

/// Seconds until a station at constant speed `own` has made up `gap` metres to one that brakes from `its`, m/s.
fn until_caught_up(gap: f64, own: f64, its: f64) -> f64 {
    let stops_after = its / EMERGENCY_BRAKING;
    let faster = own - its;
    let seconds = ((faster * faster + 2.0 * EMERGENCY_BRAKING * gap).sqrt() - faster) / EMERGENCY_BRAKING;
    if seconds <= stops_after { seconds } else { (gap + its * stops_after / 2.0) / own }
}

fn relative(own: Velocity, its: Velocity) -> Velocity {
    (its.0 - own.0, its.1 - own.1)
}

fn length(velocity: Velocity) -> f64 {
    velocity.0.hypot(velocity.1)
}

/// Beyond a minute no motion can be extrapolated.
const HORIZON_S: f64 = 60.0;

/// A station that closes more slowly than this, m/s, keeps its distance as far as positions tell.
const MIN_CLOSING: f64 = 0.5;

/// The least braking that electronic brake lights stand for (SAE J2945/1 `eventHardBraking`: 0.4 g), m/s^2.
const EMERGENCY_BRAKING: f64 = 4.0;

/// A carriageway of three lanes, and two degrees of heading.
const CORRIDOR: Tolerance = Tolerance { metres: 10.0, slope: 0.03, most: 30.0, seconds: HORIZON_S };

/// Crossing courses: two vehicle lengths and the error of two positions; within ten seconds a driver decides again.
const CROSSING: Tolerance = Tolerance { metres: 12.0, slope: 0.0, most: 12.0, seconds: 10.0 };

/// Every driver makes way, on whatever lane, within half a minute (TS 101 539-1: 30 s ahead).
const EMERGENCY: Tolerance = Tolerance { metres: 20.0, slope: 0.05, most: 50.0, seconds: 30.0 };

#[cfg(test)]
mod tests {
    use super::super::relevance::OwnPath;
    use super::super::testing::{HERE, event, fix};
    use super::*;
    use crate::base::Position;
    use proptest::prelude::*;

    const NOW: WireTime = WireTime::from_secs(1000);

    /// Seconds to the conflict of a station at 20 m/s to the north.
    fn seconds(event: &KnownHazard) -> Option<f64> {
        seconds_at(HERE, 2000, event)
    }

    fn seconds_at(place: Position, speed: u16, event: &KnownHazard) -> Option<f64> {
        let path = OwnPath::default();
        let concern = concern(&path.course(&fix(place, speed, 0)), event, NOW)?;
        Some(concern.time_to_conflict.unwrap().as_secs_f64())
    }

    fn moving(cause: u8, east: f64, north: f64, speed: u16, heading: u16) -> KnownHazard {
        KnownHazard { cause, speed: Some(speed), heading: Some(heading), ..event(HERE.moved(east, north)) }
    }

    fn close(seconds: Option<f64>, expected: f64) -> bool {
        seconds.is_some_and(|seconds| (seconds - expected).abs() < 0.05 * expected.max(1.0))
    }

    #[test]
    fn a_stationary_event_ahead_on_the_own_course_concerns() {
        let at = |east, north| event(HERE.moved(east, north));
        assert!(close(seconds(&at(0.0, 400.0)), 20.0));
        assert!(close(seconds(&at(12.0, 400.0)), 20.0), "the next lane but one, by a heading a little off");
        assert_eq!(seconds(&at(60.0, 400.0)), None, "beside the road");
        assert_eq!(seconds(&at(0.0, -30.0)), None, "behind");
        assert_eq!(seconds(&at(0.0, 1_200.0)), None, "farther than it matters");
        assert_eq!(seconds_at(HERE, 0, &at(0.0, 400.0)), None, "who stands does not get there");
    }

    #[test]
    fn the_place_of_the_conflict_is_where_the_station_will_be() {
        let path = OwnPath::default();
        let concern =
            concern(&path.course(&fix(HERE, 2000, 0)), &event(HERE.moved(0.0, 400.0)), NOW).unwrap();
        assert!((concern.distance_m - 400.0).abs() < 0.1);
        assert!(concern.at.distance_m(HERE.moved(0.0, 400.0)) < 1.0);
    }

    #[test]
    fn an_oncoming_wrong_way_driver_concerns_and_one_that_drove_by_does_not() {
        let at = |north| moving(cause::WRONG_WAY_DRIVER, 3.0, north, 3000, 1800);
        assert!(close(seconds(&at(500.0)), 10.0));
        assert!(close(seconds_at(HERE, 0, &at(600.0)), 20.0), "standing as well");
        assert_eq!(seconds(&at(-50.0)), None);
    }

    #[test]
    fn an_event_that_moves_is_reckoned_on_from_its_reference_time() {
        let said = moving(cause::WRONG_WAY_DRIVER, 0.0, 500.0, 3000, 1800);
        let now = said.reference + Duration::from_secs(5);
        let path = OwnPath::default();
        let concern = concern(&path.course(&fix(HERE, 2000, 0)), &said, now).unwrap();
        assert!((concern.distance_m - 350.0).abs() < 1.0, "{concern:?}");
    }

    #[test]
    fn a_vehicle_braking_ahead_in_the_own_direction_concerns() {
        let brake = |east, north, speed, heading| KnownHazard {
            sub_cause: cause::EMERGENCY_BRAKE,
            ..moving(cause::DANGEROUS_SITUATION, east, north, speed, heading)
        };
        // As fast as we are, 50 m ahead: 2 t^2 = 50 m.
        assert!(close(seconds(&brake(0.0, 50.0, 2000, 0)), 5.0));
        // It stands after 50 m; we are 150 m behind that place.
        assert!(close(seconds(&brake(0.0, 150.0, 2000, 0)), 10.0));
        assert!(close(seconds(&brake(0.0, 100.0, 0, 0)), 5.0), "it stands already");
        assert_eq!(seconds(&brake(0.0, -50.0, 2000, 0)), None, "behind us");
        assert_eq!(
            seconds(&brake(3.5, 50.0, 2000, 1800)).map(|s| s > 1.0),
            Some(true),
            "it comes towards us"
        );
        assert_eq!(seconds(&brake(50.0, 50.0, 2000, 0)), None, "another road");
    }

    #[test]
    fn crossing_courses_concern_when_they_meet_at_one_time() {
        // From the right, as far from the crossing as we are and as fast.
        let from_right = |east, speed| moving(cause::COLLISION_RISK, east, 100.0, speed, 2700);
        assert!(close(seconds(&from_right(100.0, 2000)), 5.0));
        assert_eq!(seconds(&from_right(180.0, 2000)), None, "we are through before");
        assert_eq!(seconds(&from_right(100.0, 500)), None, "it is too slow for us");
        let far = moving(cause::COLLISION_RISK, 300.0, 300.0, 2000, 2700);
        assert_eq!(seconds(&far), None, "in 15 s courses have changed");
    }

    #[test]
    fn an_emergency_vehicle_from_behind_concerns_and_one_that_leaves_does_not() {
        let at = |east, north, speed, heading| moving(cause::EMERGENCY_VEHICLE, east, north, speed, heading);
        assert!(close(seconds(&at(3.0, -150.0, 3500, 0)), 10.0));
        assert!(close(seconds_at(HERE, 0, &at(8.0, -350.0, 3500, 0)), 10.0), "in a queue");
        assert_eq!(seconds(&at(3.0, 150.0, 3500, 0)), None, "it is ahead and faster");
        assert_eq!(seconds(&at(3.0, -150.0, 1000, 0)), None, "it is slower");
        assert!(close(seconds(&at(3.0, 500.0, 3000, 1800)), 10.0), "it comes towards us");
    }

    #[test]
    fn both_sides_of_the_antimeridian_are_one_road() {
        let west = Position { latitude: -170_000_000, longitude: 1_799_990_000 };
        let path = OwnPath::default();
        let eastbound = path.course(&fix(west, 2000, 900)).to_owned();
        let ahead = event(west.moved(400.0, 0.0));
        assert!(ahead.position.longitude < 0);
        let found = concern(&eastbound, &ahead, NOW).unwrap();
        assert!(close(found.time_to_conflict.map(|time| time.as_secs_f64()), 20.0), "{found:?}");
        assert!(found.at.longitude < 0);
        let wrong_way =
            KnownHazard { cause: cause::WRONG_WAY_DRIVER, speed: Some(2000), heading: Some(2700), ..ahead };
        let found = concern(&eastbound, &wrong_way, NOW).unwrap();
        assert!(close(found.time_to_conflict.map(|time| time.as_secs_f64()), 10.0), "{found:?}");
    }

    #[test]
    fn what_has_ended_concerns_nobody() {
        let ahead = event(HERE.moved(0.0, 400.0));
        assert_eq!(seconds(&KnownHazard { state: EventState::Cancelled, ..ahead }), None);
        assert_eq!(seconds(&KnownHazard { valid_until: NOW, ..ahead }), None);
    }

    proptest! {
        #[test]
        fn no_event_and_no_course_make_it_panic(
            lat in -900_000_000i32..=900_000_000, lon in -1_800_000_000i32..=1_800_000_000,
            own in (-900_000_000i32..=900_000_000, -1_800_000_000i32..=1_800_000_000, 0u16..16_383, 0u16..3600),
            cause in 1u8.., sub_cause in 0u8..3, speed in proptest::option::of(0u16..=16_382),
            heading in proptest::option::of(0u16..3600), relevance in proptest::option::of(1u16..)
        ) {
            let place = Position { latitude: lat, longitude: lon };
            let event = KnownHazard { cause, sub_cause, speed, heading, relevance_distance_m: relevance, ..event(place) };
            let mut path = OwnPath::default();
            let fix = fix(Position { latitude: own.0, longitude: own.1 }, own.2, own.3);
            path.moved(&fix);
            if let Some(concern) = concern(&path.course(&fix), &event, NOW) {
                prop_assert!(concern.distance_m.is_finite());
            }
        }

        #[test]
        fn the_conflict_turns_with_the_world(turn in 0u16..3600, east in -400.0..400.0f64, north in -400.0..400.0f64, its in 0u16..3600) {
            // The same scene turned about the station has the same outcome.
            let (sin, cos) = (f64::from(turn) * 0.1).to_radians().sin_cos();
            let path = OwnPath::default();
            let look = |east, north, own: u16, its: u16| {
                let event = moving(cause::COLLISION_RISK, east, north, 1500, its);
                concern(&path.course(&fix(HERE, 2000, own)), &event, NOW).map(|found| found.time_to_conflict)
            };
            let straight = look(east, north, 0, its);
            let turned = look(east * cos + north * sin, north * cos - east * sin, turn, (its + turn) % 3600);
            let near = |a: Duration, b: Duration| a.abs_diff(b) < Duration::from_millis(50);
            // At the very edge rounding to 1e-7 degree decides.
            if let (Some(Some(a)), Some(Some(b))) = (straight, turned) {
                prop_assert!(near(a, b), "{a:?} {b:?}");
            }
        }
    }
}
