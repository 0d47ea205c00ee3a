//! The shipped plans of floods, and properties of every run of a plan.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v2x_proto::Class;
use v2x_replay::plan::{Forwarding, MediumPlan, Plan, PlanOptions, Scenario, TraceScenario, run};
use v2x_replay::run::RunOutcome;
use v2x_replay::source::ReadOptions;
use v2x_report::{Flood, Report, Verify};

fn outcome(plan: &Plan, seconds: Option<f64>, threads: usize) -> RunOutcome {
    let options = PlanOptions { threads, verify: Verify::Once, seconds, attack: None };
    let outcome = run(plan, &options, &mut |_| ControlFlow::Continue(())).expect("the plan is right");
    outcome.report.check().expect("the report's identities hold");
    outcome
}

fn flood(report: &Report) -> &Flood {
    report.flood.as_ref().expect("a flood was sent")
}

fn shipped() -> Vec<(PathBuf, Plan)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/flood");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), Plan::read(&path).unwrap())).collect()
}

/// A road of 1 km and a flood along it.
fn small(more: &str) -> Plan {
    let text = format!(
        "warm_up_s = 3\nsettle_s = 1\nseeds = [5]\n{more}\n\
         [scenario]\nkind = \"highway\"\nlength_m = 1000\ndensity_per_km = 60\nspeed_mps = 20\n\
         [[unit]]\nname = \"unit\"\nat_m = [100, -15]\n\
         [[event]]\nby = \"unit\"\ntimes = 2\n\
         area = {{ shape = \"rectangle\", half_length_m = 700, half_width_m = 50, azimuth_deg = 90, centre_m = [500, 0] }}\n"
    );
    Plan::parse("small.toml", &text).unwrap()
}

#[test]
fn every_shipped_plan_runs() {
    let plans = shipped();
    assert!(plans.len() >= 10, "{plans:?}");
    for (path, mut plan) in plans {
        plan.seeds.truncate(1);
        let outcome = outcome(&plan, Some(1.0), 1);
        assert_eq!(outcome.simulated_ns, 1_000_000_000, "{}", path.display());
        assert!(outcome.report.stations > 10 && outcome.frames_sent > 10, "{}", path.display());
    }
}

#[test]
fn a_flood_reaches_the_road_under_every_way_of_forwarding_and_all_stand_in_one_report() {
    let plan = small("forwarding = [\"roadcast\", \"etsi\", \"flooding\"]");
    let report = outcome(&plan, None, 1).report;
    let all: Vec<_> = report.flood.iter().chain(&report.flood_baselines).collect();
    assert_eq!(
        all.iter().map(|flood| flood.forwarding.as_str()).collect::<Vec<_>>(),
        Forwarding::ALL.map(Forwarding::name)
    );
    for flood in &all {
        assert_eq!((flood.floods, flood.seeds), (2, 1));
        assert!(flood.reach_final > 0.9 && flood.transmissions > 3.0, "{flood:?}");
        assert_eq!(flood.reach_by_km.len(), 1);
    }
    assert!(all[0].transmissions < all[1].transmissions, "{all:?}");
    let class = report.class(Class::D3).unwrap();
    assert_eq!(class.sent, 2);
    assert!((100..=130).contains(&class.expected), "all of the area, in reach of the unit or not: {class:?}");
    assert!(report.table().contains("\nroadcast ") && report.table().contains("\netsi "));
}

#[test]
fn the_digest_depends_on_the_seeds_and_not_on_threads() {
    let plan = small("");
    let digest = |plan: &Plan, threads| outcome(plan, None, threads).report.digest.unwrap();
    let one = digest(&plan, 1);
    for threads in [2, 4] {
        assert_eq!(digest(&plan, threads), one);
    }
    assert_ne!(digest(&Plan { seeds: vec![6], ..plan }, 1), one);
}

#[test]
fn a_saboteur_s_frames_are_received_and_it_is_nobody_s_receiver() {
    let alone = outcome(&small(""), None, 1).report;
    for kind in ["blockage", "forged_forwarder", "poisoned_sequence"] {
        let mut plan = small("");
        let attacker = format!("[[attacker]]\nkind = \"{kind}\"\nat_m = [300, -12]\n");
        let parsed = Plan::parse("a.toml", &format!("{}{attacker}", LEAST)).unwrap();
        plan.attackers = parsed.attackers;
        let report = outcome(&plan, None, 1).report;
        assert_eq!(report.stations, alone.stations, "{kind}");
        assert_eq!(
            report.class(Class::D3).unwrap().expected,
            alone.class(Class::D3).unwrap().expected,
            "{kind}"
        );
        assert_ne!(report.digest, alone.digest, "{kind}: nobody heard it");
        let forged = report.drops.get("signature_invalid").copied().unwrap_or(0);
        assert_eq!(forged > 0, kind == "poisoned_sequence", "{kind}: {:?}", report.drops);
    }
}

#[test]
fn awareness_alone_needs_no_event_and_a_trace_is_run_to_its_end() {
    let road = "[scenario]\nkind = \"highway\"\nlength_m = 400\nspeed_mps = 0\n";
    let plan = Plan::parse("p.toml", &format!("warm_up_s = 1\nsettle_s = 2\n{road}")).unwrap();
    let report = outcome(&plan, None, 1).report;
    assert_eq!((report.simulated_s, &report.flood), (3.0, &None));
    let bins = &report.delivery_by_distance;
    assert!(bins[1].expected > 100 && (0.95..=1.0).contains(&bins[1].ratio().unwrap()), "{bins:?}");
    // Within 150 m it is meant for all, and no farther.
    assert!(bins[3..].iter().all(|bin| bin.expected == 0), "{bins:?}");
    let worst = &report.worst_pairs[0];
    assert!(worst.sender.starts_with("car ") && worst.missed > 0 && report.worst_pairs.len() <= 10);
    report.check().unwrap();

    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut plan =
        Plan::parse("p.toml", "[scenario]\nkind = \"trace\"\nfile = \"town.fcd.csv.gz\"\n").unwrap();
    let file = assets.join("town.fcd.csv.gz");
    let trace = v2x_replay::source::read(&file, &ReadOptions::default()).unwrap();
    // To the end of the last step, as without a plan.
    let length = trace.duration() + Duration::from_nanos(trace.step_ns());
    plan.scenario = Scenario::Trace(TraceScenario::new(file));
    let report = outcome(&plan, None, 2).report;
    assert_eq!(report.simulated_s, length.as_secs_f64());
    assert!(report.flood.is_none() && report.class(Class::D2).unwrap().undelivered["receiver_busy"] > 0);
    let attacked =
        Plan::parse("p.toml", &format!("{road}[[attacker]]\nkind = \"blockage\"\nat_m = [0, 0]\n"));
    let said = attacked.unwrap_err().to_string();
    assert!(said.contains("event is missing: what attackers act on"), "{said}");
}

#[test]
fn what_crosses_a_partition_is_timed_from_the_contact() {
    let text = "warm_up_s = 3\nsettle_s = 30\n[scenario]\nkind = \"partition\"\nstations = 4\ngap_m = 800\nheals_s = 2\n\
                [medium]\nkind = \"range\"\nrange_m = 300\n[[event]]\nat_m = [0, 0]\nat_s = 0.5\nvalidity_s = 60\n\
                area = { shape = \"circle\", radius_m = 1500 }\n";
    let report = outcome(&Plan::parse("p.toml", text).unwrap(), None, 1).report;
    let healed = flood(&report).healed.unwrap();
    assert_eq!((healed.floods, healed.crossed), (1, 1));
    let first_ms = healed.first_ms.unwrap();
    assert!((0.0..1000.0).contains(&first_ms), "{healed:?}");
    assert_eq!(flood(&report).reach_final, 1.0);
}

#[test]
fn signal_states_are_counted_from_the_controller_and_end_with_it() {
    let text = "warm_up_s = 2\nsettle_s = 4\n[scenario]\nkind = \"grid\"\nblocks = [1, 1]\n\
                [medium]\nkind = \"range\"\nrange_m = 200\n[[unit]]\nname = \"u\"\nat_m = [8, 8]\n\
                [[controller]]\nunit = \"u\"\nuntil_s = 3\n";
    let report = outcome(&Plan::parse("c.toml", text).unwrap(), None, 1).report;
    let class = report.class(Class::D4).unwrap();
    // 31 states of the controller, and what the unit repeats of the last for a second.
    assert!((39..=41).contains(&class.sent), "{class:?}");
    assert!(class.delivered > 0 && class.met, "{class:?}");
    assert!(report.flood.is_none());
}

#[test]
fn a_message_that_its_origin_may_not_sign_is_told() {
    let mut plan = small("");
    // A vehicle, and farther than a vehicle's credential allows.
    plan.events[0].by = v2x_replay::plan::Origin::Nearest((500.0, 0.0));
    plan.events[0].area.as_mut().unwrap().distance_a_m = 2500;
    let report = outcome(&plan, None, 1).report;
    assert!(report.warnings.iter().any(|warning| warning.contains("2 messages of the plan were not sent")));
}

#[test]
fn media_and_scenarios_of_the_shipped_plans_are_those_their_names_say() {
    for (path, plan) in shipped() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        match plan.scenario {
            Scenario::Highway(highway) if !["imminent", "faults"].contains(&&*name) => {
                let density = name.rsplit('-').next().unwrap();
                assert_eq!(density.parse::<f64>().unwrap(), highway.density_per_km, "{name}");
                assert_eq!(plan.medium, MediumPlan::default(), "{name}");
            }
            _ => {}
        }
    }
}

const LEAST: &str = "[scenario]\nkind = \"highway\"\n[[event]]\nat_m = [0, 0]\narea = { shape = \"circle\", radius_m = 500 }\n";
