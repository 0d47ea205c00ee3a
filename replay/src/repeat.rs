//! The same trace under several seeds, one after the other.

use core::ops::ControlFlow;

use sha2::{Digest as _, Sha256};
use v2x_report::Repeats;

use crate::attack::AttackPlan;
use crate::medium::Medium;
use crate::rows::Rows;
use crate::run::{self, Progress, RunError, RunOptions, RunOutcome};
use crate::source::Trace;

/// Runs a trace once for each seed, as [`run::run_logged`] does; [`RunOptions::seed`] is ignored. The outcome's counts are
/// those of all runs together, its report says how the runs spread. Ages, gaps, the worst pairs, attacks, links and the map are
/// those of the first run. `progress` is called in all of them. An interrupted run is among the counts and not in the spread.
///
/// # Errors
/// [`RunError`]; the rows are lost then.
pub fn run_seeds(
    trace: &Trace,
    options: &RunOptions,
    medium: &dyn Fn(u64) -> Box<dyn Medium>,
    seeds: &[u64],
    plan: Option<&AttackPlan>,
    rows: &mut Option<Rows>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, RunError> {
    let count = seeds.len() as u64;
    let mut all: Option<RunOutcome> = None;
    let (mut runs, mut notes, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let mut digests = Sha256::new();
    for (done, seed) in seeds.iter().enumerate() {
        let options = RunOptions { seed: *seed, ..*options };
        let mut course = |one: Progress| {
            progress(Progress {
                simulated_ns: (done as u64).saturating_mul(one.end_ns).saturating_add(one.simulated_ns),
                end_ns: one.end_ns.saturating_mul(count),
            })
        };
        let mut one = run::run_logged(trace, &options, medium, plan, rows, &mut course)?;
        if !one.interrupted {
            runs.push(one.report.of_seed(*seed));
        }
        digests.update(one.report.digest.as_deref().unwrap_or_default());
        notes.push((*seed, core::mem::take(&mut one.report.notes)));
        warnings.push((*seed, core::mem::take(&mut one.report.warnings)));
        let stop = one.interrupted || rows.as_ref().is_some_and(Rows::failed);
        match &mut all {
            None => all = Some(one),
            Some(all) => add(all, one),
        }
        if stop {
            break;
        }
    }
    let mut all = all.ok_or(RunError::Empty)?;
    all.report.judge(&all.stats);
    all.report.digest = Some(digests.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
    all.report.notes = common(&notes);
    if count > 1 {
        all.report.notes.push(FIRST.to_owned());
    }
    all.report.warnings = common(&warnings);
    if all.interrupted {
        all.report.warnings.push(format!("interrupted: {} of {count} runs are complete", runs.len()));
    }
    all.report.repeats = Repeats::new(runs);
    Ok(all)
}

fn add(all: &mut RunOutcome, one: RunOutcome) {
    let RunOutcome { report, stats, map: _, simulated_ns, interrupted, frames_sent, signatures } = one;
    all.stats.merge(&stats);
    all.simulated_ns += simulated_ns;
    all.interrupted |= interrupted;
    all.frames_sent += frames_sent;
    all.signatures += signatures;
    let sum = &mut all.report;
    sum.add_deliveries(&report);
    sum.simulated_s += report.simulated_s;
    sum.stations = sum.stations.max(report.stations);
    sum.run.seeds.extend(report.run.seeds);
    sum.frames.received += report.frames.received;
    sum.frames.delivered += report.frames.delivered;
    sum.frames.dropped += report.frames.dropped;
    if let (Some(sum), Some(one)) = (&mut sum.processor, &report.processor) {
        sum.merge(one);
    }
    for (reason, count) in report.drops {
        *sum.drops.entry(reason).or_default() += count;
    }
    match (&mut sum.over_time, &report.over_time) {
        (Some(sum), Some(one)) => sum.merge(one),
        (sum, _) => *sum = sum.take().or(report.over_time),
    }
}

/// Lines that every run has stand once, the others with their seed.
fn common(lines: &[(u64, Vec<String>)]) -> Vec<String> {
    let everywhere = |line: &String| lines.iter().all(|(_, others)| others.contains(line));
    let first = lines.first().map(|(_, first)| first.as_slice()).unwrap_or_default();
    let shared = first.iter().filter(|line| everywhere(line)).cloned();
    let own = lines.iter().flat_map(|(seed, own)| {
        let own = own.iter().filter(|line| !everywhere(line));
        own.map(move |line| format!("seed {seed}: {line}"))
    });
    shared.chain(own).take(MAX_LINES).collect()
}

const FIRST: &str = "counts and percentiles are of all seeds together; ages, gaps, the worst pairs, attacks, links and the map are of the first";
/// A thousand runs must not bury their report.
const MAX_LINES: usize = 40;
