//! Attackers on the town trace: each kind runs, is detected as what it is, and does not affect the score of another.

use std::ops::ControlFlow;

use v2x_replay::attack::{Attack, AttackKind, AttackPlan, Targets};
use v2x_replay::run::{RunOptions, run_attacked};
use v2x_replay::source::town;
use v2x_report::{Detection, Report, Verdict};

fn attacked(kind: AttackKind, seconds: f64) -> (Report, Detection) {
    let mut attack = Attack::new(kind, Targets::Share(0.2));
    attack.delay_s = attack.delay_s.min(seconds / 3.0);
    let options = RunOptions { seconds: Some(seconds), threads: 1, ..RunOptions::new(1) };
    let plan = AttackPlan { seed: 1, attacks: vec![attack], ..AttackPlan::default() };
    let report = run_attacked(&town::trace(), &options, &plan, &mut |_| ControlFlow::Continue(()))
        .expect("the plan and the trace are right")
        .report;
    report.check().expect("the report's identities hold");
    let detection = report.detection.clone().expect("an attacked run is scored").remove(0);
    (report, detection)
}

#[test]
fn every_kind_runs_and_has_its_score() {
    for kind in AttackKind::ALL {
        // A station that claims to have stopped lies only once it drives on.
        let seconds = if *kind == AttackKind::EventualStop { 10.0 } else { 2.0 };
        let (report, found) = attacked(*kind, seconds);
        assert_eq!(found.attack, kind.name());
        assert!(report.false_positive_ratio.is_some());
        assert!(found.detected + found.missed > 0, "{} was not heard by anybody", kind.name());
        for ratio in [found.precision, found.recall, found.f1] {
            assert!((0.0..=1.0).contains(&ratio), "{found:?}");
        }
    }
}

fn share(found: &Detection) -> (f64, u64) {
    (found.recall, found.false_alarms)
}

#[test]
fn what_fails_by_construction_is_always_found_and_costs_no_honest_frame() {
    for kind in [
        AttackKind::Stale,
        AttackKind::Delay,
        AttackKind::ExactCopy,
        AttackKind::ReplayedFrames,
        AttackKind::InvalidSignature,
        AttackKind::MalleableSignature,
        AttackKind::SmallOrderSignature,
        AttackKind::PoisonedSequence,
        AttackKind::UnknownCredential,
        AttackKind::Dos,
    ] {
        let (report, found) = attacked(kind, 3.0);
        assert!(found.recall > 0.99 && found.false_alarms == 0, "{found:?} {:?}", report.drops);
    }
}

// Stations within 300 m of the copier hear copies of messages sent within 300 m of it on the other side.
#[test]
fn a_copy_is_delivered_where_it_is_the_first_heard_and_nowhere_twice() {
    let (report, found) = attacked(AttackKind::ExactCopy, 4.0);
    let first = found.first_heard.expect("counted for exact copies");
    assert!(first > 0 && first < found.detected / 2, "{found:?}");
    assert_eq!(found.missed, 0, "delivered twice: {found:?} {:?}", report.drops);
}

#[test]
fn positions_that_jump_are_found_within_seconds_and_nobody_honest_with_them() {
    for kind in [AttackKind::RandomPosition, AttackKind::RandomOffset] {
        let (_, found) = attacked(kind, 5.0);
        assert!(share(&found).0 > 0.9 && share(&found).1 == 0, "{found:?}");
        assert!(found.median_detect_s.unwrap() < 2.0, "{found:?}");
    }
}

#[test]
fn the_same_plan_and_seed_make_the_same_run_on_any_number_of_threads() {
    let plan = AttackPlan {
        seed: 5,
        attacks: vec![
            Attack::new(AttackKind::DosRandom, Targets::Share(0.1)),
            Attack::new(AttackKind::SybilGrid, Targets::Share(0.1)),
            Attack::new(AttackKind::InvalidSignature, Targets::Share(0.1)),
        ],
        ..AttackPlan::default()
    };
    let report = |threads| {
        let options = RunOptions { seconds: Some(2.0), threads, ..RunOptions::new(1) };
        run_attacked(&town::trace(), &options, &plan, &mut |_| ControlFlow::Continue(())).unwrap().report
    };
    let alone = report(1);
    assert_eq!(alone.detection.as_ref().unwrap().len(), 3);
    assert_eq!(report(3), alone);
}

#[test]
fn a_station_that_is_not_in_the_trace_is_an_error_naming_it() {
    let plan = AttackPlan {
        seed: 1,
        attacks: vec![Attack::new(AttackKind::Stale, Targets::Named(vec!["nobody".to_owned()]))],
        ..AttackPlan::default()
    };
    let options = RunOptions { seconds: Some(1.0), ..RunOptions::new(1) };
    let error =
        run_attacked(&town::trace(), &options, &plan, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("no station \"nobody\""), "{error}");
}

#[test]
fn requests_for_credentials_make_nobody_send_a_frame_more_and_few_a_credential() {
    let (report, found) = attacked(AttackKind::CredentialRequestFlood, 4.0);
    let provoked = found.provoked.expect("requests are scored by what they provoke");
    assert!(provoked.by > 1000, "{provoked:?}");
    assert_eq!(provoked.frames, 0, "{provoked:?}");
    assert!(provoked.credentials * 10 < provoked.by, "{provoked:?}");
    assert!(found.recall > 0.95 && found.false_alarms == 0, "{found:?} {:?}", report.drops);
}

#[test]
fn a_flood_under_changing_pseudonyms_is_held_by_rates_and_costs_no_honest_frame() {
    let (report, found) = attacked(AttackKind::PseudonymChangeInFlood, 4.0);
    assert!(found.recall > 0.95 && found.false_alarms == 0, "{found:?} {:?}", report.drops);
    assert!(report.drops["rate_limited_signer"] > 1000, "{:?}", report.drops);
    assert_eq!(report.verdict, Verdict::Met, "what honest stations say is in time through the flood");
}

#[test]
fn a_clock_that_steps_is_found_out_and_costs_no_honest_frame() {
    let (report, found) = attacked(AttackKind::ClockStep, 4.0);
    assert!(found.recall > 0.95 && found.false_alarms == 0, "{found:?} {:?}", report.drops);
    assert!(report.drops.contains_key("from_future") && report.drops.contains_key("stale"));
}

// A station that remembers nothing accepts a fresh message once; all others, and all second copies, are refused.
#[test]
fn what_was_recorded_before_a_restart_is_taken_while_it_is_fresh_and_never_twice() {
    let (report, found) = attacked(AttackKind::RestartReplay, 4.0);
    assert!(found.recall > 0.85 && found.false_alarms == 0, "{found:?} {:?}", report.drops);
    assert!(found.missed > 0, "no frame was fresh, so nothing was tried: {found:?}");
    assert!(report.drops.contains_key("stale") && report.drops.contains_key("exact_copy"));
}
