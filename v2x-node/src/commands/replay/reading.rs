//! The options by which a trace is read, of `replay run` and `replay convert` alike.

use std::path::{Path, PathBuf};

use clap::Args;
use v2x_replay::source::reading::{Reading, StationNames, words};
use v2x_replay::source::{self, Mapping, ReadOptions, StationKind};
use v2x_report::InputFile;

use super::error::ReplayError;
use super::outputs::{self, Role};
use crate::commands::span::seed;
use crate::commands::what_ran::input;

/// How a trace is read.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// Read x and y as longitude and latitude in degrees
    #[arg(long, help_heading = "Reading the trace")]
    pub geographic: bool,
    /// Latitude and longitude in degrees of x = 0, y = 0, for traces in metres
    #[arg(long, value_name = "LAT,LON", value_parser = words::origin, allow_hyphen_values = true, conflicts_with = "geographic", help_heading = "Reading the trace")]
    pub origin: Option<(f64, f64)>,
    /// Read CSV or Parquet by a mapping of its columns: ngsim, highd, ind, pneuma, or a file
    #[arg(
        long,
        value_name = "NAME|FILE.toml",
        conflicts_with = "geographic",
        help_heading = "Reading the trace"
    )]
    pub mapping: Option<String>,
    /// CSV with the type of each station, the data set's second file (tracksMeta of highD and inD), by the mapping
    #[arg(long, value_name = "FILE.csv", requires = "mapping", help_heading = "Reading the trace")]
    pub types: Option<PathBuf>,
    /// SUMO net that the trace was made with, plain or gzip: its offset and projection place x and y on the globe
    #[arg(long, value_name = "x.net.xml", conflicts_with = "origin", help_heading = "Reading the trace")]
    pub net: Option<PathBuf>,
    /// Read these stations only: names separated by commas, or a file with one a line
    #[arg(long, value_name = "NAMES|@FILE", value_parser = words::names, help_heading = "Reading the trace")]
    pub only: Option<StationNames>,
    /// Read stations of these kinds only: passenger, bus, truck, motorcycle, bicycle, pedestrian, tram, train, emergency, roadside
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = words::kind, help_heading = "Reading the trace")]
    pub only_kinds: Option<Vec<StationKind>>,
    /// Read this share of the stations only, per cent, drawn by their names
    #[arg(long, value_name = "PERCENT", value_parser = words::share, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub share: Option<f64>,
    /// Seed of the draw of --share (default: 1); who is in a small share is in every larger one of its seed
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed, requires = "share", help_heading = "Reading the trace")]
    pub share_seed: Option<u64>,
    /// Map of kinds: which types and names are emergency vehicles, trams, trains, and how long they are
    #[arg(long, value_name = "FILE.toml", help_heading = "Reading the trace")]
    pub kinds: Option<PathBuf>,
    /// Read from this time on, seconds of the trace's own time
    #[arg(long, value_name = "S", value_parser = words::time, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub from: Option<f64>,
    /// Read up to this time, seconds of the trace's own time
    #[arg(long, value_name = "S", value_parser = words::time, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub to: Option<f64>,
    /// Go on when at most this share of the rows was dropped, per cent (default: 1)
    #[arg(long, value_name = "PERCENT", value_parser = words::percent, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub tolerate: Option<f64>,
    /// Refuse a trace of more samples (default: 20000000); each takes 40 bytes of memory
    #[arg(long, value_name = "N", value_parser = words::samples, help_heading = "Reading the trace")]
    pub max_samples: Option<usize>,
}

impl ReadingArgs {
    /// The same in the words of the library.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            geographic: self.geographic.then_some(true),
            origin: self.origin,
            net: self.net.clone(),
            mapping: self.mapping.as_ref().map(PathBuf::from),
            types: self.types.clone(),
            only: self.only.clone(),
            only_kinds: self.only_kinds.clone(),
            share: self.share,
            share_seed: self.share_seed,
            kinds: self.kinds.clone(),
            from_s: self.from,
            to_s: self.to,
            tolerate_percent: self.tolerate,
            max_samples: self.max_samples,
            ..Reading::default()
        }
    }

    /// The same with its files read.
    ///
    /// # Errors
    /// A file named here cannot be used.
    pub(super) fn options(&self) -> Result<ReadOptions, ReplayError> {
        Ok(self.reading().options()?)
    }

    /// The files named here, by what they are.
    pub(super) fn files(&self) -> Vec<Role<'_>> {
        let names = match &self.only {
            Some(StationNames::In(file)) => Some(file.as_path()),
            _ => None,
        };
        let mapping = self.mapping.as_deref().map(Path::new).filter(|name| !Mapping::is_shipped(name));
        outputs::given([
            ("the mapping", mapping),
            ("the types", self.types.as_deref()),
            ("the net", self.net.as_deref()),
            ("the stations", names),
            ("the kinds", self.kinds.as_deref()),
        ])
    }
}

/// The files of a reading, for a report.
pub(super) fn inputs(reading: &Reading) -> impl Iterator<Item = InputFile> {
    reading.files().map(|(role, path)| input(role, path, source::sha256(path)))
}
