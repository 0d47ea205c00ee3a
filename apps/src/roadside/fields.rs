//! The fields of a JSON object from a controller, taken one by one: a value that cannot be is left out and noted, and
//! costs nothing else of its line.

use core::fmt;

use serde_json::{Map, Value};

/// A value that was left out of a line. Prints as one line, with what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its field; of one the unit does not know, its name.
    pub field: String,
    /// What it is a value of, such as `group 3`; empty: of the line.
    pub of: String,
    /// What is there.
    pub found: String,
    /// What may be there.
    pub right: &'static str,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, of, found, right } = self;
        let separator = if of.is_empty() { "" } else { " of " };
        write!(f, "{field}{separator}{of} is {found}: it has to be {right}")
    }
}

/// What was left out of one line: the first [`MOST_NOTED`].
#[derive(Debug, Default)]
pub(super) struct Notes(pub Vec<LeftOut>);

impl Notes {
    pub fn leave_out(&mut self, field: &str, of: &str, found: String, right: &'static str) {
        if self.0.len() < MOST_NOTED {
            self.0.push(LeftOut { field: printable(field), of: of.to_owned(), found, right });
        }
    }
}

/// An object whose fields are taken out by name.
pub(super) struct Fields<'a> {
    object: Map<String, Value>,
    /// What it describes.
    pub of: String,
    pub notes: &'a mut Notes,
}

impl<'a> Fields<'a> {
    pub fn new(object: Map<String, Value>, of: String, notes: &'a mut Notes) -> Self {
        Self { object, of, notes }
    }

    /// A value, unless it is absent or null.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.object.remove(field).filter(|value| !value.is_null())
    }

    /// A value as `read` takes it; one that it does not take is left out.
    pub fn read<T>(
        &mut self,
        field: &str,
        right: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(field)?;
        let read = read(&value);
        if read.is_none() {
            self.leave_out(field, shown(&value), right);
        }
        read
    }

    /// A whole number up to `most`.
    pub fn whole(&mut self, field: &str, most: u32, right: &'static str) -> Option<u32> {
        self.read(field, right, |value| {
            value.as_u64().and_then(|value| u32::try_from(value).ok()).filter(|value| *value <= most)
        })
    }

    pub fn leave_out(&mut self, field: &str, found: String, right: &'static str) {
        self.notes.leave_out(field, &self.of, found, right);
    }

    /// What was not taken is not known here.
    pub fn end(self) {
        for field in self.object.keys() {
            self.notes.leave_out(field, &self.of, "unknown here".to_owned(), "a field that FEED.md has");
        }
    }
}

/// A value, for people.
pub(super) fn shown(value: &Value) -> String {
    if value.is_null() { "missing".to_owned() } else { printable(&value.to_string()) }
}

/// Foreign text for a terminal: shortened, without control characters.
pub fn printable(text: &str) -> String {
    let mut short: String = text
        .chars()
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .take(LONGEST_QUOTE)
        .collect();
    if short.len() < text.len() && text.chars().nth(LONGEST_QUOTE).is_some() {
        short.push_str("...");
    }
    short
}

const LONGEST_QUOTE: usize = 200;
/// Two values of each of 32 groups.
const MOST_NOTED: usize = 64;
