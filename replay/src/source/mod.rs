//! Where a replay's movement comes from: traces of stations, captures of frames, and the town that is compiled in.
//!
//! A [`Trace`] is read by content, not by file name: SUMO floating-car data as XML or CSV, plain or gzip. Readers
//! stream, are bounded whatever the input ([`MAX_STATIONS`], [`MAX_ROW_BYTES`], [`ReadOptions::max_samples`]), and keep
//! what is usable: a bad row is dropped and counted, a file that breaks off keeps what came before, both as
//! [`Warning`]s. Time is the trace's own; no clock is read.

mod bounded;
mod builder;
pub mod capture;
pub mod convert;
mod error;
mod fcd_csv;
mod fcd_xml;
mod kind;
mod link_layer;
pub mod town;
mod track;

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;

use v2x_core::position::Position;

pub use builder::{MAX_NAME_BYTES, MAX_STATIONS};
pub use error::{RowFault, TraceError, Warning};
pub use kind::{Kind, RECORDING_MAGIC, kind_of};
pub use track::{MAX_GAP_NS, Track};

/// Reads a trace from a file, its format recognised by content.
///
/// # Errors
/// [`TraceError`], naming the file, the place and what would be right. Bad rows and early ends are no errors but
/// [`Trace::warnings`], unless nothing usable is left.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Trace, TraceError> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => read_from(BufReader::new(file), &name, options),
        Err(source) => Err(TraceError::Open { name, source }),
    }
}

/// Reads a trace from bytes; `name` stands for the file in errors.
///
/// # Errors
/// As [`read`].
pub fn read_from(reader: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let (kind, reader) = sniff(reader, name)?;
    if kind != Kind::Gzip {
        return read_plain(kind, reader, name, options);
    }
    let (kind, reader) = sniff(BufReader::new(MultiGzDecoder::new(reader)), name)?;
    read_plain(kind, reader, name, options)
}

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

/// Movement of stations over time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Trace {
    /// The stations' names in the file, by station index, in order of first appearance.
    pub names: Vec<String>,
    /// The stations' kinds, by station index.
    pub kinds: Vec<StationKind>,
    /// All samples, ordered by time, then station; at most one per station and time.
    pub samples: Vec<Sample>,
    /// The file's own time of `time_ns == 0`, in ns.
    pub begin_ns: u64,
    /// What the user should know about how it was read.
    pub warnings: Vec<Warning>,
}

impl Trace {
    /// Number of stations.
    pub fn stations(&self) -> usize {
        self.names.len()
    }

    /// From the first step to the last; zero for one step or none.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.samples.last().map_or(0, |last| last.time_ns))
    }

    /// The usual distance between steps in ns (the median), 0 with fewer than two steps.
    pub fn step_ns(&self) -> u64 {
        let mut steps: Vec<u64> = self
            .samples
            .windows(2)
            .map(|pair| pair[1].time_ns - pair[0].time_ns)
            .filter(|step| *step > 0)
            .collect();
        let middle = steps.len() / 2;
        if steps.is_empty() {
            return 0;
        }
        *steps.select_nth_unstable(middle).1
    }

    /// The movement of each station, by station index: when it enters and leaves, and where it is between samples.
    pub fn tracks(&self) -> Vec<Track> {
        track::tracks(self)
    }
}

/// Where one station is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Nanoseconds since the trace's first step.
    pub time_ns: u64,
    /// Index into [`Trace::names`].
    pub station: u32,
    /// 1e-7 degrees.
    pub latitude: i32,
    /// 1e-7 degrees.
    pub longitude: i32,
    /// 0.01 m/s; `None` when the trace has none.
    pub speed: Option<u16>,
    /// 0.1 degrees, 0 = north, clockwise, 0 ..= 3599.
    pub heading: Option<u16>,
    /// 0.1 m/s2, forward positive.
    pub acceleration: Option<i16>,
}

impl Sample {
    /// Where the station is.
    pub fn point(&self) -> Position {
        Position { latitude: self.latitude, longitude: self.longitude }
    }
}

/// What moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StationKind {
    /// A passenger car, and whatever the type does not tell.
    #[default]
    Passenger,
    /// A bus or coach.
    Bus,
    /// A truck, trailer or delivery vehicle.
    Truck,
    /// A motorcycle or moped.
    Motorcycle,
    /// A bicycle.
    Bicycle,
    /// A person on foot.
    Pedestrian,
    /// A roadside unit, which does not move.
    Roadside,
}

impl StationKind {
    /// The kind a SUMO vehicle type (or class) name suggests, by the words in it; passenger when it suggests none.
    pub fn from_type_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let words = || name.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        let any = |endings: &[&str]| words().any(|word| endings.iter().any(|e| word.ends_with(e)));
        if any(&["bus", "coach"]) {
            Self::Bus
        } else if any(&["truck", "trailer", "delivery", "lorry", "hgv"]) {
            Self::Truck
        } else if any(&["motorcycle", "motorbike", "moped", "scooter"]) {
            Self::Motorcycle
        } else if any(&["bicycle", "bike", "biketype", "cyclist"]) {
            Self::Bicycle
        } else if any(&["pedestrian", "pedtype", "ped", "person"]) {
            Self::Pedestrian
        } else if any(&["roadside", "rsu"]) {
            Self::Roadside
        } else {
            Self::Passenger
        }
    }

    /// The SUMO vehicle class of this kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passenger => "passenger",
            Self::Bus => "bus",
            Self::Truck => "truck",
            Self::Motorcycle => "motorcycle",
            Self::Bicycle => "bicycle",
            Self::Pedestrian => "pedestrian",
            Self::Roadside => "roadside",
        }
    }
}

/// Takes a look at the first bytes and hands the reader back whole.
fn sniff<'a>(mut reader: impl BufRead + 'a, name: &str) -> Result<(Kind, Box<dyn BufRead + 'a>), TraceError> {
    let mut prefix = Vec::with_capacity(kind::PREFIX_BYTES);
    let outcome = reader.by_ref().take(kind::PREFIX_BYTES as u64).read_to_end(&mut prefix);
    if prefix.is_empty() {
        return Err(match outcome {
            Err(source) if !bounded::is_damage(&source) => TraceError::Read { name: name.to_owned(), source },
            Err(source) => TraceError::NothingUsable { name: name.to_owned(), why: source.to_string() },
            Ok(_) => TraceError::NothingUsable { name: name.to_owned(), why: "the file is empty".to_owned() },
        });
    }
    let kind = kind::of_prefix(&prefix);
    let prefix = Cursor::new(prefix);
    Ok(match outcome {
        Ok(_) => (kind, Box::new(prefix.chain(reader))),
        // What was read before the damage is the whole of it, and then the damage is told.
        Err(error) => (kind, Box::new(prefix.chain(bounded::Failing(Some(error))))),
    })
}

fn read_plain(
    kind: Kind,
    reader: Box<dyn BufRead + '_>,
    name: &str,
    options: &ReadOptions,
) -> Result<Trace, TraceError> {
    match kind {
        Kind::Xml => fcd_xml::read(reader, name, options),
        Kind::Csv => fcd_csv::read(reader, name, options),
        other => {
            Err(TraceError::WrongKind { name: name.to_owned(), found: other.to_string(), wanted: WANTED })
        }
    }
}

/// Origin of traces in metres when none is given: latitude and longitude in degrees of a point in Luxembourg, where
/// the usual public SUMO scenarios lie. Where on the globe a net lies changes nothing in a replay but the numbers.
pub const DEFAULT_ORIGIN: (f64, f64) = (49.6, 6.13);

/// [`ReadOptions::max_samples`] unless told otherwise: 640 MB of samples, an hour of 550 stations at 10 Hz.
pub const DEFAULT_MAX_SAMPLES: usize = 20_000_000;

/// The longest row, tag or comment of a trace in bytes.
pub const MAX_ROW_BYTES: usize = 1 << 20;

const WANTED: &str = "SUMO floating-car data (--fcd-output) as XML or CSV with a header, plain or gzip";

#[cfg(test)]
mod tests;
