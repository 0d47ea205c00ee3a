//! The file of a bridge's key: PKCS#8 PEM of Ed25519 (RFC 8410), which its owner alone can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};

/// What can be wrong with the file of a key. No error shows any of its content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{}: {source}; `roadcast-bridge keys new --out FILE` makes a key", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is one already.
    #[error("{}: is there already, and is left alone: with another key its peers would no longer know this bridge", path.display())]
    IsThere {
        /// The file.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("{}: others can read this private key (mode {mode:04o}); make it yours alone: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no key.
    #[error("{}: no private key; expected PKCS#8 PEM (\"-----BEGIN PRIVATE KEY-----\") of Ed25519, as `roadcast-bridge keys new` makes it", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a key.
///
/// # Errors
/// [`KeyFileError`].
pub fn read_key(path: &Path) -> Result<SigningKey, KeyFileError> {
    let failed = |source| KeyFileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Asked of the open file, so that it is the one that is read.
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    // systemd lets the service's user read what it hands over (LoadCredential=) by an access list, whose mask shows as the group's.
    let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|given| path.parent() == Some(Path::new(&given)));
    if mode & (if handed_over { 0o037 } else { 0o077 }) != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    // As long as it can get, so that no part of a key is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST_FILE as usize));
    file.take(LONGEST_FILE).read_to_end(&mut text).map_err(failed)?;
    let key = str::from_utf8(&text).ok().and_then(|text| SigningKey::from_pkcs8_pem(text).ok());
    key.ok_or_else(|| KeyFileError::NotAKey { path: path.to_owned() })
}

/// Makes a key and its file, which must not be there, for its owner alone.
///
/// # Errors
/// [`KeyFileError`].
pub fn make_key(path: &Path) -> Result<SigningKey, KeyFileError> {
    let failed = |source| KeyFileError::Write { path: path.to_owned(), source };
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| failed(io::Error::other(error)))?;
    let key = SigningKey::from_bytes(&seed);
    let text = key.to_pkcs8_pem(LineEnding::LF).expect("an Ed25519 key has a PKCS#8 form");
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
            match source.kind() {
                io::ErrorKind::AlreadyExists => KeyFileError::IsThere { path: path.to_owned() },
                _ => failed(source),
            }
        })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(key)
}

/// Ten times what a key takes.
const LONGEST_FILE: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn place(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("roadcast-bridge-key-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder.join("bridge.key")
    }

    #[test]
    fn a_key_reads_back_and_is_its_owner_s_alone() {
        let path = place("new");
        let key = make_key(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_key(&path).unwrap(), key);
        let again = make_key(&path).unwrap_err();
        assert!(matches!(again, KeyFileError::IsThere { .. }), "{again}");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_and_what_is_none_is_named() {
        let path = place("wrong");
        make_key(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_key(&path).unwrap_err().to_string();
        assert!(error.contains("others can read this private key (mode 0640)"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "-----BEGIN NOTHING-----").unwrap();
        let error = read_key(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::NotAKey { .. }), "{error}");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert!(read_key(&path).unwrap_err().to_string().contains("keys new"));
    }
}
