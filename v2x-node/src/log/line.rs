//! What a running station tells: a line for people on standard output, or an entry of the log for programs.

use core::fmt;
use core::ops::Deref;
use std::io::{self, Write};

use serde_json::{Map, Value};
use tracing::Level;

use super::events::Named;
use super::logger::prints_lines;
use crate::colour::{Mark, Paint};

/// Something to tell.
#[derive(Clone, Debug)]
pub struct Line {
    kind: &'static Named,
    text: String,
    mark: Option<Mark>,
    fields: Map<String, Value>,
}

impl Line {
    /// In words for people.
    pub fn new(kind: &'static Named, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), mark: None, fields: Map::new() }
    }

    /// With a field for programs, one of those that the kind has.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(self.kind.fields.contains(&field), "{} has no field {field}", self.kind.name);
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// The same where it is known.
    #[must_use]
    pub fn with_known(self, field: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// In colour on a terminal.
    #[must_use]
    pub fn marked(self, mark: Mark) -> Self {
        Self { mark: Some(mark), ..self }
    }

    /// Prints it, or logs it where programs read the log.
    ///
    /// # Errors
    /// As writing to `out`.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        if !prints_lines() {
            self.log();
            return Ok(());
        }
        match self.mark {
            Some(mark) => writeln!(out, "{}", Paint::stdout().of(mark, &self.text)),
            None => writeln!(out, "{}", self.text),
        }
    }

    /// Logs it only: people read it with `-v`. An entry is one line, however it is printed.
    pub fn log(&self) {
        let (name, text) = (self.kind.name, self.entry());
        let fields = Fields(&self.fields);
        match self.kind.level {
            Level::ERROR => tracing::error!(target: TARGET, event = name, fields = %fields, "{text}"),
            Level::WARN => tracing::warn!(target: TARGET, event = name, fields = %fields, "{text}"),
            _ => tracing::info!(target: TARGET, event = name, fields = %fields, "{text}"),
        }
    }
}

impl Line {
    /// Its words without the breaks that a terminal has.
    fn entry(&self) -> String {
        self.text.replace("\n    ", " ")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Its words.
impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Line {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Line {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

/// As an object in JSON: a `tracing` event has the fields of its place in the program only.
struct Fields<'a>(&'a Map<String, Value>);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// The part of the program that `ROADCAST_LOG` knows these by.
const TARGET: &str = super::entry::STATION;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::events;

    #[test]
    fn an_entry_of_the_log_is_one_line_where_a_terminal_has_two() {
        let line = Line::new(
            &events::ROAD_NEWS,
            "intersection 18 lane 1: red, green in 4.1 s,\n    41 m to the stop line",
        );
        assert_eq!(line.entry(), "intersection 18 lane 1: red, green in 4.1 s, 41 m to the stop line");
    }
}
