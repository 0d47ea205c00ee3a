//! Configuration files: their text, and why one cannot be used.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use radio_adapters::forbidden::{self, Purpose};
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
        .map_err(|error| reason_of(&forbidden::explained(error, file, Purpose::Read)))?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(format!("longer than {} KiB, which no station needs", LONGEST_FILE / 1024));
    }
    Ok(text)
}

/// The mode of `file` when every user of the machine may write it, and so choose what the station opens and sends.
pub fn mode_for_everybody(file: &Path) -> Option<u32> {
    let found = std::fs::metadata(file).ok().filter(Metadata::is_file)?;
    let mode = found.mode() & 0o777;
    (mode & 0o002 != 0).then_some(mode)
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_configuration_that_everybody_may_write_is_known_by_its_mode() {
        let file = std::env::temp_dir().join(format!("roadcast-everybody-{}.toml", std::process::id()));
        fs::write(&file, "").unwrap();
        for (mode, found) in [(0o600, None), (0o664, None), (0o666, Some(0o666)), (0o602, Some(0o602))] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(mode_for_everybody(&file), found, "{mode:o}");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(mode_for_everybody(&file), None);
        assert_eq!(mode_for_everybody(Path::new("/dev/null")), None);
    }
}
