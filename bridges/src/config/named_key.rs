//! A bridge in a file of another: its name there, and its key.

use v2x_settings::{Section, SettingsError};

use super::bridge::{NAME_RIGHT, is_name};
use crate::peers::PeerKey;

/// Reads `name` and `key` of a table.
pub(super) fn named_key(section: &Section<'_>) -> Result<(String, PeerKey), SettingsError> {
    let name = section.string("name", NAME_RIGHT)?;
    let name = section.need("name", name, NAME_RIGHT)?;
    if !is_name(&name) {
        return Err(section.wrong("name", format!("{name:?}"), NAME_RIGHT.to_owned()));
    }
    let text = section.string("key", KEY_RIGHT)?;
    let text = section.need("key", text, KEY_RIGHT)?;
    match text.parse() {
        Ok(key) => Ok((name, key)),
        Err(error) => Err(section.wrong("key", format!("{text:?}"), format!("{KEY_RIGHT}: {error}"))),
    }
}

const KEY_RIGHT: &str = "its public key, as `roadcast-bridge keys show` prints it there";
