//! How to read a trace, and how much of it.

/// How to read a trace. `Default` reads all of it, x/y about [`DEFAULT_ORIGIN`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Latitude and longitude in degrees of x = 0, y = 0 for traces in metres; [`DEFAULT_ORIGIN`] when `None`.
    pub origin: Option<(f64, f64)>,
    /// Whether x and y are longitude and latitude in degrees. `None`: only when the file says so (columns named `lon`
    /// and `lat`, or SUMO's header telling of `fcd-output.geo`); numbers alone never decide.
    pub geographic: Option<bool>,
    /// Start of the window in seconds since the trace's first step; `None` is its start.
    pub from_s: Option<f64>,
    /// End of the window in seconds since the trace's first step, exclusive; `None` is its end.
    pub to_s: Option<f64>,
    /// More samples than this are an error. A sample takes 32 bytes.
    pub max_samples: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { origin: None, geographic: None, from_s: None, to_s: None, max_samples: DEFAULT_MAX_SAMPLES }
    }
}

/// Origin of traces in metres when none is given: latitude and longitude in degrees of a point in Luxembourg, where
/// the usual public SUMO scenarios lie. Where on the globe a net lies changes nothing in a replay but the numbers.
pub const DEFAULT_ORIGIN: (f64, f64) = (49.6, 6.13);

/// [`ReadOptions::max_samples`] unless told otherwise: 640 MB of samples, an hour of 550 stations at 10 Hz.
pub const DEFAULT_MAX_SAMPLES: usize = 20_000_000;

/// The longest row, tag or comment of a trace in bytes.
pub const MAX_ROW_BYTES: usize = 1 << 20;
