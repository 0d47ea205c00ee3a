//! What a running station learns from files: revocation deltas, its own credentials, roots and issuers, as they change and
//! at SIGHUP.
//!
//! Nothing here stops a station. A file that is not there yet, or not right, is reported once and looked at again when it
//! changes; what the station believed before stays in force.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use v2x_core::{EncryptionKey, Input, KeyPair, NewIdentity};
use v2x_proto::Digest;

use crate::config::IdentityFiles;
use crate::key_files::{self, KeyFileError};

/// Files of revocation deltas, each read again when it changes.
#[derive(Debug)]
pub struct RevocationFiles {
    files: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    seen: Option<Mark>,
    missing_told: bool,
}

/// What distinguishes one content of a file from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl RevocationFiles {
    /// Watches `paths`; nothing is read before the first [`changes`](Self::changes).
    pub fn new(paths: &[PathBuf]) -> Self {
        let watch = |path: &PathBuf| Watched { path: path.clone(), seen: None, missing_told: false };
        Self { files: paths.iter().map(watch).collect() }
    }

    /// The deltas of files that are new or changed since the last call, and what is wrong with others, each reported
    /// once.
    pub fn changes(&mut self) -> Vec<Result<Input, KeyFileError>> {
        self.files.iter_mut().filter_map(Watched::change).collect()
    }
}

impl Watched {
    fn change(&mut self) -> Option<Result<Input, KeyFileError>> {
        let mark = match mark(&self.path) {
            Ok(mark) => mark,
            Err(source) => {
                self.seen = None;
                let told = std::mem::replace(&mut self.missing_told, true);
                return (!told).then(|| Err(key_files::failed(&self.path, source)));
            }
        };
        self.missing_told = false;
        if self.seen.replace(mark) == Some(mark) {
            return None;
        }
        Some(key_files::read_delta(&self.path).map(Input::Revocation))
    }
}

/// The files of a station's identity, read again when they have changed and rest.
#[derive(Debug)]
pub struct IdentityWatch {
    files: IdentityFiles,
    read: Vec<Option<Mark>>,
    seen: Vec<Option<Mark>>,
}

impl IdentityWatch {
    /// Watches the files as they are now, taken for read.
    pub fn new(files: IdentityFiles) -> Self {
        let now = marks(&files);
        Self { files, read: now.clone(), seen: now }
    }

    /// The files watched.
    pub fn files(&self) -> &IdentityFiles {
        &self.files
    }

    /// Whether they have changed since they were last read, and not since the last call: a credential and its key are
    /// written one after the other.
    pub fn changed(&mut self) -> bool {
        let now = marks(&self.files);
        let rests = core::mem::replace(&mut self.seen, now.clone()) == now;
        if !rests || now == self.read {
            return false;
        }
        self.read = now;
        true
    }

    /// They are read now, whatever was seen before.
    pub fn taken(&mut self) {
        let now = marks(&self.files);
        (self.read, self.seen) = (now.clone(), now);
    }
}

fn marks(files: &IdentityFiles) -> Vec<Option<Mark>> {
    let own = key_files::own_files(files).unwrap_or_default();
    let own = own.iter().flat_map(|one| [one.credential.clone(), one.key.clone(), one.encryption_key()]);
    let authorities = files.roots.iter().chain(&files.issuers).cloned();
    own.chain(authorities).map(|path| mark(&path).ok()).collect()
}

/// One of the station's own credentials as its files have it now.
#[derive(Debug)]
pub struct OwnCredential {
    /// Its digest.
    pub digest: Digest,
    /// The credential.
    pub identity: NewIdentity,
    /// Its key.
    pub key: KeyPair,
    /// The private half of its encryption key, where it has one.
    pub opener: Option<EncryptionKey>,
}

/// The station's own credentials in their files as they are now, with their keys.
///
/// # Errors
/// A file that cannot be read, or a key that belongs to another credential.
pub fn identities(files: &IdentityFiles) -> Result<Vec<OwnCredential>, KeyFileError> {
    let own = key_files::own_files(files)?;
    let read = own.iter().map(|one| {
        let identity = key_files::load_identity(one)?;
        let key = KeyPair::from_secret(key_files::read_key(&one.key)?.as_bytes());
        let opener = key_files::load_encryption_key(one, &identity)?;
        Ok(OwnCredential { digest: identity.digest(), identity: NewIdentity::from(&identity), key, opener })
    });
    read.collect()
}

/// The roots and issuers in their files as they are now.
///
/// # Errors
/// A file that cannot be read. Whether they fit together is the node's to judge.
pub fn trust(files: &IdentityFiles) -> Result<Input, KeyFileError> {
    let read = |paths: &[PathBuf]| {
        paths.iter().map(|path| key_files::read_authority(path)).collect::<Result<_, _>>()
    };
    Ok(Input::Trust { roots: read(&files.roots)?, issuers: read(&files.issuers)? })
}

fn mark(path: &Path) -> io::Result<Mark> {
    let meta = fs::metadata(path)?;
    Ok(Mark { inode: meta.ino(), length: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_when_it_comes_and_when_it_changes_and_complained_of_once() {
        let path = std::env::temp_dir().join(format!("roadcast-delta-{}.rev", std::process::id()));
        drop(fs::remove_file(&path));
        let mut files = RevocationFiles::new(std::slice::from_ref(&path));
        assert!(matches!(files.changes()[..], [Err(KeyFileError::File { .. })]));
        assert!(files.changes().is_empty(), "said once");
        fs::write(&path, key_files::armour_delta(b"one delta")).unwrap();
        let [Ok(Input::Revocation(delta))] = &files.changes()[..] else { panic!("not read") };
        assert_eq!(&delta[..], b"one delta");
        assert!(files.changes().is_empty(), "unchanged");
        fs::write(&path, key_files::armour_delta(b"another delta")).unwrap();
        assert_eq!(files.changes().len(), 1);
        fs::write(&path, "no delta").unwrap();
        assert!(matches!(files.changes()[..], [Err(KeyFileError::NotADelta { .. })]));
        fs::remove_file(&path).unwrap();
    }
}
