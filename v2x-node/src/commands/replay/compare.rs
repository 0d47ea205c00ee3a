//! `roadcast replay compare`: two reports, or the reports of two sweeps, side by side.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use v2x_replay::compare::{ComparedSide, ReportComparison, page, text};

use super::error::ReplayError;
use super::outputs;
use crate::error::Error;
use crate::whole_file;

/// `roadcast replay compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Report that --json wrote, a folder of them, or results of replay sweep
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// Another, whose figures are shown less those of the first
    #[arg(value_name = "B", required_unless_present = "by")]
    pub second: Option<PathBuf>,
    /// Instead of B: compare the points of one sweep that have two values of a setting
    #[arg(long, num_args = 3, value_names = ["SETTING", "A", "B"], conflicts_with = "second", allow_negative_numbers = true)]
    pub by: Vec<String>,
    /// Print the figures that do not differ too
    #[arg(long)]
    pub all: bool,
    /// Write the comparison to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the comparison with its intervals drawn to FILE, one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

pub(super) fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<(), Error> {
    let written = [("the comparison", args.json.as_deref()), ("the page", args.html.as_deref())];
    let read =
        [("the first report", Some(args.first.as_path())), ("the second report", args.second.as_deref())];
    outputs::check(&outputs::given(written), &outputs::given(read))?;
    let (a, b) = sides(args)?;
    let comparison = ReportComparison::new(&a, &b).map_err(ReplayError::from)?;
    write!(out, "{}", text(&comparison, args.all))?;
    if let Some(path) = &args.json {
        let mut text =
            serde_json::to_string_pretty(&comparison).expect("invariant: a comparison has only string keys");
        text.push('\n');
        whole_file::write(path, text.as_bytes())
            .map_err(|source| Error::File { path: path.clone(), source })?;
        writeln!(out, "comparison: {}", path.display())?;
    }
    if let Some(path) = &args.html {
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        let page = page(&comparison, &command, env!("CARGO_PKG_VERSION"));
        whole_file::write(path, page.as_bytes())
            .map_err(|source| Error::File { path: path.clone(), source })?;
        writeln!(out, "page: {}", path.display())?;
    }
    match comparison.findings() {
        0 => Ok(()),
        1 => Err(Error::Check("one figure differs".to_owned())),
        several => Err(Error::Check(format!("{several} figures differ"))),
    }
}

fn sides(args: &CompareArgs) -> Result<(ComparedSide, ComparedSide), ReplayError> {
    if let [key, one, other] = args.by.as_slice() {
        if one == other {
            return Err(ReplayError::OneValue { key: key.clone(), value: one.clone() });
        }
        let read = |value: &str| ComparedSide::read_points(&args.first, key, value);
        return Ok((read(one)?, read(other)?));
    }
    let second = args.second.as_ref().unwrap_or(&args.first);
    Ok((ComparedSide::read(&args.first)?, ComparedSide::read(second)?))
}

pub(super) const HELP: &str = "Examples:
  roadcast replay run town.fcd.csv --seeds 1..20 --range 200 --json a.json
  roadcast replay run town.fcd.csv --seeds 1..20 --range 400 --json b.json
  roadcast replay compare a.json b.json --html difference.html

  roadcast replay compare old-build/ new-build/     # results of replay sweep
  roadcast replay compare town/ --by range 200 300  # two settings of one

Runs of the same seed are paired; a difference of their means is beyond noise
when the paired t-test says p < 0.05, corrected by Holm's method for all figures
compared, or when it is the same in every pair. With one seed there is no
interval, and every difference counts. The two sides differ in one setting or in
the software; the trace, the simulated time and the seeds are the same. What the
machine took (wall time, processor time) is shown apart and never judged.

Exit codes: 0 no figure differs, 1 some do, 2 bad input, or runs that do not
belong together.";
