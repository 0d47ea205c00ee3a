//! `roadcast replay validate`: the radio channel against published figures.

use core::ops::ControlFlow;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;
use v2x_replay::medium::{AirProfile, RadioProfile};
use v2x_replay::plan::MediumPlan;
use v2x_replay::surroundings::SurroundingsError;
use v2x_replay::validate::{ValidateOptions, page, published_runs, text, validate};

use super::error::ReplayError;
use super::outputs;
use crate::commands::span::{seed, whole};
use crate::error::Error;
use crate::whole_file;

/// `roadcast replay validate`.
#[derive(Clone, Debug, Args)]
pub struct ValidateArgs {
    /// Write a page with both curves over each other to FILE
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Runs of each configuration: more make the confidence intervals narrower
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = whole(2..=10_000_u32, "runs"))]
    pub runs: u32,
    /// Seed of places, moments and every draw
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed, default_value_t = 1)]
    pub seed: u64,
    /// Threads to use (default: all cores); the result does not depend on it
    #[arg(long, value_name = "N", value_parser = whole(1..=256_u16, "threads"))]
    pub threads: Option<u16>,
    /// Another channel than the published one, to see how it differs: a profile's file or name
    #[arg(long, value_name = "NAME|FILE", default_value = "published")]
    pub radio: String,
    /// Print the largest differences only
    #[arg(long, short)]
    pub quiet: bool,
}

pub(super) fn run(args: &ValidateArgs, out: &mut dyn Write) -> Result<(), Error> {
    outputs::check(
        &outputs::given([("the page", args.html.as_deref())]),
        &[("the radio's profile", Path::new(&args.radio))],
    )?;
    let profile = profile(&args.radio)?;
    let threads = args.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let options = ValidateOptions { profile, seed: args.seed, runs: args.runs, threads };
    let shows = !args.quiet && std::io::stderr().is_terminal();
    let all = published_runs().len();
    let results = validate(&options, &mut |done| {
        if shows {
            eprint!("\r{done} of {all} configurations ");
        }
        ControlFlow::Continue(())
    });
    if shows {
        eprint!("\r{:40}\r", "");
    }
    write!(out, "{}", text(&results, !args.quiet))?;
    if let Some(path) = &args.html {
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        let page = page(&results, &args.radio, &command, env!("CARGO_PKG_VERSION"));
        whole_file::write(path, page.as_bytes())
            .map_err(|source| Error::File { path: path.clone(), source })?;
        writeln!(out, "page: {}", path.display())?;
    }
    match results.iter().filter(|result| !result.holds()).count() {
        0 => Ok(()),
        failed => Err(Error::Check(format!("{failed} of {} configurations are not held", results.len()))),
    }
}

fn profile(name: &str) -> Result<RadioProfile, ReplayError> {
    match MediumPlan::named(name)?.profile {
        AirProfile::Radio(profile) => Ok(*profile),
        AirProfile::Range(_) => Err(SurroundingsError::NoRadio(name.to_owned()).into()),
    }
}

pub(super) const HELP: &str = "Example:
  roadcast replay validate --html channel.html

Runs the eleven configurations of 60 vehicles per km of M. Sepulcre et al., IEEE
Transactions on Vehicular Technology 71(1), 2022, with one profile, and prints
each figure as: ours, published, difference. The medium runs alone, with beacons
of the published length instead of stations; docs/radio-channel.md says how.
Ctrl-C ends it without a result.

Exit codes: 0 all figures are within their tolerances, 1 some are not, 2 bad
input, 130 interrupted.";
