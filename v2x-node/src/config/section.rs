//! One table of a configuration file, read key by key, so that every complaint names file, line, key, what was
//! found and what would be right.

use core::fmt;
use core::ops::RangeInclusive;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::{DeArray as Array, DeTable as Table, DeValue as Value};
use v2x_core::WireTime;

use crate::civil::wire_of_iso8601;
use crate::error::Complaint;

/// Why a configuration file cannot be used. Each kind prints as one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be opened or is not text.
    #[error("{file}: cannot read the configuration: {reason}")]
    Read {
        /// The file as given.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{file}:{line}: not TOML: {reason}")]
    Syntax {
        /// The file as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the TOML reader said.
        reason: String,
    },
    /// A key nobody reads, most likely a typing mistake.
    #[error("{place}: unknown key; known keys here: {known}")]
    UnknownKey {
        /// Where.
        place: KeyPlace,
        /// The keys of this table.
        known: String,
    },
    /// A key that has to be there is not.
    #[error("{place}: missing; {right}")]
    Missing {
        /// The line of the table it is missing from, and the key.
        place: KeyPlace,
        /// What it has to be.
        right: String,
    },
    /// A value of the wrong type, out of range, or none of the names allowed.
    #[error("{place}: found {found}, expected {right}")]
    Wrong {
        /// Where.
        place: KeyPlace,
        /// What is there.
        found: String,
        /// What may be there.
        right: String,
    },
    /// Two settings that exclude each other.
    #[error("{place}: does not go with {other}; {right}")]
    Contradiction {
        /// Where.
        place: KeyPlace,
        /// The setting it does not go with.
        other: String,
        /// How to resolve it.
        right: String,
    },
}

impl Complaint for ConfigError {
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Read { .. })
            .then_some("examples/vehicle.toml and examples/roadside.toml are good starts")
    }
}

/// A key in a file: prints as `station.toml:12: link.kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    /// The file as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Dotted path of the key.
    pub key: String,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.key)
    }
}

/// The text of a configuration file and what it is called.
#[derive(Debug)]
pub(super) struct Document<'d> {
    pub file: &'d Path,
    pub text: &'d str,
}

impl Document<'_> {
    /// Parses the whole text; the first violation of TOML is the error.
    pub fn parse(&self) -> Result<Table<'_>, ConfigError> {
        Table::parse(self.text).map(toml::Spanned::into_inner).map_err(|e| ConfigError::Syntax {
            file: self.file.display().to_string(),
            line: self.line(e.span().map_or(0, |span| span.start)),
            reason: e.message().replace('\n', ", "),
        })
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|&&b| b == b'\n').count()
    }

    fn place(&self, offset: usize, key: String) -> KeyPlace {
        KeyPlace { file: self.file.display().to_string(), line: self.line(offset), key }
    }
}

/// One table. Opening it refuses keys that are not in its list; reading a key outside the list is a mistake in
/// the program and found by its tests.
#[derive(Debug)]
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d Table<'d>,
    path: String,
    offset: usize,
    known: &'static [&'static str],
}

impl<'d> Section<'d> {
    /// The file's top level.
    pub fn top(
        document: &'d Document<'d>,
        table: &'d Table<'d>,
        known: &'static [&'static str],
    ) -> Result<Self, ConfigError> {
        Self::open(document, table, String::new(), 0, known)
    }

    fn open(
        document: &'d Document<'d>,
        table: &'d Table<'d>,
        path: String,
        offset: usize,
        known: &'static [&'static str],
    ) -> Result<Self, ConfigError> {
        let section = Self { document, table, path, offset, known };
        section.refuse_others(known, |place, known| ConfigError::UnknownKey { place, known })?;
        Ok(section)
    }

    /// The sub-table `key`.
    pub fn table(
        &self,
        key: &'static str,
        known: &'static [&'static str],
    ) -> Result<Option<Section<'d>>, ConfigError> {
        let Some((offset, value)) = self.value(key) else { return Ok(None) };
        match value {
            Value::Table(table) => {
                Self::open(self.document, table, self.dotted(key), offset, known).map(Some)
            }
            other => Err(self.wrong(key, describe(other), format!("a table: [{}]", self.dotted(key)))),
        }
    }

    /// The tables of the array `key`; none when it is absent.
    pub fn tables(
        &self,
        key: &'static str,
        known: &'static [&'static str],
        most: usize,
    ) -> Result<Vec<Section<'d>>, ConfigError> {
        let right = || format!("at most {most} tables, each [[{}]] or {{ ... }}", self.dotted(key));
        let Some(array) = self.array(key, &right)? else { return Ok(Vec::new()) };
        if array.len() > most {
            return Err(self.wrong(key, format!("{} tables", array.len()), right()));
        }
        array
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let path = format!("{}[{index}]", self.dotted(key));
                let offset = item.span().start;
                match item.get_ref() {
                    Value::Table(table) => Self::open(self.document, table, path, offset, known),
                    other => Err(self.wrong_at(offset, path, describe(other), right())),
                }
            })
            .collect()
    }

    /// A string that is not empty.
    pub fn string(&self, key: &'static str, right: &str) -> Result<Option<String>, ConfigError> {
        match self.value(key) {
            None => Ok(None),
            Some((_, Value::String(text))) if !text.is_empty() => Ok(Some(text.to_string())),
            Some((_, other)) => Err(self.wrong(key, describe(other), right.to_owned())),
        }
    }

    /// A path, taken from the configuration file's own directory when relative.
    pub fn path(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.string(key, "a file name in quotes")?.map(|text| self.beside(&text)))
    }

    /// Paths, at least one when the key is there.
    pub fn paths(&self, key: &'static str) -> Result<Option<Vec<PathBuf>>, ConfigError> {
        let texts = self.strings(key, "a list of file names: [\"a.cred\"]")?;
        Ok(texts.map(|texts| texts.iter().map(|text| self.beside(text)).collect()))
    }

    /// A list of strings, none empty, at least one when the key is there.
    pub fn strings(&self, key: &'static str, right: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(array) = self.array(key, &|| right.to_owned())? else { return Ok(None) };
        if array.is_empty() {
            return Err(self.wrong(key, "an empty list".to_owned(), right.to_owned()));
        }
        array
            .iter()
            .map(|item| match item.get_ref() {
                Value::String(text) if !text.is_empty() => Ok(text.to_string()),
                other => {
                    Err(self.wrong_at(item.span().start, self.dotted(key), describe(other), right.to_owned()))
                }
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    }

    /// One of a few names.
    pub fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let right = || one_of(choices.iter().map(|(name, _)| *name));
        let Some(text) = self.string(key, &right())? else { return Ok(None) };
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => Err(self.wrong(key, format!("{text:?}"), right())),
        }
    }

    /// A list of pairs of numbers, each within `range`; `right` says what they are.
    pub fn pairs(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
        right: &str,
    ) -> Result<Option<Vec<(f64, f64)>>, ConfigError> {
        let Some(array) = self.array(key, &|| right.to_owned())? else { return Ok(None) };
        let number = |value: &toml::Spanned<Value<'_>>| {
            number(value.get_ref()).filter(|number| range.contains(number))
        };
        let pair = |item: &toml::Spanned<Value<'_>>| {
            let both = item.get_ref().as_array().filter(|pair| pair.len() == 2);
            let both = both.and_then(|pair| Some((number(&pair[0])?, number(&pair[1])?)));
            let found = || match item.get_ref() {
                Value::Array(list) => {
                    let words: Vec<_> = list.iter().take(4).map(|value| describe(value.get_ref())).collect();
                    format!("[{}]", words.join(", "))
                }
                other => describe(other),
            };
            both.ok_or_else(|| self.wrong_at(item.span().start, self.dotted(key), found(), right.to_owned()))
        };
        array.iter().map(pair).collect::<Result<_, _>>().map(Some)
    }

    /// A date and time with its offset from UTC, as wire time.
    pub fn time(&self, key: &'static str) -> Result<Option<WireTime>, ConfigError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let time = match value {
            Value::Datetime(time) => wire_of_iso8601(&time.to_string()),
            _ => None,
        };
        let right = "a date and time with its offset, such as 2026-11-25T06:00:00Z";
        time.map(Some).ok_or_else(|| self.wrong(key, describe(value), right.to_owned()))
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        match self.value(key) {
            None => Ok(None),
            Some((_, Value::Boolean(flag))) => Ok(Some(*flag)),
            Some((_, other)) => Err(self.wrong(key, describe(other), "true or false".to_owned())),
        }
    }

    /// A whole number within `range`.
    pub fn integer<T>(&self, key: &'static str, range: RangeInclusive<T>) -> Result<Option<T>, ConfigError>
    where
        T: TryFrom<i128> + PartialOrd + fmt::Display,
    {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let number = match value {
            Value::Integer(digits) => i128::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        match number.and_then(|number| T::try_from(number).ok()).filter(|number| range.contains(number)) {
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
    ) -> Result<Option<f64>, ConfigError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        match number(value).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let right = format!("a number, {} to {}{unit}", range.start(), range.end());
                Err(self.wrong(key, describe(value), right))
            }
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

    /// Refuses keys that mean nothing beside the setting `because`.
    pub fn only(&self, keys: &'static [&'static str], because: &str) -> Result<(), ConfigError> {
        self.refuse_others(keys, |place, known| ConfigError::Contradiction {
            place,
            other: because.to_owned(),
            right: format!("keys that do: {known}"),
        })
    }

    /// The error for a key that has to be there.
    pub fn missing(&self, key: &'static str, right: impl Into<String>) -> ConfigError {
        let place = self.document.place(self.offset, self.dotted(key));
        ConfigError::Missing { place, right: right.into() }
    }

    /// The error for a value that cannot be.
    pub fn wrong(&self, key: &'static str, found: String, right: String) -> ConfigError {
        self.wrong_at(
            self.value(key).map_or(self.offset, |(offset, _)| offset),
            self.dotted(key),
            found,
            right,
        )
    }

    /// The error for a key that excludes another setting.
    pub fn contradiction(&self, key: &'static str, other: &str, right: &str) -> ConfigError {
        let offset = self.value(key).map_or(self.offset, |(offset, _)| offset);
        let place = self.document.place(offset, self.dotted(key));
        ConfigError::Contradiction { place, other: other.to_owned(), right: right.to_owned() }
    }

    fn wrong_at(&self, offset: usize, key: String, found: String, right: String) -> ConfigError {
        ConfigError::Wrong { place: self.document.place(offset, key), found, right }
    }

    /// The first key in the file that is none of `keys` becomes the error.
    fn refuse_others(
        &self,
        keys: &'static [&'static str],
        error: impl FnOnce(KeyPlace, String) -> ConfigError,
    ) -> Result<(), ConfigError> {
        let others = self.table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref()));
        match others.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let place = self.document.place(key.span().start, self.dotted(key.get_ref()));
                Err(error(place, keys.join(", ")))
            }
        }
    }

    fn array(
        &self,
        key: &'static str,
        right: &dyn Fn() -> String,
    ) -> Result<Option<&'d Array<'d>>, ConfigError> {
        match self.value(key) {
            None => Ok(None),
            Some((_, Value::Array(array))) => Ok(Some(array)),
            Some((_, other)) => Err(self.wrong(key, describe(other), right())),
        }
    }

    fn value(&self, key: &'static str) -> Option<(usize, &'d Value<'d>)> {
        debug_assert!(self.known.contains(&key), "{key} is read but not listed");
        let (key, value) = self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some((key.span().start, value.get_ref()))
    }

    fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// `text` as a path, taken from the configuration file's own directory when relative.
    pub fn beside(&self, text: &str) -> PathBuf {
        self.document.file.parent().unwrap_or(Path::new("")).join(text)
    }
}

/// The text of `file`, if it is no longer than any configuration.
pub(super) fn read_text(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_string(&mut text))
        .map_err(|error| reason_of(&error))?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(format!("longer than {} KiB, which no station needs", LONGEST_FILE / 1024));
    }
    Ok(text)
}

/// The system's words without its error number.
fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Float(digits) => digits.as_str().parse().ok(),
        Value::Integer(digits) if digits.radix() == 10 => digits.as_str().parse().ok(),
        _ => None,
    }
}

/// `"a", "b" or "c"`.
pub(super) fn one_of<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A value as it may stand in a one-line message.
fn describe(value: &Value<'_>) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::String(text) => {
            let short: String = text.chars().take(LONGEST_QUOTE).collect();
            format!("{short:?}{}", if short.len() < text.len() { "..." } else { "" })
        }
        Value::Integer(digits) => digits.to_string(),
        Value::Float(digits) => digits.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(time) => format!("the date {time}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// Far beyond any station's file; a wrong path such as a recording ends here.
const LONGEST_FILE: u64 = 1024 * 1024;
/// Characters of a wrong string shown.
const LONGEST_QUOTE: usize = 40;
