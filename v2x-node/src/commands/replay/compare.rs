//! `roadcast replay compare`: two reports side by side.

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use v2x_report::{Report, compare};

use super::error::ReplayError;
use crate::error::Error;

/// `roadcast replay compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Report that --json wrote
    #[arg(value_name = "A.json")]
    pub first: PathBuf,
    /// Another, whose figures are shown less those of the first
    #[arg(value_name = "B.json")]
    pub second: PathBuf,
}

pub(super) fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<(), Error> {
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    let names = [&args.first, &args.second].map(|path| path.display().to_string());
    write!(out, "{}", compare::compare((&names[0], &first), (&names[1], &second)))?;
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<Report, ReplayError> {
    let failed = |found: String| ReplayError::NoReport { path: path.display().to_string(), found };
    let mut text = Vec::new();
    let found = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text));
    found.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if text.len() as u64 > LARGEST {
        return Err(failed("is no report: longer than 64 MB".to_owned()));
    }
    let report: Report =
        serde_json::from_slice(&text).map_err(|error| failed(format!("is no report: {error}")))?;
    report.check().map_err(|broken| failed(format!("is no report: {broken}")))?;
    Ok(report)
}

/// Ten times a report on a thousand seeds, bytes.
const LARGEST: u64 = 64_000_000;
