//! What ends a command: printed as one line, with what would be right.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::broker::BrokerSetupError;
use crate::config::ConfigError;
use crate::operator::error::OperatorError;
use crate::peers::{KeyFileError, PeersError};
use crate::relay::RelayError;
use crate::remote::{AuditError, RemoteError};
use crate::words::without_number;

/// Why a command ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file of the broker's settings cannot be used.
    #[error(transparent)]
    Broker(#[from] BrokerSetupError),
    /// The key of the bridge cannot be used or made.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Peers cannot be started.
    #[error(transparent)]
    Peers(#[from] PeersError),
    /// A command of the operator did not end well.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The relay cannot be started.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The log of remote control cannot be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A unit cannot be driven.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The program's own socket cannot be opened.
    #[error("{}: {}; bridge.socket of the configuration names another", path.display(), without_number(source))]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No program answers at the socket.
    #[error("{}: no roadcast-bridge answers: {}; `roadcast-bridge run --config FILE` starts one", path.display(), without_number(source))]
    NoBridge {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The program refused, or answered nothing that can be understood.
    #[error("refused: {0}")]
    Refused(String),
    /// The system refused something that the program cannot do without.
    #[error("{what}: {}", without_number(source))]
    System {
        /// What was being done.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl BridgeError {
    /// 1 when a program refused, 2 for bad input and all else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Operator(error) => error.exit_code(),
            _ => 2,
        }
    }

    /// The reader of the output has gone: no error.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Remote(error) => error.is_closed_pipe(),
            _ => false,
        }
    }
}

impl From<&BridgeError> for ExitCode {
    fn from(error: &BridgeError) -> Self {
        Self::from(error.exit_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_that_does_not_run_is_told_of_without_numbers() {
        let source = io::Error::from_raw_os_error(2);
        let error = BridgeError::NoBridge { path: PathBuf::from("/run/b.sock"), source };
        let told = "/run/b.sock: no roadcast-bridge answers: No such file or directory; `roadcast-bridge run --config FILE` starts one";
        assert_eq!(error.to_string(), told);
    }
}
