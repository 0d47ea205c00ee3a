//! A small file that is written whole or not at all, for its owner only.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use radio_adapters::destination;

/// Why nothing can ever be written at `path`, as far as can be known without writing: it is a directory, or would be in one
/// that is not there.
pub fn impossible(path: &Path) -> Option<&'static str> {
    if path.as_os_str() == "-" {
        Some("- is not standard output here")
    } else if path.is_dir() || path.as_os_str().as_bytes().ends_with(b"/") {
        Some("it is a directory")
    } else if !path.exists() && !folder(&target(path)).is_dir() {
        Some("its directory does not exist")
    } else {
        None
    }
}

/// Whether a file can be written at `path` now: begins one and leaves it. A FIFO or a device is not touched.
///
/// # Errors
/// The system's own.
#[cfg(any(feature = "replay", test))]
pub fn check(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(());
    }
    WholeFile::create(path).map(drop)
}

/// Whether two paths lead to one plain file, or to the place for one.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let path = target(path);
        let plain = fs::metadata(&path).is_ok_and(|found| found.is_file()) || !path.exists();
        let folder = plain.then(|| fs::canonicalize(folder(&path)).ok()).flatten()?;
        Some(folder.join(path.file_name()?))
    };
    place(one).is_some_and(|place_of_one| place(other) == Some(place_of_one))
}

/// Writes `bytes` to a file at `path`, whole or not at all: see [`WholeFile`].
///
/// # Errors
/// The system's own; the file that was there before is there still.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    file.file.write_all(bytes)?;
    file.finish()
}

/// A file on its way, with mode 0600: written beside its place first, and then put in it. A symbolic link stays, and what it
/// leads to is replaced. A FIFO or a device is written as it is. Dropped unfinished, nothing is left behind.
#[derive(Debug)]
pub struct WholeFile {
    file: File,
    /// Where it is written, and its place; `None` for a FIFO or a device, and when it is finished.
    places: Option<(PathBuf, PathBuf)>,
}

impl WholeFile {
    /// Begins the file.
    ///
    /// # Errors
    /// The system's own.
    pub fn create(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Ok(Self { file: destination::create(path)?, places: None });
        }
        let path = target(path);
        if path.is_symlink() {
            return Err(io::Error::other("its symbolic links lead round in a circle"));
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        // Left by a run that was killed, with whatever mode.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { file: destination::create_new(&beside)?, places: Some((beside, path)) })
    }

    /// What to write to; all of it before [`finish`](Self::finish).
    ///
    /// # Errors
    /// The system's own.
    #[cfg(feature = "replay")]
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The system's own; the file that was there before is there still.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some((beside, path)) = &self.places {
            fs::rename(beside, path)?;
            self.places = None;
        }
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.places {
            // On a full disk, half a file would keep others from writing.
            drop(fs::remove_file(beside));
        }
    }
}

/// What a chain of symbolic links leads to, whether that is there or not.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        // An absolute one replaces all of it.
        path = folder(&path).join(next);
    }
    path
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("roadcast-whole-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_is_replaced_and_is_its_owner_s() {
        let folder = Folder::new("file");
        let path = folder.0.join("report.json");
        fs::write(&path, "a longer one before").unwrap();
        fs::write(folder.0.join("report.json.part"), "left behind").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[test]
    fn a_place_is_tried_and_left_as_it_was() {
        let folder = Folder::new("tried");
        let path = folder.0.join("report.json");
        check(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "before").unwrap();
        check(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        let fifo = folder.0.join("fifo");
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        check(&fifo).unwrap();
        assert!(check(&folder.0.join("none/x.json")).is_err());
    }

    #[test]
    fn one_file_is_known_by_any_of_its_names() {
        let folder = Folder::new("same");
        let [a, b, link] = ["a", "b", "link"].map(|name| folder.0.join(name));
        symlink("a", &link).unwrap();
        for there in [false, true] {
            assert!(is_same(&a, &link) && is_same(&folder.0.join(".").join("a"), &a), "{there}");
            assert!(!is_same(&a, &b) && !is_same(&folder.0.join("none/a"), &a), "{there}");
            fs::write(&a, "").unwrap();
        }
        assert!(!is_same(Path::new("/dev/null"), Path::new("/dev/null")), "no file");
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = Folder::new("link");
        let [link, there, full] = ["link", "there", "full"].map(|name| folder.0.join(name));
        symlink("there", &link).unwrap();
        write(&link, b"through").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(there).unwrap(), b"through");
        symlink("/dev/full", &full).unwrap();
        assert_eq!(write(&full, b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(full.is_symlink());
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_waits_for_nobody() {
        let folder = Folder::new("fifo");
        let fifo = folder.0.join("fifo");
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert_eq!(impossible(&fifo), None);
        let error = write(&fifo, b"x").unwrap_err().to_string();
        assert_eq!(error, "it is a FIFO or a socket that nobody reads");
        assert_eq!(impossible(&folder.0), Some("it is a directory"));
        assert_eq!(impossible(&folder.0.join("none/x.json")), Some("its directory does not exist"));
        assert_eq!(impossible(Path::new("x.json")), None);
        assert_eq!(impossible(Path::new("-")), Some("- is not standard output here"));
        assert_eq!(impossible(Path::new("./-")), None);
        assert_eq!(impossible(Path::new("none/")), Some("it is a directory"));
        assert!(write(&folder.0.join("none/x.json"), b"x").is_err());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        let around = folder.0.join("around");
        symlink("around", &around).unwrap();
        assert!(write(&around, b"x").is_err(), "a link to itself");
        fs::remove_file(around).unwrap();
    }
}
