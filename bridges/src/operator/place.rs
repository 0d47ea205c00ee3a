//! Files put in their places so that they can be taken back, also after a power cut in the middle.
//!
//! First every former file is copied beside its place and that is written down; from then on until the end is written down too,
//! whoever finds the note takes all of it back. Each file by itself is replaced whole. The copies (`NAME.former`) stay until the
//! next time.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use super::unpack::Layout;
use super::versions::ApplyJournal;
use super::whole;

/// A file that cannot be put in its place.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct PlaceError {
    /// The file.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

/// Copies every file that a layout touches. Which those are, and which of them are not there.
///
/// # Errors
/// A file that cannot be copied; nothing was touched.
pub fn save(layout: &Layout) -> Result<(Vec<PathBuf>, Vec<PathBuf>), PlaceError> {
    let touched = layout.files.iter().map(|file| &file.path).chain(&layout.removed);
    let (mut files, mut absent) = (Vec::new(), Vec::new());
    for path in touched {
        let failed = |source| PlaceError { path: path.clone(), source };
        match fs::read(path) {
            Ok(bytes) => copy(&bytes, path, &former(path)).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => absent.push(path.clone()),
            Err(error) => return Err(failed(error)),
        }
        files.push(path.clone());
    }
    Ok((files, absent))
}

/// Puts one file of a layout in its place; the number of those there are is [`steps`].
///
/// # Errors
/// It cannot be put there.
pub fn put(layout: &Layout, step: usize) -> Result<(), PlaceError> {
    if let Some(file) = layout.files.get(step) {
        let failed = |source| PlaceError { path: file.path.clone(), source };
        let before = fs::metadata(&file.path).ok();
        let mode = before.as_ref().filter(|_| !file.secret).map_or(SECRET, |found| found.mode() & 0o777);
        whole::replace(&file.path, &file.bytes, mode).map_err(failed)?;
        return before.map_or(Ok(()), |before| give(&file.path, &before)).map_err(failed);
    }
    let Some(path) = layout.removed.get(step - layout.files.len()) else { return Ok(()) };
    whole::remove(path).map_err(|source| PlaceError { path: path.clone(), source })
}

/// How many steps there are to [`put`].
#[must_use]
pub const fn steps(layout: &Layout) -> usize {
    layout.files.len() + layout.removed.len()
}

/// Puts all former files back. It may be done again after it was cut short.
///
/// # Errors
/// A file that cannot be put back; the others were.
pub fn take_back(journal: &ApplyJournal) -> Result<(), PlaceError> {
    let mut first = Ok(());
    for path in &journal.saved {
        let back = if journal.absent.contains(path) {
            whole::remove(path)
        } else {
            fs::read(former(path)).and_then(|bytes| copy(&bytes, &former(path), path))
        };
        let back = back.map_err(|source| PlaceError { path: path.clone(), source });
        first = first.and(back);
    }
    first
}

/// Where the former file is.
#[must_use]
pub fn former(path: &Path) -> PathBuf {
    whole::beside(path, "former")
}

fn copy(bytes: &[u8], like: &Path, to: &Path) -> io::Result<()> {
    let found = fs::metadata(like)?;
    whole::replace(to, bytes, found.mode() & 0o777)?;
    give(to, &found)
}

/// Gives a file to the owner that another has. Who may not do that must own both.
fn give(path: &Path, like: &fs::Metadata) -> io::Result<()> {
    let now = fs::metadata(path)?;
    if (now.uid(), now.gid()) == (like.uid(), like.gid()) {
        return Ok(());
    }
    chown(path, Some(like.uid()), Some(like.gid()))
}

/// Of a file that was not there, or holds a key.
const SECRET: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;

    use super::super::fixture::Folder;
    use super::super::unpack::LaidOut;
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn layout(folder: &Folder) -> Layout {
        let file = |name: &str, secret| LaidOut {
            path: folder.path(name),
            bytes: Zeroizing::new(format!("new {name}").into_bytes()),
            secret,
        };
        Layout {
            files: vec![file("a.key", true), file("a.cred", false), file("b.cred", false)],
            removed: vec![folder.path("c.cred"), folder.path("d.cred")],
        }
    }

    fn fill(folder: &Folder) {
        for name in ["a.key", "a.cred", "c.cred"] {
            fs::write(folder.path(name), format!("old {name}")).unwrap();
        }
        fs::set_permissions(folder.path("a.key"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(folder.path("a.cred"), fs::Permissions::from_mode(0o640)).unwrap();
    }

    fn contents(folder: &Folder) -> Vec<Option<String>> {
        ["a.key", "a.cred", "b.cred", "c.cred", "d.cred"]
            .map(|name| fs::read_to_string(folder.path(name)).ok())
            .to_vec()
    }

    #[test]
    fn keys_are_their_owner_s_alone_and_other_files_keep_their_mode() {
        let folder = Folder::new();
        fill(&folder);
        let layout = layout(&folder);
        for step in 0..steps(&layout) {
            put(&layout, step).unwrap();
        }
        assert_eq!(contents(&folder)[..3].iter().flatten().count(), 3);
        assert!(contents(&folder).iter().flatten().all(|text| text.starts_with("new ")));
        let modes = ["a.key", "a.cred", "b.cred"].map(|name| mode(&folder.path(name)));
        assert_eq!(modes, [0o600, 0o640, 0o600]);
    }

    #[test]
    fn cut_short_after_any_step_all_of_it_is_taken_back() {
        let folder = Folder::new();
        fill(&folder);
        let (layout, before) = (layout(&folder), contents(&folder));
        for cut in 0..=steps(&layout) {
            let (saved, absent) = save(&layout).unwrap();
            (0..cut).for_each(|step| put(&layout, step).unwrap());
            let journal = ApplyJournal { attempt: 1, saved, absent };
            // And once more, had that been cut short as well.
            take_back(&journal).unwrap();
            take_back(&journal).unwrap();
            assert_eq!(contents(&folder), before, "{cut}");
            assert_eq!((mode(&folder.path("a.key")), mode(&folder.path("a.cred"))), (0o644, 0o640));
        }
    }

    #[test]
    fn a_place_in_a_folder_that_is_not_there_is_named() {
        let folder = Folder::new();
        let mut layout = layout(&folder);
        layout.files[0].path = folder.path("none/a.key");
        save(&layout).unwrap();
        let error = put(&layout, 0).unwrap_err().to_string();
        assert!(error.contains("none/a.key: No such file"), "{error}");
    }
}
