//! Files that are there whole or not at all, also after a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Writes a file in place of another: beside it first, onto the disk, and then under its name. `mode` is its mode, whatever the
/// former had.
///
/// # Errors
/// The system's own; the former file is there still.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = beside(path, "new");
    remove(&beside)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written = file.set_permissions(fs::Permissions::from_mode(mode));
    let written = written.and_then(|()| file.write_all(bytes)).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        // On a full disk half a file is in everybody's way; what matters is the first error.
        drop(fs::remove_file(&beside));
        return Err(error);
    }
    sync_folder(path)
}

/// Puts a file under another name, onto the disk.
///
/// # Errors
/// The system's own.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Removes a file that may not be there.
///
/// # Errors
/// The system's own.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The name of a file with an ending behind it.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Makes names in the folder of `path` last over a power cut.
///
/// # Errors
/// The system's own.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::super::fixture::Folder;
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_nothing_is_left_beside_it() {
        let folder = Folder::new();
        let path = folder.path("station.key");
        fs::write(&path, "former").unwrap();
        fs::write(beside(&path, "new"), "of a run that was killed").unwrap();
        replace(&path, b"later", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"later");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(folder.names(), ["station.key"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_former_file() {
        let folder = Folder::new();
        let missing = folder.path("none/station.key");
        assert_eq!(replace(&missing, b"x", 0o600).unwrap_err().kind(), io::ErrorKind::NotFound);
        let taken = folder.path("taken");
        fs::create_dir(&taken).unwrap();
        assert!(replace(&taken, b"x", 0o600).is_err());
        assert_eq!(folder.names(), ["taken"]);
    }
}
