//! The red team on plans and traces: what attackers cost honest stations, and plans that say what is wrong with them.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::ops::ControlFlow;
use std::path::Path;

use v2x_replay::attack::{
    Attack, AttackKind, AttackPlan, RadioAttack, RadioAttackKind, ShippedPlan, Targets,
};
use v2x_replay::plan::{Plan, PlanOptions, run};
use v2x_replay::run::{RunOptions, run_attacked};
use v2x_replay::source::town;
use v2x_report::{Damage, HonestFigures, Report, Verify};

/// A short road on which an imminent warning, an alert and a flood are declared.
const ROAD: &str = "warm_up_s = 2\nsettle_s = 1\nseeds = [5]\nimminent = \"regulated\"\n\
    [scenario]\nkind = \"highway\"\nlength_m = 600\ndensity_per_km = 30\nspeed_mps = 20\n\
    [medium]\nkind = \"range\"\nrange_m = 300\n\
    [[unit]]\nname = \"unit\"\nat_m = [100, -15]\n\
    [[event]]\nclass = \"D0\"\nat_m = [300, -2]\n\
    [[event]]\nclass = \"D1\"\nat_m = [200, -2]\n\
    [[event]]\nby = \"unit\"\narea = { shape = \"circle\", radius_m = 700 }\n\
    [[controller]]\nunit = \"unit\"\nuntil_s = 1\n";

fn options(attack: AttackPlan) -> PlanOptions {
    PlanOptions { threads: 1, verify: Verify::Once, seconds: None, attack: Some(attack) }
}

fn attacked(road: &str, attack: &str) -> Report {
    let plan = Plan::parse("road.toml", road).unwrap();
    let attack = AttackPlan::parse("attack.toml", attack).unwrap();
    let outcome = run(&plan, &options(attack), &mut |_| ControlFlow::Continue(())).unwrap();
    outcome.report.check().unwrap();
    outcome.report
}

fn damage(report: &Report) -> &Damage {
    report.damage.as_ref().expect("an attacked run says what it cost")
}

fn missed(figures: &HonestFigures, class: &str) -> u64 {
    figures.class(class).expect("it has traffic").missed
}

#[test]
fn a_plan_s_report_has_what_attackers_cost_beside_the_same_run_without_them() {
    let attack = "verify_us = 200\nframe_us = 5\n[[attack]]\nkind = \"forged\"\nrate_per_s = 500\nnames = 5\n\
                  [[attack]]\nkind = \"marker\"\nrate_per_s = 1\n";
    let report = attacked(ROAD, attack);
    let Damage { attacks, without, with } = damage(&report);
    assert_eq!(attacks.iter().map(|one| one.attack.as_str()).collect::<Vec<_>>(), ["forged", "marker"]);
    assert!((1_900..=2_100).contains(&attacks[0].frames), "{attacks:?}");
    assert!(
        (4..=5).contains(&attacks[1].frames) && attacks[1].bytes > 200 * attacks[1].frames,
        "{attacks:?}"
    );
    // Awareness is left out: stations send it earlier when they lack a flood.
    for class in ["D0", "D1", "D3", "D4"] {
        let of = |figures: &HonestFigures| figures.class(class).unwrap().expected;
        assert!(of(without) > 0 && of(without) == of(with), "{class}: {without:?} {with:?}");
    }
    // A car that leaves the road misses what comes then.
    assert!(missed(without, "D0") <= 1 && missed(without, "D1") <= 1, "{without:?}");
    assert!(without.reach_final.unwrap() > 0.9 && with.reach_final.unwrap() > 0.9);
    assert!(with.checks_per_s > without.checks_per_s && with.reads_per_s > without.reads_per_s + 100.0);
    assert!(with.processor_share.unwrap() > without.processor_share.unwrap());
    assert_eq!((without.suspected, without.isolated), (0, 0));
    assert!(report.detection.is_none(), "transmitters beside the road are not scored by detection");
    assert!(report.table().contains("honest stations"), "{}", report.table());
}

#[test]
fn each_seed_of_a_plan_is_attacked_and_all_are_added_up() {
    let road = ROAD.replace("seeds = [5]", "seeds = [5, 6]");
    let attack = "[[attack]]\nkind = \"request_storm\"\n";
    let (one, two) = (attacked(ROAD, attack), attacked(&road, attack));
    assert_eq!(damage(&two).attacks[0].frames, 2 * damage(&one).attacks[0].frames);
    assert!(damage(&two).without.bytes > 3 * damage(&one).without.bytes / 2);
    assert_eq!(damage(&one).without.processor_share, None, "work takes no time unless the plan says so");
}

#[test]
fn stations_of_the_traffic_attack_in_a_plan_as_they_do_on_a_trace() {
    let report = attacked(ROAD, "[[attack]]\nkind = \"dos\"\nstations = [\"car 3\"]\n");
    let Damage { attacks, without, with } = damage(&report);
    assert!(attacks[0].frames > 100 && with.frames < without.frames + 100, "{attacks:?}");
    let of = |figures: &HonestFigures| figures.class("D3").unwrap().expected;
    // The attacker is nobody's intended receiver in either run.
    assert_eq!(of(without), of(with));
}

#[test]
fn on_a_trace_transmitters_stand_in_the_middle_of_the_traffic_and_cost_is_reported_too() {
    let mut storm = RadioAttack::new(RadioAttackKind::NameStorm);
    storm.rate_per_s = 200.0;
    let plan = AttackPlan {
        attacks: vec![Attack::new(AttackKind::Stale, Targets::Share(0.1))],
        radios: vec![storm],
        ..AttackPlan::default()
    };
    let options = RunOptions { seconds: Some(2.0), ..RunOptions::new(1) };
    let report =
        run_attacked(&town::trace(), &options, &plan, &mut |_| ControlFlow::Continue(())).unwrap().report;
    report.check().unwrap();
    assert_eq!(report.detection.as_ref().unwrap().len(), 1);
    let Damage { attacks, without, with } = damage(&report);
    assert!(attacks[0].frames > 10 && attacks[1].frames > 390, "{attacks:?}");
    assert!(with.reads_per_s > without.reads_per_s, "somebody heard it: {with:?}");
    assert_eq!((without.reach_final, without.class("D0")), (None, None), "a trace has awareness alone");
}

#[test]
fn what_does_not_fit_the_scenario_is_said_with_what_would() {
    let plan = Plan::parse("road.toml", ROAD).unwrap();
    let error = |attack: &str| {
        let attack = AttackPlan::parse("attack.toml", attack).unwrap();
        run(&plan, &options(attack), &mut |_| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    let far = error("[[attack]]\nkind = \"strip\"\nat_m = [9000, 0]\n");
    assert!(far.contains("attack strip: at_m = [9000, 0] is 84") && far.contains("reaches 600 m"), "{far}");
    assert!(far.ends_with("take a place nearer to the traffic, or none"), "{far}");
    let exit = error("[[attack]]\nkind = \"wormhole\"\nexit_m = [0, 5000]\n");
    assert!(exit.contains("exit_m = [0, 5000]"), "{exit}");
    let nobody = error("[[attack]]\nkind = \"stale\"\nstations = [\"car 999\"]\n");
    assert!(nobody.contains("no station \"car 999\""), "{nobody}");
}

// All of them with and without, for the first seconds: that they run, and that every one is on the air.
#[test]
fn every_plan_of_the_red_team_runs_on_a_road() {
    let road = ROAD.replace("length_m = 600", "length_m = 1200").replace("[300, -2]", "[700, -2]");
    let plan = Plan::parse("road.toml", &road).unwrap();
    for shipped in ShippedPlan::red_team() {
        let mut attack = AttackPlan::parse(shipped.name, shipped.text).unwrap();
        for radio in &mut attack.radios {
            radio.rate_per_s = radio.rate_per_s.min(100.0);
        }
        let report = run(&plan, &options(attack), &mut |_| ControlFlow::Continue(())).unwrap().report;
        let frames: u64 = damage(&report).attacks.iter().map(|one| one.frames).sum();
        assert!(frames > 0, "{} sent nothing", shipped.name);
        assert_eq!(damage(&report).without.isolated, 0, "{}", shipped.name);
    }
}

#[test]
fn what_some_attacks_are_after_is_measured_without_them_too() {
    let of = |attack: &str| damage(&attacked(ROAD, attack)).clone();
    let marker = of("[[attack]]\nkind = \"marker\"\nrate_per_s = 2\n");
    assert_eq!((marker.without.marked_names, marker.without.marked_beacons), (Some(0), Some(0)));
    assert!(marker.with.marked_names.is_some() && marker.with.signal_right.is_none());
    let squatter = of("[[attack]]\nkind = \"squatter\"\nat_m = [100, -20]\n");
    assert_eq!(squatter.without.signal_wrong, Some(0.0));
    assert!(squatter.without.signal_right.unwrap() > 0.8, "{squatter:?}");
    assert!(squatter.with.signal_right.unwrap() + squatter.with.signal_wrong.unwrap() <= 1.0);
    let storm = of("[[attack]]\nkind = \"revocation_storm\"\nstart_s = 0.1\n");
    assert!(
        storm.without.revocation_known.unwrap() > 3 && storm.with.revocation_known.is_some(),
        "{storm:?}"
    );
}

#[test]
fn the_red_team_s_roads_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/red");
    for road in ShippedPlan::red_team().map(|plan| plan.road().unwrap()) {
        let plan = Plan::read(&folder.join(road)).unwrap();
        assert!(plan.attackers.is_empty() && !plan.is_awareness_alone(), "{road}");
    }
}
