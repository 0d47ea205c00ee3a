//! Reads files of keys, credentials and revocation deltas, none of them trusted.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ed25519_dalek::pkcs8::spki::der::pem::{self, LineEnding};
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, PrivateKeyInfoRef};
use ed25519_dalek::{SigningKey, VerifyingKey};
use radio_adapters::forbidden::{self, Purpose};
use v2x_core::{CredentialError, EncryptionKey, Identity, KeyPair, Permissions, Pool, PoolError, TrustStore};
use v2x_proto::envelope::MAX_CREDENTIAL;

use crate::config::{CredentialFiles, IdentityFiles, OwnFiles};
use crate::error::Complaint;
use crate::{key_kinds, service_credentials};

/// What can be wrong with files of keys, credentials and revocation deltas.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// A file or directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The service manager did not hand over a credential of this name.
    #[error("credential:{name}: {}", if *of_a_service { "not among the credentials that this service was given; put the file where \
             its LoadCredential= takes them from (/etc/roadcast/station.keys), and restart it" } else { "given to a service alone \
             (LoadCredential= of roadcast.service); this process was not started as one" })]
    NotGiven {
        /// Its name.
        name: String,
        /// Whether this process was given others.
        of_a_service: bool,
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
    #[error("{}: is {found}; expected a private key, PKCS#8 PEM (\"-----BEGIN PRIVATE KEY-----\") of Ed25519",
            path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// A file is no private encryption key.
    #[error("{}: is {found}; expected the private encryption key of its credential, PKCS#8 PEM (\"-----BEGIN PRIVATE KEY-----\") of X25519",
            path.display())]
    NotAnEncryptionKey {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// A credential has an encryption key, and the file of its private half is not there.
    #[error("{}: no such file; {} has an encryption key, and this is to be its private half", path.display(), credential.display())]
    NoEncryptionKey {
        /// The file.
        path: PathBuf,
        /// The credential's file.
        credential: PathBuf,
    },
    /// A file is no public key.
    #[error("{}: is {found}; expected a public key, PEM (\"-----BEGIN PUBLIC KEY-----\") of Ed25519",
            path.display())]
    NotAPublicKey {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// A private key is not the one of the credential beside it.
    #[error("{} does not belong to {}", key.display(), credential.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The credential's file.
        credential: PathBuf,
    },
    /// A credential is not there, and others are.
    #[error("{}: no such file; {beside}", path.display())]
    NoCredential {
        /// The file.
        path: PathBuf,
        /// What is there instead, in words.
        beside: String,
    },
    /// The authority's credentials are not there.
    #[error("{}: no such file", path.display())]
    NoAuthority {
        /// The file.
        path: PathBuf,
    },
    /// A file is no credential.
    #[error("{}: is {found}; expected a credential (\"-----BEGIN ROADCAST CREDENTIAL-----\" or its raw bytes)", path.display())]
    NotACredential {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// A file is no revocation delta.
    #[error("{}: no revocation delta; expected \"-----BEGIN ROADCAST REVOCATION-----\" as `roadcast keys revoke` writes",
            path.display())]
    NotADelta {
        /// The file.
        path: PathBuf,
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
}

impl KeyFileError {
    /// The file that is wrong, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. }
            | Self::Exposed { path, .. }
            | Self::NotAKey { path, .. }
            | Self::NotAnEncryptionKey { path, .. }
            | Self::NoEncryptionKey { path, .. }
            | Self::NotAPublicKey { path, .. }
            | Self::OtherKey { key: path, .. }
            | Self::NoCredential { path, .. }
            | Self::NoAuthority { path }
            | Self::NotACredential { path, .. }
            | Self::NotADelta { path }
            | Self::Credential { path, .. } => Some(path),
            Self::NotGiven { .. } | Self::Trust { .. } | Self::Pool(_) | Self::EmptyPool { .. } => None,
        }
    }
}

impl Complaint for KeyFileError {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                "make keys with: roadcast keys init --dir keys && roadcast keys issue --dir keys --name car-1",
            ),
            Self::NoAuthority { .. } => Some(
                "copy root.cred and issuer.cred from the machine that has the authority; roadcast keys init would make \
                 another authority, whose stations these do not trust",
            ),
            _ => None,
        }
    }
}

/// The station's identities from their files. The private keys must be readable by their owner alone.
///
/// # Errors
/// [`KeyFileError`], naming the file.
pub fn load_pool(files: &IdentityFiles) -> Result<Pool, KeyFileError> {
    let identities = own_files(files)?.iter().map(load_identity).collect::<Result<Vec<_>, _>>()?;
    Pool::new(identities).map_err(KeyFileError::Pool)
}

/// One identity from its files.
///
/// # Errors
/// As [`load_pool`].
pub fn load_identity(files: &CredentialFiles) -> Result<Identity, KeyFileError> {
    let credential = read_credential(&files.credential)?;
    let key = read_key(&files.key)?;
    let signer = Box::new(KeyPair::from_secret(key.as_bytes()));
    let refused = |key: &Path, source| match source {
        CredentialError::KeyMismatch(_) | CredentialError::EncryptionKeyMismatch(_) => {
            KeyFileError::OtherKey { key: key.to_owned(), credential: files.credential.clone() }
        }
        source => KeyFileError::Credential { path: files.credential.clone(), source },
    };
    let identity = Identity::new(credential, signer).map_err(|source| refused(&files.key, source))?;
    match load_encryption_key(files, &identity)? {
        None => Ok(identity),
        Some(key) => {
            identity.with_opener(Box::new(key)).map_err(|source| refused(&files.encryption_key(), source))
        }
    }
}

/// The private half of an identity's encryption key, where its credential has one.
///
/// # Errors
/// As [`read_encryption_key`].
pub fn load_encryption_key(
    files: &CredentialFiles,
    identity: &Identity,
) -> Result<Option<EncryptionKey>, KeyFileError> {
    if identity.encryption_key().is_none() {
        return Ok(None);
    }
    let path = files.encryption_key();
    let read = read_encryption_key(&path).map_err(|error| match error {
        KeyFileError::File { path, source } if source.kind() == io::ErrorKind::NotFound => {
            KeyFileError::NoEncryptionKey { path, credential: files.credential.clone() }
        }
        error => error,
    });
    read.map(Some)
}

/// The files of the station's own credentials, as they are there now.
///
/// # Errors
/// A pool without files.
pub fn own_files(files: &IdentityFiles) -> Result<Vec<CredentialFiles>, KeyFileError> {
    match &files.own {
        OwnFiles::Listed(list) => Ok(list.clone()),
        OwnFiles::Pool(name) => pool_files(name),
    }
}

/// `NAME-1.cred` with `NAME-1.key` and so on, in the order of their numbers.
fn pool_files(name: &Path) -> Result<Vec<CredentialFiles>, KeyFileError> {
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
        let given = service_credentials::directory();
        if let Some(name) = service_credentials::name(name, given.as_deref()) {
            let name = format!("{name}-1.cred");
            return Err(KeyFileError::NotGiven { name, of_a_service: given.is_some() });
        }
        return Err(KeyFileError::EmptyPool { name: name.to_owned() });
    }
    numbers.sort_unstable();
    let file = |number, ending| directory.join(format!("{prefix}{number}.{ending}"));
    let files = |number| CredentialFiles { credential: file(number, "cred"), key: file(number, "key") };
    Ok(numbers.into_iter().map(files).collect())
}

/// The authorities a station trusts, from its files; checked against each other.
///
/// # Errors
/// [`KeyFileError`], naming the file where it is one.
pub fn load_trust(roots: &[PathBuf], issuers: &[PathBuf]) -> Result<TrustStore, KeyFileError> {
    let read =
        |paths: &[PathBuf]| paths.iter().map(|path| read_authority(path)).collect::<Result<Vec<_>, _>>();
    TrustStore::new(&read(roots)?, &read(issuers)?).map_err(|source| KeyFileError::Trust {
        roots: roots.to_vec(),
        issuers: issuers.to_vec(),
        source,
    })
}

/// The bytes of a root's or issuer's credential.
///
/// # Errors
/// As [`read_credential`]; an authority that is not there is not to be made anew.
pub fn read_authority(path: &Path) -> Result<Bytes, KeyFileError> {
    read_credential(path).map_err(|error| match error {
        KeyFileError::File { path, source } if source.kind() == io::ErrorKind::NotFound => {
            KeyFileError::NoAuthority { path }
        }
        error => error,
    })
}

/// The bytes of a credential, armoured or raw.
///
/// # Errors
/// The file cannot be read, or is neither.
pub fn read_credential(path: &Path) -> Result<Bytes, KeyFileError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let bytes = Zeroizing::new(read_all(file, path)?);
    unarmour(&bytes).ok_or_else(|| KeyFileError::NotACredential {
        path: path.to_owned(),
        found: key_kinds::describe(&bytes),
    })
}

/// The bytes of a revocation delta.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn read_delta(path: &Path) -> Result<Bytes, KeyFileError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let bytes = read_all(file, path)?;
    let decoded = pem::decode_vec(bytes.trim_ascii_end()).ok();
    let delta = decoded.filter(|(label, delta)| *label == DELTA_LABEL && !delta.is_empty());
    delta.map(|(_, delta)| delta.into()).ok_or_else(|| KeyFileError::NotADelta { path: path.to_owned() })
}

/// A revocation delta as text.
pub fn armour_delta(delta: &[u8]) -> String {
    pem::encode_string(DELTA_LABEL, LineEnding::LF, delta).expect("a delta is short and the label valid")
}

/// A private key from PKCS#8 (RFC 8410), PEM or DER, with its public half inside (RFC 5958) or without.
///
/// # Errors
/// The file cannot be read, can be read by others, or is no key. No error shows any of the content.
pub fn read_key(path: &Path) -> Result<SigningKey, KeyFileError> {
    let bytes = read_private(path)?;
    let not_a_key = || KeyFileError::NotAKey { path: path.to_owned(), found: key_kinds::describe(&bytes) };
    let pem = str::from_utf8(&bytes).ok().and_then(|text| SigningKey::from_pkcs8_pem(text).ok());
    pem.or_else(|| SigningKey::from_pkcs8_der(&bytes).ok()).ok_or_else(not_a_key)
}

/// A private encryption key from PKCS#8 (RFC 8410), PEM or DER.
///
/// # Errors
/// As [`read_key`].
pub fn read_encryption_key(path: &Path) -> Result<EncryptionKey, KeyFileError> {
    let bytes = read_private(path)?;
    let unarmoured = pem::decode_vec(bytes.trim_ascii_end()).ok().filter(|(label, _)| *label == KEY_LABEL);
    let der = unarmoured.map(|(_, der)| Zeroizing::new(der));
    let info = PrivateKeyInfoRef::try_from(der.as_ref().map_or(&**bytes, |der| &**der)).ok();
    let secret = info.filter(|info| info.algorithm.oid.to_string() == X25519).and_then(|info| {
        // An octet string of 32 bytes within one (RFC 8410 clause 7).
        let [0x04, 0x20, secret @ ..] = info.private_key.as_bytes() else { return None };
        secret.try_into().ok().map(EncryptionKey::from_secret)
    });
    secret.ok_or_else(|| KeyFileError::NotAnEncryptionKey {
        path: path.to_owned(),
        found: key_kinds::describe(&bytes),
    })
}

/// A private encryption key as text: PKCS#8 (RFC 8410), as `openssl genpkey -algorithm X25519` writes it.
pub(crate) fn armour_encryption_key(secret: &[u8; 32]) -> Zeroizing<String> {
    let der = Zeroizing::new([&X25519_HEAD[..], secret].concat());
    Zeroizing::new(
        pem::encode_string(KEY_LABEL, LineEnding::LF, &der).expect("a key is short and the label valid"),
    )
}

/// The bytes of a file that its owner alone can read.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    // Asked of the open file, so that it is the one that is read.
    let mode = file.metadata().map_err(|source| failed(path, source))?.mode() & 0o7777;
    // systemd lets the service's user read what it hands over by an access list, whose mask shows as the group's rights.
    let given = service_credentials::directory().filter(|directory| path.parent() == Some(directory));
    let others = if given.is_some() { 0o037 } else { 0o077 };
    if mode & others != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    read_all(file, path).map(Zeroizing::new)
}

/// A public key from PEM or DER (RFC 8410), as OpenSSL or a hardware module gives it out.
///
/// # Errors
/// The file cannot be read, or is no public key of Ed25519.
pub fn read_public_key(path: &Path) -> Result<[u8; 32], KeyFileError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let bytes = Zeroizing::new(read_all(file, path)?);
    let pem = str::from_utf8(&bytes).ok().and_then(|text| VerifyingKey::from_public_key_pem(text).ok());
    let key = pem.or_else(|| VerifyingKey::from_public_key_der(&bytes).ok());
    key.map(|key| key.to_bytes()).ok_or_else(|| KeyFileError::NotAPublicKey {
        path: path.to_owned(),
        found: key_kinds::describe(&bytes),
    })
}

/// A credential as text.
pub(crate) fn armour(credential: &[u8]) -> String {
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

fn read_all(file: File, path: &Path) -> Result<Vec<u8>, KeyFileError> {
    // As long as it can get, so that no part of a key is left behind by growing.
    let mut bytes = Vec::with_capacity(LONGEST_FILE as usize);
    file.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(|source| failed(path, source))?;
    Ok(bytes)
}

pub(crate) fn failed(path: &Path, source: io::Error) -> KeyFileError {
    let directory = service_credentials::directory();
    if source.kind() == io::ErrorKind::NotFound
        && let Some(name) = service_credentials::name(path, directory.as_deref())
    {
        return KeyFileError::NotGiven { name, of_a_service: directory.is_some() };
    }
    let source = forbidden::explained(source, path, Purpose::Read);
    KeyFileError::File { path: path.to_owned(), source }
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}

const DELTA_LABEL: &str = "ROADCAST REVOCATION";
const LABEL: &str = "ROADCAST CREDENTIAL";
const KEY_LABEL: &str = "PRIVATE KEY";
/// Its object identifier (RFC 8410 clause 3).
const X25519: &str = "1.3.101.110";
/// PKCS#8 of an X25519 key before its 32 bytes.
const X25519_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];
/// Ten times what a key or credential takes.
const LONGEST_FILE: u64 = 4096;

/// `permission negation`, or `permissions signal-state, map-sign`.
pub fn permissions_in_words(permissions: Permissions) -> String {
    let names = permissions.to_string().replace(',', ", ");
    let plural = if names.contains(',') { "s" } else { "" };
    format!("permission{plural} {names}")
}

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
