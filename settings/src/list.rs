//! Lists in a table: of texts, names, numbers, pairs and tables.

use core::ops::RangeInclusive;
use std::path::PathBuf;

use toml::de::{DeArray as Array, DeValue as Value};

use crate::error::{KeyPlace, SettingsError};
use crate::section::Section;
use crate::value::{describe, integer, number, one_of, text};

/// A key of a table whose keys are not known here, with what it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives {
    /// Where it stands.
    pub place: KeyPlace,
    /// Its name.
    pub key: String,
    /// What it may be, each once: `None` for `false`, no words for `true`, else the words of one value.
    pub values: Vec<Option<Vec<String>>>,
}

impl<'d> Section<'d> {
    /// The keys of the table `key` in their order, each with one value or a list of several: a text, a number, `true`, `false`, or
    /// a list of texts and numbers. Whether the keys exist is up to the caller; none when the table is absent.
    ///
    /// # Errors
    /// Another value, an empty list, one value twice, more than `most` keys or values of one key.
    pub fn alternatives(&self, key: &'static str, most: usize) -> Result<Vec<Alternatives>, SettingsError> {
        let table = match self.value(key) {
            None => return Ok(Vec::new()),
            Some((_, Value::Table(table))) => table,
            Some((_, other)) => {
                return Err(self.wrong(key, describe(other), format!("a table: [{}]", self.dotted(key))));
            }
        };
        if table.len() > most {
            return Err(self.wrong(key, format!("{} keys", table.len()), format!("at most {most}")));
        }
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(name, _)| name.span().start);
        keys.into_iter()
            .map(|(name, value)| {
                if !is_plain(name.get_ref()) {
                    let found =
                        format!("a key {:?}", name.get_ref().chars().take(LONGEST_KEY).collect::<String>());
                    let right = "keys of letters, digits, - and _".to_owned();
                    return Err(self.wrong_at(name.span().start, self.dotted(key), found, right));
                }
                let path = format!("{}.{}", self.dotted(key), name.get_ref());
                let place = self.document.place(name.span().start, path);
                let wrong = |found: String| SettingsError::Wrong {
                    place: place.clone(),
                    found,
                    right: "a text, a number, true, false, or a list of different ones".to_owned(),
                };
                let values = match value.get_ref() {
                    Value::Array(list) if list.is_empty() => return Err(wrong("an empty list".to_owned())),
                    Value::Array(list) if list.len() > most => {
                        let found = format!("a list of {}", list.len());
                        return Err(SettingsError::Wrong {
                            place,
                            found,
                            right: format!("at most {most} values"),
                        });
                    }
                    Value::Array(list) => list.iter().map(|one| one.get_ref()).collect(),
                    one => vec![one],
                };
                let mut read: Vec<Option<Vec<String>>> = Vec::with_capacity(values.len());
                for value in values {
                    let words = words(value).ok_or_else(|| wrong(shown(value)))?;
                    if read.contains(&words) {
                        return Err(wrong(format!("{} twice", shown(value))));
                    }
                    read.push(words);
                }
                Ok(Alternatives { place, key: name.get_ref().to_string(), values: read })
            })
            .collect()
    }

    /// The tables of the array `key`; none when it is absent.
    pub fn tables(
        &self,
        key: &'static str,
        known: &'static [&'static str],
        most: usize,
    ) -> Result<Vec<Section<'d>>, SettingsError> {
        let right = || format!("at most {most} tables, each [[{}]] or {{ ... }}", self.dotted(key));
        let Some(array) = self.array(key, &right)? else { return Ok(Vec::new()) };
        if array.len() > most {
            return Err(self.wrong(key, format!("{} tables", array.len()), right()));
        }
        array
            .iter()
            .enumerate()
            .map(|(index, item)| {
                // Counted as a reader of the file counts them.
                let path = format!("{}[{}]", self.dotted(key), index + 1);
                let offset = item.span().start;
                match item.get_ref() {
                    Value::Table(table) => Self::open(self.document, table, path, offset, known),
                    other => Err(self.wrong_at(offset, path, describe(other), right())),
                }
            })
            .collect()
    }

    /// Paths, at least one when the key is there.
    pub fn paths(&self, key: &'static str) -> Result<Option<Vec<PathBuf>>, SettingsError> {
        let texts = self.strings(key, "a list of file names: [\"a.cred\"]")?;
        Ok(texts.map(|texts| texts.iter().map(|text| self.beside(text)).collect()))
    }

    /// A list of strings, none empty, at least one when the key is there.
    pub fn strings(&self, key: &'static str, right: &str) -> Result<Option<Vec<String>>, SettingsError> {
        let Some(array) = self.array(key, &|| right.to_owned())? else { return Ok(None) };
        if array.is_empty() {
            return Err(self.wrong(key, "an empty list".to_owned(), right.to_owned()));
        }
        array
            .iter()
            .map(|item| match text(item.get_ref()) {
                Some(text) => Ok(text.to_owned()),
                None => {
                    let found = describe(item.get_ref());
                    Err(self.wrong_at(item.span().start, self.dotted(key), found, right.to_owned()))
                }
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    }

    /// A list of pairs of numbers, each within `range`; `right` describes them in errors.
    pub fn pairs(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
        right: &str,
    ) -> Result<Option<Vec<(f64, f64)>>, SettingsError> {
        let Some(array) = self.array(key, &|| right.to_owned())? else { return Ok(None) };
        let pair = |item: &toml::Spanned<Value<'_>>| {
            let both = item.get_ref().as_array().filter(|pair| pair.len() == 2);
            let both = both.and_then(|pair| Some((number(pair[0].get_ref())?, number(pair[1].get_ref())?)));
            let right = match both {
                Some(pair) if range.contains(&pair.0) && range.contains(&pair.1) => return Ok(pair),
                Some(_) => format!("two numbers, {} to {}", range.start(), range.end()),
                None => right.to_owned(),
            };
            Err(self.wrong_at(item.span().start, self.dotted(key), shown(item.get_ref()), right))
        };
        array.iter().map(pair).collect::<Result<_, _>>().map(Some)
    }

    /// Two numbers within `range`.
    pub fn pair(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<(f64, f64)>, SettingsError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let number = |value: &toml::Spanned<Value<'_>>| {
            number(value.get_ref()).filter(|number| range.contains(number))
        };
        let both = value.as_array().filter(|pair| pair.len() == 2);
        match both.and_then(|pair| Some((number(&pair[0])?, number(&pair[1])?))) {
            Some(pair) => Ok(Some(pair)),
            None => {
                let right = format!("two numbers, {} to {}: [x, y]", range.start(), range.end());
                Err(self.wrong(key, shown(value), right))
            }
        }
    }

    /// Latitude and longitude in degrees, where east has a usable meaning: at most 89 degrees from the equator.
    pub fn degrees(&self, key: &'static str) -> Result<Option<(f64, f64)>, SettingsError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let both = value.as_array().filter(|pair| pair.len() == 2);
        let place = both.and_then(|pair| Some((number(pair[0].get_ref())?, number(pair[1].get_ref())?)));
        match place.filter(|(latitude, longitude)| latitude.abs() <= 89.0 && longitude.abs() <= 180.0) {
            Some(place) => Ok(Some(place)),
            None => {
                let right = "latitude, at most 89 from the equator, and longitude in degrees: [49.6, 6.13]";
                Err(self.wrong(key, shown(value), right.to_owned()))
            }
        }
    }

    /// 1 to `most` whole numbers.
    pub fn integers(&self, key: &'static str, most: usize) -> Result<Option<Vec<u64>>, SettingsError> {
        let right = || format!("1 to {most} whole numbers, 0 or more: [1, 2, 3]");
        let Some(array) = self.array(key, &right)? else { return Ok(None) };
        let found: Option<Vec<u64>> = array.iter().map(|one| integer(one.get_ref())).collect();
        let found = found.filter(|found| !found.is_empty() && found.len() <= most);
        found.map(Some).ok_or_else(|| self.wrong(key, listed(array), right()))
    }

    /// One or several of a few names, each once: `"a"` or `["a", "b"]`.
    pub fn choices<T: Copy + PartialEq>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<Vec<T>>, SettingsError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let named = |value: &Value<'_>| {
            let text = value.as_str()?;
            choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice)
        };
        let found: Option<Vec<T>> = match value {
            Value::Array(array) => array.iter().map(|one| named(one.get_ref())).collect(),
            one => named(one).map(|one| vec![one]),
        };
        let distinct = |found: &Vec<T>| {
            !found.is_empty() && found.iter().enumerate().all(|(at, one)| !found[..at].contains(one))
        };
        let names = || one_of(choices.iter().map(|(name, _)| *name));
        let right = || format!("{}, or a list of different ones", names());
        found.filter(distinct).map(Some).ok_or_else(|| self.wrong(key, shown(value), right()))
    }

    fn array(
        &self,
        key: &'static str,
        right: &dyn Fn() -> String,
    ) -> Result<Option<&'d Array<'d>>, SettingsError> {
        match self.value(key) {
            None => Ok(None),
            Some((_, Value::Array(array))) => Ok(Some(array)),
            Some((_, other)) => Err(self.wrong(key, describe(other), right())),
        }
    }
}

fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !key.is_empty() && key.len() <= LONGEST_KEY && key.bytes().all(plain)
}

/// The words of one value: `None` inside for `false`, none of them for `true`.
fn words(value: &Value<'_>) -> Option<Option<Vec<String>>> {
    let word = |value: &Value<'_>| match value {
        Value::String(_) => text(value).map(str::to_owned),
        Value::Integer(_) => integer::<i64>(value).map(|number| number.to_string()),
        Value::Float(_) => number(value).filter(|number| number.is_finite()).map(|number| number.to_string()),
        _ => None,
    };
    match value {
        Value::Boolean(false) => Some(None),
        Value::Boolean(true) => Some(Some(Vec::new())),
        Value::Array(list) if list.is_empty() || list.len() > MAX_WORDS => None,
        Value::Array(list) => list.iter().map(|one| word(one.get_ref())).collect::<Option<_>>().map(Some),
        one => word(one).map(|word| Some(vec![word])),
    }
}

/// A value with the first of its items, if it has any.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Array(list) => listed(list),
        other => describe(other),
    }
}

fn listed(list: &Array<'_>) -> String {
    let items: Vec<_> = list.iter().take(SHOWN).map(|value| describe(value.get_ref())).collect();
    format!("[{}{}]", items.join(", "), if list.len() > SHOWN { ", ..." } else { "" })
}

const SHOWN: usize = 4;
const LONGEST_KEY: usize = 40;
/// Of one value that is a list.
const MAX_WORDS: usize = 1_000;
