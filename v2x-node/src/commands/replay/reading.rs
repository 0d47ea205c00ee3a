//! The options by which a trace is read, of `replay run` and `replay convert` alike.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use v2x_replay::source::{
    self, DEFAULT_MAX_SAMPLES, DEFAULT_TOLERATED_PERCENT, KindRules, Mapping, Net, ReadOptions, Selection,
    Share, StationKind, TrackTypes, names_in,
};
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
    #[arg(long, value_name = "LAT,LON", value_parser = parse_origin, allow_hyphen_values = true, conflicts_with = "geographic", help_heading = "Reading the trace")]
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
    #[arg(long, value_name = "NAMES|@FILE", value_parser = parse_names, help_heading = "Reading the trace")]
    pub only: Option<Names>,
    /// Read stations of these kinds only: passenger, bus, truck, motorcycle, bicycle, pedestrian, tram, train, emergency, roadside
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = parse_kind, help_heading = "Reading the trace")]
    pub only_kinds: Option<Vec<StationKind>>,
    /// Read this share of the stations only, per cent, drawn by their names
    #[arg(long, value_name = "PERCENT", value_parser = parse_share, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub share: Option<f64>,
    /// Seed of the draw of --share; who is in a small share is in every larger one of its seed
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = seed,
        default_value_t = 1,
        requires = "share",
        help_heading = "Reading the trace"
    )]
    pub share_seed: u64,
    /// Map of kinds: which types and names are emergency vehicles, trams, trains, and how long they are
    #[arg(long, value_name = "FILE.toml", help_heading = "Reading the trace")]
    pub kinds: Option<PathBuf>,
    /// Read from this time on, seconds of the trace's own time
    #[arg(long, value_name = "S", value_parser = parse_time, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub from: Option<f64>,
    /// Read up to this time, seconds of the trace's own time
    #[arg(long, value_name = "S", value_parser = parse_time, allow_negative_numbers = true, help_heading = "Reading the trace")]
    pub to: Option<f64>,
    /// Go on when at most this share of the rows was dropped, per cent
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, allow_negative_numbers = true, default_value_t = DEFAULT_TOLERATED_PERCENT, help_heading = "Reading the trace")]
    pub tolerate: f64,
    /// Refuse a trace of more samples; each takes 40 bytes of memory
    #[arg(long, value_name = "N", value_parser = parse_samples, default_value_t = DEFAULT_MAX_SAMPLES, help_heading = "Reading the trace")]
    pub max_samples: usize,
}

impl ReadingArgs {
    /// The same in the words of the library.
    ///
    /// # Errors
    /// A file named here cannot be used.
    pub(super) fn options(&self) -> Result<ReadOptions, ReplayError> {
        let names = match &self.only {
            None => None,
            Some(Names::These(names)) => Some(names.clone()),
            Some(Names::In(file)) => Some(names_in(file)?),
        };
        let mapping = self.mapping.as_deref().map(Mapping::named).transpose()?;
        let types = self.types.as_deref().zip(mapping.as_ref());
        Ok(ReadOptions {
            types: types.map(|(path, mapping)| TrackTypes::read(path, mapping)).transpose()?,
            origin: self.origin,
            geographic: self.geographic.then_some(true),
            net: self.net.as_deref().map(Net::read).transpose()?,
            mapping,
            only: Selection {
                names,
                kinds: self.only_kinds.clone(),
                share: self.share.map(|percent| Share { percent, seed: self.share_seed }),
            },
            kinds: self.kinds.as_deref().map(KindRules::read).transpose()?.unwrap_or_default(),
            from_s: self.from,
            to_s: self.to,
            max_samples: self.max_samples,
            tolerate_percent: self.tolerate,
        })
    }

    /// The files named here, for a report.
    pub(super) fn inputs(&self) -> Vec<InputFile> {
        let read = self.files().into_iter();
        read.map(|(what, path)| input(what.trim_start_matches("the "), path, source::sha256(path))).collect()
    }

    /// The files named here, by what they are.
    pub(super) fn files(&self) -> Vec<Role<'_>> {
        let names = match &self.only {
            Some(Names::In(file)) => Some(file.as_path()),
            _ => None,
        };
        let mapping =
            self.mapping.as_deref().filter(|name| Mapping::shipped().all(|shipped| shipped != *name));
        outputs::given([
            ("the mapping", mapping.map(Path::new)),
            ("the types", self.types.as_deref()),
            ("the net", self.net.as_deref()),
            ("the stations", names),
            ("the kinds", self.kinds.as_deref()),
        ])
    }
}

/// Names of stations, or the file that has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// These.
    These(BTreeSet<String>),
    /// Those in the file, one a line.
    In(PathBuf),
}

fn parse_names(text: &str) -> Result<Names, String> {
    let wrong =
        || "expected names separated by commas, such as veh0,veh7, or @FILE with one a line".to_owned();
    if let Some(file) = text.strip_prefix('@') {
        return if file.is_empty() { Err(wrong()) } else { Ok(Names::In(Path::new(file).to_owned())) };
    }
    let names: BTreeSet<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.contains("") { Err(wrong()) } else { Ok(Names::These(names)) }
}

fn parse_kind(text: &str) -> Result<StationKind, String> {
    StationKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let known = StationKind::ALL.map(StationKind::name).join(", ");
        format!("expected kinds separated by commas, of {known}")
    })
}

fn parse_share(text: &str) -> Result<f64, String> {
    let percent = parse_percent(text).ok().filter(|percent| *percent > 0.0);
    percent.ok_or_else(|| "expected above 0 to 100 per cent".to_owned())
}

fn parse_origin(text: &str) -> Result<(f64, f64), String> {
    let degrees =
        |word: &str, most: f64| word.trim().parse().ok().filter(|degrees: &f64| degrees.abs() <= most);
    let place = text.split_once(',').and_then(|(latitude, longitude)| {
        Some((degrees(latitude, MAX_LATITUDE)?, degrees(longitude, 180.0)?))
    });
    place.ok_or_else(|| "expected latitude and longitude in degrees, such as 49.6,6.13".to_owned())
}

fn parse_time(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds >= 0.0 && seconds.is_finite());
    seconds.ok_or_else(|| "expected seconds of the trace's own time, 0 or more".to_owned())
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "expected 0 to 100 per cent".to_owned())
}

fn parse_samples(text: &str) -> Result<usize, String> {
    let samples = text.parse().ok().filter(|samples| *samples > 0);
    samples.ok_or_else(|| "expected a number of samples, 1 or more".to_owned())
}

/// East has no usable meaning at the poles.
const MAX_LATITUDE: f64 = 89.0;
