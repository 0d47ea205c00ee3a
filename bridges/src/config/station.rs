//! `[[station]]`: the daemons of this machine.

use v2x_settings::{Section, SettingsError};

use super::bridge::{NAME_RIGHT, is_name};
use crate::station::StationSettings;

pub(super) fn read(top: &Section<'_>) -> Result<Vec<StationSettings>, SettingsError> {
    let mut stations: Vec<StationSettings> = Vec::new();
    for section in top.tables("station", &["name", "socket"], MOST_STATIONS)? {
        let socket = section.path("socket")?;
        let socket =
            section.need("socket", socket, "the daemon's control socket, which it prints when it starts")?;
        let name = match section.string("name", NAME_RIGHT)? {
            None => socket.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
            Some(name) => name,
        };
        if !is_name(&name) {
            return Err(section.wrong("name", format!("{name:?}"), NAME_RIGHT.to_owned()));
        }
        if stations.iter().any(|there| there.name == name || there.socket == socket) {
            let right = "each station once, under a name of its own";
            return Err(section.contradiction("socket", "another [[station]] of this name or socket", right));
        }
        stations.push(StationSettings { name, socket });
    }
    Ok(stations)
}

/// A machine has a unit or two; a test bench more.
const MOST_STATIONS: usize = 16;
