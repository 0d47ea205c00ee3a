//! A folder of files that is there whole or not at all, for its owner only.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use radio_adapters::destination;

/// Why no folder can ever be made at `path`, as far as can be known without making it: something is there, or nothing to make it in.
pub fn impossible(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => None,
            Ok(false) => Some("it is not empty"),
            Err(_) => Some("it cannot be read"),
        };
    }
    if path.exists() {
        return Some("it is a file");
    }
    if path.is_symlink() {
        return Some("it is a symbolic link to nothing");
    }
    (!around(path).is_dir()).then_some("its parent directory does not exist")
}

/// A folder on its way, with mode 0700: written beside its place first, and then put in it. An empty folder there is replaced. Dropped
/// unfinished, nothing is left behind.
#[derive(Debug)]
pub struct WholeFolder {
    /// Locked, so that no other process takes it for one that was left behind.
    held: File,
    names: &'static [&'static str],
    beside: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl WholeFolder {
    /// Begins the folder, which is to have files of these names.
    ///
    /// # Errors
    /// The system's own.
    pub fn create(path: &Path, names: &'static [&'static str]) -> io::Result<Self> {
        // Without a slash at the end, and behind any symbolic link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.components().collect());
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        remove_left(&beside, names)?;
        DirBuilder::new().mode(0o700).create(&beside)?;
        let held = File::open(&beside)?;
        held.try_lock().map_err(io::Error::from)?;
        Ok(Self { held, names, beside, path, finished: false })
    }

    /// Begins each of its files.
    ///
    /// # Errors
    /// The system's own, and the path of the file.
    pub fn files(&self) -> Result<Vec<File>, (PathBuf, io::Error)> {
        let create = |name: &&str| {
            destination::create_new(&self.beside.join(name)).map_err(|error| (self.path.join(name), error))
        };
        self.names.iter().map(create).collect()
    }

    /// Puts the folder in its place.
    ///
    /// # Errors
    /// The system's own; what was there before is there still.
    pub fn finish(mut self) -> io::Result<()> {
        let (held, there) = (self.held.metadata()?, fs::metadata(&self.beside)?);
        if (held.dev(), held.ino()) != (there.dev(), there.ino()) {
            return Err(io::Error::other("another process took its place while it was written"));
        }
        fs::rename(&self.beside, &self.path)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for WholeFolder {
    fn drop(&mut self) {
        if !self.finished {
            // On a full disk, half a file would keep others from writing.
            drop(remove(&self.beside, self.names));
        }
    }
}

/// Removes what a process that was killed left behind, and nothing else.
fn remove_left(beside: &Path, names: &[&str]) -> io::Result<()> {
    let left = match File::open(beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        left => left?,
    };
    if left.try_lock().is_err() {
        let busy = format!("another process is writing {}", beside.display());
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, busy));
    }
    remove(beside, names)
}

fn remove(folder: &Path, names: &[&str]) -> io::Result<()> {
    for name in names {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(folder)
}

/// The folder that a path is in.
fn around(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NAMES: &[&str] = &["a", "b"];

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("roadcast-folder-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn nothing_is_in_its_place_until_it_is_whole() {
        let scratch = Scratch::new("whole");
        let path = scratch.0.join("tables/");
        fs::create_dir(&path).unwrap();
        assert_eq!(impossible(&path), None, "an empty folder");
        let folder = WholeFolder::create(&path, NAMES).unwrap();
        assert_eq!(folder.files().unwrap().len(), 2);
        assert!(fs::read_dir(&path).unwrap().next().is_none());
        folder.finish().unwrap();
        assert_eq!(scratch.names(), ["tables"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        assert_eq!(impossible(&path), Some("it is not empty"));
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let scratch = Scratch::new("left");
        let path = scratch.0.join("tables");
        let folder = WholeFolder::create(&path, NAMES).unwrap();
        folder.files().unwrap();
        drop(folder);
        assert!(scratch.names().is_empty());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let scratch = Scratch::new("killed");
        let (path, beside) = (scratch.0.join("tables"), scratch.0.join("tables.part"));
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("b"), "half").unwrap();
        drop(WholeFolder::create(&path, NAMES).unwrap());
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("mine"), "whole").unwrap();
        assert_eq!(WholeFolder::create(&path, NAMES).unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
        assert_eq!(fs::read_to_string(beside.join("mine")).unwrap(), "whole");
    }

    #[test]
    fn two_processes_do_not_write_one_folder() {
        let scratch = Scratch::new("two");
        let path = scratch.0.join("tables");
        let first = WholeFolder::create(&path, NAMES).unwrap();
        let error = WholeFolder::create(&path, NAMES).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy, "{error}");
        first.finish().unwrap();
        assert_eq!(scratch.names(), ["tables"]);
    }

    #[test]
    fn a_place_for_no_folder_is_known_before() {
        let scratch = Scratch::new("place");
        let file = scratch.0.join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(impossible(&file), Some("it is a file"));
        assert_eq!(impossible(&scratch.0.join("none/tables")), Some("its parent directory does not exist"));
        assert_eq!(impossible(&scratch.0.join("tables/")), None);
        assert_eq!(impossible(Path::new("tables")), None);
    }
}
