//! A mapping's text.

use std::path::Path;

use v2x_settings::{Document, Section, SettingsError};

use super::units::{AccelerationUnit, HeadingZero, LengthUnit, PlacePoint, SpeedUnit, TimeUnit};
use super::{Field, Mapping, Separator, TypeColumns};
use crate::source::kind_rules::KindRules;
use crate::source::origin;
use crate::source::projection::Projection;

impl Mapping {
    /// Reads a mapping; errors name it `file`.
    ///
    /// # Errors
    /// The first violation, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        let document = Document::parse(Path::new(file), text)?;
        let top = document.top(TOP_KEYS)?;
        top.string("about", "a text in quotes")?;
        let separator = top.choice("separator", SEPARATORS)?.unwrap_or(Separator::Found);
        let header = top.flag("header")?.unwrap_or(true);
        let table = top.table("columns", COLUMN_KEYS)?;
        let table = top.need("columns", table, "a table [columns]")?;
        let (columns, degrees) = columns(&table)?;
        let mut mapping = Self {
            name: file.to_owned(),
            separator,
            header,
            columns,
            repeats: repeats(&top)?,
            degrees,
            time: TimeUnit::Seconds,
            place: LengthUnit::Metres,
            speed: SpeedUnit::MetresPerSecond,
            acceleration: AccelerationUnit::Metres,
            radians: false,
            size: LengthUnit::Metres,
            y_down: false,
            heading_zero: HeadingZero::North,
            point: PlacePoint::Centre,
            origin: None,
            projection: None,
            kinds: KindRules::of(&top)?,
            types: types(&top)?,
        };
        if let Some(units) = top.table("units", UNIT_KEYS)? {
            mapping.units(&units)?;
        }
        if let Some(axes) = top.table("axes", AXIS_KEYS)? {
            mapping.axes(&axes)?;
        }
        mapping.location(&top)?;
        if !header && !mapping.repeats.is_empty() {
            return Err(top.contradiction(
                "header",
                "[trajectory]",
                "trajectories need a header that names the columns",
            ));
        }
        if !header
            && let Some(name) = mapping.columns.iter().flatten().find(|name| column_number(name).is_none())
        {
            let right = "columns by their numbers from 1, such as \"5\", where there is no header";
            return Err(table.wrong("time", format!("a column {name:?}"), right.to_owned()));
        }
        Ok(mapping)
    }

    fn units(&mut self, units: &Section<'_>) -> Result<(), SettingsError> {
        let frames = units.number("frames_per_s", 0.01..=10_000.0, " frames a second")?;
        let time = units
            .choice("time", &[("s", Some(1e9)), ("ms", Some(1e6)), ("us", Some(1e3)), ("frames", None)])?;
        self.time = match (time, frames) {
            (Some(None), Some(rate)) => TimeUnit::Nanoseconds(1e9 / rate),
            (Some(None), None) => {
                return Err(units.missing("frames_per_s", "how many frames a second has, such as 25"));
            }
            (_, Some(_)) => return Err(units.contradiction("frames_per_s", "time", "time = \"frames\"")),
            (Some(Some(ns)), None) if ns < 1e9 => TimeUnit::Nanoseconds(ns),
            _ => TimeUnit::Seconds,
        };
        let length = [("m", LengthUnit::Metres), ("ft", LengthUnit::Feet)];
        if self.degrees && units.has("place") {
            return Err(units.contradiction(
                "place",
                "columns lon and lat",
                "leave it out: these are degrees",
            ));
        }
        self.place = units.choice("place", &length)?.unwrap_or(self.place);
        self.size = units.choice("size", &length)?.unwrap_or(self.size);
        self.speed = units
            .choice(
                "speed",
                &[
                    ("m/s", SpeedUnit::MetresPerSecond),
                    ("km/h", SpeedUnit::KilometresPerHour),
                    ("mph", SpeedUnit::MilesPerHour),
                    ("ft/s", SpeedUnit::FeetPerSecond),
                    ("kn", SpeedUnit::Knots),
                ],
            )?
            .unwrap_or(self.speed);
        self.acceleration = units
            .choice(
                "acceleration",
                &[
                    ("m/s2", AccelerationUnit::Metres),
                    ("ft/s2", AccelerationUnit::Feet),
                    ("g", AccelerationUnit::Gravity),
                ],
            )?
            .unwrap_or(self.acceleration);
        self.radians = units.choice("heading", &[("deg", false), ("rad", true)])?.unwrap_or(false);
        Ok(())
    }

    fn axes(&mut self, axes: &Section<'_>) -> Result<(), SettingsError> {
        self.y_down = axes.choice("y", &[("up", false), ("down", true)])?.unwrap_or(false);
        if self.y_down && self.degrees {
            return Err(axes.contradiction("y", "columns lon and lat", "leave it out: latitude goes north"));
        }
        let zeros = [("north", HeadingZero::North), ("east", HeadingZero::East)];
        self.heading_zero = axes.choice("heading", &zeros)?.unwrap_or(self.heading_zero);
        let points = [("centre", PlacePoint::Centre), ("corner", PlacePoint::Corner)];
        self.point = axes.choice("point", &points)?.unwrap_or(self.point);
        let sides = [Field::Length, Field::Width].map(|side| self.columns[side as usize].is_some());
        if self.point == PlacePoint::Corner && (sides.contains(&false) || self.degrees) {
            let right = "a corner needs columns x, y, length and width, the sides along x and y";
            return Err(axes.wrong("point", "\"corner\"".to_owned(), right.to_owned()));
        }
        Ok(())
    }

    fn location(&mut self, top: &Section<'_>) -> Result<(), SettingsError> {
        self.origin = origin::of_key(top)?;
        let offset = top.pair("offset", -1e8..=1e8)?;
        let projection = top.string("projection", PROJECTION)?;
        for key in ["origin", "projection"] {
            if self.degrees && top.has(key) {
                return Err(top.contradiction(key, "columns lon and lat", "leave it out: these are degrees"));
            }
        }
        let Some(text) = projection else {
            return match offset {
                Some(_) => Err(top.missing("projection", "the projection that offset belongs to")),
                None => Ok(()),
            };
        };
        if self.origin.is_some() {
            return Err(top.contradiction("origin", "projection", "give one of the two"));
        }
        let found = Projection::parse(&text);
        let projection = found.map_err(|detail| {
            top.wrong("projection", format!("{text:?} ({detail})"), PROJECTION.to_owned())
        })?;
        self.projection = Some((projection, offset.unwrap_or_default()));
        Ok(())
    }
}

/// The columns by field, and whether x and y are longitude and latitude.
fn columns(table: &Section<'_>) -> Result<([Option<String>; Field::ALL.len()], bool), SettingsError> {
    let mut columns: [Option<String>; Field::ALL.len()] = Default::default();
    for field in Field::ALL {
        columns[field as usize] = table.string(field.key(), COLUMN)?;
    }
    let (longitude, latitude) = (table.string("lon", COLUMN)?, table.string("lat", COLUMN)?);
    let degrees = longitude.is_some() || latitude.is_some();
    if degrees {
        for key in ["x", "y"] {
            if table.has(key) {
                return Err(table.contradiction(key, "lon and lat", "give one of the two pairs"));
            }
        }
        columns[Field::X as usize] = Some(table.need("lon", longitude, COLUMN)?);
        columns[Field::Y as usize] = Some(table.need("lat", latitude, COLUMN)?);
    }
    for (field, right) in [
        (Field::Time, "the column of the time"),
        (Field::Id, "the column that says which vehicle it is"),
        (Field::X, "the column of x, or lon and lat"),
        (Field::Y, "the column of y, or lon and lat"),
    ] {
        if columns[field as usize].is_none() {
            return Err(table.missing(field.key(), right));
        }
    }
    for (one, other) in [(Field::SpeedX, Field::SpeedY), (Field::AccelerationX, Field::AccelerationY)] {
        match (&columns[one as usize], &columns[other as usize]) {
            (Some(_), None) => return Err(table.missing(other.key(), "the other part of it")),
            (None, Some(_)) => return Err(table.missing(one.key(), "the other part of it")),
            _ => {}
        }
    }
    Ok((columns, degrees))
}

fn repeats(top: &Section<'_>) -> Result<Vec<String>, SettingsError> {
    let Some(table) = top.table("trajectory", &["repeats"])? else { return Ok(Vec::new()) };
    let right = "the columns that repeat in a row, the last of the header, in their order";
    let repeats = table.strings("repeats", right)?;
    table.need("repeats", repeats, right)
}

fn types(top: &Section<'_>) -> Result<Option<TypeColumns>, SettingsError> {
    let Some(table) = top.table("types", &["id", "type"])? else { return Ok(None) };
    let id = table.string("id", COLUMN)?;
    let type_name = table.string("type", COLUMN)?;
    Ok(Some(TypeColumns {
        id: table.need("id", id, COLUMN)?,
        type_name: table.need("type", type_name, COLUMN)?,
    }))
}

/// The number of a column, from 1.
pub(in crate::source) fn column_number(name: &str) -> Option<usize> {
    name.parse().ok().filter(|number| (1..=10_000).contains(number))
}

const TOP_KEYS: &[&str] = &[
    "about",
    "separator",
    "header",
    "columns",
    "trajectory",
    "units",
    "axes",
    "origin",
    "projection",
    "offset",
    "kind",
    "types",
];
const COLUMN_KEYS: &[&str] = &[
    "time",
    "id",
    "x",
    "y",
    "lon",
    "lat",
    "speed",
    "speed_x",
    "speed_y",
    "heading",
    "acceleration",
    "acceleration_x",
    "acceleration_y",
    "type",
    "length",
    "width",
    "signals",
];
const UNIT_KEYS: &[&str] = &["time", "frames_per_s", "place", "speed", "acceleration", "heading", "size"];
const AXIS_KEYS: &[&str] = &["y", "heading", "point"];
const SEPARATORS: &[(&str, Separator)] = &[
    (",", Separator::Byte(b',')),
    (";", Separator::Byte(b';')),
    ("tab", Separator::Byte(b'\t')),
    ("blanks", Separator::Blanks),
];
const COLUMN: &str = "a column's name in quotes";
const PROJECTION: &str =
    "PROJ's parameters of UTM or transverse Mercator, such as \"+proj=utm +zone=32 +ellps=WGS84\"";
