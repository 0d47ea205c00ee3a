//! What each attack of the red team costs honest stations, in virtual time: the roads of `replay/plans/red` without
//! attackers and with each of them. The figures do not depend on this machine.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread::available_parallelism;
use std::time;

use benches::figures::{self, rounded};
use serde_json::{Value, json};
use v2x_replay::attack::{AttackPlan, ShippedPlan};
use v2x_replay::plan::{self, Plan, PlanOptions};
use v2x_report::{Damage, HonestFigures, Verify, human};

fn main() -> Result<(), Box<dyn Error>> {
    let quick = figures::quick();
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let roads = Path::new(env!("CARGO_MANIFEST_DIR")).join("../replay/plans/red");
    let seeds: Vec<u64> = if quick { vec![1] } else { (1..=SEEDS).collect() };
    println!("red team{}", if quick { " (quick: figures mean little)" } else { "" });
    println!("{HEAD}");
    println!("|---|{}", "--:|".repeat(COLUMNS));
    let started = time::Instant::now();
    let (mut attacks, mut shown) = (Vec::new(), None);
    let mut team: Vec<_> = ShippedPlan::red_team().filter_map(|plan| Some((plan.road()?, plan))).collect();
    // Each road's together; otherwise in their order.
    team.sort_by_key(|(road, _)| core::cmp::Reverse(*road));
    for (road, shipped) in team {
        if only.as_deref().is_some_and(|only| !shipped.name.contains(only)) {
            continue;
        }
        let mut plan = Plan { seeds: seeds.clone(), ..Plan::read(&roads.join(road))? };
        if quick {
            plan.warm_up_s = plan.warm_up_s.min(QUICK_WARM_UP_S);
        }
        let damage = run(&plan, &shipped, quick)?;
        if shown.replace(road) != Some(road) {
            row(&format!("none, on {road}"), (0, 0), &damage.without);
        }
        let sum = |of: fn(&v2x_report::AttackFrames) -> u64| damage.attacks.iter().map(of).sum::<u64>();
        row(shipped.name, (sum(|one| one.frames), sum(|one| one.bytes)), &damage.with);
        attacks.push(json(shipped.name, &damage));
    }
    let line = json!({
        "bench": "red_team",
        "machine": figures::machine(),
        "quick": quick,
        "seeds": seeds,
        "wall_s": rounded(started.elapsed().as_secs_f64(), 1),
        "attacks": attacks,
    });
    println!("{line}");
    Ok(())
}

fn run(road: &Plan, shipped: &ShippedPlan, quick: bool) -> Result<Damage, Box<dyn Error>> {
    let options = PlanOptions {
        threads: available_parallelism().map_or(1, usize::from),
        verify: Verify::Once,
        seconds: quick.then_some(road.warm_up_s + 1.0),
        attack: Some(AttackPlan::parse(shipped.name, shipped.text)?),
    };
    let outcome = plan::run(road, &options, &mut |_| ControlFlow::Continue(()))?;
    outcome.report.check()?;
    Ok(outcome.report.damage.ok_or("an attacked run says what it cost")?)
}

/// A row of the table in `replay/plans/README.md`.
fn row(attack: &str, (frames, bytes): (u64, u64), figures: &HonestFigures) {
    let missed = |name| {
        figures.class(name).map_or_else(
            || "-".to_owned(),
            |class| format!("{:.2} %", 100.0 * class.missed as f64 / class.expected.max(1) as f64),
        )
    };
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
    let name = if attack.starts_with("none") { attack.to_owned() } else { format!("`{attack}`") };
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} | {} | {} | {} |",
        missed("D0"),
        missed("D1"),
        missed("D3"),
        missed("D4"),
        share(figures.reach_300ms),
        share(figures.reach_final),
        human::count(figures.bytes / 1000),
        human::count(frames),
        human::count(bytes / 1000),
        figures.checks_per_s,
        figures.processor_share.map_or_else(|| "-".to_owned(), human::percent),
        figures.isolated,
        gains(figures),
    );
}

/// What some attacks are after.
fn gains(figures: &HonestFigures) -> String {
    let mut words = Vec::new();
    if let Some(names) = figures.marked_names {
        words.push(format!("{names} names marked"));
    }
    if let (Some(right), Some(wrong)) = (figures.signal_right, figures.signal_wrong) {
        words.push(format!("signal shown right {}, wrong {}", human::percent(right), human::percent(wrong)));
    }
    if let Some(known) = figures.revocation_known {
        words.push(format!("revocation known to {known}"));
    }
    words.join(", ")
}

fn json(attack: &str, damage: &Damage) -> Value {
    json!({ "attack": attack, "on_air": damage.attacks, "without": damage.without, "with": damage.with })
}

/// Worlds of each attack, and as many without.
const SEEDS: u64 = 3;
/// Attackers begin in it, as they do in the whole.
const QUICK_WARM_UP_S: f64 = 2.0;
const HEAD: &str = "| Attack | D0 missed | D1 missed | D3 missed | D4 missed | reach 300 ms | reach at the end | honest kB | \
                    attacker's frames | attacker's kB | checks/s | busy | isolated | besides |";
const COLUMNS: usize = 13;
