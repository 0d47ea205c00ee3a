//! A report in a file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use v2x_report::Report;

/// The file is not there, or no report. Prints as one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {found}; replay run, run, demo and the benchmarks write reports with --json")]
pub struct NoReport {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub found: String,
}

/// Reads a report whose sums hold.
///
/// # Errors
/// [`NoReport`].
pub fn read(path: &Path) -> Result<Report, NoReport> {
    let failed = |found: String| NoReport { path: path.display().to_string(), found };
    let mut text = Vec::new();
    let found = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text));
    found.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if text.len() as u64 > LARGEST {
        return Err(failed("is not a report: longer than 64 MB".to_owned()));
    }
    let report: Report = serde_json::from_slice(&text)
        .map_err(|error| failed(format!("is not a report: {}", told(&error))))?;
    report.check().map_err(|broken| failed(format!("is not a report: {broken}")))?;
    Ok(report)
}

/// What is wrong with the JSON, without names of types.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.contains("expected struct") {
        return format!("JSON of another kind at line {} column {}", error.line(), error.column());
    }
    text
}

/// Ten times a report on a thousand seeds, bytes.
const LARGEST: u64 = 64_000_000;
