//! How to read a trace, and how much of it.

use super::kind_rules::KindRules;
use super::mapping::Mapping;
use super::net::Net;
use super::selection::Selection;
use super::track_types::TrackTypes;

/// How to read a trace. `Default` reads all of it, x/y about [`DEFAULT_ORIGIN`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Latitude and longitude in degrees of x = 0, y = 0 for traces in metres; [`DEFAULT_ORIGIN`] when `None`.
    pub origin: Option<(f64, f64)>,
    /// Whether x and y are longitude and latitude in degrees. `None`: when the file states it (columns named `lon`
    /// and `lat`, or `fcd-output.geo` in SUMO's header), or its first rows have speeds that fit degrees and no metres.
    pub geographic: Option<bool>,
    /// The net that the trace was made with: its offset and projection place x and y. Beside [`origin`](Self::origin) it
    /// has no effect.
    pub net: Option<Net>,
    /// How the columns of a CSV are read; `None`: by their names.
    pub mapping: Option<Mapping>,
    /// The stations wanted.
    pub only: Selection,
    /// What types and names stand for, where their words do not say it.
    pub kinds: KindRules,
    /// The types of stations that a second file has.
    pub types: Option<TrackTypes>,
    /// Start of the window in seconds of the file's own time; `None` is its start.
    pub from_s: Option<f64>,
    /// End of the window in seconds of the file's own time, exclusive; `None` is its end.
    pub to_s: Option<f64>,
    /// More samples than this are an error. A sample takes 32 bytes, and 40 while it is read.
    pub max_samples: usize,
    /// More dropped rows than this, per cent of all rows in the window, are an error.
    pub tolerate_percent: f64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            origin: None,
            geographic: None,
            net: None,
            mapping: None,
            only: Selection::default(),
            kinds: KindRules::default(),
            types: None,
            from_s: None,
            to_s: None,
            max_samples: DEFAULT_MAX_SAMPLES,
            tolerate_percent: DEFAULT_TOLERATED_PERCENT,
        }
    }
}

/// Origin of traces in metres when none is given: latitude and longitude in degrees of a point in Luxembourg, where
/// the usual public SUMO scenarios lie. The place on the globe changes nothing in a replay but the coordinates.
pub const DEFAULT_ORIGIN: (f64, f64) = (49.6, 6.13);

/// Default of [`ReadOptions::max_samples`]: 640 MB of samples, an hour of 550 stations at 10 Hz.
pub const DEFAULT_MAX_SAMPLES: usize = 20_000_000;

/// Default of [`ReadOptions::tolerate_percent`]: what a damaged line here and there amounts to.
pub const DEFAULT_TOLERATED_PERCENT: f64 = 1.0;
