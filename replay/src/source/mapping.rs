//! A mapping: where a CSV of another house has what a trace needs, and in which units.

mod parse;
mod units;

use std::path::Path;

use super::kind_rules::KindRules;
use super::projection::Projection;
use super::side_file::{SideFileError, text};
use units::{AccelerationUnit, LengthUnit, SpeedUnit};

pub(super) use parse::column_number;
pub(super) use units::{HeadingZero, PlacePoint, TimeUnit};

/// How the columns of a CSV are to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Its file, or its name if it comes with the program.
    pub(super) name: String,
    pub(super) separator: Separator,
    /// Whether the first line names the columns; without, they are named by their numbers from 1.
    pub(super) header: bool,
    /// The columns' names, by [`Field`].
    pub(super) columns: [Option<String>; Field::ALL.len()],
    /// Columns that repeat in each row, the last of the header; empty where a row is one sample.
    pub(super) repeats: Vec<String>,
    /// Whether x and y are longitude and latitude.
    pub(super) degrees: bool,
    pub(super) time: TimeUnit,
    pub(super) place: LengthUnit,
    pub(super) speed: SpeedUnit,
    pub(super) acceleration: AccelerationUnit,
    pub(super) radians: bool,
    pub(super) size: LengthUnit,
    pub(super) y_down: bool,
    pub(super) heading_zero: HeadingZero,
    pub(super) point: PlacePoint,
    /// Latitude and longitude of x = 0, y = 0.
    pub(super) origin: Option<(f64, f64)>,
    /// The projection of x and y, and what to add to them before.
    pub(super) projection: Option<(Projection, (f64, f64))>,
    pub(super) kinds: KindRules,
    /// Columns of the data set's second file, which has the type of each station.
    pub(super) types: Option<TypeColumns>,
}

/// Columns of a file with a row for each station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeColumns {
    pub(super) id: String,
    pub(super) type_name: String,
}

/// What stands between columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// The one that the header uses most.
    Found,
    Byte(u8),
    /// Any number of blanks.
    Blanks,
}

/// What a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Time,
    Id,
    X,
    Y,
    Speed,
    SpeedX,
    SpeedY,
    Heading,
    Acceleration,
    AccelerationX,
    AccelerationY,
    Type,
    Length,
    Width,
    Signals,
}

impl Field {
    pub(super) const ALL: [Self; 15] = [
        Self::Time,
        Self::Id,
        Self::X,
        Self::Y,
        Self::Speed,
        Self::SpeedX,
        Self::SpeedY,
        Self::Heading,
        Self::Acceleration,
        Self::AccelerationX,
        Self::AccelerationY,
        Self::Type,
        Self::Length,
        Self::Width,
        Self::Signals,
    ];

    /// Its key in a mapping.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Id => "id",
            Self::X => "x",
            Self::Y => "y",
            Self::Speed => "speed",
            Self::SpeedX => "speed_x",
            Self::SpeedY => "speed_y",
            Self::Heading => "heading",
            Self::Acceleration => "acceleration",
            Self::AccelerationX => "acceleration_x",
            Self::AccelerationY => "acceleration_y",
            Self::Type => "type",
            Self::Length => "length",
            Self::Width => "width",
            Self::Signals => "signals",
        }
    }
}

impl Mapping {
    /// The mapping of this name that comes with the program, or else in this file.
    ///
    /// # Errors
    /// The first violation.
    pub fn named(name: &str) -> Result<Self, SideFileError> {
        Self::read(Path::new(name))
    }

    /// The same, where the name may be any path.
    ///
    /// # Errors
    /// The first violation.
    pub fn read(name: &Path) -> Result<Self, SideFileError> {
        match SHIPPED.iter().find(|(shipped, _)| name == Path::new(shipped)) {
            Some((shipped, text)) => Ok(Self::parse(shipped, text)?),
            None => Ok(Self::parse(&name.display().to_string(), &text(name, MAX_BYTES, RIGHT)?)?),
        }
    }

    /// Whether one of this name comes with the program.
    pub fn is_shipped(name: impl AsRef<Path>) -> bool {
        Self::shipped().any(|shipped| name.as_ref() == Path::new(shipped))
    }

    /// The names of the mappings that come with the program.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// The shipped mapping whose columns are all among these, in small letters.
    pub(super) fn fitting(names: &[String]) -> Option<&'static str> {
        let fits = |mapping: &Self| {
            mapping.columns.iter().flatten().all(|column| names.contains(&column.to_ascii_lowercase()))
        };
        Self::shipped().find(|name| Self::named(name).is_ok_and(|mapping| fits(&mapping)))
    }
}

const SHIPPED: [(&str, &str); 4] = [
    ("ngsim", include_str!("../../mappings/ngsim.toml")),
    ("highd", include_str!("../../mappings/highd.toml")),
    ("ind", include_str!("../../mappings/ind.toml")),
    ("pneuma", include_str!("../../mappings/pneuma.toml")),
];
const RIGHT: &str = "a mapping is ngsim, highd, ind, pneuma or a TOML file with a table [columns]";
const MAX_BYTES: u64 = 1 << 20;
