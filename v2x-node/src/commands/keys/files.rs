//! Key and credential files as they are made: written once and readable by their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{EncodePrivateKey, KeypairBytes};
use radio_adapters::clock;
use v2x_core::CredentialError;

use crate::config::ENCRYPTION_KEY_ENDING;
use crate::error::Complaint;
use crate::key_files::{KeyFileError, armour, armour_delta, armour_encryption_key, failed};

/// Why keys or credentials cannot be made or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file cannot be read or written, or is not what it should be.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A file of this name exists.
    #[error("{}: exists already; choose another name, or replace it with --force", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// Nothing was given to revoke.
    #[error("nothing to revoke; give --digest, --credential or --series, or --after to renew a list")]
    NothingToRevoke,
    /// `--after` names a delta of another list.
    #[error("{}: not a delta of series {series} of this issuer; leave --after out to begin a list", path.display())]
    OtherList {
        /// The delta before.
        path: PathBuf,
        /// The list meant.
        series: u32,
    },
    /// More credentials than a delta holds.
    #[error(
        "{count} credentials are too many for one delta, which holds 128; revoke their whole series instead, or \
             leave --after out: stations keep earlier revocations"
    )]
    TooManyRevoked {
        /// How many there would be.
        count: usize,
    },
    /// The issuer may not grant what is asked for.
    #[error("cannot issue {name}: {source}")]
    Refused {
        /// Name of the station.
        name: String,
        /// Why.
        source: CredentialError,
    },
    /// A credential would outlive its issuer.
    #[error(
        "cannot issue {name}: it would be valid until {until}, its issuer only until {issuer_until}; use fewer --hours"
    )]
    OutlivesIssuer {
        /// Name of the station.
        name: String,
        /// When it would end.
        until: String,
        /// When the issuer's credential ends.
        issuer_until: String,
    },
    /// Not the name of a file.
    #[error(
        "name {name:?}: letters, digits, '-', '_' and '.' only, at most 64, not starting with '.', and \
             neither \"root\" nor \"issuer\""
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// A credential would be valid outside the time its fields can express.
    #[error("the clock or the validity is out of range: credentials hold times from 2004 to 2140")]
    Time,
    /// The system has no random numbers.
    #[error("no random numbers from the operating system: {0}")]
    Random(getrandom::Error),
}

impl Complaint for KeysError {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File(error) => error.hint(),
            _ => None,
        }
    }
}

/// Writes a revocation delta, whole or not at all.
pub(super) fn write_delta(path: &Path, delta: &[u8], force: bool) -> Result<(), KeysError> {
    write_file(path, armour_delta(delta).as_bytes(), force)
}

/// Whether a file looks like a revocation delta.
pub(super) fn is_delta(path: &Path) -> bool {
    starts_with(path, DELTA_ARMOUR)
}

/// Whether a file looks like a private key, so that it is not read as anything else.
pub(super) fn is_key(path: &Path) -> bool {
    starts_with(path, KEY_ARMOUR)
}

fn starts_with(path: &Path, armour: &[u8]) -> bool {
    let mut start = vec![0; armour.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == armour
}

/// A new private key from the operating system's random numbers.
pub(super) fn new_key() -> Result<SigningKey, KeysError> {
    Ok(SigningKey::from_bytes(&*new_secret()?))
}

/// 32 random bytes of the operating system: a private key.
pub(super) fn new_secret() -> Result<Zeroizing<[u8; 32]>, KeysError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(KeysError::Random)?;
    Ok(secret)
}

/// Now, the time from which credentials are valid, s.
pub(super) fn now_s() -> Result<u32, KeysError> {
    u32::try_from(clock::wire_time_us() / 1_000_000).map_err(|_| KeysError::Time)
}

/// Files that are written together, or not at all when one of them exists.
#[derive(Debug)]
pub(super) struct Batch<'d> {
    directory: &'d Path,
    force: bool,
    files: Vec<(PathBuf, Zeroizing<String>)>,
}

impl<'d> Batch<'d> {
    pub fn new(directory: &'d Path, force: bool) -> Self {
        Self { directory, force, files: Vec::new() }
    }

    /// Adds `name.key` and `name.cred`.
    pub fn add(&mut self, name: &str, key: &SigningKey, credential: &[u8]) {
        // Without the public half inside: OpenSSL, Node and Python's cryptography refuse the form that has it (RFC 5958).
        let bytes = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).expect("a 32-byte key always encodes");
        self.files.push((self.directory.join(format!("{name}.key")), pem));
        self.add_credential(name, credential);
    }

    /// Adds `name.x25519`, a private encryption key.
    pub fn add_encryption_key(&mut self, name: &str, secret: &[u8; 32]) {
        let path = self.directory.join(format!("{name}.{ENCRYPTION_KEY_ENDING}"));
        self.files.push((path, armour_encryption_key(secret)));
    }

    /// Adds `name.cred` alone.
    pub fn add_credential(&mut self, name: &str, credential: &[u8]) {
        let armoured = Zeroizing::new(armour(credential));
        self.files.push((self.directory.join(format!("{name}.cred")), armoured));
    }

    /// Refuses before anything expensive is done if a file of `names` exists.
    pub fn check<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), KeysError> {
        self.check_endings(names, &["key", "cred"])
    }

    /// As [`check`](Self::check), for files of these endings.
    pub fn check_endings<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
        endings: &[&str],
    ) -> Result<(), KeysError> {
        if self.force {
            return Ok(());
        }
        for name in names {
            for ending in endings {
                let path = self.directory.join(format!("{name}.{ending}"));
                if path.symlink_metadata().is_ok() {
                    return Err(KeysError::Exists { path });
                }
            }
        }
        Ok(())
    }

    /// Writes all files, each whole or not at all, mode 0600. The directory is made with mode 0700.
    pub fn write(self) -> Result<Vec<PathBuf>, KeysError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(self.directory).map_err(|source| failed(self.directory, source))?;
        let mut written: Vec<PathBuf> = Vec::with_capacity(self.files.len());
        for (path, text) in &self.files {
            write_file(path, text.as_bytes(), self.force)?;
            written.push(path.clone());
        }
        Ok(written)
    }
}

fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<(), KeysError> {
    // Written under another name first, so that the file replaced stays whole until the rename, whatever its mode.
    let target = if force { path.with_added_extension("new") } else { path.to_owned() };
    if force {
        match fs::remove_file(&target) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&target, source).into());
            }
            _ => {}
        }
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeysError::Exists { path: target });
        }
        Err(source) => return Err(failed(&target, source).into()),
    };
    // The process's umask may have taken bits away, never added any.
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| if force { fs::rename(&target, path) } else { Ok(()) })
        .map_err(|source| failed(&target, source).into())
}

/// Name of the root's files.
pub(super) const ROOT: &str = "root";
/// Name of the issuer's files.
pub(super) const ISSUER: &str = "issuer";
const DELTA_ARMOUR: &[u8] = b"-----BEGIN ROADCAST REVOCATION-----";
const KEY_ARMOUR: &[u8] = b"-----BEGIN PRIVATE KEY-----";
