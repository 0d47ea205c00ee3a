use super::super::tests::{OTHER, UNIT, at, map_of, road, state_of};
use super::*;
use v2x_proto::v1::SignalPhase;

const ID: IntersectionId = IntersectionId { region: 0, number: 17 };

fn fragments(revision: u32) -> [v1::IntersectionMap; 3] {
    let lanes = road(3, 0.0);
    core::array::from_fn(|at| v1::IntersectionMap {
        fragment: at as u32,
        fragments: 3,
        ..map_of(17, revision, vec![lanes[at].clone()])
    })
}

fn revision(known: &Intersections) -> Option<u8> {
    known.find(ID).and_then(Intersection::map).map(Map::revision)
}

#[test]
fn a_map_is_whole_when_its_last_fragment_came_in_whatever_order() {
    let mut known = Intersections::default();
    let [first, second, third] = fragments(3);
    for part in [&third, &first, &first] {
        known.hear_map(part, UNIT, at(0).now).unwrap();
        assert_eq!(revision(&known), None);
    }
    known.hear_map(&second, UNIT, at(500).now).unwrap();
    let map = known.find(ID).unwrap().map().unwrap();
    let lanes: Vec<_> = map.lanes().iter().map(Lane::number).collect();
    assert_eq!((map.revision(), lanes), (3, vec![3, 1, 2]));
}

#[test]
fn an_old_revision_never_replaces_a_newer_one_past_127_either() {
    let mut known = Intersections::default();
    let mut hear =
        |revision, millis| known.hear_map(&map_of(17, revision, road(1, 0.0)), UNIT, at(millis).now);
    hear(126, 0).unwrap();
    assert_eq!(hear(125, 1000), Err(Refusal::OldRevision));
    hear(1, 2000).unwrap();
    assert_eq!(hear(126, 3000), Err(Refusal::OldRevision));
    assert_eq!(hear(65, 3000), Err(Refusal::OldRevision), "half way round is not ahead");
    assert_eq!(revision(&known), Some(1));
}

#[test]
fn an_incomplete_map_times_out_and_the_whole_one_before_it_stays() {
    let mut known = Intersections::default();
    known.hear_map(&map_of(17, 2, road(1, 0.0)), UNIT, at(0).now).unwrap();
    let [first, second, third] = fragments(3);
    known.hear_map(&first, UNIT, at(0).now).unwrap();
    known.hear_map(&second, UNIT, at(0).now).unwrap();
    known.hear_map(&third, UNIT, at(20_000).now).unwrap();
    assert_eq!(revision(&known), Some(2), "the first two are forgotten");
    known.hear_map(&first, UNIT, at(20_100).now).unwrap();
    known.hear_map(&second, UNIT, at(20_200).now).unwrap();
    assert_eq!(revision(&known), Some(3));
}

#[test]
fn fragments_that_do_not_belong_together_are_no_map() {
    let mut known = Intersections::default();
    let [first, second, _] = fragments(3);
    known.hear_map(&first, UNIT, at(0).now).unwrap();
    let other = v1::IntersectionMap { fragments: 2, ..second };
    assert_eq!(known.hear_map(&other, UNIT, at(1).now), Err(Refusal::FragmentsDiffer));
}

#[test]
fn a_lane_number_twice_is_no_map() {
    let mut lanes = road(2, 0.0);
    lanes[1].lane = 1;
    let mut known = Intersections::default();
    assert_eq!(known.hear_map(&map_of(17, 1, lanes), UNIT, at(0).now), Err(Refusal::LaneTwice));
    assert_eq!(known.iter().count(), 0);
}

#[test]
fn the_first_signer_speaks_until_it_is_silent() {
    let mut known = Intersections::default();
    known.hear_map(&map_of(17, 3, road(1, 0.0)), UNIT, at(0).now).unwrap();
    let state = |millis, phase| state_of(17, at(millis), phase, 50);
    known.hear_state(state(0, SignalPhase::StopAndRemain), UNIT, at(0)).unwrap();
    for millis in [100, 2_900] {
        let green = state(millis, SignalPhase::ProtectedGo);
        assert_eq!(known.hear_state(green, OTHER, at(millis)), Err(Refusal::Contested));
        let map = map_of(17, 4, road(1, 0.0));
        assert_eq!(known.hear_map(&map, OTHER, at(millis).now), Err(Refusal::Contested));
    }
    assert_eq!(known.find(ID).unwrap().state().unwrap().owner(), UNIT);
    known.hear_state(state(3_000, SignalPhase::ProtectedGo), OTHER, at(3_000)).unwrap();
    assert_eq!(known.find(ID).unwrap().state().unwrap().owner(), OTHER);
    // A revision of its own: what the silent one counted does not bind it.
    known.hear_map(&map_of(17, 1, road(1, 0.0)), OTHER, at(10_000).now).unwrap();
    assert_eq!(revision(&known), Some(1));
}

#[test]
fn states_come_in_the_controller_s_order_and_not_from_the_future() {
    let mut known = Intersections::default();
    let mut hear =
        |made, heard| known.hear_state(state_of(17, at(made), SignalPhase::Dark, 0), UNIT, at(heard));
    hear(500, 500).unwrap();
    assert_eq!(hear(400, 600), Err(Refusal::OldState));
    assert_eq!(hear(1_000, 700), Err(Refusal::FromFuture));
    hear(900, 700).unwrap();
}

#[test]
fn one_signer_cannot_fill_the_table_and_all_together_cannot_pass_its_bound() {
    let mut known = Intersections::default();
    for number in 0..100 {
        let result = known.hear_map(&map_of(number, 1, Vec::new()), UNIT, at(0).now);
        let fits = (number as usize) < limits::MAX_INTERSECTIONS_PER_SIGNER;
        assert_eq!(result, if fits { Ok(()) } else { Err(Refusal::TooManyOfSigner) });
    }
    for number in 100..200 {
        let signer = Digest([number as u8; 8]);
        known.hear_map(&map_of(number, 1, Vec::new()), signer, at(u64::from(number)).now).unwrap();
    }
    assert_eq!(known.iter().count(), limits::MAX_INTERSECTIONS);
    assert!(known.find(IntersectionId { region: 0, number: 199 }).is_some());
}

#[test]
fn what_is_not_heard_any_more_is_forgotten() {
    let mut known = Intersections::default();
    known.hear_map(&map_of(17, 1, road(1, 0.0)), UNIT, at(0).now).unwrap();
    known.expire(at(59_999).now);
    assert_eq!(known.iter().count(), 1);
    known.expire(at(60_000).now);
    assert_eq!(known.iter().count(), 0);
}
