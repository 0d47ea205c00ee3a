//! Small files that say how a trace is read: maps of kinds, mappings of columns, lists of names.

use std::io;
use std::path::Path;

use v2x_settings::SettingsError;

use crate::text_file;

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SideFileError {
    /// It cannot be read.
    #[error("{file}: cannot be read: {source}; {right}")]
    Open {
        /// The file.
        file: String,
        /// The system's error.
        source: io::Error,
        /// What would be right.
        right: &'static str,
    },
    /// It is longer than any of its kind needs.
    #[error("{file}: is longer than {limit} bytes; {right}")]
    TooLong {
        /// The file.
        file: String,
        /// The bound in bytes.
        limit: u64,
        /// What would be right.
        right: &'static str,
    },
    /// A mapping does not say where a file of types has what.
    #[error("{mapping}: has no table [types], which names the columns of {file}; add one with id and type")]
    NoColumns {
        /// The mapping.
        mapping: String,
        /// The file.
        file: String,
    },
    /// Its content is wrong.
    #[error(transparent)]
    Content(#[from] SettingsError),
    /// A line of it is wrong.
    #[error("{file}:{line}: {found}; {right}")]
    Line {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What was found.
        found: String,
        /// What would be right.
        right: &'static str,
    },
}

/// The text of a file of at most `limit` bytes; `right` says in errors what it should be.
pub(crate) fn text(path: &Path, limit: u64, right: &'static str) -> Result<String, SideFileError> {
    let file = || path.display().to_string();
    let text =
        text_file::read(path, limit).map_err(|source| SideFileError::Open { file: file(), source, right })?;
    text.ok_or_else(|| SideFileError::TooLong { file: file(), limit, right })
}
