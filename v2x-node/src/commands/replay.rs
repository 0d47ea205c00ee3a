//! `roadcast replay`: traces and recordings in virtual time.

mod attack;
mod compare;
mod error;
mod huge_pages;
mod interrupt;
mod merge;
mod options;
mod outputs;
mod plan;
mod reading;
mod ready;
mod rows_file;
mod simulate;
mod sweep;
mod tables_folder;
mod trace_file;
mod validate;
mod view;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use v2x_recording::check;
use v2x_replay::source::convert;

pub use self::compare::CompareArgs;
pub use self::error::ReplayError;
pub use self::merge::MergeArgs;
pub use self::options::{ForwardingArg, ReplayArgs, VerifyArg};
pub use self::reading::ReadingArgs;
pub use self::sweep::SweepArgs;
use self::trace_file::{read, tell, warn};
pub use self::validate::ValidateArgs;
pub use self::view::ViewArgs;
#[cfg(feature = "web")]
pub(crate) use self::view::town_lanes;
use crate::error::Error;

/// `roadcast replay ...`.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayCommand {
    /// Run a trace's stations in virtual time and report on every message
    #[command(after_help = RUN_HELP)]
    Run(Box<ReplayArgs>),
    /// Run traces or plans under many seeds and settings, and make one table of their reports
    #[command(after_help = sweep::HELP)]
    Sweep(SweepArgs),
    /// Feed a station's recording to a fresh node and compare every output
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Put recordings of several stations on one clock, and say who heard whom and how soon
    #[command(after_help = merge::HELP)]
    Merge(MergeArgs),
    /// Say which figures of two reports or sweeps differ beyond noise
    #[command(after_help = compare::HELP)]
    Compare(CompareArgs),
    /// Hold the radio channel against published figures
    #[command(after_help = validate::HELP)]
    Validate(ValidateArgs),
    /// Show a report, a recording or a trace on a map with a timeline
    #[command(after_help = view::HELP)]
    View(ViewArgs),
    /// Convert a trace to the format of the output's name: .csv, .csv.gz, .xml or .xml.gz
    #[command(after_help = CONVERT_HELP)]
    Convert(ConvertArgs),
}

/// `roadcast replay check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Recording that `roadcast run --record` wrote
    pub recording: PathBuf,
}

/// `roadcast replay convert`.
#[derive(Clone, Debug, Args)]
pub struct ConvertArgs {
    /// SUMO floating-car data, CSV, GPX or mobility of ns-2, plain or gzip, or Parquet; - is standard input
    pub input: PathBuf,
    /// The file to write: .csv, .csv.gz, .xml or .xml.gz; positions in degrees
    pub output: PathBuf,
    /// How the trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Runs a `replay` command.
///
/// # Errors
/// Bad input; a deadline class that missed its target, or a recording whose outputs differ; an interruption.
pub fn run(command: &ReplayCommand, out: &mut dyn Write) -> Result<(), Error> {
    if matches!(command, ReplayCommand::Run(_) | ReplayCommand::Sweep(_)) {
        huge_pages::ask();
    }
    match command {
        ReplayCommand::Run(args) => run_trace(args, out),
        ReplayCommand::Sweep(args) => sweep::run(args, out),
        ReplayCommand::Check(args) => check_recording(args, out),
        ReplayCommand::Merge(args) => merge::run(args, out),
        ReplayCommand::Compare(args) => compare::run(args, out),
        ReplayCommand::Validate(args) => validate::run(args, out),
        ReplayCommand::View(args) => view::run(args, out),
        ReplayCommand::Convert(args) => convert_trace(args, out),
    }
}

fn run_trace(args: &ReplayArgs, out: &mut dyn Write) -> Result<(), Error> {
    if args.attack.as_deref() == Some(Path::new(attack::LIST)) {
        return attack::list(out);
    }
    simulate::check_outputs(args)?;
    simulate::run(args, ready::ready(args)?, out)
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
    convert::check_name(&args.output).map_err(ReplayError::from)?;
    let mut read_too = args.reading.files();
    read_too.push(("the trace", &args.input));
    outputs::check(&[("the converted trace", &args.output)], &read_too)?;
    let trace = read(&args.input, &args.reading)?;
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

const RUN_HELP: &str = "Examples:
  roadcast replay run town.fcd.csv.gz
  roadcast replay run town.fcd.xml --rate 10 --range 400 --html town.html
  roadcast replay run town.fcd.csv --seed 7 --verify every --hdr histograms
  roadcast replay run town.fcd.csv --seeds 1..20 --json a.json \\
      --rows a.csv.gz
  roadcast replay run town.fcd.csv --parquet tables
  roadcast replay run town.fcd.csv --radio highway
  roadcast replay run town.fcd.xml --radio urban --polygons town.poly.xml
  roadcast replay run town.fcd.csv --verify-us 900 --sign-us 350
  roadcast replay run town.fcd.xml --alerts --kinds kinds.toml --share 20
  roadcast replay run 01_tracks.csv --mapping highd --awareness cars.csv
  roadcast replay run 01_tracks.csv --mapping highd --types 01_tracksMeta.csv
  roadcast replay run --plan replay/plans/flood/highway-60.toml \\
      --forwarding all
  roadcast replay run --plan replay/plans/red/road.toml --attack strip
  roadcast replay run --attack list

Ctrl-C ends the run, with a report on what was simulated so far. With -v the
report has the latency of every stage. Equal runs write equal files, so how long
a run took is printed only.

Where the system gives huge pages to programs that ask, the program asks for
them, by starting itself once more with GLIBC_TUNABLES set: a sixth less time
with a thousand stations. ROADCAST_HUGE_PAGES=off has it run as it is.

--rows writes one row for each message and receiver: seed; forwarding; time_s
(when the message was due, s since the trace's first step); class; type;
sequence; sender, receiver (the trace's names); distance_m (between them at that
time); latency_ns (from then to verified delivery; empty where it was never
delivered); fate: delivered, missed (reason: late, never_received, isolated by
the receiver, unknown_credential, ...) or outside, which no class counts
(reason: out_of_range, outside_area, long_after_deadline, not_counted_sender);
check (why the receiver isolated the sender). Python reads it with
pandas.read_csv('a.csv.gz').

--parquet writes messages.parquet (a row for each message and station it was
meant for), transmissions.parquet and stations.parquet (a row for each station
and second) into a directory, which must be new or empty; docs/tables.md has
their columns and ten queries. A run that is interrupted leaves none.

Exit codes: 0 every deadline class met its miss target, 1 a class missed it or
there was nothing to judge, 2 bad input, 130 interrupted.";
const CHECK_HELP: &str = "Example:
  roadcast replay check night.rec

Exit codes: 0 every output is the same, 1 an output differs (the first one is
shown), 2 the recording cannot be read.";
const CONVERT_HELP: &str = "Examples:
  roadcast replay convert town.fcd.xml town.fcd.csv.gz
  roadcast replay convert 01_tracks.csv highway.csv.gz --mapping highd
  roadcast replay convert drive.gpx drive.csv

The input is left as it is, and the output is written whole or not at all.

Exit codes: 0 written, 2 the trace cannot be read, or the file not written.";
