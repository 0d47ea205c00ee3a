//! Finds the daemon that a command talks to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use v2x_api::{Client, ClientError, socket};

use crate::config::{ControlConfig, StationConfig};
use crate::error::{Code, Complaint, Error};

/// By its configuration the daemon takes no commands.
#[derive(Debug, thiserror::Error)]
#[error("{}: control.enabled = false: this station takes no commands", config.display())]
pub struct ControlOff {
    /// The configuration.
    pub config: PathBuf,
}

impl Complaint for ControlOff {}

impl Complaint for ClientError {
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::NoDaemon { .. } | Self::NoneFound { .. }).then_some(
            "start one with: roadcast run --config station.toml (it prints the path of its control socket)",
        )
    }

    fn code(&self) -> Code {
        if matches!(self, Self::Refused { .. }) { Code::CheckFailed } else { Code::BadInput }
    }
}

/// Connects to the daemon that listens at `socket`, else to that of the configuration `config`, else to the only one
/// of this user, or of the system.
pub(super) fn connect(socket: Option<&Path>, config: Option<&Path>) -> Result<Client, Error> {
    let configured = match (socket, config) {
        (None, Some(config)) => Some(socket_of(config)?),
        _ => None,
    };
    Ok(Client::find(socket.or(configured.as_deref()))?)
}

/// Where the daemon of the configuration `config` may listen, the likeliest first; without one, where the only one of this user, or
/// of the system, does. A daemon of a configuration need not run yet.
#[cfg(feature = "web")]
pub(super) fn sockets(config: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    let Some(config) = config else { return Ok(vec![Client::find(None)?.path().to_owned()]) };
    match StationConfig::load(config)?.control {
        ControlConfig::At(path) => Ok(vec![path]),
        ControlConfig::Off => Err(ControlOff { config: config.to_owned() }.into()),
        ControlConfig::Default => {
            let name = socket::default_name(config);
            Ok(socket::directories().iter().map(|directory| directory.join(&name)).collect())
        }
    }
}

/// The socket of the station with this configuration.
pub(super) fn socket_of(config: &Path) -> Result<PathBuf, Error> {
    match StationConfig::load(config)?.control {
        ControlConfig::At(path) => Ok(path),
        ControlConfig::Off => Err(ControlOff { config: config.to_owned() }.into()),
        ControlConfig::Default => {
            let name = socket::default_name(config);
            // The daemon may run for another user: where it is, if it is anywhere.
            let places = socket::directories();
            let all: Vec<_> = places.iter().map(|directory| directory.join(&name)).collect();
            let there = all.iter().find(|path| path.exists());
            let hidden = || all.iter().find(|path| is_hidden(path));
            Ok(there.or_else(hidden).or(all.first()).cloned().unwrap_or(name))
        }
    }
}

/// Whether it may be there, in a directory that this user may not look into.
fn is_hidden(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
