//! Configuration files: their text, and why one cannot be used.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use v2x_settings::SettingsError;

use crate::error::Complaint;

/// Why a configuration file cannot be used. Each kind prints as one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be opened or is not text.
    #[error("{file}: cannot read the configuration: {reason}")]
    Read {
        /// The file as given.
        file: String,
        /// The system's error.
        reason: String,
    },
    /// A key or value in it is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Complaint for ConfigError {
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Read { .. })
            .then_some("examples/vehicle.toml and examples/roadside.toml are good starts")
    }
}

/// The text of `file`, if it is no longer than any configuration.
pub(super) fn read_text(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_string(&mut text))
        .map_err(|error| reason_of(&error))?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(format!("longer than {} KiB, which no station needs", LONGEST_FILE / 1024));
    }
    Ok(text)
}

/// The system's error text without its number.
fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

/// Far beyond any station's file; rejects a wrong path such as a recording.
const LONGEST_FILE: u64 = 1024 * 1024;
