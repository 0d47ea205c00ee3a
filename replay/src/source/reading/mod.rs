//! How a trace is to be read, as the command line or a plan says it.

mod keys;
pub mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kind_rules::KindRules;
use super::mapping::Mapping;
use super::net::{Net, NetError};
use super::options::{DEFAULT_MAX_SAMPLES, DEFAULT_TOLERATED_PERCENT, ReadOptions};
use super::polygons::PolygonTypes;
use super::selection::{Selection, Share, names_in};
use super::side_file::SideFileError;
use super::station_kind::StationKind;
use super::track_types::TrackTypes;

/// What is said of how a trace is to be read: values, and names of files that are not read yet. `Default` says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Whether x and y are longitude and latitude in degrees.
    pub geographic: Option<bool>,
    /// Latitude and longitude in degrees of x = 0, y = 0.
    pub origin: Option<(f64, f64)>,
    /// The net that the trace was made with.
    pub net: Option<PathBuf>,
    /// A mapping that comes with the program, or one's file.
    pub mapping: Option<PathBuf>,
    /// What each station is, by the mapping.
    pub types: Option<PathBuf>,
    /// These stations only.
    pub only: Option<StationNames>,
    /// Stations of these kinds only.
    pub only_kinds: Option<Vec<StationKind>>,
    /// This share of the stations only, per cent.
    pub share: Option<f64>,
    /// Seed of the draw of the share.
    pub share_seed: Option<u64>,
    /// A map of kinds.
    pub kinds: Option<PathBuf>,
    /// Start of the window, seconds of the trace's own time.
    pub from_s: Option<f64>,
    /// Its end.
    pub to_s: Option<f64>,
    /// The share of dropped rows that is tolerated, per cent.
    pub tolerate_percent: Option<f64>,
    /// The most samples.
    pub max_samples: Option<usize>,
    /// Buildings in the trace's coordinates.
    pub polygons: Option<PathBuf>,
    /// Patterns of the polygons that are buildings.
    pub polygon_types: Option<Vec<String>>,
}

/// Names of stations, or the file that has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StationNames {
    /// These.
    These(BTreeSet<String>),
    /// Those in the file, one a line.
    In(PathBuf),
}

/// Why a file that says how a trace is read cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadingError {
    /// The net cannot place the trace.
    #[error(transparent)]
    Net(NetError),
    /// The mapping.
    #[error(transparent)]
    Mapping(SideFileError),
    /// What each station is.
    #[error(transparent)]
    Types(SideFileError),
    /// The list of names.
    #[error(transparent)]
    Names(SideFileError),
    /// The map of kinds.
    #[error(transparent)]
    Kinds(SideFileError),
}

impl ReadingError {
    /// The key of a plan that names the file.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Net(_) => "net",
            Self::Mapping(_) => "mapping",
            Self::Types(_) => "types",
            Self::Names(_) => "only",
            Self::Kinds(_) => "kinds",
        }
    }
}

impl Reading {
    /// The same with its files read, but for the polygons, which need the trace.
    ///
    /// # Errors
    /// A file named here cannot be used.
    pub fn options(&self) -> Result<ReadOptions, ReadingError> {
        let names = match &self.only {
            None => None,
            Some(StationNames::These(names)) => Some(names.clone()),
            Some(StationNames::In(file)) => Some(names_in(file).map_err(ReadingError::Names)?),
        };
        let mapping =
            self.mapping.as_deref().map(Mapping::read).transpose().map_err(ReadingError::Mapping)?;
        let types = self.types.as_deref().zip(mapping.as_ref());
        let types = types.map(|(path, mapping)| TrackTypes::read(path, mapping)).transpose();
        let seed = self.share_seed.unwrap_or(DEFAULT_SHARE_SEED);
        let kinds = self.kinds.as_deref().map(KindRules::read).transpose().map_err(ReadingError::Kinds)?;
        Ok(ReadOptions {
            origin: self.origin,
            geographic: self.geographic,
            net: self.net.as_deref().map(Net::read).transpose().map_err(ReadingError::Net)?,
            types: types.map_err(ReadingError::Types)?,
            mapping,
            only: Selection {
                names,
                kinds: self.only_kinds.clone(),
                share: self.share.map(|percent| Share { percent, seed }),
            },
            kinds: kinds.unwrap_or_default(),
            from_s: self.from_s,
            to_s: self.to_s,
            max_samples: self.max_samples.unwrap_or(DEFAULT_MAX_SAMPLES),
            tolerate_percent: self.tolerate_percent.unwrap_or(DEFAULT_TOLERATED_PERCENT),
        })
    }

    /// Which polygons are buildings.
    pub fn polygon_types(&self) -> PolygonTypes {
        let patterns = self.polygon_types.as_deref();
        patterns.map_or_else(PolygonTypes::default, |patterns| {
            PolygonTypes::new(patterns.iter().map(String::as_str))
        })
    }

    /// The files named here, with what each is in a report.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let names = match &self.only {
            Some(StationNames::In(file)) => Some(file),
            _ => None,
        };
        let all = [
            ("mapping", self.mapping.as_ref().filter(|name| !Mapping::is_shipped(name))),
            ("types", self.types.as_ref()),
            ("net", self.net.as_ref()),
            ("stations", names),
            ("kinds", self.kinds.as_ref()),
            ("polygons", self.polygons.as_ref()),
        ];
        all.into_iter().filter_map(|(role, path)| Some((role, path?.as_path())))
    }

    /// This, and what it leaves open as `planned` has it, where both can hold.
    #[must_use]
    pub fn or(self, planned: Self) -> Self {
        let degrees = planned.geographic.filter(|degrees| !(*degrees && self.origin.is_some()));
        let origin = planned.origin.filter(|_| self.net.is_none() && self.geographic != Some(true));
        Self {
            geographic: self.geographic.or(degrees.filter(|_| self.mapping.is_none())),
            mapping: self.mapping.or(planned.mapping.filter(|_| self.geographic.is_none())),
            net: self.net.or(planned.net.filter(|_| self.origin.is_none())),
            origin: self.origin.or(origin),
            types: self.types.or(planned.types),
            only: self.only.or(planned.only),
            only_kinds: self.only_kinds.or(planned.only_kinds),
            share: self.share.or(planned.share),
            share_seed: self.share_seed.or(planned.share_seed),
            kinds: self.kinds.or(planned.kinds),
            from_s: self.from_s.or(planned.from_s),
            to_s: self.to_s.or(planned.to_s),
            tolerate_percent: self.tolerate_percent.or(planned.tolerate_percent),
            max_samples: self.max_samples.or(planned.max_samples),
            polygons: self.polygons.or(planned.polygons),
            polygon_types: self.polygon_types.or(planned.polygon_types),
        }
    }

    /// The first option of the command line of which something is said here.
    pub fn first_option(&self) -> Option<&'static str> {
        let all = [
            ("--geographic", self.geographic.is_some()),
            ("--origin", self.origin.is_some()),
            ("--net", self.net.is_some()),
            ("--mapping", self.mapping.is_some()),
            ("--types", self.types.is_some()),
            ("--only", self.only.is_some()),
            ("--only-kinds", self.only_kinds.is_some()),
            ("--share", self.share.is_some()),
            ("--kinds", self.kinds.is_some()),
            ("--from", self.from_s.is_some()),
            ("--to", self.to_s.is_some()),
            ("--tolerate", self.tolerate_percent.is_some()),
            ("--max-samples", self.max_samples.is_some()),
            ("--polygons", self.polygons.is_some()),
        ];
        all.into_iter().find(|(_, said)| *said).map(|(option, _)| option)
    }
}

/// Seed of the draw of a share, where none is said.
const DEFAULT_SHARE_SEED: u64 = 1;

#[cfg(test)]
mod tests;
