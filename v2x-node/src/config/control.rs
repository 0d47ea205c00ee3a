//! `[control]`: the local socket by which programs on this machine talk to the daemon.

use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

/// Where the daemon listens for commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ControlConfig {
    /// At [`v2x_api::socket::default_path`].
    #[default]
    Default,
    /// At this path.
    At(PathBuf),
    /// The daemon takes no commands.
    Off,
}

pub(super) fn read(top: &Section<'_>) -> Result<ControlConfig, SettingsError> {
    let Some(section) = top.table("control", &["socket", "enabled"])? else {
        return Ok(ControlConfig::Default);
    };
    let socket = section.path("socket")?;
    match (section.flag("enabled")?, socket) {
        (Some(false), Some(_)) => {
            let right = "give a socket or enabled = false, not both";
            Err(section.contradiction("socket", "control.enabled = false", right))
        }
        (Some(false), None) => Ok(ControlConfig::Off),
        (_, None) => Ok(ControlConfig::Default),
        (_, Some(path)) if path.as_os_str().len() > LONGEST_SOCKET_PATH => {
            let right =
                format!("a path of at most {LONGEST_SOCKET_PATH} bytes, as the kernel's addresses hold");
            Err(section.wrong("socket", format!("one of {} bytes", path.as_os_str().len()), right))
        }
        (_, Some(path)) => Ok(ControlConfig::At(path)),
    }
}

/// `sun_path` of unix(7) less its closing zero.
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;
