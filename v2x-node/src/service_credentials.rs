//! Credentials of a service: files that systemd hands to this process alone (`LoadCredential=`, systemd.exec(5)), so that keys on
//! the disk are root's and no user's. A configuration names one as `credential:NAME`.

use std::path::{Path, PathBuf};

/// What a path in a configuration begins with when it names one.
pub const PREFIX: &str = "credential:";

/// Where this process was handed its credentials: `$CREDENTIALS_DIRECTORY`.
pub fn directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|directory| directory.is_absolute())
}

/// The file of the credential `name`, which is in `directory`, or in none: then it stays as it is written.
///
/// `None`: systemd has no credential of such a name.
pub fn file(name: &str, directory: Option<&Path>) -> Option<PathBuf> {
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && name != "." && name != "..";
    if !fits || name.contains(|char: char| char == '/' || char.is_control()) {
        return None;
    }
    Some(directory.map_or_else(|| PathBuf::from(format!("{PREFIX}{name}")), |directory| directory.join(name)))
}

/// The name of the credential that `path` is, if it is one: in the `directory` of this process, or as it is written in the
/// configuration where the process has none.
pub fn name(path: &Path, directory: Option<&Path>) -> Option<String> {
    match directory {
        Some(directory) => path.strip_prefix(directory).ok()?.to_str().map(str::to_owned),
        None => path.to_str()?.strip_prefix(PREFIX).map(str::to_owned),
    }
}

/// Bytes, as of a file's name (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_a_file_of_the_service_s_directory_and_of_no_other() {
        let run = Path::new("/run/credentials/roadcast.service");
        let key = file("keys_car-1.key", Some(run)).unwrap();
        assert_eq!(key, run.join("keys_car-1.key"));
        assert_eq!(name(&key, Some(run)).as_deref(), Some("keys_car-1.key"));
        assert_eq!(name(Path::new("/etc/roadcast/car-1.key"), Some(run)), None);
        let long = "x".repeat(256);
        for wrong in ["", ".", "..", "../car-1.key", "/etc/shadow", "a\nb", &long] {
            assert_eq!(file(wrong, Some(run)), None, "{wrong}");
        }
    }

    #[test]
    fn outside_a_service_it_is_known_by_how_it_is_written() {
        let key = file("keys_car-1.key", None).unwrap();
        assert_eq!(name(&key, None).as_deref(), Some("keys_car-1.key"));
        assert_eq!(name(Path::new("conf/credential:x"), None), None);
    }
}
