//! The command line of `roadcast replay run`.

use core::time::Duration;
use std::path::PathBuf;

use crate::commands::span::{any_seconds, seconds, seed, whole_seconds};
use clap::{Args, ValueEnum};
use v2x_core::{ChangeRule, Congestion, PseudonymConfig, Regulation};
use v2x_replay::attack::AttackPlan;
use v2x_replay::intervals::Intervals;
use v2x_replay::plan::MediumPlan;
use v2x_replay::processor::Processor;
use v2x_replay::run::{self, RunOptions};
use v2x_replay::source::Reading;
use v2x_report::Verify;

use super::attack;
use super::error::ReplayError;
use super::reading::ReadingArgs;
use crate::commands::span::whole;
use crate::error::Error;

/// `roadcast replay run`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// SUMO floating-car data, CSV, GPX or mobility of ns-2, plain or gzip, or Parquet; - is standard input
    #[arg(value_name = "TRACE")]
    pub trace: Option<PathBuf>,
    /// Run the scenario in PLAN instead of a trace: floods, attackers, reception by distance
    #[arg(long, value_name = "PLAN.toml", help_heading = WHAT, conflicts_with_all = ["trace", "rate", "awareness", "alerts", "range", "pseudonyms"])]
    pub plan: Option<PathBuf>,
    /// How floods are forwarded, overriding the plan; all runs the plan once for each way and compares them in one table
    #[arg(long, value_enum, value_name = "HOW", conflicts_with = "trace", requires = "plan", help_heading = HOW)]
    pub forwarding: Option<ForwardingArg>,
    /// Stop after this simulated time, seconds or such as 5m (with --plan: in each run)
    #[arg(long, value_name = "TIME", allow_negative_numbers = true, value_parser = any_seconds, help_heading = WHAT)]
    pub seconds: Option<f64>,
    /// Send awareness at a fixed rate, Hz, instead of by the generation rules
    #[arg(long, value_name = "HZ", allow_negative_numbers = true, help_heading = HOW)]
    pub rate: Option<f64>,
    /// Send awareness at intervals drawn from a measured distribution: a CSV file with intervals in seconds, or with the columns
    /// interval_s,weight
    #[arg(long, value_name = "FILE.csv", conflicts_with = "rate", help_heading = HOW)]
    pub awareness: Option<PathBuf>,
    /// Have vehicles warn of hard braking and collision courses (D0) and emergency calls (D1), by the motion and signals in the
    /// trace; without, stations send awareness alone
    #[arg(long, help_heading = HOW)]
    pub alerts: bool,
    /// How frames are received: a profile's file, or the name of one that comes with the program: published, highway, urban, crossing or
    /// ideal (default: by all within --range, or as the plan says)
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "range", help_heading = HOW)]
    pub radio: Option<String>,
    /// SUMO polygons, plain or gzip, in the trace's coordinates, the net's or degrees: their buildings weaken what passes through them
    #[arg(long, value_name = "x.poly.xml", requires = "radio", help_heading = HOW)]
    pub polygons: Option<PathBuf>,
    /// Types of polygons that are buildings, patterns separated by commas (default: building*)
    #[arg(
        long,
        value_name = "PATTERNS",
        value_delimiter = ',',
        requires = "polygons",
        help_heading = HOW
    )]
    pub polygon_types: Option<Vec<String>>,
    /// What keeps the stations' rates to what the channel bears (default: off, or as the plan says)
    #[arg(long, value_enum, value_name = "RULE", help_heading = HOW)]
    pub congestion: Option<CongestionArg>,
    /// The law that holds for every frame, imminent ones too (default: none, or as the plan says)
    #[arg(long, value_enum, value_name = "LAW", help_heading = HOW)]
    pub regulation: Option<RegulationArg>,
    /// Every station within this many metres receives every frame (default: 300)
    #[arg(long, value_name = "M", allow_negative_numbers = true, help_heading = HOW)]
    pub range: Option<f64>,
    /// Seed of keys and random choices (default: 1, or those of the plan): the same trace, options and seed give the same digest
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed, help_heading = HOW)]
    pub seed: Option<u64>,
    /// Run once for each of these seeds, such as 1..20 or 1,2,5, and report means with 95 % confidence intervals
    #[arg(long, value_name = "LIST", value_parser = parse_seeds, conflicts_with_all = ["seed", "plan"], help_heading = HOW)]
    pub seeds: Option<Seeds>,
    /// Threads to use (default: all cores); the result does not depend on it
    #[arg(long, value_name = "N", value_parser = whole(1..=256_u16, "threads"), help_heading = HOW)]
    pub threads: Option<u16>,
    /// Microseconds of virtual time that a station's processor takes to verify a signature (default: 0, or as the plan says)
    #[arg(long, value_name = "US", allow_negative_numbers = true, value_parser = parse_us, help_heading = HOW)]
    pub verify_us: Option<f64>,
    /// Microseconds that it takes to sign a message (default: as above)
    #[arg(long, value_name = "US", allow_negative_numbers = true, value_parser = parse_us, help_heading = HOW)]
    pub sign_us: Option<f64>,
    /// Microseconds that all other work takes for a frame that is read or a message that is made (default: as above)
    #[arg(long, value_name = "US", allow_negative_numbers = true, value_parser = parse_us, help_heading = HOW)]
    pub frame_us: Option<f64>,
    /// Verify each frame once for all its receivers, or at every reception: how much the computer works, not the stations
    #[arg(long, value_enum, default_value_t = VerifyArg::Once, help_heading = HOW)]
    pub verify: VerifyArg,
    /// Have vehicles change pseudonyms about this often, seconds or such as 5m (auto: by the rule of a trip), and score an eavesdropper
    /// that tries to link them
    #[arg(long, value_name = "TIME|auto", value_parser = parse_pseudonyms, help_heading = ADVERSARIES)]
    pub pseudonyms: Option<ChangeRule>,
    /// Silence after each change, up to 10 seconds
    #[arg(long, value_name = "TIME", default_value_t = 0.0, requires = "pseudonyms", value_parser = parse_silence, help_heading = ADVERSARIES)]
    pub silence: f64,
    /// Run a second time with attackers, and report how well they are detected and what they cost honest stations: a plan's file,
    /// the name of one that comes with the program, or "list" for these
    #[arg(long, value_name = "PLAN.toml|NAME|list", help_heading = ADVERSARIES)]
    pub attack: Option<PathBuf>,
    /// Write the report to FILE as JSON
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub json: Option<PathBuf>,
    /// Write the report with plots and a map to FILE, one self-contained page
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub html: Option<PathBuf>,
    /// Write a row for each message and receiver to FILE as CSV, compressed when it ends in .gz
    #[arg(long, value_name = "FILE.csv", help_heading = OUTPUT)]
    pub rows: Option<PathBuf>,
    /// Write tables of messages, transmissions and stations to DIR, as Parquet
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub parquet: Option<PathBuf>,
    /// Write histogram logs to DIR/replay.hlog
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub hdr: Option<PathBuf>,
    /// How the trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Print no progress, warnings or table; only write the requested files and set the exit code
    #[arg(long, short, help_heading = OUTPUT)]
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

/// What keeps the stations' rates to what the channel bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CongestionArg {
    /// Nothing
    Off,
    /// A share of the time that all stations in range bring into balance (LIMERIC)
    Adaptive,
    /// The table of TS 102 687
    Reactive,
}

impl From<CongestionArg> for Congestion {
    fn from(arg: CongestionArg) -> Self {
        match arg {
            CongestionArg::Off => Self::Off,
            CongestionArg::Adaptive => Self::Adaptive,
            CongestionArg::Reactive => Self::Reactive,
        }
    }
}

/// The law that holds for every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RegulationArg {
    /// None
    None,
    /// The European Union's for 5.9 GHz: 25 ms between two frames, 3 % of any second
    En302571,
}

impl From<RegulationArg> for Regulation {
    fn from(arg: RegulationArg) -> Self {
        match arg {
            RegulationArg::None => Self::None,
            RegulationArg::En302571 => Self::En302571,
        }
    }
}

/// How floods are forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ForwardingArg {
    /// By Roadcast's rules
    Roadcast,
    /// By stock EN 302 636-4-1 contention
    Etsi,
    /// Every station repeats every flood once
    Flooding,
    /// Each of these
    All,
}

impl ReplayArgs {
    /// How frames are received, where the command line says it.
    ///
    /// # Errors
    /// The profile cannot be read.
    pub(super) fn radio(&self) -> Result<Option<MediumPlan>, ReplayError> {
        Ok(self.radio.as_deref().map(MediumPlan::named).transpose()?)
    }

    /// How the trace is read, its buildings included.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            polygons: self.polygons.clone(),
            polygon_types: self.polygon_types.clone(),
            ..self.reading.reading()
        }
    }

    /// What the work of a station takes, where a plan says `planned`.
    pub(super) fn processor(&self, planned: Processor) -> Processor {
        planned.with([self.verify_us, self.sign_us, self.frame_us])
    }

    /// A plan of attacks, with what the command line says of processors.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn attack_plan(&self) -> Result<Option<AttackPlan>, Error> {
        let mut plan = self.attack.as_deref().map(attack::read).transpose()?;
        if let Some(processor) = plan.as_mut().and_then(|plan| plan.processor.as_mut()) {
            *processor = self.processor(*processor);
        }
        Ok(plan)
    }

    /// The options of the run.
    ///
    /// # Errors
    /// The distribution of intervals cannot be read.
    pub(super) fn run_options(&self) -> Result<RunOptions, ReplayError> {
        let all = RunOptions::new(self.seed.unwrap_or(1));
        Ok(RunOptions {
            seconds: self.seconds,
            rate_hz: self.rate,
            intervals: self.awareness.as_deref().map(Intervals::read).transpose()?,
            alerts: self.alerts,
            range_m: self.range.unwrap_or(run::DEFAULT_RANGE_M),
            threads: self.threads.map_or(all.threads, usize::from),
            verify: match self.verify {
                VerifyArg::Once => Verify::Once,
                VerifyArg::Every => Verify::Every,
            },
            processor: self.processor(all.processor),
            pseudonyms: self
                .pseudonyms
                .map(|change| PseudonymConfig { change, silence: Duration::from_secs_f64(self.silence) }),
            congestion: self.congestion.map_or(all.congestion, Congestion::from),
            regulation: self.regulation.map_or(all.regulation, Regulation::from),
            ..all
        })
    }
}

/// Seeds of several runs, each once, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let wrong = || format!("expected seeds such as 1..20 or 1,2,5, each once, at most {MAX_SEEDS}");
    let mut seeds = Vec::new();
    for word in text.split(',') {
        let number = |word: &str| word.trim().parse::<u64>().ok();
        let (first, last) = match word.split_once("..") {
            Some((first, last)) => (number(first), number(last.trim_start_matches('='))),
            None => (number(word), number(word)),
        };
        let (first, last) = first.zip(last).filter(|(first, last)| first <= last).ok_or_else(wrong)?;
        if last - first >= MAX_SEEDS {
            return Err(wrong());
        }
        seeds.extend(first..=last);
    }
    let mut distinct = seeds.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < seeds.len() || seeds.len() as u64 > MAX_SEEDS {
        Err(wrong())
    } else {
        Ok(Seeds(seeds))
    }
}

fn parse_pseudonyms(text: &str) -> Result<ChangeRule, String> {
    if text == "auto" {
        return Ok(ChangeRule::Trip);
    }
    match whole_seconds(text, 2..=86_400) {
        Ok(seconds) => Ok(ChangeRule::Every(Duration::from_secs(seconds))),
        Err(_) => Err("expected \"auto\" or 2 to 86400 seconds, such as 60, 90s or 5m".to_owned()),
    }
}

fn parse_us(text: &str) -> Result<f64, String> {
    let us = text.parse().ok().filter(|us| (0.0..=Processor::MAX_US).contains(us));
    us.ok_or_else(|| format!("expected 0 to {} microseconds, such as 150", Processor::MAX_US))
}

fn parse_silence(text: &str) -> Result<f64, String> {
    let seconds = seconds(text).filter(|seconds| (0.0..=10.0).contains(seconds));
    seconds.ok_or_else(|| "expected 0 to 10 seconds".to_owned())
}

/// More would not fit a report; a mean does not need them.
const MAX_SEEDS: u64 = 1000;
const WHAT: &str = "What to run";
const HOW: &str = "How";
const ADVERSARIES: &str = "Attackers and eavesdroppers";
pub(super) const OUTPUT: &str = "Output";
