use super::super::IntersectionId;
use super::super::intersection::Intersections;
use super::super::tests::{UNIT, at, by, map_of, road, state_of};
use super::*;
use crate::moment::Moment;
use v2x_proto::v1::SignalState;

fn shows(state: SignalState, now: Moment) -> Result<Showing, Unknown> {
    let mut known = Intersections::default();
    known.hear_map(&map_of(17, 3, road(1, 0.0)), by(UNIT), at(0).now).unwrap();
    known.hear_state(state, by(UNIT), now).unwrap();
    let entry = known.find(IntersectionId { region: 0, number: 17 }).unwrap();
    let map = entry.map().unwrap();
    signal(map, entry.state().ok_or(Unknown::NoState), map.lanes()[0].connections()[0], now.wire).shows
}

fn showing(phase: SignalPhase, seconds: [Option<u64>; 3]) -> Showing {
    let [min, likely, max] = seconds.map(|end| end.map(Duration::from_secs));
    Showing { phase, ends: Ends { min, likely, max }, advised_mps: None }
}

#[test]
fn ends_count_from_the_controller_s_time_by_the_wire_clock() {
    let state = state_of(17, at(0), SignalPhase::StopAndRemain, 45);
    let red = shows(state.clone(), at(300)).unwrap();
    assert_eq!(red.time_to_green().unwrap().best(), Some(Duration::from_millis(4_200)));
    let over = SignalState { groups: state_of(17, at(0), SignalPhase::StopAndRemain, 2).groups, ..state };
    assert_eq!(shows(over, at(300)).unwrap().ends.max, Some(Duration::ZERO), "any moment");
}

#[test]
fn what_cannot_be_relied_on_is_unknown_by_name() {
    let state = state_of(17, at(0), SignalPhase::ProtectedGo, 45);
    assert!(shows(state.clone(), at(1_000)).is_ok());
    assert_eq!(shows(state.clone(), at(1_001)), Err(Unknown::Stale));
    assert_eq!(shows(SignalState { map_revision: 4, ..state.clone() }, at(0)), Err(Unknown::OtherRevision));
    assert_eq!(shows(SignalState { status: 0x100, ..state.clone() }, at(0)), Err(Unknown::OutOfOrder));
    let mut other = state;
    other.groups.remove(0);
    assert_eq!(shows(other, at(0)), Err(Unknown::NoSignal));
}

#[test]
fn ends_that_contradict_each_other_say_nothing() {
    let mut state = state_of(17, at(0), SignalPhase::ProtectedGo, 45);
    state.groups[0].min_end = Some(46);
    assert_eq!(shows(state, at(0)).unwrap().ends, Ends::default());
}

#[test]
fn an_end_of_an_hour_is_an_hour_or_more_and_no_latest_end() {
    let mut state = state_of(17, at(0), SignalPhase::ProtectedGo, 45);
    let hour = Some(36_000);
    (state.groups[0].min_end, state.groups[0].likely_end, state.groups[0].max_end) = (Some(40), hour, hour);
    let ends = shows(state.clone(), at(0)).unwrap().ends;
    assert_eq!(ends, Ends { min: Some(Duration::from_secs(4)), likely: None, max: None });
    state.groups[0].min_end = hour;
    let connection = Connection { to: 4, group: 1 };
    let rests = Signal { connection, shows: shows(state, at(300)) };
    assert_eq!(rests.to_string(), "green for an hour or more");
}

#[test]
fn amber_and_flashing_have_no_time_to_green() {
    for phase in [SignalPhase::ProtectedClearance, SignalPhase::Caution, SignalPhase::Dark] {
        assert_eq!(showing(phase, [Some(1); 3]).time_to_green(), None);
    }
    assert_eq!(
        showing(SignalPhase::PermissiveGo, [None; 3]).time_to_green().unwrap().max,
        Some(Duration::ZERO)
    );
}

#[test]
fn every_speed_of_the_window_passes_in_green_at_worst() {
    let green = showing(SignalPhase::ProtectedGo, [Some(10), Some(20), Some(30)]);
    assert_eq!(green.green_window(100.0, 13.9), Some(SpeedWindow { min_mps: 10.0, max_mps: 13.9 }));
    assert_eq!(green.green_window(200.0, 13.9), None, "not within the limit");
    let red = showing(SignalPhase::StopAndRemain, [Some(5), Some(8), Some(10)]);
    assert_eq!(red.green_window(100.0, 13.9), Some(SpeedWindow { min_mps: 5.0, max_mps: 10.0 }));
    assert_eq!(red.green_window(40.0, 13.9), None, "slower than traffic bears");
    let unsure = showing(SignalPhase::StopAndRemain, [Some(5), Some(8), None]);
    assert_eq!(unsure.green_window(100.0, 13.9), None);
    assert_eq!(red.green_window(f64::NAN, 13.9), None);
    assert_eq!(red.green_window(-1.0, 13.9), None);
}

#[test]
fn a_violation_is_red_at_the_line_for_certain() {
    let red = showing(SignalPhase::StopAndRemain, [Some(6), Some(8), Some(10)]);
    let crossing = red.violation(50.0, 10.0).unwrap();
    assert_eq!(crossing.after, Duration::from_secs(5));
    assert!((crossing.deceleration - 1.0).abs() < 1e-9 && !crossing.is_imminent());
    assert!(red.violation(10.0, 10.0).unwrap().is_imminent());
    assert!(red.violation(1.0, 3.0).unwrap().is_imminent());
    for (distance_m, speed_mps) in [(0.03, 1.5), (0.4, 2.0), (0.6, 2.5)] {
        let rolling = red.violation(distance_m, speed_mps).unwrap();
        assert!(!rolling.is_imminent(), "it rolls up to the line: {rolling:?}");
    }
    assert_eq!(red.violation(70.0, 10.0), None, "it may be green by then");
    assert_eq!(red.violation(5.0, 0.0), None, "standing");
    assert_eq!(red.violation(-1.0, 10.0), None, "past the line");
    let amber = showing(SignalPhase::ProtectedClearance, [Some(3), Some(3), Some(3)]);
    assert!(amber.violation(40.0, 10.0).is_some());
    assert_eq!(amber.violation(20.0, 10.0), None);
    let green = showing(SignalPhase::ProtectedGo, [Some(1), Some(1), Some(1)]);
    assert_eq!(green.violation(40.0, 10.0), None);
}
