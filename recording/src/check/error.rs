//! Why a recording cannot be checked.

use std::io;

use crate::record;

/// Why a recording cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The file cannot be read.
    #[error("{name}: cannot be read: {source}")]
    Read {
        /// The file.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// It does not begin as a recording does.
    #[error("{name}: is not a recording; give a file that `roadcast run --record` wrote")]
    NotARecording {
        /// The file.
        name: String,
    },
    /// It ends within its header.
    #[error("{name}: ends inside its header; there is nothing to check")]
    NoHeader {
        /// The file.
        name: String,
    },
    /// Another version's layout.
    #[error(
        "{name}: has layout version {found} (written by {software}), this is for versions {} to {}; \
         check it with the software that wrote it",
        record::OLDEST_VERSION,
        record::VERSION
    )]
    Version {
        /// The file.
        name: String,
        /// Its version.
        found: u32,
        /// The software that wrote it.
        software: String,
    },
    /// The header does not describe a station.
    #[error("{name}: header: {what}")]
    Header {
        /// The file.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// A record that cannot be read.
    #[error(
        "{name}: record {record} at byte {offset}: {what}; the {outputs} outputs before it were the same"
    )]
    Record {
        /// The file.
        name: String,
        /// Which, from 1.
        record: u64,
        /// Where it starts, bytes.
        offset: u64,
        /// What is wrong with it.
        what: String,
        /// Outputs compared before it.
        outputs: u64,
    },
}
