//! Opening what a station writes: for its owner only, and without waiting for anybody.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::forbidden::{self, Purpose};

/// Creates or empties a file, with mode 0600, and locks it (`flock`) for as long as it is open, so that nobody else who opens
/// it here writes into it; follows symbolic links. A FIFO or a device is opened as it is: later writes to it may block.
///
/// # Errors
/// The system's own; in words where its words would mislead or say too little: a directory, a FIFO that nobody reads (opening
/// it would wait for a reader), a file that is locked, one that this user may not write.
pub fn create(path: &Path) -> io::Result<File> {
    // Emptied when it is known to be nobody else's.
    let file = open(path, OpenOptions::new().create(true).truncate(false))?;
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Creates a file that must not be there yet, with mode 0600.
///
/// # Errors
/// As [`create`]; `AlreadyExists`.
pub fn create_new(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().create_new(true))
}

/// Whether `path` still leads to `file` and the `length` bytes written to it, which does not hold once it was moved, removed or
/// emptied, or its disk taken away. What is no plain file, or cannot be looked at, is taken to be there.
pub fn is_at(file: &File, path: &Path, length: u64) -> bool {
    let Ok(open) = file.metadata() else { return true };
    match std::fs::metadata(path) {
        _ if !open.is_file() => true,
        _ if open.len() < length => false,
        Ok(found) => (found.dev(), found.ino()) == (open.dev(), open.ino()),
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

/// Whether an error of creating a file lies in the machine's state and not in the name: it can pass by itself.
pub fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
        || matches!(
            error.raw_os_error().map(Errno::from_raw),
            Some(Errno::EIO | Errno::EMFILE | Errno::ENFILE)
        )
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let opened =
        options.write(true).mode(MODE).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENXIO) => io::Error::new(error.kind(), "it is a FIFO or a socket that nobody reads"),
        Some(Errno::EISDIR) => io::Error::new(error.kind(), "it is a directory; name a file"),
        _ => forbidden::explained(error, path, Purpose::Write),
    })?;
    // Only the opening must not wait. A write that returned half-way would break what a pipe's reader gets.
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    if file.metadata().is_ok_and(|found| found.is_file())
        && matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    {
        return Err(io::Error::other("a running station writes to it; give each output a file of its own"));
    }
    if file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o777 != MODE) {
        // It was there before with another mode. Its owner may be somebody else.
        drop(file.set_permissions(Permissions::from_mode(MODE)));
    }
    Ok(file)
}

/// Where a vehicle has been is its owner's business.
const MODE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("roadcast-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_is_its_owner_s_even_when_it_was_there() {
        let folder = folder("destination");
        let path = folder.join("a");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        drop(create(&path).unwrap());
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.permissions().mode() & 0o777, found.len()), (0o600, 0));
        assert_eq!(create_new(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        drop(create_new(&folder.join("b")).unwrap());
        assert_eq!(fs::metadata(folder.join("b")).unwrap().permissions().mode() & 0o777, 0o600);
        let error = create(&folder).unwrap_err().to_string();
        assert_eq!(error, "it is a directory; name a file");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_is_written_is_not_emptied_by_another() {
        let folder = folder("destination-twice");
        let path = folder.join("a");
        let mut first = create(&path).unwrap();
        first.write_all(b"whole").unwrap();
        let error = create(&path).unwrap_err();
        assert_eq!(error.to_string(), "a running station writes to it; give each output a file of its own");
        assert!(!may_pass(&error));
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        drop(first);
        drop(create(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_no_longer_at_its_path_once_moved_removed_or_emptied() {
        let folder = folder("destination-moved");
        let [path, other] = ["a", "b"].map(|name| folder.join(name));
        let mut file = create(&path).unwrap();
        file.write_all(b"four").unwrap();
        assert!(is_at(&file, &path, 4));
        fs::rename(&path, &other).unwrap();
        assert!(!is_at(&file, &path, 4) && is_at(&file, &other, 4));
        fs::write(&other, "").unwrap();
        assert!(!is_at(&file, &other, 4), "emptied, as by logrotate with copytruncate");
        let another = create(&path).unwrap();
        assert!(!is_at(&file, &path, 0) && is_at(&another, &path, 0));
        fs::remove_dir_all(folder).unwrap();
        assert!(!is_at(&another, &path, 0));
        let null = create(Path::new("/dev/null")).unwrap();
        assert!(is_at(&null, &path, 4), "a device is its own");
    }

    #[test]
    fn a_fifo_without_a_reader_is_refused_and_does_not_wait() {
        let folder = folder("destination-fifo");
        let path = folder.join("fifo");
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let error = create(&path).unwrap_err().to_string();
        assert_eq!(error, "it is a FIFO or a socket that nobody reads");
        let reader =
            OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path).unwrap();
        let mut file = create(&path).unwrap();
        file.write_all(b"read").unwrap();
        assert!(
            !OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL).unwrap()).contains(OFlag::O_NONBLOCK)
        );
        drop(reader);
        fs::remove_dir_all(folder).unwrap();
    }
}
