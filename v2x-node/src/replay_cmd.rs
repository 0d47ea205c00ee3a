//! `roadcast replay`: traces and recordings in virtual time.

mod interrupt;
mod plan;

use core::ops::ControlFlow;
use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use v2x_core::config::{ChangeRule, PseudonymConfig};
use v2x_core::report::{Verdict, Verify};
use v2x_replay::attack::Plan;
use v2x_replay::check::{self, CheckError};
use v2x_replay::hlog::{self, HlogError};
use v2x_replay::html;
use v2x_replay::plan::{PlanError, PlanRunError};
use v2x_replay::run::{self, Progress, RunError, RunOptions, RunOutcome};
use v2x_replay::source::convert::{self, WriteError};
use v2x_replay::source::{self, Kind, ReadOptions, Trace, TraceError};
use v2x_settings::SettingsError;

use self::interrupt::Interrupt;
use crate::error::Error;
use crate::run::write_json;
use crate::station::monotonic;

/// `roadcast replay ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayCommand {
    /// Run a trace's stations in virtual time and report on every message
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Feed a station's recording to a fresh node and compare every output
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Write a trace in another format, by the name: .csv, .csv.gz, .xml or .xml.gz
    #[command(after_help = CONVERT_HELP)]
    Convert(ConvertArgs),
}

/// `roadcast replay run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// SUMO floating-car data as XML or CSV, plain or gzip
    #[arg(required_unless_present = "plan")]
    pub trace: Option<PathBuf>,
    /// Run the scenario of PLAN in place of a trace: floods, attackers, reception by distance
    #[arg(long, value_name = "PLAN.toml", conflicts_with_all = ["trace", "rate", "range", "seed", "pseudonyms", "attack", "geographic"])]
    pub plan: Option<PathBuf>,
    /// How the plan's floods are forwarded, in place of what it says; all: one after the other, in one table
    #[arg(long, value_enum, value_name = "HOW", requires = "plan")]
    pub forwarding: Option<ForwardingArg>,
    /// Simulate no more than this, seconds; of a plan, of each of its runs
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Awareness at a fixed rate instead of by the generation rules, Hz
    #[arg(long, value_name = "HZ", allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// How far a station is heard, metres
    #[arg(long, value_name = "M", default_value_t = run::DEFAULT_RANGE_M, allow_negative_numbers = true)]
    pub range: f64,
    /// Seed of keys and random choices: the same trace, options and seed give the same digest
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Threads to use, all cores if not given; never shows in the result
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Verify each frame once for all its receivers, or at every reception
    #[arg(long, value_enum, default_value_t = VerifyArg::Once)]
    pub verify: VerifyArg,
    /// Vehicles change their pseudonyms about every S seconds, or by the rule of a trip; an eavesdropper tries to link them
    #[arg(long, value_name = "S|auto", value_parser = parse_pseudonyms)]
    pub pseudonyms: Option<ChangeRule>,
    /// Silence after each change, seconds
    #[arg(long, value_name = "S", default_value_t = 0.0, requires = "pseudonyms", value_parser = parse_silence)]
    pub silence: f64,
    /// Have stations attack as PLAN says, and score how well they are found out; runs the trace twice
    #[arg(long, value_name = "PLAN.toml")]
    pub attack: Option<PathBuf>,
    /// Write the report to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report with plots and a map to FILE, one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write histogram logs to DIR/replay.hlog
    #[arg(long, value_name = "DIR")]
    pub hdr: Option<PathBuf>,
    /// Take x and y for longitude and latitude in degrees
    #[arg(long)]
    pub geographic: bool,
    /// No progress, no warnings, no table: the exit code and the files asked for
    #[arg(long, short)]
    pub quiet: bool,
}

/// How often a frame's signature is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyArg {
    /// Once for all its receivers
    Once,
    /// At every reception
    Every,
}

/// How floods are forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ForwardingArg {
    /// By Roadcast's own rules
    Roadcast,
    /// By stock EN 302 636-4-1 contention
    Etsi,
    /// Everybody repeats everything once
    Flooding,
    /// Each of these
    All,
}

/// `roadcast replay check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// What `roadcast run --record` wrote
    pub recording: PathBuf,
}

/// `roadcast replay convert`.
#[derive(Clone, Debug, Args)]
pub struct ConvertArgs {
    /// SUMO floating-car data as XML or CSV, plain or gzip
    pub input: PathBuf,
    /// The file to write: .csv, .csv.gz, .xml or .xml.gz; positions in degrees
    pub output: PathBuf,
    /// Take x and y for longitude and latitude in degrees
    #[arg(long)]
    pub geographic: bool,
}

/// Why a replay has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The file is of another kind, for which there is another command.
    #[error("{path}: is {kind}, not a trace; use: roadcast {command} {path}")]
    OtherCommand {
        /// The file.
        path: String,
        /// What it is.
        kind: Kind,
        /// What takes it.
        command: &'static str,
    },
    /// The run cannot be started, or has no result.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The plan of attacks cannot be read.
    #[error(
        "{path}: cannot be read: {source}; a plan of attacks is a TOML file, such as replay/plans/insiders.toml"
    )]
    AttackFile {
        /// The plan's file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The plan of attacks cannot be used.
    #[error(transparent)]
    Attack(#[from] SettingsError),
    /// The plan of runs cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan makes no run, or it has no result.
    #[error("{path}: {source}")]
    PlanRun {
        /// The plan's file.
        path: String,
        /// Why.
        source: PlanRunError,
    },
    /// The file is a plan, not a trace.
    #[error(
        "{path}: is a plan, not a trace; use: roadcast replay run --plan {path}, or for attacks: replay run TRACE --attack {path}"
    )]
    PlanAsTrace {
        /// The file.
        path: String,
    },
    /// What is asked for could not be written in the end.
    #[error("{path}: cannot be written: {found}; name a file in a directory that is there")]
    NoPlace {
        /// The file to write.
        path: String,
        /// What is in the way.
        found: &'static str,
    },
    /// The recording cannot be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The converted trace cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The histogram log cannot be written.
    #[error(transparent)]
    Hlog(#[from] HlogError),
}

/// Runs a `replay` command.
///
/// # Errors
/// Bad input; a deadline class that missed its target, or a recording whose outputs differ; an interruption.
pub fn run(command: &ReplayCommand, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        ReplayCommand::Run(args) => run_trace(args, out),
        ReplayCommand::Check(args) => check_recording(args, out),
        ReplayCommand::Convert(args) => convert_trace(args, out),
    }
}

fn run_trace(args: &RunArgs, out: &mut dyn Write) -> Result<(), Error> {
    if let Some(path) = &args.plan {
        return plan::run(path, args, out);
    }
    let options = options(args);
    options.check().map_err(ReplayError::from)?;
    let path = args.trace.as_deref().unwrap_or(Path::new(""));
    let plan = args.attack.as_deref().map(read_plan).transpose()?;
    let trace = read(path, args.geographic)?;
    if !args.quiet {
        warn(path, &trace);
    }
    simulate(args, out, |progress| {
        let outcome = match &plan {
            Some(plan) => run::run_attacked(&trace, &options, plan, progress),
            None => run::run(&trace, &options, progress),
        };
        outcome.map_err(failed)
    })
}

/// Runs, shows how far it is, and writes what came of it.
fn simulate(
    args: &RunArgs,
    out: &mut dyn Write,
    run: impl FnOnce(&mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<RunOutcome, Error>,
) -> Result<(), Error> {
    // Now, and not after an hour.
    for path in [&args.json, &args.html].into_iter().flatten() {
        check_place(path)?;
    }
    let interrupt = Interrupt::listen()?;
    let bar = if args.quiet { ProgressBar::hidden() } else { bar() };
    let started = monotonic();
    let mut progress = |progress| {
        show(&bar, progress);
        if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = run(&mut progress);
    bar.finish_and_clear();
    let mut outcome = outcome?;
    let wall_s = monotonic().since(started).as_secs_f64();
    outcome.report.set_duration(outcome.simulated_ns as f64 / 1e9, wall_s);
    write_results(args, &outcome, out)?;
    if outcome.interrupted {
        let seconds = outcome.simulated_ns as f64 / 1e9;
        return Err(Error::Interrupted(format!("interrupted after {seconds:.1} simulated seconds")));
    }
    match outcome.report.verdict {
        Verdict::Met => Ok(()),
        Verdict::Missed => Err(Error::Check("a deadline class missed its target".to_owned())),
    }
}

/// Whether a file can be written there, as far as can be told without writing it.
fn check_place(path: &Path) -> Result<(), ReplayError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = if path.is_dir() {
        "it is a directory"
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        "its directory is not there"
    } else {
        return Ok(());
    };
    Err(ReplayError::NoPlace { path: path.display().to_string(), found })
}

fn read_plan(path: &Path) -> Result<Plan, Error> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| ReplayError::AttackFile { path: shown, source })?;
    Ok(Plan::parse(&path.display().to_string(), &text).map_err(ReplayError::from)?)
}

/// Signing and verifying that disagree are a check that failed; everything else is the input.
fn failed(error: RunError) -> Error {
    match error {
        RunError::DeferredCheck(error) => Error::Check(error.to_string()),
        error => ReplayError::from(error).into(),
    }
}

fn options(args: &RunArgs) -> RunOptions {
    let all = RunOptions::new(args.seed);
    RunOptions {
        seconds: args.seconds,
        rate_hz: args.rate,
        range_m: args.range,
        threads: args.threads.map_or(all.threads, usize::from),
        verify: match args.verify {
            VerifyArg::Once => Verify::Once,
            VerifyArg::Every => Verify::Every,
        },
        pseudonyms: args
            .pseudonyms
            .map(|change| PseudonymConfig { change, silence: Duration::from_secs_f64(args.silence) }),
        ..all
    }
}

fn parse_pseudonyms(text: &str) -> Result<ChangeRule, String> {
    if text == "auto" {
        return Ok(ChangeRule::Trip);
    }
    match text.parse() {
        Ok(seconds @ 2..=86_400) => Ok(ChangeRule::Every(Duration::from_secs(seconds))),
        _ => Err("expected \"auto\" or 2 to 86400 seconds".to_owned()),
    }
}

fn parse_silence(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=10.0).contains(seconds));
    seconds.ok_or_else(|| "expected 0 to 10 seconds".to_owned())
}

fn write_results(args: &RunArgs, outcome: &RunOutcome, out: &mut dyn Write) -> Result<(), Error> {
    if !args.quiet {
        write!(out, "{}", outcome.report.table())?;
    }
    let mut say = |what: &str, path: &Path| {
        if args.quiet { Ok(()) } else { writeln!(out, "{what}: {}", path.display()) }
    };
    if let Some(path) = &args.json {
        write_json(path, &outcome.report)?;
        say("report", path)?;
    }
    if let Some(path) = &args.html {
        let page = html::render(&outcome.report, &outcome.map);
        convert::write_atomically(path, |file| file.write_all(page.as_bytes()))
            .map_err(|source| Error::File { path: path.clone(), source })?;
        say("page", path)?;
    }
    if let Some(directory) = &args.hdr {
        let simulated = Duration::from_nanos(outcome.simulated_ns);
        let path = hlog::write(directory, "replay", &outcome.stats, simulated).map_err(ReplayError::from)?;
        say("histograms", &path)?;
    }
    Ok(())
}

fn check_recording(args: &CheckArgs, out: &mut dyn Write) -> Result<(), Error> {
    let outcome = check::check(&args.recording).map_err(ReplayError::from)?;
    for warning in &outcome.warnings {
        tell(&args.recording, warning);
    }
    writeln!(
        out,
        "{}: {} inputs, {} outputs the same, {:.1} s recorded by {}",
        args.recording.display(),
        outcome.inputs,
        outcome.outputs,
        outcome.recorded_ns as f64 / 1e9,
        outcome.software
    )?;
    match &outcome.difference {
        None => Ok(()),
        Some(difference) => {
            writeln!(out, "{difference}")?;
            Err(Error::Check(format!("{}: outputs differ", args.recording.display())))
        }
    }
}

fn convert_trace(args: &ConvertArgs, out: &mut dyn Write) -> Result<(), Error> {
    let trace = read(&args.input, args.geographic)?;
    warn(&args.input, &trace);
    convert::write(&trace, &args.output, None).map_err(ReplayError::from)?;
    writeln!(
        out,
        "{}: {} stations, {} samples, {:.1} s",
        args.output.display(),
        trace.stations(),
        trace.samples.len(),
        trace.duration().as_secs_f64()
    )?;
    Ok(())
}

fn read(path: &Path, geographic: bool) -> Result<Trace, ReplayError> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Err(ReplayError::PlanAsTrace { path: path.display().to_string() });
    }
    let kind = source::kind_of(path)?;
    let command = match kind {
        Kind::Capture => Some("dump"),
        Kind::Recording => Some("replay check"),
        _ => None,
    };
    if let Some(command) = command {
        return Err(ReplayError::OtherCommand { path: path.display().to_string(), kind, command });
    }
    let options = ReadOptions { geographic: geographic.then_some(true), ..ReadOptions::default() };
    Ok(source::read(path, &options)?)
}

fn warn(path: &Path, trace: &Trace) {
    for warning in &trace.warnings {
        tell(path, &warning.to_string());
    }
}

fn tell(path: &Path, warning: &str) {
    // Nobody is left to tell when even this fails.
    drop(writeln!(io::stderr().lock(), "warning: {}: {warning}", path.display()));
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

fn show(bar: &ProgressBar, progress: Progress) {
    let seconds = |ns: u64| ns as f64 / 1e9;
    bar.set_length(progress.end_ns);
    bar.set_position(progress.simulated_ns);
    bar.set_message(format!("{:.1} of {:.1} s", seconds(progress.simulated_ns), seconds(progress.end_ns)));
}

const RUN_HELP: &str = "Examples:
  roadcast replay run town.fcd.csv.gz
  roadcast replay run town.fcd.xml --rate 10 --range 400 --json town.json --html town.html
  roadcast replay run town.fcd.csv --seed 7 --verify every --hdr histograms
  roadcast replay run --plan replay/plans/flood/highway-60.toml --forwarding all

Ctrl-C ends the run and reports on what was simulated so far. Exit codes: 0 every deadline class met its miss
target, 1 a class missed it, 2 bad input, 130 interrupted.";
const CHECK_HELP: &str = "Example:
  roadcast replay check night.rec

Exit codes: 0 every output is the same, 1 an output differs (the first one is shown), 2 no such recording.";
const CONVERT_HELP: &str = "Example:
  roadcast replay convert town.fcd.xml town.fcd.csv.gz";
