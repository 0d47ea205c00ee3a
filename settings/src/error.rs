//! The one error of this crate, and its place in a file.

use core::fmt;

/// Why a text cannot be used. Each kind prints as one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The text is not TOML.
    #[error("{file}:{line}: not TOML: {reason}")]
    Syntax {
        /// The file as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The TOML reader's error.
        reason: String,
    },
    /// An unknown key, most likely a typing mistake.
    #[error("{place}: unknown key; known keys here: {known}")]
    UnknownKey {
        /// Where.
        place: KeyPlace,
        /// The keys of this table.
        known: String,
    },
    /// A required key is missing.
    #[error("{place} is missing: {right}")]
    Missing {
        /// The line of the table it is missing from, and the key.
        place: KeyPlace,
        /// What is required.
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

/// A key in a file: prints as `station.toml:12: link.kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    /// The file as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Dotted path of the key, items of a list by their number from 1.
    pub key: String,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.key)
    }
}
