//! One table of a document, read key by key.

use core::fmt;
use core::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::{DeTable as Table, DeValue as Value};

use crate::document::Document;
use crate::error::{KeyPlace, SettingsError};
use crate::value::{describe, integer, number, one_of, text};

/// One table. Opening it refuses keys that are not in its list; reading a key outside the list is a mistake in
/// the program and found by its tests.
#[derive(Debug)]
pub struct Section<'d> {
    pub(crate) document: &'d Document<'d>,
    table: &'d Table<'d>,
    path: String,
    offset: usize,
    known: &'static [&'static str],
}

impl<'d> Document<'d> {
    /// The file's top level, with the keys it may have.
    ///
    /// # Errors
    ///
    /// The first key that is none of `known`.
    pub fn top(&'d self, known: &'static [&'static str]) -> Result<Section<'d>, SettingsError> {
        Section::open(self, &self.table, String::new(), 0, known)
    }
}

impl<'d> Section<'d> {
    pub(crate) fn open(
        document: &'d Document<'d>,
        table: &'d Table<'d>,
        path: String,
        offset: usize,
        known: &'static [&'static str],
    ) -> Result<Self, SettingsError> {
        let section = Self { document, table, path, offset, known };
        section.refuse_others(known, |place, known| SettingsError::UnknownKey { place, known })?;
        Ok(section)
    }

    /// The sub-table `key`.
    pub fn table(
        &self,
        key: &'static str,
        known: &'static [&'static str],
    ) -> Result<Option<Section<'d>>, SettingsError> {
        let Some((offset, value)) = self.value(key) else { return Ok(None) };
        match value {
            Value::Table(table) => {
                Self::open(self.document, table, self.dotted(key), offset, known).map(Some)
            }
            other => Err(self.wrong(key, describe(other), format!("a table: [{}]", self.dotted(key)))),
        }
    }

    /// A text of 1 to 4096 bytes.
    pub fn string(&self, key: &'static str, right: &str) -> Result<Option<String>, SettingsError> {
        match self.value(key) {
            None => Ok(None),
            Some((_, value)) => match text(value) {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong(key, describe(value), right.to_owned())),
            },
        }
    }

    /// A path, taken from the configuration file's own directory when relative.
    pub fn path(&self, key: &'static str) -> Result<Option<PathBuf>, SettingsError> {
        Ok(self.string(key, "a file name in quotes")?.map(|text| self.beside(&text)))
    }

    /// One of a few names.
    pub fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, SettingsError> {
        let right = || one_of(choices.iter().map(|(name, _)| *name));
        let Some(text) = self.string(key, &right())? else { return Ok(None) };
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => Err(self.wrong(key, format!("{text:?}"), right())),
        }
    }

    /// A date and time with its offset from UTC, as `read` takes it in ISO 8601.
    pub fn time<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let time = match value {
            Value::Datetime(time) => read(&time.to_string()),
            _ => None,
        };
        let right = "a date and time with its offset, such as 2026-11-25T06:00:00Z";
        time.map(Some).ok_or_else(|| self.wrong(key, describe(value), right.to_owned()))
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Result<Option<bool>, SettingsError> {
        match self.value(key) {
            None => Ok(None),
            Some((_, Value::Boolean(flag))) => Ok(Some(*flag)),
            Some((_, other)) => Err(self.wrong(key, describe(other), "true or false".to_owned())),
        }
    }

    /// A whole number within `range`.
    pub fn integer<T>(&self, key: &'static str, range: RangeInclusive<T>) -> Result<Option<T>, SettingsError>
    where
        T: TryFrom<i128> + PartialOrd + fmt::Display,
    {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        match integer(value).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let right = format!("a whole number, {} to {}", range.start(), range.end());
                Err(self.wrong(key, describe(value), right))
            }
        }
    }

    /// A number within `range`; whole numbers count.
    pub fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
        unit: &str,
    ) -> Result<Option<f64>, SettingsError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        match number(value).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let right = format!("a number, {} to {}{unit}", range.start(), range.end());
                Err(self.wrong(key, describe(value), right))
            }
        }
    }

    /// A number that `fits`, as `right` describes it in errors; whole numbers count.
    pub fn number_that(
        &self,
        key: &'static str,
        fits: impl FnOnce(f64) -> bool,
        right: &str,
    ) -> Result<Option<f64>, SettingsError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        match number(value) {
            Some(number) if fits(number) => Ok(Some(number)),
            _ => Err(self.wrong(key, describe(value), right.to_owned())),
        }
    }

    /// Whether the key is there.
    pub fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Whether the key is there and a string.
    pub fn is_string(&self, key: &'static str) -> bool {
        matches!(self.value(key), Some((_, Value::String(_))))
    }

    /// Refuses keys that do not apply with the setting `because`.
    pub fn only(&self, keys: &[&str], because: &str) -> Result<(), SettingsError> {
        self.refuse_others(keys, |place, known| SettingsError::Contradiction {
            place,
            other: because.to_owned(),
            right: format!("keys that do: {known}"),
        })
    }

    /// The value of a required key.
    pub fn need<T>(
        &self,
        key: &'static str,
        value: Option<T>,
        right: impl Into<String>,
    ) -> Result<T, SettingsError> {
        value.ok_or_else(|| self.missing(key, right))
    }

    /// The error for a missing required key.
    pub fn missing(&self, key: &'static str, right: impl Into<String>) -> SettingsError {
        let place = self.document.place(self.offset, self.dotted(key));
        SettingsError::Missing { place, right: right.into() }
    }

    /// The error for an invalid value.
    pub fn wrong(&self, key: &'static str, found: String, right: String) -> SettingsError {
        self.wrong_at(
            self.value(key).map_or(self.offset, |(offset, _)| offset),
            self.dotted(key),
            found,
            right,
        )
    }

    /// Where a key stands, for an error of the caller's.
    pub fn place(&self, key: &'static str) -> KeyPlace {
        self.document.place(self.value(key).map_or(self.offset, |(offset, _)| offset), self.dotted(key))
    }

    /// The error for a key that excludes another setting.
    pub fn contradiction(&self, key: &'static str, other: &str, right: &str) -> SettingsError {
        let offset = self.value(key).map_or(self.offset, |(offset, _)| offset);
        let place = self.document.place(offset, self.dotted(key));
        SettingsError::Contradiction { place, other: other.to_owned(), right: right.to_owned() }
    }

    pub(crate) fn wrong_at(&self, offset: usize, key: String, found: String, right: String) -> SettingsError {
        SettingsError::Wrong { place: self.document.place(offset, key), found, right }
    }

    /// The first key in the file that is none of `keys` becomes the error.
    fn refuse_others(
        &self,
        keys: &[&str],
        error: impl FnOnce(KeyPlace, String) -> SettingsError,
    ) -> Result<(), SettingsError> {
        let others = self.table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref()));
        match others.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let place = self.document.place(key.span().start, self.dotted(key.get_ref()));
                Err(error(place, keys.join(", ")))
            }
        }
    }

    pub(crate) fn value(&self, key: &'static str) -> Option<(usize, &'d Value<'d>)> {
        debug_assert!(self.known.contains(&key), "{key} is read but not listed");
        let (key, value) = self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some((key.span().start, value.get_ref()))
    }

    pub(crate) fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// `text` as a path, taken from the configuration file's own directory when relative.
    pub fn beside(&self, text: &str) -> PathBuf {
        self.document.file.parent().unwrap_or(Path::new("")).join(text)
    }
}
