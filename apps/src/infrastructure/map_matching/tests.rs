use super::super::tests::{OTHER, PLACE, UNIT, at, by, fix_at, map_of, road};
use super::*;
use v2x_core::{Purpose, Stream};
use v2x_proto::Digest;
use v2x_proto::v1::{self, LaneKind};

fn known(lanes: Vec<v1::Lane>) -> Intersections {
    let mut known = Intersections::default();
    known.hear_map(&map_of(17, 3, lanes), by(UNIT), at(0).now).unwrap();
    known
}

fn lane(points: &[(i32, i32)]) -> v1::Lane {
    v1::Lane {
        lane: 1,
        kind: LaneKind::VehicleIngress as i32,
        delta_east_cm: points.iter().map(|point| point.0).collect(),
        delta_north_cm: points.iter().map(|point| point.1).collect(),
        ..v1::Lane::default()
    }
}

/// Fixes each 100 ms straight north at 10 m/s, starting `east` and `north` of the reference.
fn drive(known: &Intersections, east: f64, north: f64, metres: u32) -> Option<LaneMatch> {
    let mut matcher = Matcher::default();
    for step in 0..=metres {
        let place = PLACE.moved(east, north + f64::from(step));
        matcher.fix(Some(&fix_at(at(u64::from(step) * 100), place, 1000)), known);
    }
    matcher.matched().copied()
}

#[test]
fn distance_and_side_are_measured_along_a_bent_lane() {
    // From the stop line 10 m south, 50 m south, then 50 m west.
    let lane = Lane::entering(&lane(&[(0, -1_000), (0, -5_000), (-5_000, 0)])).unwrap();
    let before_bend = lane.project(1.0, -30.0).unwrap();
    assert!((before_bend.along_m - 20.0).abs() < 1e-9 && (before_bend.offset_m - 1.0).abs() < 1e-9);
    // Eastbound beyond the bend: north is to the left.
    let beyond_bend = lane.project(-40.0, -58.0).unwrap();
    assert!((beyond_bend.along_m - 90.0).abs() < 1e-9 && (beyond_bend.offset_m + 2.0).abs() < 1e-9);
    assert_eq!(beyond_bend.direction, (1.0, 0.0));
}

#[test]
fn beyond_either_end_there_is_no_lane() {
    let lane = Lane::entering(&lane(&[(0, -1_000), (0, -5_000)])).unwrap();
    assert!(lane.project(0.0, -7.5).is_some_and(|at| (at.along_m + 2.5).abs() < 1e-9));
    assert_eq!(lane.project(0.0, -6.9), None);
    assert_eq!(lane.project(0.0, -66.0), None);
    assert!((lane.beyond_stop_line(3.0, -6.0) - 4.0).abs() < 1e-9);
}

#[test]
fn lanes_without_a_direction_or_that_do_not_enter_are_left_out() {
    assert_eq!(Lane::entering(&lane(&[(5, 5), (0, 0), (0, 0)])), None);
    for kind in [LaneKind::VehicleEgress, LaneKind::Crosswalk, LaneKind::Bus] {
        assert_eq!(Lane::entering(&v1::Lane { kind: kind as i32, ..lane(&[(0, 0), (0, -99)]) }), None);
    }
}

#[test]
fn the_lane_is_found_and_its_stop_line_s_distance() {
    let known = known(road(3, 0.0));
    for (east, number) in [(0.0, 1), (3.5, 2), (7.0, 3)] {
        let found = drive(&known, east, -150.0, 40).unwrap();
        assert_eq!(found.lane, number);
        assert!((found.distance_m - 100.0).abs() < 0.05, "{found:?}");
    }
}

#[test]
fn between_two_lanes_beside_them_and_against_them_there_is_none() {
    let known = known(road(3, 0.0));
    assert_eq!(drive(&known, 1.75, -150.0, 20), None, "as near to both");
    assert_eq!(drive(&known, -3.0, -150.0, 20), None, "too far aside");
    assert_eq!(drive(&known, 0.0, -700.0, 20), None, "before the lane begins");
    assert_eq!(drive(&known, 0.0, -20.0, 20), None, "past the stop line");
    let mut matcher = Matcher::default();
    for step in 0..20u64 {
        let fix = Fix {
            heading: Some(1800),
            ..fix_at(at(step * 100), PLACE.moved(0.0, -100.0 - step as f64), 1000)
        };
        matcher.fix(Some(&fix), &known);
    }
    assert_eq!(matcher.matched(), None, "the other way");
}

#[test]
fn a_standing_vehicle_keeps_its_lane_without_a_heading() {
    let known = known(road(3, 0.0));
    let mut matcher = Matcher::default();
    for step in 0..40u64 {
        let moment = at(step * 100);
        let place = PLACE.moved(0.0, -60.0 + step.min(20) as f64);
        let fix = fix_at(moment, place, if step < 20 { 1000 } else { 0 });
        matcher.fix(Some(&Fix { heading: fix.heading.filter(|_| step < 20), ..fix }), &known);
    }
    assert_eq!(matcher.matched().map(|matched| matched.lane), Some(1));
}

#[test]
fn the_next_stop_line_decides_between_two_intersections() {
    let mut known = known(road(1, 0.0));
    let mut nearer = map_of(18, 3, road(1, 0.0));
    nearer.reference.as_mut().unwrap().latitude = PLACE.moved(0.0, -60.0).latitude;
    known.hear_map(&nearer, by(UNIT), at(0).now).unwrap();
    assert_eq!(drive(&known, 0.0, -200.0, 60).unwrap().intersection.number, 18);
    assert_eq!(drive(&known, 0.0, -200.0, 150).unwrap().intersection.number, 17);
}

/// An intersection that is not there, with a green signal of its own, would else be the next stop line.
#[test]
fn a_map_that_another_signer_lays_over_a_road_makes_its_lane_a_rival() {
    let rival = |signer, metres: f64| {
        let mut phantom = map_of(99, 3, road(1, 0.0));
        phantom.reference.as_mut().unwrap().latitude = PLACE.moved(0.0, metres).latitude;
        let mut known = Intersections::default();
        known.hear_map(&phantom, by(signer), at(0).now).unwrap();
        known.hear_map(&map_of(17, 3, road(1, 0.0)), by(UNIT), at(0).now).unwrap();
        let mut matcher = Matcher::default();
        for step in 0..=20u64 {
            let place = PLACE.moved(0.0, -250.0 + step as f64);
            matcher.fix(Some(&fix_at(at(step * 100), place, 1000)), &known);
        }
        (matcher.matched().unwrap().intersection.number, matcher.rival().map(|id| id.number))
    };
    assert_eq!(rival(OTHER, -1.0), (99, Some(17)), "a metre before the true one");
    assert_eq!(rival(OTHER, 60.0), (17, Some(99)), "or behind it");
    assert_eq!(rival(OTHER, -130.0), (99, None), "one intersection behind another");
    assert_eq!(rival(UNIT, -60.0), (99, None), "by the unit itself");
}

/// The centre lane of three, 30 drives of 25 s each: never another lane, and no flip. Noise of 1.5 m on each axis is
/// more than the 1.5 m (68 %) of the whole position that SAE J2945/1 asks for.
#[test]
fn noise_does_not_flip_the_lane() {
    let known = known(road(3, -3.5));
    let (mut matched, mut fixes) = (0u32, 0u32);
    for seed in 0..30 {
        let mut stream = Stream::new(seed, Digest([3; 8]), Purpose::AwarenessPhase);
        let mut uniform = || (stream.below(1 << 32) as f64 + 0.5) / f64::from(u32::MAX);
        let mut normal = || (-2.0 * uniform().ln()).sqrt() * (core::f64::consts::TAU * uniform()).cos();
        let mut matcher = Matcher::default();
        for step in 0..250u32 {
            let place = PLACE.moved(normal() * 1.5, -290.0 + f64::from(step) + normal() * 1.5);
            matcher.fix(Some(&fix_at(at(u64::from(step) * 100), place, 1000)), &known);
            if step >= 10 {
                fixes += 1;
                if let Some(found) = matcher.matched() {
                    assert_eq!(found.lane, 2, "seed {seed}, step {step}: {found:?}");
                    matched += 1;
                }
            }
        }
    }
    assert!(matched * 100 >= fixes * 95, "{matched} of {fixes}");
}

/// Where a map-maker with an exact local frame (east, north, up on the ellipsoid) puts a point, in 1e-7 degree.
fn exact(origin: Position, east: f64, north: f64) -> Position {
    const A: f64 = 6_378_137.0;
    const E2: f64 = 6.694_379_990_141_316e-3;
    let (phi, lambda) =
        ((f64::from(origin.latitude) * 1e-7).to_radians(), (f64::from(origin.longitude) * 1e-7).to_radians());
    let (s, c) = phi.sin_cos();
    let n = A / (1.0 - E2 * s * s).sqrt();
    // Earth-centred, turned so that the origin's meridian is the x axis; the point then back to the ellipsoid.
    let (x, y, z) = (n * c - s * north, east, n * (1.0 - E2) * s + c * north);
    let p = x.hypot(y);
    let mut latitude = z.atan2(p * (1.0 - E2));
    for _ in 0..5 {
        let s = latitude.sin();
        let n = A / (1.0 - E2 * s * s).sqrt();
        latitude = (z + E2 * n * s).atan2(p);
    }
    let mut longitude = ((lambda + y.atan2(x)).to_degrees() * 1e7).round() as i64;
    if longitude > 1_800_000_000 {
        longitude -= 3_600_000_000;
    }
    Position::new((latitude.to_degrees() * 1e7).round() as i32, longitude as i32).unwrap()
}

#[test]
fn lanes_are_found_across_the_antimeridian_and_in_high_latitudes() {
    for (latitude, longitude) in
        [(0, 1_799_999_990), (-170_000_000, 1_800_000_000), (782_000_000, 156_000_000)]
    {
        let origin = Position { latitude, longitude };
        // Westbound and eastbound 300 m long lanes that begin on the other side.
        let mut map = map_of(17, 3, vec![lane(&[(1_000, 175), (29_000, 0)])]);
        map.reference = Some(v1::Position { latitude, longitude, ..v1::Position::default() });
        let mut known = Intersections::default();
        let there = super::super::Speaker { place: origin, ..by(UNIT) };
        known.hear_map(&map, there, at(0).now).unwrap();
        let mut matcher = Matcher::default();
        for step in 0..=20u32 {
            let place = exact(origin, 280.0 - f64::from(step), 1.75);
            let fix = Fix { heading: Some(2700), ..fix_at(at(u64::from(step) * 100), place, 1000) };
            matcher.fix(Some(&fix), &known);
        }
        let found = matcher.matched().unwrap();
        assert!((found.distance_m - 250.0).abs() < 0.3, "{origin:?}: {found:?}");
        assert!(found.offset_m.abs() < 0.3, "{origin:?}: {found:?}");
    }
}
