//! A bundle: a directory with manifests and, named by its hash, the content of each. It goes by a link or on a USB stick.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fetch::Fetch;
use super::manifest::{self, ContentHash, Manifest, ManifestError};
use super::whole;

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file or directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is no manifest.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// There is no manifest.
    #[error("{}: no file ending in .manifest; `roadcast-bridge operator sign --out DIR` writes one", .0.display())]
    Empty(PathBuf),
    /// Content that is not what a manifest names.
    #[error("{}: not the content that its manifest names: {found}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
}

/// The hash and length of a file.
///
/// # Errors
/// It cannot be read, or is empty.
pub fn measure(path: &Path) -> Result<(ContentHash, u64), BundleError> {
    use sha2::Digest as _;
    let failed = |source| BundleError::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let (mut hasher, mut size, mut buffer) = (sha2::Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 if size == 0 => return Err(failed(io::Error::other("empty"))),
            0 => return Ok((ContentHash(hasher.finalize().into()), size)),
            length => {
                hasher.update(&buffer[..length]);
                size += length as u64;
            }
        }
    }
}

/// Writes a manifest and its content into a directory, which is made when it is not there: the file of the manifest. Content is
/// written for its owner alone, for it may hold keys.
///
/// # Errors
/// [`BundleError::File`].
pub fn write(directory: &Path, manifest: &Manifest, content: &Path) -> Result<PathBuf, BundleError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BundleError::File { path, source }
    };
    fs::create_dir_all(directory).map_err(failed(directory))?;
    let place = directory.join(manifest.hash.to_string());
    let beside = whole::beside(&place, "new");
    whole::remove(&beside).map_err(failed(&beside))?;
    let copied = (|| {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        io::copy(&mut File::open(content)?, &mut to)?;
        to.sync_all()?;
        whole::rename(&beside, &place)
    })();
    copied.map_err(failed(&place))?;
    let name = format!("{}-{}-{}.manifest", manifest.target, manifest.kind, manifest.version);
    let path = directory.join(name);
    whole::replace(&path, manifest.armour().as_bytes(), 0o644).map_err(failed(&path))?;
    Ok(path)
}

/// Writes a file for its owner alone.
///
/// # Errors
/// The system's own.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    whole::replace(path, bytes, 0o600)
}

/// The manifests of a directory, or the one of a file: each file with its bytes, nothing verified; at most [`MOST_FILES`].
///
/// # Errors
/// [`BundleError`].
pub fn manifests(place: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, BundleError> {
    let failed = |source| BundleError::File { path: place.to_owned(), source };
    let mut paths = Vec::new();
    if place.is_dir() {
        for entry in fs::read_dir(place).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == "manifest") && paths.len() < MOST_FILES {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(BundleError::Empty(place.to_owned()));
        }
        paths.sort();
    } else {
        paths.push(place.to_owned());
    }
    paths.into_iter().map(|path| read(&path).map(|bytes| (path, bytes))).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let mut text = Vec::new();
    let failed = |source| BundleError::File { path: path.to_owned(), source };
    File::open(path).and_then(|file| file.take(LONGEST_TEXT).read_to_end(&mut text)).map_err(failed)?;
    manifest::unarmour(&text).map_err(|source| BundleError::Manifest { path: path.to_owned(), source })
}

/// Where the content of the manifests at a place is.
#[must_use]
pub fn directory_of(place: &Path) -> PathBuf {
    if place.is_dir() {
        return place.to_owned();
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Compares a file with what a manifest names.
///
/// # Errors
/// It cannot be read, or is something else.
pub fn check(path: &Path, size: u64, hash: ContentHash) -> Result<(), BundleError> {
    let failed = |source| BundleError::File { path: path.to_owned(), source };
    let other = |found: String| BundleError::Content { path: path.to_owned(), found };
    let mut file = File::open(path).map_err(failed)?;
    let (mut fetch, mut buffer) = (Fetch::new(hash, size, Duration::ZERO), vec![0; CHUNK]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 if fetch.have() < size => {
                return Err(other(format!("{} bytes, and {size} are right", fetch.have())));
            }
            0 => return fetch.finish().map_err(|_| other("another hash".to_owned())),
            length => fetch
                .kept(&buffer[..length])
                .map_err(|_| other(format!("more than {size} bytes, which are right")))?,
        }
    }
}

const CHUNK: usize = 64 << 10;
/// A manifest as text has some 400 bytes.
const LONGEST_TEXT: u64 = 4_096;
/// Of a directory; further ones are for another bundle.
pub const MOST_FILES: usize = 256;

#[cfg(test)]
mod tests {
    use super::super::fixture::{Folder, manifest, manifest_for, operator_keys};
    use super::super::kind::ContentKind;
    use super::*;

    #[test]
    fn a_bundle_holds_manifests_and_content_by_its_hash() {
        let folder = Folder::new();
        let bundle = folder.path("bundle");
        let content = folder.path("content");
        fs::write(&content, "bundle 4").unwrap();
        let manifest = manifest(ContentKind::Software, 4, b"bundle 4");
        assert_eq!(measure(&content).unwrap(), (manifest.hash, 8));
        let path = write(&bundle, &manifest, &content).unwrap();
        assert_eq!(path, bundle.join("rsu-7-software-4.manifest"));
        for place in [&bundle, &path] {
            let found = manifests(place).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(Manifest::read(&found[0].1, &operator_keys()), Ok(manifest.clone()));
            assert_eq!(directory_of(place), bundle);
        }
        check(&bundle.join(manifest.hash.to_string()), 8, manifest.hash).unwrap();
    }

    #[test]
    fn what_is_no_bundle_is_named() {
        let folder = Folder::new();
        assert!(matches!(manifests(folder.at()), Err(BundleError::Empty(_))));
        assert!(matches!(manifests(&folder.path("none")), Err(BundleError::File { .. })));
        let junk = folder.path("junk.manifest");
        fs::write(&junk, vec![b'-'; 100_000]).unwrap();
        assert!(matches!(manifests(folder.at()), Err(BundleError::Manifest { .. })));
        fs::write(&junk, "").unwrap();
        assert!(matches!(measure(&junk), Err(BundleError::File { .. })), "empty");
        let content = folder.path("content");
        for (bytes, found) in
            [(&b"x"[..], "1 bytes, and 2"), (b"xyz", "more than 2 bytes"), (b"no", "another hash")]
        {
            fs::write(&content, bytes).unwrap();
            let error = check(&content, 2, ContentHash::of(b"ok")).unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn of_a_thousand_manifests_some_are_read() {
        let folder = Folder::new();
        for number in 0..1_000 {
            let manifest = manifest_for(&format!("unit-{number}"), ContentKind::Trust, 1, b"x");
            fs::write(folder.path(&format!("{number}.manifest")), manifest.armour()).unwrap();
        }
        assert_eq!(manifests(folder.at()).unwrap().len(), MOST_FILES);
    }
}
