//! What ends a command, how it is told, and the exit code it becomes.

use std::io;
use std::process::ExitCode;

use crate::commands::dump::DumpError;
use crate::commands::keys::KeysError;
use crate::config::ConfigError;
use crate::daemon::control::ClientError;
use crate::daemon::control::socket::SocketError;
use crate::daemon::position::PositionError;

/// Why a command ended. Prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys or credentials cannot be used or made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There is no source of positions.
    #[error(transparent)]
    Position(#[from] PositionError),
    /// There is nothing to decode.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The configured control socket is another daemon's.
    #[error("control socket: {0}")]
    Socket(#[from] SocketError),
    /// A daemon cannot be asked, or does not do what it is asked.
    #[error(transparent)]
    Control(ClientError),
    /// A roadside unit cannot listen for its controller.
    #[error(transparent)]
    Feed(#[from] crate::daemon::roadside::feed::FeedError),
    /// A roadside unit may not say what it is configured to.
    #[error(
        "{}: roadside: the unit's credential lacks the permission {lacks}; roadcast keys issue --role roadside gives it, or leave out what needs it",
        config.display()
    )]
    Unpermitted {
        /// The configuration.
        config: std::path::PathBuf,
        /// What is lacking.
        lacks: v2x_core::security::Permissions,
    },
    /// The link cannot be opened.
    #[error("link: {0}")]
    Link(#[from] radio_adapters::OpenError),
    /// A file cannot be written or read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The scheduling asked for cannot be had.
    #[error("realtime: {0}")]
    Realtime(#[from] radio_adapters::realtime::RealtimeError),
    /// The operating system refused something the program cannot do without.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A trace or recording cannot be replayed.
    #[cfg(feature = "replay")]
    #[error(transparent)]
    Replay(#[from] crate::commands::replay::ReplayError),
    /// The user ended it before its end; what there was has been told.
    #[error("{0}")]
    Interrupted(String),
    /// The program ran, and what it checked does not hold: a deadline, a chain, a comparison.
    #[error("{0}")]
    Check(String),
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Config(error) => Self::Config(error),
            error => Self::Control(error),
        }
    }
}

impl Error {
    /// 1 when a check failed or a station refused, 130 when the user interrupted, 2 for bad input and everything else.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Check(_) | Self::Control(ClientError::Refused { .. }) => ExitCode::from(CHECK_FAILED),
            Self::Interrupted(_) => ExitCode::from(INTERRUPTED),
            _ => ExitCode::from(BAD_INPUT),
        }
    }

    /// Whoever read the output has gone: no reason to complain.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// A second line for people: what to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(ConfigError::Read { .. }) => {
                Some("examples/vehicle.toml and examples/roadside.toml are good starts")
            }
            Self::Control(ClientError::NoDaemon { .. } | ClientError::NoneFound { .. }) => Some(
                "start one with: roadcast run --config station.toml (it prints where its control socket is)",
            ),
            Self::Keys(KeysError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Some(
                "make keys with: roadcast keys init --dir keys && roadcast keys issue --dir keys --name car-1",
            ),
            _ => None,
        }
    }
}

const CHECK_FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;
/// What a shell calls a program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: u8 = 130;
