//! What ends a command of remote control.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::opening::RemoteRefusal;
use crate::peers::ConnectError;

/// Why a unit cannot be driven. Prints as one line.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// No connection to it.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It refused the control connection.
    #[error("peer {peer} refused: {}", refusal.error)]
    Refused {
        /// Its name here.
        peer: String,
        /// In its own words.
        refusal: RemoteRefusal,
    },
    /// It was reached, and answers nothing.
    #[error("peer {peer} gives no answer: {why}")]
    Silent {
        /// Its name here.
        peer: String,
        /// What was seen.
        why: String,
    },
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(Arc<io::Error>),
    /// The command line asks for what there is not.
    #[error("{0}")]
    Usage(String),
    /// Something of this machine.
    #[error("{}: {what}: {why}", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// The system's error.
        why: String,
    },
}

impl RemoteError {
    /// The same of a file of this machine.
    pub(super) fn local(path: impl Into<PathBuf>, what: &'static str, error: &io::Error) -> Self {
        Self::Local { path: path.into(), what, why: error.to_string() }
    }

    /// The same of standard output.
    pub(super) fn output(error: io::Error) -> Self {
        Self::Output(Arc::new(error))
    }

    /// The reader of the output has gone: no error.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Stable name of the reason, for a line of the control protocol.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Refused { refusal, .. } => &refusal.reason,
            _ => "unit_unreachable",
        }
    }
}
