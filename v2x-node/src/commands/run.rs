//! `roadcast run`: a station, until it is asked to stop.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::commands::shown::shown;
use crate::commands::what_ran::{input, what_ran};
use crate::daemon::run::{DaemonOptions, Outcome, observe};
use crate::error::Error;
use crate::machine::write_json;
use v2x_report::WhatRan;

/// `roadcast run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The station's configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Record every input before it is handled, for `roadcast replay check`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Stop after this many seconds instead of at SIGTERM or Ctrl-C
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Write the report at the end (and every report.every_s) to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Examples shown under `roadcast run --help`.
pub const HELP: &str = "Examples:
  roadcast run --config examples/vehicle.toml
  roadcast run --config car-1.toml --record night.rec --seconds 3600

On SIGHUP roots and issuers are read again. Revocation deltas are read when
their files change.

A vehicle prints the signal ahead and the signs in force, at most once a second.
Every station prints a status line every report.every_s seconds, and the report
at the end, with -v the latency of every stage.

Exit codes: 0 ended on request (SIGTERM, Ctrl-C or --seconds), 2 bad
configuration or no link.";

/// Runs the daemon until it is asked to stop, then prints and writes its report.
///
/// # Errors
/// As [`observe`].
pub fn run(args: &RunArgs, out: &mut dyn Write) -> Result<(), Error> {
    let RunArgs { config, record, seconds, json } = args.clone();
    // Without its digest: a configuration may hold a password.
    let inputs = vec![input("configuration", &config, None)];
    let ran = WhatRan { inputs, seconds: seconds.map(|seconds| seconds as f64), ..what_ran() };
    let Outcome { report, json, .. } = observe(&DaemonOptions { config, record, seconds, json, ran }, out)?;
    write!(out, "{}", shown(&report))?;
    if let Some(path) = &json {
        write_json(path, &report)?;
    }
    // On a road stations come and go: a message missed at the edge of range is no failure of this station.
    Ok(())
}
