//! A parsed text and what it is called.

use std::path::Path;

use toml::de::DeTable as Table;

use crate::error::{Place, SettingsError};
use crate::section::Section;

/// The text of a file, parsed.
#[derive(Debug)]
pub struct Document<'d> {
    pub(crate) file: &'d Path,
    text: &'d str,
    table: Table<'d>,
}

impl<'d> Document<'d> {
    /// Parses the whole text; `file` is what complaints call it, and relative paths start from its directory.
    ///
    /// # Errors
    ///
    /// The first violation of TOML.
    pub fn parse(file: &'d Path, text: &'d str) -> Result<Self, SettingsError> {
        match Table::parse(text) {
            Ok(table) => Ok(Self { file, text, table: table.into_inner() }),
            Err(error) => Err(SettingsError::Syntax {
                file: file.display().to_string(),
                line: line(text, error.span().map_or(0, |span| span.start)),
                reason: error.message().replace('\n', ", "),
            }),
        }
    }

    /// The file's top level, with the keys it may have.
    ///
    /// # Errors
    ///
    /// The first key that is none of `known`.
    pub fn top(&'d self, known: &'static [&'static str]) -> Result<Section<'d>, SettingsError> {
        Section::open(self, &self.table, String::new(), 0, known)
    }

    /// Refuses a key of the top level by which a file of another kind is known.
    ///
    /// # Errors
    ///
    /// The key is there.
    pub fn refuse(&self, key: &str, found: &str, right: String) -> Result<(), SettingsError> {
        let Some((key, _)) = self.table.get_key_value(key) else { return Ok(()) };
        let place = self.place(key.span().start, key.get_ref().to_string());
        Err(SettingsError::Wrong { place, found: found.to_owned(), right })
    }

    pub(crate) fn place(&self, offset: usize, key: String) -> Place {
        Place { file: self.file.display().to_string(), line: line(self.text, offset), key }
    }
}

/// The line, from 1, of a byte.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}
