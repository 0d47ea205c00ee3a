//! `[control]`: the local socket by which programs on this machine talk to the daemon.

use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

/// Where the daemon listens for commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ControlConfig {
    /// In the first of [`v2x_api::socket::places`] that can be used.
    #[default]
    Default,
    /// At this path.
    At(PathBuf),
    /// The daemon takes no commands.
    Off,
}

/// Where the daemon listens, and the group that may use it besides its owner.
pub(super) fn read(top: &Section<'_>) -> Result<(ControlConfig, Option<String>), SettingsError> {
    let Some(section) = top.table("control", &["socket", "group", "enabled"])? else {
        return Ok((ControlConfig::Default, None));
    };
    let socket = section.path("socket")?;
    let group = section.string("group", "a group's name, whose members may use the socket too")?;
    let off = section.flag("enabled")? == Some(false);
    if off {
        let right = "remove it, or enabled = false";
        for (key, there) in [("socket", socket.is_some()), ("group", group.is_some())] {
            if there {
                return Err(section.contradiction(key, "control.enabled = false", right));
            }
        }
        return Ok((ControlConfig::Off, None));
    }
    match socket {
        None => Ok((ControlConfig::Default, group)),
        Some(path) if path.as_os_str().len() > LONGEST_SOCKET_PATH => {
            let right =
                format!("a path of at most {LONGEST_SOCKET_PATH} bytes, as the kernel's addresses hold");
            Err(section.wrong("socket", format!("one of {} bytes", path.as_os_str().len()), right))
        }
        Some(path) => Ok((ControlConfig::At(path), group)),
    }
}

/// `sun_path` of unix(7) less its closing zero.
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;
