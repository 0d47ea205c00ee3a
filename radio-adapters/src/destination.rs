//! Opening what a station writes: for its owner only, and without waiting for anybody.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Creates or empties a file, with mode 0600; follows symbolic links. A FIFO or a device is opened as it is: later writes to it
/// may block.
///
/// # Errors
/// The system's own; in words where its words would mislead: a directory, a FIFO that nobody reads (opening it would
/// wait for a reader).
pub fn create(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().create(true).truncate(true))
}

/// Creates a file that must not be there yet, with mode 0600.
///
/// # Errors
/// As [`create`]; `AlreadyExists`.
pub fn create_new(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().create_new(true))
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
        _ => error,
    })?;
    // Only the opening must not wait. A write that returned half-way would break what a pipe's reader gets.
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
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
