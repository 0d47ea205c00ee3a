//! `roadcast replay compare`: two reports side by side.

use std::fs;
use std::io::Write;
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

fn read(path: &Path) -> Result<Report, ReplayError> {
    let failed = |found: String| ReplayError::NoReport { path: path.display().to_string(), found };
    let text = fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let report: Report =
        serde_json::from_slice(&text).map_err(|error| failed(format!("is no report: {error}")))?;
    report.check().map_err(|broken| failed(format!("is no report: {broken}")))?;
    Ok(report)
}
