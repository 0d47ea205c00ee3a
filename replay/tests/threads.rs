//! A world is the same on any number of threads: whole reports are compared, with digest, histograms and counts.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use v2x_core::{ChangeRule, PseudonymConfig};
use v2x_replay::attack::{Attack, AttackKind, AttackPlan, Targets};
use v2x_replay::medium::{AirProfile, Buildings, Ether, Medium, RadioProfile, RangeLimited};
use v2x_replay::plan::{MediumPlan, Plan, PlanOptions, run};
use v2x_replay::run::{RunOptions, RunOutcome, run_attacked, run_over};
use v2x_replay::source::{PolygonTypes, buildings_from, town};
use v2x_replay::surroundings::Surroundings;
use v2x_report::Verify;

/// As many as the machine may have, an odd number, and more than it has.
const THREADS: [usize; 3] = [2, 3, 8];

fn same(what: &str, outcome: impl Fn(usize) -> RunOutcome) {
    let alone = outcome(1);
    alone.report.check().unwrap();
    assert!(alone.frames_sent > 20, "{what}: {} frames", alone.frames_sent);
    for threads in THREADS {
        let other = outcome(threads);
        assert_eq!(other.report.digest, alone.report.digest, "{what}, {threads} threads");
        assert_eq!((other.frames_sent, other.signatures), (alone.frames_sent, alone.signatures), "{what}");
        assert_eq!(other.report, alone.report, "{what}, {threads} threads");
    }
}

fn options(seed: u64, threads: usize) -> RunOptions {
    RunOptions { seconds: Some(1.5), threads, ..RunOptions::new(seed) }
}

#[test]
fn a_trace_over_the_ideal_medium_by_the_rules_and_at_a_fixed_rate() {
    for (seed, rate_hz, verify) in
        [(1, None, Verify::Once), (2, Some(10.0), Verify::Once), (3, Some(7.0), Verify::Every)]
    {
        same(&format!("seed {seed}"), |threads| {
            let options = RunOptions { rate_hz, verify, ..options(seed, threads) };
            let medium = Box::new(RangeLimited::new(300.0));
            run_over(&town::trace(), &options, medium, &mut |_| ControlFlow::Continue(())).unwrap()
        });
    }
}

#[test]
fn a_trace_over_a_radio_channel() {
    for (seed, name) in [(1, "published"), (2, "urban"), (3, "highway")] {
        let Some(AirProfile::Radio(profile)) = AirProfile::shipped(name) else { panic!("no profile {name}") };
        same(name, |threads| {
            let medium: Box<dyn Medium> = Box::new(Ether::new(&profile, seed));
            let options = RunOptions { rate_hz: Some(10.0), ..options(seed, threads) };
            run_over(&town::trace(), &options, medium, &mut |_| ControlFlow::Continue(())).unwrap()
        });
    }
}

/// Buildings in every block of the town.
fn blocks() -> Arc<Buildings> {
    let trace = town::trace();
    let block = |n: u32| {
        let (west, south) = (f64::from(n % 3) * 150.0 + 120.0, f64::from(n / 3) * 150.0 + 120.0);
        format!(
            "<poly id=\"{n}\" type=\"building\" shape=\"{west},{south} {0},{south} {0},{1} {west},{1}\"/>",
            west + 110.0,
            south + 110.0
        )
    };
    let file = format!("<additional>{}</additional>", (0..9).map(block).collect::<String>());
    let outlines =
        buildings_from(file.as_bytes(), "town.poly.xml", &trace.ground, &PolygonTypes::default()).unwrap();
    Arc::new(Buildings::new(&outlines).unwrap())
}

#[test]
fn a_trace_over_a_radio_channel_with_buildings_and_vehicles_in_the_way() {
    let trace = town::trace();
    let vehicles = "[vehicles]\n";
    let urban = |more: &str| {
        let text = format!("{}{more}", RadioProfile::shipped_text("urban").unwrap());
        MediumPlan { name: "urban".to_owned(), profile: AirProfile::parse("urban.toml", &text).unwrap() }
    };
    let open = Surroundings::of(&trace);
    let built = Surroundings { buildings: Some(blocks()), ..open.clone() };
    let run = |more: &str, surroundings: &Surroundings, threads| {
        let options = RunOptions { rate_hz: Some(10.0), ..options(2, threads) };
        let medium = urban(more).among(surroundings, 2);
        run_over(&trace, &options, medium, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    same("buildings", |threads| run("", &built, threads));
    same("buildings and vehicles", |threads| run(vehicles, &built, threads));
    let digest = |more, surroundings: &Surroundings| run(more, surroundings, 1).report.digest;
    let plain = digest("", &Surroundings::default());
    assert_eq!(digest("", &open), plain, "nothing is in the way where the profile has no vehicles");
    assert_eq!(digest(vehicles, &Surroundings::default()), plain, "nor where there are none");
    let all = [plain, digest("", &built), digest(vehicles, &open), digest(vehicles, &built)];
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), 4, "{all:?}");
}

#[test]
fn stations_that_change_their_pseudonyms() {
    let change = ChangeRule::Every(Duration::from_secs(5));
    let pseudonyms = Some(PseudonymConfig { change, silence: Duration::ZERO });
    same("pseudonyms", |threads| {
        let options =
            RunOptions { pseudonyms, seconds: Some(7.0), rate_hz: Some(2.0), ..options(4, threads) };
        let medium = Box::new(RangeLimited::new(120.0));
        run_over(&town::trace(), &options, medium, &mut |_| ControlFlow::Continue(())).unwrap()
    });
}

#[test]
fn a_trace_with_attackers_who_send_restart_others_and_forge() {
    use AttackKind as K;
    for (seed, kinds) in [
        (1, [K::Dos, K::SybilGrid, K::InvalidSignature]),
        (2, [K::RestartReplay, K::ExactCopy, K::CredentialRequestFlood]),
        (3, [K::RandomPosition, K::FeignedBraking, K::Delay]),
    ] {
        let attacks = kinds.iter().map(|kind| {
            let mut attack = Attack::new(*kind, Targets::Share(0.1));
            attack.delay_s = attack.delay_s.min(0.5);
            attack
        });
        let plan = AttackPlan { seed, attacks: attacks.collect(), ..AttackPlan::default() };
        same(&format!("attacks of seed {seed}"), |threads| {
            run_attacked(&town::trace(), &options(seed, threads), &plan, &mut |_| ControlFlow::Continue(()))
                .unwrap()
        });
    }
}

#[test]
fn plans_with_floods_saboteurs_and_transmitters_beside_the_road() {
    let flood = |seed: u32, more: &str| {
        format!(
            "warm_up_s = 2\nsettle_s = 1\nseeds = [{seed}]\n\
             [scenario]\nkind = \"highway\"\nlength_m = 800\ndensity_per_km = 60\nspeed_mps = 20\n\
             [[unit]]\nname = \"unit\"\nat_m = [100, -15]\n\
             [[event]]\nclass = \"D0\"\nat_m = [300, -2]\n\
             [[event]]\nby = \"unit\"\narea = {{ shape = \"circle\", radius_m = 700 }}\n{more}"
        )
    };
    let saboteur = "[[attacker]]\nkind = \"blockage\"\nat_m = [300, -12]\n";
    let ideal = "[medium]\nkind = \"range\"\nrange_m = 300\n";
    let strip = "[[attack]]\nkind = \"strip\"\nat_m = [300, -20]\n";
    let copies = "verify_us = 200\n[[attack]]\nkind = \"copies\"\nat_m = [300, -20]\n";
    let cases = [
        ("floods over a radio", flood(5, ""), None),
        ("floods", flood(6, ideal), None),
        ("a saboteur", format!("{}{saboteur}", flood(7, ideal)), None),
        ("transmitters", flood(8, ideal), Some(strip)),
        ("transmitters over a radio", flood(9, ""), Some(strip)),
        ("processors that take their time", flood(9, ideal), Some(copies)),
    ];
    for (what, plan, attack) in cases {
        let plan = Plan::parse("case.toml", &plan).unwrap();
        let attack = attack.map(|attack| AttackPlan::parse("attack.toml", attack).unwrap());
        same(what, |threads| {
            let options =
                PlanOptions { threads, verify: Verify::Once, seconds: None, attack: attack.clone() };
            run(&plan, &options, &mut |_| ControlFlow::Continue(())).unwrap()
        });
    }
}
