//! `roadcast replay view`: a recorded thing on the page of the live map, with a timeline.

mod movement;
mod recording;
mod report;
mod story;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use v2x_replay::source::{self, Kind, TraceError};

use self::story::Story;
use super::{ReadingArgs, ReplayError, compare, warn};
use crate::error::Error;
use crate::whole_file;

/// `roadcast replay view`.
#[derive(Clone, Debug, Args)]
pub struct ViewArgs {
    /// Report that --json wrote, recording of run --record, or trace
    pub file: PathBuf,
    /// The trace that the report's run followed; default: the file that the report names,
    /// beside it or in this directory
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Write one page that needs no server
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// How a trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Shown under `roadcast replay view --help`.
pub(super) const HELP: &str = "Examples:
  roadcast demo --json town.json
  roadcast replay view town.json -o town.html
  roadcast replay view night.rec -o night.html
  roadcast replay view run.json --trace town.fcd.csv.gz -o run.html

A report has figures and no places: those are its trace's, which has to be the
same file (the report has its SHA-256). The demo's is built in. A recording has
what its station heard, and is replayed for it.

Exit codes: 0 shown, 2 the file cannot be read.";

/// Writes the page.
///
/// # Errors
/// The file is none of the three, or cannot be read; the page cannot be written.
pub(super) fn run(args: &ViewArgs, out: &mut dyn Write) -> Result<(), Error> {
    check_place(&args.output)?;
    let story = story(args)?;
    let page = story.page();
    whole_file::write(&args.output, page.as_bytes())
        .map_err(|source| Error::File { path: args.output.clone(), source })?;
    writeln!(
        out,
        "page: {} ({} stations, {} hazards, {:.0} s)",
        args.output.display(),
        story.meta.stations,
        story.meta.hazards,
        story.meta.duration_s
    )?;
    Ok(())
}

fn check_place(path: &Path) -> Result<(), ReplayError> {
    match whole_file::impossible(path) {
        Some(found) => Err(ReplayError::NoPlace { path: path.display().to_string(), found }),
        None => Ok(()),
    }
}

/// What is in the file, by its first bytes.
fn story(args: &ViewArgs) -> Result<Story, ReplayError> {
    match source::read(&args.file, &args.reading.options()) {
        Ok(trace) => {
            warn(&args.file, &trace);
            Ok(report::of_trace(&args.file, &trace))
        }
        Err(TraceError::WrongKind { kind: Kind::Json, .. }) => {
            report::story(&args.file, compare::read(&args.file)?, args.trace.as_deref(), &args.reading)
        }
        Err(TraceError::WrongKind { kind: Kind::Recording, .. }) => recording::story(&args.file),
        Err(TraceError::WrongKind { kind, .. }) => {
            Err(ReplayError::NothingToView { path: args.file.display().to_string(), found: kind.to_string() })
        }
        Err(other) => Err(other.into()),
    }
}
