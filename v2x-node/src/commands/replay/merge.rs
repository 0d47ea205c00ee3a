//! `roadcast replay merge`: recordings of several stations on one clock.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use v2x_replay::merge::{MergeRadio, merge, page, text};
use v2x_replay::plan::MediumPlan;

use super::error::ReplayError;
use super::outputs;
use crate::commands::span::{seed, whole};
use crate::error::Error;
use crate::whole_file;

/// `roadcast replay merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Recordings of run --record, one of each station; times are shown on the first one's clock
    #[arg(value_name = "RECORDING", required = true, num_args = 1..)]
    pub recordings: Vec<PathBuf>,
    /// Hold delivery against a model of the radio: a profile's file or name
    #[arg(long, value_name = "NAME|FILE")]
    pub radio: Option<String>,
    /// Draws of the model's shadowing and chance
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = whole(2..=1_000_u32, "draws"), requires = "radio")]
    pub draws: u32,
    /// Seed of the draws
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed, default_value_t = 1, requires = "radio")]
    pub seed: u64,
    /// Write the figures to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with the figures, recorded points over the model's curves, to FILE, one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

pub(super) fn run(args: &MergeArgs, out: &mut dyn Write) -> Result<(), Error> {
    let recordings = args.recordings.iter().map(|path| ("a recording", path.as_path()));
    let radio = args.radio.as_deref().map(|name| ("the radio's profile", Path::new(name)));
    outputs::check(
        &outputs::given([("the figures", args.json.as_deref()), ("the page", args.html.as_deref())]),
        &recordings.chain(radio).collect::<Vec<_>>(),
    )?;
    let radio = args.radio.as_deref().map(MediumPlan::named).transpose().map_err(ReplayError::from)?;
    let radio = radio.map(|medium| MergeRadio { medium, seed: args.seed, draws: args.draws });
    let report = merge(&args.recordings, radio).map_err(ReplayError::from)?;
    write!(out, "{}", text(&report))?;
    if let Some(path) = &args.json {
        let mut text =
            serde_json::to_string_pretty(&report).expect("invariant: a merge has only string keys");
        text.push('\n');
        whole_file::write(path, text.as_bytes())
            .map_err(|source| Error::File { path: path.clone(), source })?;
        writeln!(out, "figures: {}", path.display())?;
    }
    if let Some(path) = &args.html {
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        let page = page(&report, &command, env!("CARGO_PKG_VERSION"));
        whole_file::write(path, page.as_bytes())
            .map_err(|source| Error::File { path: path.clone(), source })?;
        writeln!(out, "page: {}", path.display())?;
    }
    Ok(())
}

pub(super) const HELP: &str = "Examples:
  roadcast replay merge car.rec van.rec roadside.rec --json drive.json
  roadcast replay merge car.rec van.rec --radio highway --html drive.html

Stations' clocks differ. How far each is ahead of the first one's follows from
frames that two stations heard of each other, with a bound that holds whatever
the clocks were set to; stations that did not hear the first are joined through
others. A latency is shown beside the bound of both clocks. What is joined by
one direction alone, or by none, counts for delivery and is left out of latency
and age of information. With --radio every recorded frame is sent again on the
model's channel, from where its sender was. docs/merge.md says how to read it.

Exit codes: 0 merged, 2 a file cannot be read, or the recordings do not belong
together.";
