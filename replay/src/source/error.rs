//! What can be wrong with a trace: errors that end the reading, faults that cost a row, and warnings about them.

use std::fmt;
use std::io;

/// Why a trace could not be read. Each names the file, the place where there is one, and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file could not be opened.
    #[error("{name}: cannot be opened: {source}")]
    Open {
        /// The file.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// The medium failed while reading. A file that merely ends early is a [`Warning::CutShort`].
    #[error("{name}: reading failed: {source}")]
    Read {
        /// The file.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// The content is of a known kind, but not the kind wanted here.
    #[error("{name}: is {found}; wanted {wanted}")]
    WrongKind {
        /// The file.
        name: String,
        /// What it is.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// A column (CSV) or attribute (XML) that every row needs is absent.
    #[error(
        "{name}:{line}: no {missing}; found {found}. Needed are a time, an id, and x and y (or lon and lat)"
    )]
    MissingColumn {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// What is missing, in the words of the format.
        missing: String,
        /// What is there.
        found: String,
    },
    /// Not well-formed, and nothing usable came before.
    #[error("{name}:{line}: {detail}, and nothing usable came before it")]
    Malformed {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// What was found.
        detail: String,
    },
    /// One row, tag or comment is longer than any trace needs.
    #[error("{name}:{line}: a row or tag of more than {limit} bytes; is this a trace?")]
    TooLong {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// The bound in bytes.
        limit: usize,
    },
    /// More samples than the options allow.
    #[error("{name}:{line}: more than {limit} samples; cut it with a time window, or raise the bound")]
    TooManySamples {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// The bound.
        limit: usize,
    },
    /// More stations than a world can hold.
    #[error("{name}:{line}: more than {limit} stations; cut it with a time window")]
    TooManyStations {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// The bound.
        limit: usize,
    },
    /// The origin given for x/y traces is not a place.
    #[error(
        "origin {latitude}, {longitude}: not a latitude within 89 degrees of the equator and a longitude within 180"
    )]
    BadOrigin {
        /// Latitude as given, degrees.
        latitude: f64,
        /// Longitude as given, degrees.
        longitude: f64,
    },
    /// Read to the end (or to the cut) without one usable sample.
    #[error("{name}: no usable sample: {why}")]
    NothingUsable {
        /// The file.
        name: String,
        /// What was seen instead.
        why: String,
    },
}

/// Something the user should know about a trace that could be read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Rows were left out.
    Dropped {
        /// Why.
        fault: RowFault,
        /// How many rows.
        rows: u64,
        /// Line of the first, from 1.
        first_line: u64,
        /// What was found in the first.
        found: String,
    },
    /// The file ends, or stops being readable, before its end; what came before is kept.
    CutShort {
        /// Samples kept.
        samples: usize,
        /// Time of the last of them, in ns since the trace's first step.
        until_ns: u64,
        /// Line where it broke off, from 1.
        line: u64,
        /// What was found there.
        detail: String,
    },
    /// Every x lies within 180 and every y within 90, and nothing states whether these are degrees. Read as metres.
    LooksGeographic,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped {
                fault,
                rows,
                first_line,
                found,
            } => write!(
                f,
                "{rows} {} dropped: {fault} (first in line {first_line}: {found})",
                if *rows == 1 { "row" } else { "rows" }
            ),
            Self::CutShort {
                samples,
                until_ns,
                line,
                detail,
            } => write!(
                f,
                "cut short in line {line} ({detail}): kept {samples} samples up to t={:.3} s",
                *until_ns as f64 / 1e9
            ),
            Self::LooksGeographic => f.write_str(
                "every x is within 180 and every y within 90: read as metres; if they are degrees, say that it is geographic",
            ),
        }
    }
}

/// Why a row was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowFault {
    /// Fewer or more fields than the header, or a field every row needs is empty.
    FieldMissing,
    /// Bytes that are not UTF-8.
    NotText,
    /// Not a number where one is needed.
    NotANumber,
    /// NaN or infinite.
    NotFinite,
    /// Time below zero or beyond what a trace may carry.
    TimeOutOfRange,
    /// Earlier than a row before it.
    TimeBackwards,
    /// The same station twice at one time.
    Twice,
    /// Outside any time step.
    OutsideStep,
    /// Latitude beyond 90 or longitude beyond 180 degrees.
    OffGlobe,
    /// Latitude and longitude 0 (within 0.001 degree), which is what receivers say without a fix.
    NoPosition,
    /// Further than the plane about the origin reaches.
    OffPlane,
    /// Speed below zero.
    NegativeSpeed,
    /// Speed, angle or acceleration beyond the range of the messages.
    OutOfScale,
    /// Station name longer than the bound.
    NameTooLong,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FieldMissing => "a field is missing",
            Self::NotText => "not UTF-8 text",
            Self::NotANumber => "not a number",
            Self::NotFinite => "not a finite number",
            Self::TimeOutOfRange => "time not within 0 .. 4e9 s",
            Self::TimeBackwards => "time goes backwards",
            Self::Twice => "the station is in this step already",
            Self::OutsideStep => "outside a time step",
            Self::OffGlobe => "position off the globe",
            Self::NoPosition => "latitude and longitude 0, which is no position",
            Self::OffPlane => "position more than 200 km from the origin",
            Self::NegativeSpeed => "negative speed",
            Self::OutOfScale => {
                "beyond the scale (speed 655.35 m/s, angle 360 degrees, acceleration 3276 m/s2)"
            }
            Self::NameTooLong => "station name longer than 256 bytes",
        })
    }
}
