//! The same as keys of a plan.

use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

use super::words::{self, NAMES, PERCENT, SHARE, TIME, is_percent, is_share, is_time};
use super::{Reading, StationNames};
use crate::source::mapping::Mapping;
use crate::source::origin;
use crate::source::station_kind::StationKind;

impl Reading {
    /// The names of the keys: those of the options, with _ for -.
    pub(crate) const KEYS: [&'static str; 16] = [
        "geographic",
        "origin",
        "net",
        "mapping",
        "types",
        "only",
        "only_kinds",
        "share",
        "share_seed",
        "kinds",
        "from",
        "to",
        "tolerate",
        "max_samples",
        "polygons",
        "polygon_types",
    ];

    /// The keys of a table that has those of a reading among its own; files are named from the table's folder. None is opened.
    ///
    /// # Errors
    /// The first violation.
    pub(crate) fn of_keys(table: &Section<'_>) -> Result<Self, SettingsError> {
        let kinds = StationKind::ALL.map(|kind| (kind.name(), kind));
        let reading = Self {
            geographic: table.flag("geographic")?,
            origin: origin::of_key(table)?,
            net: table.path("net")?,
            mapping: mapping(table)?,
            types: table.path("types")?,
            only: only(table)?,
            only_kinds: table.choices("only_kinds", &kinds)?,
            share: table.number_that("share", is_share, SHARE)?,
            share_seed: table.integer("share_seed", 0..=u64::MAX)?,
            kinds: table.path("kinds")?,
            from_s: table.number_that("from", is_time, TIME)?,
            to_s: table.number_that("to", is_time, TIME)?,
            tolerate_percent: table.number_that("tolerate", is_percent, PERCENT)?,
            max_samples: table.integer("max_samples", 1..=usize::MAX)?,
            polygons: table.path("polygons")?,
            polygon_types: table.strings("polygon_types", PATTERNS)?,
        };
        reading.fits_together(table)?;
        Ok(reading)
    }

    /// Refuses keys that exclude each other, and those that say nothing without another.
    fn fits_together(&self, table: &Section<'_>) -> Result<(), SettingsError> {
        let degrees = self.geographic == Some(true);
        if self.origin.is_some() && degrees {
            return Err(table.contradiction("origin", "geographic = true", "only metres have an origin"));
        }
        if self.origin.is_some() && self.net.is_some() {
            return Err(table.contradiction("origin", "net", "give one of the two"));
        }
        if self.geographic.is_some() && self.mapping.is_some() {
            return Err(table.contradiction("geographic", "mapping", "a mapping says what its columns are"));
        }
        if self.types.is_some() && self.mapping.is_none() {
            return Err(table.missing("mapping", "the mapping that says where types has them"));
        }
        if self.share_seed.is_some() && self.share.is_none() {
            return Err(table.missing("share", "the share that share_seed draws, per cent"));
        }
        if self.polygon_types.is_some() && self.polygons.is_none() {
            return Err(table.missing("polygons", "the file whose polygons polygon_types chooses"));
        }
        if let (Some(from_s), Some(to_s)) = (self.from_s, self.to_s)
            && from_s >= to_s
        {
            return Err(table.wrong("to", to_s.to_string(), format!("a time later than from = {from_s}")));
        }
        Ok(())
    }
}

/// The name of a mapping that comes with the program, or else a file.
fn mapping(table: &Section<'_>) -> Result<Option<PathBuf>, SettingsError> {
    let right = "ngsim, highd, ind, pneuma, or a file name in quotes";
    let name = table.string("mapping", right)?;
    Ok(name.map(|name| if Mapping::is_shipped(&name) { name.into() } else { table.beside(&name) }))
}

/// As the command line has it, or a list of names.
fn only(table: &Section<'_>) -> Result<Option<StationNames>, SettingsError> {
    if table.has("only") && !table.is_string("only") {
        let names = table.strings("only", LIST)?;
        return Ok(names.map(|names| StationNames::These(names.into_iter().collect())));
    }
    let Some(text) = table.string("only", LIST)? else { return Ok(None) };
    match words::names(&text) {
        Ok(StationNames::In(file)) => Ok(Some(StationNames::In(table.beside(&file.to_string_lossy())))),
        Ok(these) => Ok(Some(these)),
        Err(_) => Err(table.wrong("only", format!("{text:?}"), NAMES.to_owned())),
    }
}

const LIST: &str = "names of stations: [\"veh0\", \"veh7\"], or \"@FILE\" with one a line";
const PATTERNS: &str = "a list of patterns: [\"building*\"]";
