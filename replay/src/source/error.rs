//! What can be wrong with a trace: errors that end the reading, faults that cost a row, and warnings about them.

use std::fmt;
use std::io;

use v2x_tables::TableError;

use super::kind::Kind;

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
        /// What it is, in words.
        found: String,
        /// What it is.
        kind: Kind,
        /// What would be right.
        wanted: &'static str,
    },
    /// A Parquet file, or a column of it that is needed, cannot be read.
    #[error("{name}: {source}")]
    Table {
        /// The file.
        name: String,
        /// What is wrong with it.
        source: TableError,
    },
    /// A column (CSV) or attribute (XML) that every row needs is absent.
    #[error(
        "{name}:{line}: no {missing}; found {found}. Needed are a time, an id, and x and y (or lon and lat), or a mapping (--mapping) that says where they are"
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
    #[error(
        "{name}:{line}: more than {limit} samples; read less of it (--from, --to), or raise the bound (--max-samples)"
    )]
    TooManySamples {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// The bound.
        limit: usize,
    },
    /// More stations than a world can hold.
    #[error("{name}:{line}: more than {limit} stations; read less of it (--from, --to)")]
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
    /// The window ends before it begins.
    #[error("--from {from_s} and --to {to_s}: the end of what is read must be later than its beginning")]
    EmptyWindow {
        /// Its beginning, seconds.
        from_s: f64,
        /// Its end, seconds.
        to_s: f64,
    },
    /// An origin for a trace that states places on the globe.
    #[error("{name}: its x and y are degrees, so that an origin has no effect; leave the origin out")]
    OriginOfDegrees {
        /// The file.
        name: String,
    },
    /// The trace begins outside the net given, whether its x and y are the net's, eastings and northings, or degrees.
    #[error(
        "{name}:{line}: x {x}, y {y} lie outside {net} ({bounds}): a net of another projection than the trace; give the net that the trace was made with"
    )]
    OtherProjection {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// x of the first row.
        x: f64,
        /// y of the first row.
        y: f64,
        /// The net's file.
        net: String,
        /// Its bounds, in words.
        bounds: String,
    },
    /// More of the rows was dropped than is tolerated: what is left is another scenario than the file's.
    #[error(
        "{name}: {percent:.1} % of {rows} rows dropped, and at most {tolerated} % are tolerated: {rules}; mend the file, or pass --tolerate {}",
        percent.ceil()
    )]
    TooManyDropped {
        /// The file.
        name: String,
        /// Dropped rows, per cent.
        percent: f64,
        /// All rows.
        rows: u64,
        /// The rules that dropped them, and how many each.
        rules: String,
        /// What the options tolerate, per cent.
        tolerated: f64,
    },
    /// Nothing happens for more than a day between two rows: times of two clocks.
    #[error(
        "{name}:{line}: nothing between {before_s} s and {after_s} s: times of two clocks? Read one part of it with --from and --to"
    )]
    TwoClocks {
        /// The file.
        name: String,
        /// Line of the first row after the pause, from 1.
        line: u64,
        /// Last time before it, seconds.
        before_s: f64,
        /// First time after it, seconds.
        after_s: f64,
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
        /// Line of the first, from 1; its row in a Parquet file.
        first_line: u64,
        /// What was found in the first.
        found: String,
        /// What is counted.
        counted: PlaceUnit,
    },
    /// The file ends, or stops being readable, before its end; what came before is kept.
    CutShort {
        /// Samples kept.
        samples: usize,
        /// Time of the last of them, in ns since the trace's first step.
        until_ns: u64,
        /// Line where it broke off, from 1; its row in a Parquet file.
        line: u64,
        /// What is counted.
        counted: PlaceUnit,
        /// What was found there.
        detail: String,
        /// The file's own time of the step in which it broke off, ns; `None`: between two steps.
        step_ns: Option<u64>,
    },
    /// A rule of the map of kinds fits no station.
    RuleUnused {
        /// The rule as written.
        rule: String,
    },
    /// Stations that are wanted by name are not in the trace.
    NotThere {
        /// The first of them.
        first: String,
        /// How many.
        absent: usize,
        /// How many are wanted.
        of: usize,
    },
    /// The file of types says nothing of stations.
    Untyped {
        /// The first of them.
        first: String,
        /// How many.
        stations: usize,
        /// How many the trace has.
        of: usize,
    },
    /// Every x lies within 180 and every y within 90, and nothing states whether these are degrees. Read as metres.
    LooksGeographic,
    /// The first row lies beyond the plane about the origin, as in a projection such as UTM: its place is taken for the
    /// origin.
    Shifted {
        /// What was subtracted from each x, metres.
        x: f64,
        /// What was subtracted from each y, metres.
        y: f64,
    },
    /// Headings and places mean different directions. Both are replayed as they are.
    HeadingsDisagree {
        /// What the headings seem to be instead, where that can be told: a question after a colon.
        instead: &'static str,
        /// Steps in which they disagree.
        off: u64,
        /// Steps compared.
        steps: u64,
    },
    /// Speeds and places mean different movement. Both are replayed as they are.
    SpeedsDisagree {
        /// Way by places over way by speeds.
        ratio: f64,
        /// Steps in which they disagree.
        off: u64,
        /// Steps compared.
        steps: u64,
    },
}

/// What the numbers count that say where something is in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaceUnit {
    /// Lines of a text.
    #[default]
    Lines,
    /// Rows of a table.
    Rows,
}

impl fmt::Display for PlaceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "line",
            Self::Rows => "row",
        })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped {
                fault,
                rows,
                first_line,
                found,
                counted,
            } => write!(
                f,
                "{rows} {} dropped: {fault} (first in {counted} {first_line}: {found})",
                if *rows == 1 { "row" } else { "rows" }
            ),
            Self::CutShort {
                samples,
                until_ns,
                line,
                counted,
                detail,
                step_ns,
            } => {
                write!(f, "cut short in {counted} {line} ({detail})")?;
                if let Some(step_ns) = step_ns {
                    write!(f, ", in the middle of the step at {} s", *step_ns as f64 / 1e9)?;
                }
                write!(f, ": kept {samples} samples up to t={:.3} s", *until_ns as f64 / 1e9)
            }
            Self::RuleUnused { rule } => write!(f, "the rule with {rule} of the map of kinds fits no station"),
            Self::NotThere { first, absent, of } => {
                write!(f, "{absent} of the {of} stations wanted are not in what was read, such as {first:?}")
            }
            Self::Untyped { first, stations, of } => write!(
                f,
                "the file of types has no row for {stations} of {of} stations, such as {first:?}: what they are is told by the trace alone"
            ),
            Self::LooksGeographic => f.write_str(
                "every x is within 180 and every y within 90: read as metres; if they are degrees, pass --geographic (in a station's configuration: geographic = true)",
            ),
            Self::Shifted { x, y } => write!(
                f,
                "x and y begin at {x}, {y}, more than 200 km from 0, 0: that place is taken as the origin"
            ),
            Self::HeadingsDisagree { instead, off, steps } => {
                let percent = *off as f64 * 100.0 / *steps as f64;
                let needed = if instead.is_empty() { "; needed" } else { " Needed" };
                write!(
                    f,
                    "places move elsewhere than the headings say in {percent:.0} % of the steps{instead}{needed} are degrees, clockwise from north; plausibility checks will count that against the stations"
                )
            }
            Self::SpeedsDisagree { ratio, off, steps } => {
                let percent = *off as f64 * 100.0 / *steps as f64;
                let unit = match 1.0 / ratio {
                    factor if (3.2..4.0).contains(&factor) => ": are the speeds in km/h? Needed are m/s",
                    factor if (2.1..2.4).contains(&factor) => ": are the speeds in miles an hour? Needed are m/s",
                    factor if (1.8..2.1).contains(&factor) => ": are the speeds in knots? Needed are m/s",
                    _ => "",
                };
                write!(
                    f,
                    "places move {ratio:.2} times as far as the speeds say, and disagree with them in {percent:.0} % of the steps{unit}; plausibility checks will count that against the stations"
                )
            }
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
    /// A number with a comma where its point should be.
    DecimalComma,
    /// NaN or infinite.
    NotFinite,
    /// Time below zero or beyond what a trace may carry.
    TimeOutOfRange,
    /// A Unix time in milliseconds.
    TimeInMilliseconds,
    /// A date and time of ISO 8601.
    TimeIsDate,
    /// No date and time of ISO 8601 with its offset from UTC.
    NoDate,
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
            Self::DecimalComma => "a decimal comma; needed is a point",
            Self::NotFinite => "not a finite number",
            Self::TimeOutOfRange => "time not within 0 .. 4e9 s",
            Self::TimeInMilliseconds => "time in milliseconds; needed are seconds",
            Self::TimeIsDate => "time as a date; needed are seconds, such as those since 1970",
            Self::NoDate => "no date and time; needed is one such as 2026-11-29T10:00:00Z",
            Self::Twice => "the station is in this step already",
            Self::OutsideStep => "outside a time step",
            Self::OffGlobe => {
                "position off the globe (x is a longitude and y a latitude in degrees; or are they metres?)"
            }
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
