//! `roadcast replay compare`: two reports side by side.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use v2x_replay::report_file;
use v2x_report::compare;

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
    let (first, second) = (
        report_file::read(&args.first).map_err(ReplayError::from)?,
        report_file::read(&args.second).map_err(ReplayError::from)?,
    );
    let names = [&args.first, &args.second].map(|path| path.display().to_string());
    write!(out, "{}", compare::compare((&names[0], &first), (&names[1], &second)))?;
    Ok(())
}
