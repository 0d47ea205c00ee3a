use super::super::lane::Lane;
use super::super::tests::{OTHER, PLACE, UNIT, at, by, map_of, road, state_of};
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
    known.find(ID).and_then(KnownIntersection::map).map(Map::revision)
}

#[test]
fn a_map_is_whole_when_its_last_fragment_came_in_whatever_order() {
    let mut known = Intersections::default();
    let [first, second, third] = fragments(3);
    for part in [&third, &first, &first] {
        known.hear_map(part, by(UNIT), at(0).now).unwrap();
        assert_eq!(revision(&known), None);
    }
    known.hear_map(&second, by(UNIT), at(500).now).unwrap();
    let map = known.find(ID).unwrap().map().unwrap();
    let lanes: Vec<_> = map.lanes().iter().map(Lane::number).collect();
    assert_eq!((map.revision(), lanes), (3, vec![1, 2, 3]));
}

#[test]
fn an_old_revision_never_replaces_a_newer_one_past_127_either() {
    let mut known = Intersections::default();
    let mut hear =
        |revision, millis| known.hear_map(&map_of(17, revision, road(1, 0.0)), by(UNIT), at(millis).now);
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
    known.hear_map(&map_of(17, 2, road(1, 0.0)), by(UNIT), at(0).now).unwrap();
    let [first, second, third] = fragments(3);
    known.hear_map(&first, by(UNIT), at(0).now).unwrap();
    known.hear_map(&second, by(UNIT), at(0).now).unwrap();
    known.hear_map(&third, by(UNIT), at(20_000).now).unwrap();
    assert_eq!(revision(&known), Some(2), "the first two are forgotten");
    known.hear_map(&first, by(UNIT), at(20_100).now).unwrap();
    known.hear_map(&second, by(UNIT), at(20_200).now).unwrap();
    assert_eq!(revision(&known), Some(3));
}

#[test]
fn fragments_that_do_not_belong_together_are_no_map() {
    let mut known = Intersections::default();
    let [first, second, _] = fragments(3);
    known.hear_map(&first, by(UNIT), at(0).now).unwrap();
    let other = v1::IntersectionMap { fragments: 2, ..second };
    assert_eq!(known.hear_map(&other, by(UNIT), at(1).now), Err(Refusal::FragmentsDiffer));
}

#[test]
fn a_lane_number_twice_is_no_map() {
    let mut lanes = road(2, 0.0);
    lanes[1].lane = 1;
    let mut known = Intersections::default();
    assert_eq!(known.hear_map(&map_of(17, 1, lanes), by(UNIT), at(0).now), Err(Refusal::LaneTwice));
    assert_eq!(known.iter().count(), 0);
}

/// The state of intersection 17 as this signer reports it.
fn hear_state(
    known: &mut Intersections,
    signer: Digest,
    millis: u64,
    phase: SignalPhase,
) -> Result<(), Refusal> {
    // All end at the same moment, ten minutes after the start.
    let end = (600_000 - millis as u32) / 100;
    known.hear_state(state_of(17, at(millis), phase, end), by(signer), at(millis))
}

fn shown(known: &Intersections) -> Option<i32> {
    known.find(ID).unwrap().state().map(|state| state.group(1).unwrap().phase)
}

#[test]
fn an_insider_heard_first_owns_no_signal_and_the_unit_is_believed_when_it_is_silent() {
    let mut known = Intersections::default();
    hear_state(&mut known, OTHER, 0, SignalPhase::ProtectedGo).unwrap();
    assert_eq!(shown(&known), Some(SignalPhase::ProtectedGo as i32), "nobody else is heard");
    for millis in [100, 2_900] {
        let red = hear_state(&mut known, UNIT, millis, SignalPhase::StopAndRemain);
        assert_eq!(red, Err(Refusal::Contested));
        assert!(shown(&known).is_none() && known.find(ID).unwrap().is_contested());
    }
    assert_eq!(known.find(ID).unwrap().next_silence(), Some(at(3_000).now));
    hear_state(&mut known, UNIT, 3_000, SignalPhase::StopAndRemain).unwrap();
    assert_eq!(shown(&known), Some(SignalPhase::StopAndRemain as i32));
    // It comes back: nobody is believed again, and one state is enough.
    assert_eq!(hear_state(&mut known, OTHER, 3_100, SignalPhase::ProtectedGo), Err(Refusal::Contested));
    assert_eq!(shown(&known), None);
    known.expire(at(6_100).now);
    assert_eq!(shown(&known), None, "neither is heard: nobody tells who was right");
}

#[test]
fn two_units_that_say_the_same_do_not_contradict_each_other() {
    let mut known = Intersections::default();
    let mut contested = Vec::new();
    for millis in (0..5_000).step_by(50) {
        // The other is 50 ms behind, and so at the change of phase.
        let (signer, changes) = if millis % 100 == 0 { (UNIT, 2_000) } else { (OTHER, 2_050) };
        let phase = if millis < changes { SignalPhase::StopAndRemain } else { SignalPhase::ProtectedGo };
        if hear_state(&mut known, signer, millis, phase).is_err() {
            contested.push(millis);
        }
        assert_eq!(known.take_contest(at(millis).now), None);
    }
    assert_eq!(contested, [2_000], "unknown until the other has changed too");
}

#[test]
fn what_a_state_leaves_out_or_adds_contradicts_too() {
    let red = || state_of(17, at(0), SignalPhase::StopAndRemain, 50);
    let mut fewer = red();
    fewer.groups.pop();
    let mut twice = red();
    twice.groups[2] = twice.groups[0];
    let mut longer = red();
    longer.groups[1].min_end = Some(57);
    let mut open = red();
    open.groups[1].max_end = None;
    let mut off = red();
    off.status = 1 << 9;
    let other_map = v1::SignalState { map_revision: 4, ..red() };
    for (number, other) in [fewer, twice, longer, open, off, other_map].into_iter().enumerate() {
        for [first, second] in [[red(), other.clone()], [other, red()]] {
            let mut known = Intersections::default();
            known.hear_state(first, by(OTHER), at(0)).unwrap();
            assert_eq!(known.hear_state(second, by(UNIT), at(0)), Err(Refusal::Contested), "{number}");
        }
    }
}

#[test]
fn an_insider_heard_first_owns_no_map_not_even_one_it_never_completes() {
    let mut known = Intersections::default();
    let [first, ..] = fragments(3);
    known.hear_map(&first, by(OTHER), at(0).now).unwrap();
    let own = map_of(17, 3, road(3, 0.0));
    known.hear_map(&own, by(UNIT), at(100).now).unwrap();
    assert_eq!(revision(&known), Some(3), "what it has begun is the same map");
    let false_map = map_of(17, 3, road(3, 3.5));
    assert_eq!(known.hear_map(&false_map, by(Digest([9; 8])), at(200).now), Err(Refusal::Contested));
    assert_eq!(revision(&known), None);
    // Its part is enough, and it heals when the insider stops.
    for millis in (1_000..=10_200).step_by(1_000) {
        assert_eq!(known.hear_map(&own, by(UNIT), at(millis).now), Err(Refusal::Contested));
    }
    known.hear_map(&own, by(UNIT), at(10_200).now).unwrap();
    assert_eq!(revision(&known), Some(3));
}

#[test]
fn a_unit_that_finds_no_room_beside_insiders_still_contradicts_them() {
    let mut known = Intersections::default();
    for insider in 0..limits::MAX_CLAIMANTS as u8 {
        hear_state(&mut known, Digest([insider; 8]), 0, SignalPhase::ProtectedGo).unwrap();
    }
    let red = hear_state(&mut known, UNIT, 100, SignalPhase::StopAndRemain);
    assert_eq!((red, shown(&known)), (Err(Refusal::Contested), None));
    let contest = known.take_contest(at(400).now).unwrap();
    assert_eq!(contest.between.last(), Some(&by(UNIT)), "it is named with them");
}

#[test]
fn who_contradicts_whom_is_told_once_with_names_and_places_when_it_lasts() {
    let mut known = Intersections::default();
    hear_state(&mut known, OTHER, 0, SignalPhase::ProtectedGo).unwrap();
    let mut told = Vec::new();
    for millis in (100..90_000).step_by(100) {
        let phase = if millis % 2_000 == 0 { SignalPhase::ProtectedGo } else { SignalPhase::StopAndRemain };
        let signer = if millis % 2_000 == 0 { OTHER } else { UNIT };
        assert!(hear_state(&mut known, signer, millis, phase).is_err());
        told.extend(known.take_contest(at(millis).now).map(|contest| (millis, contest)));
    }
    let contest = Contest {
        intersection: ID,
        about: Contested::Signals,
        between: [by(OTHER), by(UNIT)].into_iter().collect(),
    };
    assert_eq!(told, [(400, contest.clone()), (60_400, contest)]);
}

#[test]
fn a_signer_that_stands_far_from_an_intersection_does_not_speak_for_it() {
    let mut known = Intersections::default();
    let far = Speaker { signer: OTHER, place: PLACE.moved(0.0, 1_010.0) };
    let map = map_of(17, 3, road(1, 0.0));
    assert_eq!(known.hear_map(&map, far, at(0).now), Err(Refusal::TooFar));
    known.hear_map(&map, by(UNIT), at(0).now).unwrap();
    let green = state_of(17, at(0), SignalPhase::ProtectedGo, 50);
    assert_eq!(known.hear_state(green, far, at(0)), Err(Refusal::TooFar));
    hear_state(&mut known, UNIT, 0, SignalPhase::StopAndRemain).unwrap();
}

#[test]
fn a_full_table_makes_room_with_what_belongs_to_the_signer_that_has_most() {
    let mut known = Intersections::default();
    // Four insiders first, and they go on.
    for insider in 0..4u8 {
        for number in 0..8 {
            let id = 100 * u32::from(insider) + number;
            known.hear_map(&map_of(id, 1, Vec::new()), by(Digest([insider; 8])), at(10_000).now).unwrap();
        }
    }
    assert_eq!(known.iter().count(), limits::MAX_INTERSECTIONS);
    known.hear_map(&map_of(900, 1, road(1, 0.0)), by(UNIT), at(0).now).unwrap();
    known.hear_map(&map_of(901, 1, road(1, 0.0)), by(UNIT), at(10_000).now).unwrap();
    for number in [900, 901] {
        assert!(known.find(IntersectionId { region: 0, number }).is_some(), "{number}");
    }
}

#[test]
fn states_come_in_the_controller_s_order_and_not_from_the_future() {
    let mut known = Intersections::default();
    let mut hear =
        |made, heard| known.hear_state(state_of(17, at(made), SignalPhase::Dark, 0), by(UNIT), at(heard));
    hear(500, 500).unwrap();
    assert_eq!(hear(400, 600), Err(Refusal::OldState));
    assert_eq!(hear(1_000, 700), Err(Refusal::FromFuture));
    hear(900, 700).unwrap();
}

#[test]
fn one_signer_cannot_fill_the_table_and_all_together_cannot_pass_its_bound() {
    let mut known = Intersections::default();
    for number in 0..100 {
        let result = known.hear_map(&map_of(number, 1, Vec::new()), by(UNIT), at(0).now);
        let fits = (number as usize) < limits::MAX_INTERSECTIONS_PER_SIGNER;
        assert_eq!(result, if fits { Ok(()) } else { Err(Refusal::TooManyOfSigner) });
    }
    for number in 100..200 {
        let signer = Digest([number as u8; 8]);
        known.hear_map(&map_of(number, 1, Vec::new()), by(signer), at(u64::from(number)).now).unwrap();
    }
    assert_eq!(known.iter().count(), limits::MAX_INTERSECTIONS);
    assert!(known.find(IntersectionId { region: 0, number: 199 }).is_some());
}

#[test]
fn what_is_not_heard_any_more_is_forgotten() {
    let mut known = Intersections::default();
    known.hear_map(&map_of(17, 1, road(1, 0.0)), by(UNIT), at(0).now).unwrap();
    known.expire(at(59_999).now);
    assert_eq!(known.iter().count(), 1);
    known.expire(at(60_000).now);
    assert_eq!(known.iter().count(), 0);
}
