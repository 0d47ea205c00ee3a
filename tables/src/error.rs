//! Why a table cannot be read.

use std::io;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file is no Parquet, or damaged, or compressed in another way.
    #[error("is not a readable Parquet file: {0}")]
    Damaged(String),
    /// The system's error.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A column has types that are not read.
    #[error("column {0} holds neither numbers, times, texts nor flags")]
    Other(String),
    /// An integer that is too large.
    #[error("column {column} has {found}, above 9223372036854775807")]
    TooLarge {
        /// Which.
        column: String,
        /// The number.
        found: u64,
    },
    /// A text that is none.
    #[error("column {0} has a text that is not UTF-8")]
    NotText(String),
}
