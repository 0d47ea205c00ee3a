//! `roadcast run`: a station, until it is asked to stop.

use core::time::Duration;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::daemon::run::{DaemonOptions, Outcome, observe};
use crate::error::Error;

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
at the end.

Nothing that is written decides whether the station runs: where a disk is full
or a pipe is not read, it says so once, counts what is lost, and tries again. A
recording that lost inputs ends whole and is begun anew in another file
(night.1.rec). Recordings, captures and reports have mode 0600.

Exit codes: 0 ended on request (SIGTERM, Ctrl-C or --seconds), 2 bad
configuration or no link, or ended on request and the last report, the last
lines, the recording or the capture is not whole.";

/// Runs the daemon until it is asked to stop, then prints and writes its report.
///
/// # Errors
/// As [`observe`]; what was asked for at the end and could not be written: the report, the last lines, a recording or a
/// capture that is not whole.
pub fn run(args: &RunArgs) -> Result<(), Error> {
    let RunArgs { config, record, seconds, json } = args.clone();
    // Before anything asks for real-time scheduling.
    let started = Console::start("standard output", io::stdout(), |line| tracing::warn!("{line}"));
    let mut console =
        started.map_err(|source| Error::System { what: "starting a thread for standard output", source })?;
    let outcome = observe(&DaemonOptions { config, record, seconds, json }, &mut console);
    let written = outcome.and_then(|Outcome { report, incomplete, .. }| {
        write!(console, "{}", report.table())?;
        // On a road stations come and go: a message missed at the edge of range is no failure of this station.
        incomplete.map_or(Ok(()), Err)
    });
    let printed = console.finish(LINES_WAIT);
    // A reader that left is no error, unless there is another one.
    written.and(printed.map_err(Error::Output))
}

/// How long the end waits for a reader of the last lines.
const LINES_WAIT: Duration = Duration::from_secs(1);
