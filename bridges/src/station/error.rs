//! Why a connection to a daemon ended.

use std::io;

/// Why a connection to a daemon ended, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// No daemon is there.
    #[error("no daemon answers: {0}")]
    NoDaemon(io::Error),
    /// It ended.
    #[error("the daemon ended the connection")]
    Ended,
    /// It broke.
    #[error("the connection broke: {0}")]
    Lost(io::Error),
    /// The daemon refused what a bridge cannot do without.
    #[error("refused: {0}")]
    Refused(String),
    /// What came is not of the protocol.
    #[error("no roadcast daemon of this version: {0}")]
    Protocol(String),
}
