//! `roadcast replay sweep`: many runs, whose reports and table are kept in a folder.

mod points;

use core::ops::ControlFlow;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use v2x_replay::run::Progress;
use v2x_replay::sweep::{Shard, Sweep, SweepFolder, SweepManifest, merge};
use v2x_report::{Machine, Processor};

use self::points::Runs;
use super::error::ReplayError;
use super::interrupt::Interrupt;
use crate::commands::span::whole;
use crate::daemon::station::monotonic;
use crate::error::Error;
use crate::machine::report_text;
use crate::processor::process_time;
use crate::version::COMMIT;

/// `roadcast replay sweep`.
#[derive(Clone, Debug, Args)]
pub struct SweepArgs {
    /// What to run: traces or plans, seeds, and options of replay run with the values they take
    #[arg(value_name = "SWEEP.toml", required_unless_present = "merge")]
    pub sweep: Option<PathBuf>,
    /// Folder for the reports and the table; an interrupted sweep goes on there
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    pub out: Option<PathBuf>,
    /// Run a part of the points only: of each N, the I-th
    #[arg(long, value_name = "I/N", value_parser = parse_shard, conflicts_with = "merge")]
    pub shard: Option<Shard>,
    /// Instead of running: put the folders of all shards together
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with = "sweep")]
    pub merge: Vec<PathBuf>,
    /// Threads to use (default: all cores); the result does not depend on it
    #[arg(long, value_name = "N", value_parser = whole(1..=256_u16, "threads"), conflicts_with = "merge")]
    pub threads: Option<u16>,
    /// Check the sweep and the files that it names, say how many points it has, and run nothing
    #[arg(long, conflicts_with = "merge")]
    pub check: bool,
    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,
}

pub(super) fn run(args: &SweepArgs, out: &mut dyn Write) -> Result<(), Error> {
    let into = args.out.as_deref().unwrap_or(Path::new("."));
    let Some(path) = &args.sweep else {
        let shards: Vec<&Path> = args.merge.iter().map(PathBuf::as_path).collect();
        let folder = merge(&shards, into).map_err(ReplayError::from)?;
        return table(&folder, args, out);
    };
    let sweep = Sweep::read(path).map_err(ReplayError::from)?;
    let runs = Runs::new(&sweep, args.threads)?;
    let manifest = SweepManifest::new(&sweep, args.shard, env!("CARGO_PKG_VERSION"), COMMIT);
    let mine = (0..manifest.points.len()).filter(|number| manifest.has(*number)).count();
    if args.check {
        let of = args.shard.map_or_else(String::new, |shard| format!(", {mine} of them in shard {shard}"));
        writeln!(out, "{}: {}{of}", path.display(), points(manifest.points.len()))?;
        return Ok(());
    }
    let folder = SweepFolder::begin(into, manifest).map_err(ReplayError::from)?;
    let interrupt = Interrupt::listen()?;
    let bar = if args.quiet { ProgressBar::hidden() } else { bar() };
    let outcome = run_points(&folder, &runs, &interrupt, &bar, args.quiet, out);
    bar.finish_and_clear();
    outcome?;
    if args.shard.is_some() {
        if !args.quiet {
            writeln!(out, "{}: this shard is complete, {}", into.display(), points(mine))?;
        }
        return Ok(());
    }
    table(&folder, args, out)
}

/// Runs what is not there yet.
fn run_points(
    folder: &SweepFolder,
    runs: &Runs,
    interrupt: &Interrupt,
    bar: &ProgressBar,
    quiet: bool,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let manifest = folder.manifest();
    let all = manifest.points.len();
    let mine: Vec<usize> = (0..all).filter(|number| manifest.has(*number)).collect();
    let mut there = 0;
    for number in &mine {
        there += usize::from(folder.report(*number).map_err(ReplayError::from)?.is_some());
    }
    let mut done = there;
    if there > 0 && !quiet {
        writeln!(out, "{there} of {} points are there already", mine.len())?;
    }
    bar.set_length(mine.len() as u64 * STEPS);
    for number in mine.iter().copied() {
        if folder.report_path(number).exists() {
            continue;
        }
        let described = manifest.describe(number);
        let interrupted = || {
            let text = format!(
                "interrupted: {done} of {} points are in {}; the same command goes on there",
                mine.len(),
                folder.path().display()
            );
            Error::Interrupted(text)
        };
        if interrupt.asked() {
            return Err(interrupted());
        }
        let (began, had) = (monotonic(), process_time());
        bar.set_message(described.clone());
        let mut progress = |progress: Progress| {
            let part = progress.simulated_ns as f64 / progress.end_ns.max(1) as f64;
            bar.set_position(done as u64 * STEPS + (part * STEPS as f64) as u64);
            if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = runs.run(number, &mut progress)?;
        if outcome.interrupted {
            return Err(interrupted());
        }
        let simulated_s = outcome.simulated_ns as f64 / 1e9;
        let wall_s = monotonic().since(began).as_secs_f64();
        // Of the process: worker threads have ended by now.
        let used = process_time().zip(had).map(|(now, had)| now.saturating_sub(had).as_secs_f64());
        let processor = used.map(|used_s| Processor { used_s, given: 1.0, ..Processor::default() });
        let machine = Machine::new(simulated_s, wall_s, processor);
        folder.keep(number, &report_text(&outcome.report), &machine).map_err(ReplayError::from)?;
        done += 1;
        if !quiet {
            let line = format!("{done} of {}: {described}: {simulated_s:.1} s in {wall_s:.1} s", mine.len());
            bar.suspend(|| writeln!(out, "{line}"))?;
        }
    }
    Ok(())
}

fn table(folder: &SweepFolder, args: &SweepArgs, out: &mut dyn Write) -> Result<(), Error> {
    for path in folder.write_table().map_err(ReplayError::from)? {
        if !args.quiet {
            writeln!(out, "table: {}", path.display())?;
        }
    }
    Ok(())
}

fn points(number: usize) -> String {
    if number == 1 { "1 point".to_owned() } else { format!("{number} points") }
}

/// On a terminal only.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left")
        .expect("invariant: the template is well-formed");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    Shard::parse(text)
        .ok_or_else(|| "expected I/N with I from 1 to N, such as 2/5; N at most 10000".to_owned())
}

/// Steps of the bar for each point.
const STEPS: u64 = 1_000;

pub(super) const HELP: &str = "Examples:
  roadcast replay sweep replay/plans/sweeps/town.toml --out town
  roadcast replay sweep replay/plans/sweeps/town.toml --shard 1/2 --out one
  roadcast replay sweep --merge one two --out town

A sweep is a TOML file:

  [sweep]
  trace = \"town.fcd.csv.gz\"  # or plan = ..., or both; each a file or a list
  seeds = \"1..5\"             # or [1, 2, 5]

  [settings]                 # options of replay run, without dashes
  seconds = 10
  range = [200, 300]         # a list: each of them
  attack = [false, \"strip\"]  # false: without the option

Each trace and plan is run with every combination of the settings under each
seed, one after the other, at most 10000 points. DIR/points has a report for
each, as replay run --json writes it; when all are there, DIR/table.csv,
DIR/table.json and DIR/table.parquet have a row for each. After Ctrl-C the same
command goes on where it stopped. Shards are run by one version anywhere, and
--merge makes the same table of them. docs/sweeps.md has the columns.

Exit codes: 0 all points are there, whatever their verdicts, 2 bad input, or
results of another sweep or version, 130 interrupted.";
