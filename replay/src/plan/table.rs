//! Reading a TOML table key by key, with errors that name file, line, key and what would be right.

use core::cell::RefCell;
use core::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::PlanError;

/// A file being read.
#[derive(Clone, Copy)]
pub(super) struct Document<'d> {
    pub(super) file: &'d str,
    pub(super) text: &'d str,
}

impl Document<'_> {
    /// What is wrong, at a byte of the file.
    pub(super) fn wrong(&self, at: usize, key: &str, right: impl Into<String>) -> PlanError {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        PlanError::Wrong {
            file: self.file.to_owned(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            key: key.to_owned(),
            right: right.into(),
        }
    }
}

/// A table of the file; remembers which keys were asked for.
pub(super) struct Table<'d> {
    document: Document<'d>,
    /// How errors call it; empty for the file itself.
    name: String,
    at: usize,
    keys: &'d DeTable<'d>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d> Table<'d> {
    pub(super) fn whole(document: Document<'d>, keys: &'d DeTable<'d>) -> Self {
        Self { document, name: String::new(), at: 0, keys, asked: RefCell::default() }
    }

    fn of(document: Document<'d>, name: String, value: &'d Spanned<DeValue<'d>>) -> Result<Self, PlanError> {
        match value.get_ref() {
            DeValue::Table(keys) => {
                Ok(Self { document, name, at: value.span().start, keys, asked: RefCell::default() })
            }
            _ => Err(document.wrong(value.span().start, &name, "a table")),
        }
    }

    /// The table under a key.
    pub(super) fn table(&self, key: &'static str) -> Result<Option<Table<'d>>, PlanError> {
        self.value(key).map(|value| Table::of(self.document, self.path(key), value)).transpose()
    }

    /// The tables `[[key]]`.
    pub(super) fn tables(&self, key: &'static str, most: usize) -> Result<Vec<Table<'d>>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let DeValue::Array(tables) = value.get_ref() else {
            return Err(self.wrong(key, format!("tables [[{key}]]")));
        };
        if tables.len() > most {
            return Err(self.wrong(key, format!("at most {most} tables [[{key}]]")));
        }
        tables.iter().map(|table| Table::of(self.document, self.path(key), table)).collect()
    }

    /// A number within a range, if the key is there.
    pub(super) fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = number(value.get_ref()).filter(|found| range.contains(found));
        let right = || format!("a number from {} to {}", range.start(), range.end());
        found.map(Some).ok_or_else(|| self.wrong(key, right()))
    }

    /// A whole number within a range, if the key is there.
    pub(super) fn whole_number(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = integer(value.get_ref()).filter(|found| range.contains(found));
        let right = || format!("a whole number from {} to {}", range.start(), range.end());
        found.map(Some).ok_or_else(|| self.wrong(key, right()))
    }

    /// 1 to `most` whole numbers, if the key is there.
    pub(super) fn whole_numbers(
        &self,
        key: &'static str,
        most: usize,
    ) -> Result<Option<Vec<u64>>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found: Option<Vec<_>> = match value.get_ref() {
            DeValue::Array(array) => array.iter().map(|one| integer(one.get_ref())).collect(),
            _ => None,
        };
        let found = found.filter(|found| !found.is_empty() && found.len() <= most);
        let right = || format!("1 to {most} whole numbers: [1, 2, 3]");
        found.map(Some).ok_or_else(|| self.wrong(key, right()))
    }

    /// Two numbers, each within a range, if the key is there.
    pub(super) fn pair(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<(f64, f64)>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = match value.get_ref() {
            DeValue::Array(array) => match &array[..] {
                [x, y] => number(x.get_ref()).zip(number(y.get_ref())),
                _ => None,
            },
            _ => None,
        };
        let found = found.filter(|(x, y)| range.contains(x) && range.contains(y));
        let right = || format!("two numbers from {} to {}: [x, y]", range.start(), range.end());
        found.map(Some).ok_or_else(|| self.wrong(key, right()))
    }

    /// A text of 1 to 200 characters, if the key is there.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<String>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = value.get_ref().as_str().filter(|text| (1..=MAX_TEXT).contains(&text.chars().count()));
        let right = || format!("a text of 1 to {MAX_TEXT} characters");
        found.map(|text| Some(text.to_owned())).ok_or_else(|| self.wrong(key, right()))
    }

    /// Yes or no, if the key is there.
    pub(super) fn boolean(&self, key: &'static str) -> Result<Option<bool>, PlanError> {
        match self.value(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::Boolean(found)) => Ok(Some(*found)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// One of several names, if the key is there.
    pub(super) fn one_of<T>(
        &self,
        key: &'static str,
        names: &[&str],
        of_name: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = value.get_ref().as_str().and_then(of_name);
        found.map(Some).ok_or_else(|| self.wrong(key, format!("one of {}", names.join(", "))))
    }

    /// One or several of the names, if the key is there.
    pub(super) fn some_of<T: PartialEq>(
        &self,
        key: &'static str,
        names: &[&str],
        of_name: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, PlanError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let named = |value: &DeValue<'_>| value.as_str().and_then(&of_name);
        let found: Option<Vec<T>> = match value.get_ref() {
            DeValue::Array(array) => array.iter().map(|one| named(one.get_ref())).collect(),
            one => named(one).map(|one| vec![one]),
        };
        let distinct = |found: &Vec<T>| {
            !found.is_empty() && found.iter().enumerate().all(|(at, one)| !found[..at].contains(one))
        };
        let right = || format!("one of {}, or a list of different ones", names.join(", "));
        found.filter(distinct).map(Some).ok_or_else(|| self.wrong(key, right()))
    }

    /// What a key's value should be, or the whole table's where the key is not there.
    pub(super) fn wrong(&self, key: &str, right: impl Into<String>) -> PlanError {
        let at = self.keys.get(key).map_or(self.at, |value| value.span().start);
        self.document.wrong(at, &self.path(key), right)
    }

    /// A value that has to be there.
    pub(super) fn need<T>(&self, key: &str, value: Option<T>, right: &str) -> Result<T, PlanError> {
        value.ok_or_else(|| self.wrong(key, right))
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn end(self) -> Result<(), PlanError> {
        let asked = self.asked.borrow();
        let unknown = self.keys.iter().find(|(key, _)| !asked.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown else { return Ok(()) };
        let path = self.path(key.get_ref());
        Err(self.document.wrong(key.span().start, &path, format!("one of the keys {}", asked.join(", "))))
    }

    fn value(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.keys.get(key)
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(found) => i64::from_str_radix(found.as_str(), found.radix()).ok().map(|n| n as f64),
        DeValue::Float(found) => found.as_str().parse().ok(),
        _ => None,
    }
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let DeValue::Integer(found) = value else { return None };
    u64::from_str_radix(found.as_str(), found.radix()).ok()
}

const MAX_TEXT: usize = 500;
