//! A trace in a file, and what is wrong with it.

use std::io::{self, Write as _};
use std::path::Path;

use v2x_replay::source::{self, Kind, Trace, TraceError};

use super::error::ReplayError;
use super::reading::ReadingArgs;

/// Reads a trace; a file of another kind is told with the command for it.
pub(super) fn read(path: &Path, reading: &ReadingArgs) -> Result<Trace, ReplayError> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Err(ReplayError::PlanAsTrace { path: path.display().to_string() });
    }
    // Opened once: a pipe gives its bytes to whoever asks first.
    source::read(path, &reading.options()?).map_err(|error| {
        let command = match error {
            TraceError::WrongKind { kind: Kind::Capture, .. } => "dump",
            TraceError::WrongKind { kind: Kind::Recording, .. } => "replay check",
            other => return other.into(),
        };
        let kind = if command == "dump" { Kind::Capture } else { Kind::Recording };
        ReplayError::OtherCommand { path: path.display().to_string(), kind, command }
    })
}

/// Tells what of a trace was not usable.
pub(super) fn warn(path: &Path, trace: &Trace) {
    for warning in &trace.warnings {
        tell(path, &warning.to_string());
    }
}

/// A warning about a file, on standard error.
pub(super) fn tell(path: &Path, warning: &str) {
    let name = if path == Path::new("-") { Path::new("standard input") } else { path };
    // Nothing is left to do when even this fails.
    drop(writeln!(io::stderr().lock(), "warning: {}: {warning}", name.display()));
}
