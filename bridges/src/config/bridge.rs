//! `[bridge]`: the program itself.

use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

/// Name, key and socket of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeSettings {
    /// Its name, for people and in topics: letters, digits, `-`, `_` and `.`, at most 64.
    pub name: String,
    /// The file of its key.
    pub key: Option<PathBuf>,
    /// The socket that answers `roadcast-bridge status`; without it `bridge.sock` in `$XDG_RUNTIME_DIR/roadcast` or `/run/roadcast`.
    pub socket: Option<PathBuf>,
}

pub(super) fn read(top: &Section<'_>) -> Result<BridgeSettings, SettingsError> {
    let right = "a table: [bridge] with a name";
    let section = top.table("bridge", &["name", "key", "socket"])?;
    let section = top.need("bridge", section, right)?;
    let name = section.string("name", NAME_RIGHT)?;
    let name = section.need("name", name, NAME_RIGHT)?;
    if !is_name(&name) {
        return Err(section.wrong("name", format!("{name:?}"), NAME_RIGHT.to_owned()));
    }
    Ok(BridgeSettings { name, key: section.path("key")?, socket: section.path("socket")? })
}

/// Whether a text can name a bridge, a peer or a station: it stands in topics, file names and labels.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed) && !text.starts_with('.')
}

pub(super) const NAME_RIGHT: &str = "a name of 1 to 64 letters, digits, -, _ and ., such as \"rsu-7\"";
