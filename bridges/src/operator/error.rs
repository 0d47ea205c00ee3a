//! What ends a command of the operator.

use std::io;
use std::path::PathBuf;

use super::bundle::BundleError;
use super::manifest::ManifestError;

/// Why a command of the operator ended. Prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// A bundle cannot be read or written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A manifest cannot be signed.
    #[error("this cannot be signed: {0}")]
    Sign(ManifestError),
    /// It would end before it is read.
    #[error("--until: found a time that is over; expected one ahead, such as 2030-01-01T00:00:00Z")]
    Over,
    /// A key that is none.
    #[error("--operator-key: {0}; expected the key as `roadcast-bridge operator keys show` prints it")]
    Key(String),
    /// The configuration has no table for this.
    #[error("{}: no {table}; {right}", file.display())]
    NoTable {
        /// The configuration.
        file: PathBuf,
        /// The table.
        table: &'static str,
        /// What is needed.
        right: &'static str,
    },
    /// A peer cannot be reached.
    #[error("{0}")]
    Connect(String),
    /// The link to a peer broke, several times.
    #[error("{peer}: {source}")]
    Link {
        /// The peer.
        peer: String,
        /// Why.
        source: io::Error,
    },
    /// Manifests that were not followed, or content that was not applied; each was told.
    #[error("{failed} of {all} did not end well")]
    Failed {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
}

impl OperatorError {
    /// 1 when something was refused or failed, 2 for bad input and all else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed { .. } | Self::Connect(_) | Self::Link { .. } => 1,
            _ => 2,
        }
    }
}
