//! The options by which a trace is read, of `replay run` and `replay convert` alike.

use clap::Args;
use v2x_replay::source::{DEFAULT_MAX_SAMPLES, DEFAULT_TOLERATED_PERCENT, ReadOptions};

/// How a trace is read.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// Read x and y as longitude and latitude in degrees
    #[arg(long, help_heading = "Reading the trace")]
    pub geographic: bool,
    /// Latitude and longitude in degrees of x = 0, y = 0, for traces in metres
    #[arg(long, value_name = "LAT,LON", value_parser = parse_origin, allow_hyphen_values = true, conflicts_with = "geographic", help_heading = "Reading the trace")]
    pub origin: Option<(f64, f64)>,
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
    pub(super) fn options(&self) -> ReadOptions {
        ReadOptions {
            origin: self.origin,
            geographic: self.geographic.then_some(true),
            from_s: self.from,
            to_s: self.to,
            max_samples: self.max_samples,
            tolerate_percent: self.tolerate,
        }
    }
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
