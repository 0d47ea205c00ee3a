//! The tables of detection in `replay/plans/README.md`, made anew:
//!
//! ```sh
//! SEEDS=21..30 TRACE=FILE cargo test --release -p v2x-replay --test detection table -- --ignored --nocapture
//! ```
//!
//! `TRACE`: a file, else the town's; `SEEDS`: of world and plan, both ends included; `KINDS`: some, with commas between;
//! `SECONDS_EACH`: how much of the trace, s; `RATE`: beacons a second, else by the generation rules; `PAIRS`: a file for a
//! line of each receiver and attacker.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use v2x_replay::attack::{Attack, AttackKind, AttackPlan, Targets};
use v2x_replay::plan::{self, Plan, PlanOptions};
use v2x_replay::run::{RunOptions, run_against, run_unattacked};
use v2x_replay::source::{ReadOptions, read, town};
use v2x_report::{Detection, Verify};

#[test]
#[ignore = "measures the tables of replay/plans/README.md"]
fn table() {
    let seconds = var("SECONDS_EACH").map_or(60.0, |text| text.parse().unwrap());
    let rate_hz = var("RATE").map(|text| text.parse().unwrap());
    let trace = var("TRACE").map_or_else(town::trace, |path| {
        read(path.as_ref(), &ReadOptions::default()).expect("a trace that can be read")
    });
    let seeds = seeds(&var("SEEDS").unwrap_or_else(|| "21..30".to_owned()));
    let kinds = var("KINDS").unwrap_or_default();
    let attacks: Vec<_> = attacks()
        .filter(|(name, _)| kinds.is_empty() || kinds.split(',').any(|kind| kind == *name))
        .collect();
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    let mut pairs = String::new();
    let (mut heard, mut suspected, mut isolated) = (0, 0, 0);
    for seed in &seeds {
        let options = RunOptions { seconds: Some(seconds), rate_hz, threads: 1, ..RunOptions::new(*seed) };
        let (_, clean) = run_unattacked(&trace, &options, &mut |_| ControlFlow::Continue(())).unwrap();
        let honest = clean.honest();
        (heard, suspected, isolated) =
            (heard + honest.heard, suspected + honest.suspected, isolated + honest.isolated);
        println!("seed {seed}, no attack: {honest:?}");
        for (number, (name, attack)) in attacks.iter().enumerate() {
            let row = rows.entry(number).or_default();
            let plan = AttackPlan { seed: *seed, attacks: vec![attack.clone()], ..AttackPlan::default() };
            let run = run_against(&trace, &options, &plan, &clean, &mut |_| ControlFlow::Continue(()));
            let (outcome, tally) = run.expect("the plan and the trace are right");
            let found = outcome.report.detection.expect("an attacked run is scored").remove(0);
            let honest = tally.honest();
            println!("seed {seed}, {name}: {found:?}, honest: {honest:?}");
            row.add(&found, honest.isolated);
            for pair in tally.attackers() {
                row.isolate_s.extend(pair.isolated_s);
                let at = |time: Option<f64>| time.map_or(String::new(), |time| format!("{time:.3}"));
                let (suspect, isolated) = (at(pair.suspect_s), at(pair.isolated_s));
                let (receiver, signer, heard) = (pair.receiver, pair.signer, pair.heard);
                pairs
                    .push_str(&format!("{name},{seed},{receiver},{signer:?},{heard},{suspect},{isolated}\n"));
            }
        }
    }
    println!(
        "\n{} seeds: {suspected} of {heard} honest stations suspected, {isolated} isolated, without attackers",
        seeds.len()
    );
    println!(
        "| Attack | Precision | Recall | F1 | least, most | Time to find | Isolated | after | Honest isolated | By |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|---|");
    for (number, row) in &rows {
        println!("| `{}` | {}", attacks[*number].0, row.text());
    }
    if let Some(path) = var("PAIRS") {
        std::fs::write(path, pairs).expect("a file for the pairs");
    }
}

/// `PLANS`: a folder of plans of floods, else the shipped ones; `SEEDS` and `SECONDS_EACH` as for [`table`], here 1..10 and
/// all of a plan. Those with attackers are run without them.
#[test]
#[ignore = "runs every plan without attackers ten times over"]
fn nobody_is_isolated_in_any_plan() {
    let folder =
        var("PLANS").unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/plans/flood").to_owned());
    let seconds = var("SECONDS_EACH").map(|text| text.parse().unwrap());
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut isolated = BTreeMap::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        let mut plan = Plan::read(path).unwrap();
        plan.attackers.clear();
        for seed in seeds(&var("SEEDS").unwrap_or_else(|| "1..10".to_owned())) {
            let dropped = isolated_drops(&Plan { seeds: vec![seed], ..plan.clone() }, seconds);
            println!("{} seed {seed}: {dropped} drops of the isolated", path.display());
            if dropped > 0 {
                isolated.insert((path.clone(), seed), dropped);
            }
        }
    }
    assert!(isolated.is_empty(), "{isolated:?}");
}

// The small part of the run over all plans and traces that the page of plans has the figures of.
#[test]
fn nobody_is_isolated_on_a_motorway_and_in_the_town() {
    let text = "warm_up_s = 8\nsettle_s = 1\n[scenario]\nkind = \"highway\"\nlength_m = 400\n";
    let plan = Plan::parse("motorway.toml", text).unwrap();
    for seed in 1..=2 {
        assert_eq!(isolated_drops(&Plan { seeds: vec![seed], ..plan.clone() }, None), 0, "seed {seed}");
    }
    let options = RunOptions { seconds: Some(8.0), threads: 1, ..RunOptions::new(3) };
    let (_, clean) = run_unattacked(&town::trace(), &options, &mut |_| ControlFlow::Continue(())).unwrap();
    let honest = clean.honest();
    assert!(honest.heard > 30 && honest.isolated == 0, "{honest:?}");
}

fn isolated_drops(plan: &Plan, seconds: Option<f64>) -> u64 {
    let options = PlanOptions { threads: 1, verify: Verify::Once, seconds, attack: None };
    let outcome = plan::run(plan, &options, &mut |_| ControlFlow::Continue(())).expect("the plan is right");
    outcome.report.drops.get("isolated").copied().unwrap_or(0)
}

fn attacks() -> impl Iterator<Item = (&'static str, Attack)> {
    let all = AttackKind::ALL.iter().map(|kind| (kind.name(), Attack::new(*kind, Targets::Share(0.2))));
    let still = Attack { speed_mps: 0.0, ..Attack::new(AttackKind::ConstantSpeed, Targets::Share(0.2)) };
    all.chain([("zero_speed", still)])
}

/// One attack over all seeds.
#[derive(Default)]
struct Row {
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    detect_s: Vec<f64>,
    isolate_s: Vec<f64>,
    detected: u64,
    honest_isolated: u64,
    findings: BTreeMap<String, u64>,
}

impl Row {
    fn add(&mut self, found: &Detection, honest_isolated: u64) {
        self.precision.push(found.precision);
        self.recall.push(found.recall);
        self.f1.push(found.f1);
        self.detect_s.extend(found.median_detect_s);
        self.detected += found.detected;
        self.honest_isolated += honest_isolated;
        for (what, count) in &found.findings {
            *self.findings.entry(what.clone()).or_default() += count;
        }
    }

    fn text(&self) -> String {
        let (least, most) = self.f1.iter().fold((1.0_f64, 0.0_f64), |(a, b), f1| (a.min(*f1), b.max(*f1)));
        let mut isolate_s = self.isolate_s.clone();
        isolate_s.sort_by(f64::total_cmp);
        let after = isolate_s.get(isolate_s.len() / 2).map_or("-".to_owned(), |time| format!("{time:.1} s"));
        let found = if self.detect_s.is_empty() {
            "-".to_owned()
        } else {
            format!("{} s", spread(&self.detect_s, 1))
        };
        let all: u64 = self.findings.values().sum();
        // A check in fewer than one of fifty is noise in a table.
        let by: Vec<_> = self
            .findings
            .iter()
            .filter(|(_, count)| **count * 50 >= all)
            .map(|(what, count)| format!("{what} {} %", (100 * count + all / 2) / all.max(1)))
            .collect();
        format!(
            "{} | {} | {} | {least:.3}, {most:.3} | {found} | {} | {after} | {} | {} |",
            spread(&self.precision, 3),
            spread(&self.recall, 3),
            spread(&self.f1, 3),
            isolate_s.len(),
            self.honest_isolated,
            by.join(", "),
        )
    }
}

/// Mean and standard deviation of a sample.
fn spread(values: &[f64], digits: usize) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (square / (count - 1.0).max(1.0)).sqrt();
    format!("{mean:.digits$} ± {deviation:.digits$}")
}

fn seeds(text: &str) -> Vec<u64> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    (first.parse().expect("the first seed")..=last.parse().expect("the last seed")).collect()
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
