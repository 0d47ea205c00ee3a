//! A parsed text and its name.

use std::path::Path;

use toml::de::DeTable as Table;

use crate::error::{KeyPlace, SettingsError};

/// The text of a file, parsed.
#[derive(Debug)]
pub struct Document<'d> {
    pub(crate) file: &'d Path,
    text: &'d str,
    pub(crate) table: Table<'d>,
}

impl<'d> Document<'d> {
    /// Parses the whole text; errors name it `file`, and relative paths start from its directory.
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

    pub(crate) fn place(&self, offset: usize, key: String) -> KeyPlace {
        KeyPlace { file: self.file.display().to_string(), line: line(self.text, offset), key }
    }
}

/// The line, from 1, of a byte.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}
