//! Finds the daemon that a command talks to.

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

/// The socket of the station with this configuration.
fn socket_of(config: &Path) -> Result<PathBuf, Error> {
    match StationConfig::load(config)?.control {
        ControlConfig::At(path) => Ok(path),
        ControlConfig::Off => Err(ControlOff { config: config.to_owned() }.into()),
        ControlConfig::Default => {
            let usual = socket::default_path(config);
            let name = usual.file_name().map(ToOwned::to_owned).unwrap_or_default();
            // The daemon may run for another user: where it is, if it is anywhere.
            let all = socket::directories().into_iter().map(|directory| directory.join(&name));
            Ok(all.into_iter().find(|path| path.exists()).unwrap_or(usual))
        }
    }
}
