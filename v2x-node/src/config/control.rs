//! `[control]`: the local socket by which programs on this machine talk to the daemon.

use std::path::PathBuf;

use v2x_api::Right;
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

/// Where the daemon listens, the group that may use it besides its owner, and what that may do.
pub(super) fn read(top: &Section<'_>) -> Result<(ControlConfig, Option<String>, Right), SettingsError> {
    let Some(section) = top.table("control", &["socket", "group", "group_rights", "enabled"])? else {
        return Ok((ControlConfig::Default, None, Right::Declare));
    };
    let socket = section.path("socket")?;
    let group = section.string("group", "a group's name, whose members may use the socket too")?;
    let rights = section.string("group_rights", RIGHTS_RIGHT)?;
    if let (Some(_), None) = (&rights, &group) {
        return Err(section.contradiction(
            "group_rights",
            "a socket for its owner alone",
            "name a control.group, or remove it",
        ));
    }
    let rights = match rights {
        None => Right::Declare,
        Some(name) => Right::parse(&name)
            .ok_or_else(|| section.wrong("group_rights", format!("{name:?}"), RIGHTS_RIGHT.to_owned()))?,
    };
    let off = section.flag("enabled")? == Some(false);
    if off {
        let right = "remove it, or enabled = false";
        for (key, there) in [("socket", socket.is_some()), ("group", group.is_some())] {
            if there {
                return Err(section.contradiction(key, "control.enabled = false", right));
            }
        }
        return Ok((ControlConfig::Off, None, rights));
    }
    match socket {
        None => Ok((ControlConfig::Default, group, rights)),
        Some(path) if path.as_os_str().len() > LONGEST_SOCKET_PATH => {
            let right =
                format!("a path of at most {LONGEST_SOCKET_PATH} bytes, as the kernel's addresses hold");
            Err(section.wrong("socket", format!("one of {} bytes", path.as_os_str().len()), right))
        }
        Some(path) => Ok((ControlConfig::At(path), group, rights)),
    }
}

const RIGHTS_RIGHT: &str = r#""read", "declare" or "administer""#;
/// `sun_path` of unix(7) less its closing zero.
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;
