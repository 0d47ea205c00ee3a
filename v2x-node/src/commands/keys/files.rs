//! Key and credential files: written once and readable by their owner alone, read with suspicion.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::{self, LineEnding};
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use v2x_core::security::{CredentialError, Identity, KeyPair, Pool, PoolError, TrustStore};
use v2x_proto::envelope::MAX_CREDENTIAL;

use crate::config::{CredentialFiles, IdentityFiles, OwnFiles};

/// What can be wrong with keys and credentials, or with making them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file or directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is in the way.
    #[error("{}: exists already; choose another name, or replace it with --force", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// Others can read a private key.
    #[error("{}: others can read this private key (mode {mode:04o}); make it yours alone: chmod 600 {}",
            path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is no private key.
    #[error("{}: no private key; expected PKCS#8 PEM, \"-----BEGIN PRIVATE KEY-----\" with an Ed25519 key",
            path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// A file is no credential.
    #[error("{}: no credential; expected \"-----BEGIN ROADCAST CREDENTIAL-----\" or its raw bytes", path.display())]
    NotACredential {
        /// The file.
        path: PathBuf,
    },
    /// A file is no revocation delta.
    #[error("{}: no revocation delta; expected \"-----BEGIN ROADCAST REVOCATION-----\" as `roadcast keys revoke` writes",
            path.display())]
    NotADelta {
        /// The file.
        path: PathBuf,
    },
    /// A revocation of nothing.
    #[error("nothing to revoke; give --digest, --credential or --series, or --after to renew a list")]
    NothingToRevoke,
    /// A delta is to follow one of another list.
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
             leave --after out: stations keep what they were told before"
    )]
    TooManyRevoked {
        /// How many there would be.
        count: usize,
    },
    /// A credential is not accepted.
    #[error("{}: {source}", path.display())]
    Credential {
        /// The file.
        path: PathBuf,
        /// What it violates.
        source: CredentialError,
    },
    /// The roots and issuers together are not accepted.
    #[error("roots {} with issuers {}: {source}", list(roots), list(issuers))]
    Trust {
        /// Files of the roots.
        roots: Vec<PathBuf>,
        /// Files of the issuers.
        issuers: Vec<PathBuf>,
        /// What they violate.
        source: CredentialError,
    },
    /// The station's credentials do not go together.
    #[error("the station's credentials: {0}")]
    Pool(PoolError),
    /// No credentials of that name.
    #[error("{0}-1.cred and so on: no such file; make them with: roadcast keys issue --name {1} --count 20",
            name.display(), name.file_name().unwrap_or_default().display())]
    EmptyPool {
        /// The name as configured.
        name: PathBuf,
    },
    /// An issuer would not give what is asked for.
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
    /// A credential would be valid outside the time its numbers can say.
    #[error("the clock or the validity is out of range: credentials say times from 2004 to 2140")]
    Time,
    /// The system has no random numbers.
    #[error("no random numbers from the operating system: {0}")]
    Random(getrandom::Error),
}

/// The station's identities from their files. The private keys must be readable by their owner alone.
///
/// # Errors
/// [`KeysError`], naming the file.
pub fn load_pool(files: &IdentityFiles) -> Result<Pool, KeysError> {
    let identities = match &files.own {
        OwnFiles::Listed(list) => list.iter().map(load_identity).collect::<Result<Vec<_>, _>>()?,
        OwnFiles::Pool(name) => pool_files(name)?.iter().map(load_identity).collect::<Result<Vec<_>, _>>()?,
    };
    Pool::new(identities).map_err(KeysError::Pool)
}

/// One identity from its files.
///
/// # Errors
/// As [`load_pool`].
pub fn load_identity(files: &CredentialFiles) -> Result<Identity, KeysError> {
    let credential = read_credential(&files.credential)?;
    let key = read_key(&files.key)?;
    let signer = Box::new(KeyPair::from_secret(key.as_bytes()));
    Identity::new(credential, signer)
        .map_err(|source| KeysError::Credential { path: files.credential.clone(), source })
}

/// `NAME-1.cred` with `NAME-1.key` and so on, in the order of their numbers.
fn pool_files(name: &Path) -> Result<Vec<CredentialFiles>, KeysError> {
    let directory = match name.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let prefix = format!("{}-", name.file_name().unwrap_or_default().to_string_lossy());
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(|source| failed(directory, source))? {
        let file = entry.map_err(|source| failed(directory, source))?.file_name();
        let number = file.to_str().and_then(|file| file.strip_prefix(&prefix)?.strip_suffix(".cred"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    if numbers.is_empty() {
        return Err(KeysError::EmptyPool { name: name.to_owned() });
    }
    numbers.sort_unstable();
    let file = |number, ending| directory.join(format!("{prefix}{number}.{ending}"));
    let files = |number| CredentialFiles { credential: file(number, "cred"), key: file(number, "key") };
    Ok(numbers.into_iter().map(files).collect())
}

/// The authorities a station trusts, from its files; checked against each other.
///
/// # Errors
/// [`KeysError`], naming the file where it is one.
pub fn load_trust(roots: &[PathBuf], issuers: &[PathBuf]) -> Result<TrustStore, KeysError> {
    let read =
        |paths: &[PathBuf]| paths.iter().map(|path| read_credential(path)).collect::<Result<Vec<_>, _>>();
    TrustStore::new(&read(roots)?, &read(issuers)?).map_err(|source| KeysError::Trust {
        roots: roots.to_vec(),
        issuers: issuers.to_vec(),
        source,
    })
}

/// The bytes of a credential, armoured or raw.
///
/// # Errors
/// The file cannot be read, or is neither.
pub fn read_credential(path: &Path) -> Result<Bytes, KeysError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let bytes = Zeroizing::new(read_all(file, path)?);
    unarmour(&bytes).ok_or_else(|| KeysError::NotACredential { path: path.to_owned() })
}

/// The bytes of a revocation delta.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn read_delta(path: &Path) -> Result<Bytes, KeysError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let bytes = read_all(file, path)?;
    let decoded = pem::decode_vec(bytes.trim_ascii_end()).ok();
    let delta = decoded.filter(|(label, delta)| *label == DELTA_LABEL && !delta.is_empty());
    delta.map(|(_, delta)| delta.into()).ok_or_else(|| KeysError::NotADelta { path: path.to_owned() })
}

/// A revocation delta as text.
pub fn armour_delta(delta: &[u8]) -> String {
    pem::encode_string(DELTA_LABEL, LineEnding::LF, delta).expect("a delta is short and the label valid")
}

/// Writes a revocation delta, whole or not at all.
pub(super) fn write_delta(path: &Path, delta: &[u8], force: bool) -> Result<(), KeysError> {
    write_file(path, armour_delta(delta).as_bytes(), force)
}

/// Whether a file looks like a revocation delta.
pub(super) fn is_delta(path: &Path) -> bool {
    starts_with(path, DELTA_ARMOUR)
}

/// A private key from PKCS#8 PEM.
///
/// # Errors
/// The file cannot be read, can be read by others, or is no key. No error shows any of the content.
pub fn read_key(path: &Path) -> Result<SigningKey, KeysError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    // Asked of the open file, so that it is the one that is read.
    let mode = file.metadata().map_err(|source| failed(path, source))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Exposed { path: path.to_owned(), mode });
    }
    let bytes = Zeroizing::new(read_all(file, path)?);
    let not_a_key = || KeysError::NotAKey { path: path.to_owned() };
    let text = str::from_utf8(&bytes).map_err(|_| not_a_key())?;
    SigningKey::from_pkcs8_pem(text).map_err(|_| not_a_key())
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
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(KeysError::Random)?;
    Ok(SigningKey::from_bytes(&secret))
}

/// Files that are written together: refused together when one is in the way.
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
        let pem = key.to_pkcs8_pem(LineEnding::LF).expect("a 32-byte key always encodes");
        self.files.push((self.directory.join(format!("{name}.key")), pem));
        let armoured = Zeroizing::new(armour(credential));
        self.files.push((self.directory.join(format!("{name}.cred")), armoured));
    }

    /// Refuses before anything expensive is done if a file of `names` is in the way.
    pub fn check<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), KeysError> {
        if self.force {
            return Ok(());
        }
        for name in names {
            for ending in ["key", "cred"] {
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
    // A new file under another name first: what is being replaced stays whole until then, whatever its mode was.
    let target = if force { path.with_added_extension("new") } else { path.to_owned() };
    if force {
        match fs::remove_file(&target) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(&target, source)),
            _ => {}
        }
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeysError::Exists { path: target });
        }
        Err(source) => return Err(failed(&target, source)),
    };
    // The process's umask may have taken bits away, never added any.
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| if force { fs::rename(&target, path) } else { Ok(()) })
        .map_err(|source| failed(&target, source))
}

fn armour(credential: &[u8]) -> String {
    pem::encode_string(LABEL, LineEnding::LF, credential).expect("a credential is short and the label valid")
}

fn unarmour(bytes: &[u8]) -> Option<Bytes> {
    if bytes.starts_with(b"-----BEGIN ") {
        let (label, credential) = pem::decode_vec(bytes.trim_ascii_end()).ok()?;
        return (label == LABEL && !credential.is_empty()).then(|| credential.into());
    }
    // Raw: a credential is binary and short; the reader of its fields has the last word.
    let is_raw = !bytes.is_empty() && bytes.len() <= MAX_CREDENTIAL && !bytes.is_ascii();
    is_raw.then(|| Bytes::copy_from_slice(bytes))
}

fn read_all(file: File, path: &Path) -> Result<Vec<u8>, KeysError> {
    // As long as it can get, so that no part of a key is left behind by growing.
    let mut bytes = Vec::with_capacity(LONGEST_FILE as usize);
    file.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(|source| failed(path, source))?;
    Ok(bytes)
}

fn failed(path: &Path, source: io::Error) -> KeysError {
    KeysError::File { path: path.to_owned(), source }
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}

const DELTA_LABEL: &str = "ROADCAST REVOCATION";
const DELTA_ARMOUR: &[u8] = b"-----BEGIN ROADCAST REVOCATION-----";
const LABEL: &str = "ROADCAST CREDENTIAL";
const KEY_ARMOUR: &[u8] = b"-----BEGIN PRIVATE KEY-----";
/// Ten times what a key or credential takes.
const LONGEST_FILE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn armour_comes_off_as_it_went_on() {
        let credential: Vec<u8> = (0..=200).collect();
        let text = armour(&credential);
        assert!(text.starts_with("-----BEGIN ROADCAST CREDENTIAL-----\n"), "{text}");
        assert_eq!(unarmour(text.as_bytes()).unwrap(), credential);
        assert_eq!(unarmour(&credential).unwrap(), credential);
        assert_eq!(unarmour(text.replace("ROADCAST", "OTHER").as_bytes()), None);
        assert_eq!(unarmour(b"role = \"vehicle\""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_armour_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), armoured: bool) {
            let text = if armoured { [b"-----BEGIN ROADCAST CREDENTIAL-----\n", bytes.as_slice()].concat() } else { bytes };
            drop(unarmour(&text));
        }
    }
}
