//! `roadcast replay view`: a recorded thing on the page of the live map, with a timeline.

mod movement;
mod recording;
mod report;
#[cfg(feature = "web")]
mod served;
mod story;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use v2x_replay::report_file;
use v2x_replay::source::{self, Kind, TraceError};

#[cfg(feature = "web")]
pub(crate) use self::movement::town_lanes;
use self::story::Story;
use super::error::ReplayError;
use super::outputs;
use super::reading::ReadingArgs;
use super::trace_file::warn;
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
    pub output: Option<PathBuf>,
    /// Without --output: where to serve it: 127.0.0.1:8080 (the default), 8080, unix:PATH
    #[cfg(feature = "web")]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::commands::web::listen_address, conflicts_with = "output")]
    pub web: Option<crate::config::ListenAddress>,
    /// How a trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Shown under `roadcast replay view --help`.
pub const HELP: &str = "Examples:
  roadcast demo --json town.json
  roadcast replay view town.json
  roadcast replay view town.json -o town.html
  roadcast replay view night.rec -o night.html
  roadcast replay view run.json --trace town.fcd.csv.gz -o run.html

A report has figures and no places: those are its trace's, which has to be the
same file (the report has its SHA-256). The demo's is built in. A recording has
what its station heard, and is replayed for it.

Exit codes: 0 written, or ended on request (SIGTERM or Ctrl-C); 2 the file
cannot be read, or the port is taken.";

/// Writes the page, or serves it until it is asked to stop.
///
/// # Errors
/// The file is none of the three, or cannot be read; the page cannot be written.
pub(super) fn run(args: &ViewArgs, out: &mut dyn Write) -> Result<(), Error> {
    let Some(path) = &args.output else { return serve(args, out) };
    let read = [("the file to view", Some(args.file.as_path())), ("the trace", args.trace.as_deref())];
    let read: Vec<_> = outputs::given(read).into_iter().chain(args.reading.files()).collect();
    outputs::check(&[("the page", path)], &read)?;
    let story = story(args)?;
    let page = story.page();
    whole_file::write(path, page.as_bytes()).map_err(|source| Error::File { path: path.clone(), source })?;
    writeln!(out, "page: {} ({})", path.display(), story.size())?;
    Ok(())
}

#[cfg(feature = "web")]
fn serve(args: &ViewArgs, out: &mut dyn Write) -> Result<(), Error> {
    served::serve(args.web.as_ref(), || story(args), out)
}

#[cfg(not(feature = "web"))]
fn serve(_: &ViewArgs, _: &mut dyn Write) -> Result<(), Error> {
    Err(ReplayError::NoServer.into())
}

/// What is in the file, by its first bytes.
fn story(args: &ViewArgs) -> Result<Story, ReplayError> {
    match source::read(&args.file, &args.reading.options()?) {
        Ok(trace) => {
            warn(&args.file, &trace);
            Ok(report::of_trace(&args.file, &trace))
        }
        Err(TraceError::WrongKind { kind: Kind::Json, .. }) => report::story(
            &args.file,
            report_file::read(&args.file).map_err(ReplayError::from)?,
            args.trace.as_deref(),
            &args.reading,
        ),
        Err(TraceError::WrongKind { kind: Kind::Recording, .. }) => recording::story(&args.file),
        Err(TraceError::WrongKind { kind, .. }) => {
            Err(ReplayError::NothingToView { path: args.file.display().to_string(), found: kind.to_string() })
        }
        Err(other) => Err(other.into()),
    }
}
