//! Unix sockets of the daemon: taken in place of one that a dead process left, never of a live one's, and removed at the
//! end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};

use crate::config::LONGEST_SOCKET_PATH;

/// A socket this process listens on. Dropping it removes the file.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode, so that another process's file is never removed.
    file: (u64, u64),
}

/// The users that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// This user alone (mode 0600).
    Owner,
    /// This user and a group, by its number (mode 0660).
    Group(u32),
    /// Those that the process's umask allows.
    Umask,
}

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("another process listens there{}", pid.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Live {
        /// Its process, if the system reports it.
        pid: Option<i32>,
    },
    /// A file is in the way.
    #[error("there is a file of that name that is no socket")]
    NotASocket,
    /// The path is longer than the kernel's addresses.
    #[error("{0} bytes are too long for a socket's path, which has at most {LONGEST_SOCKET_PATH}")]
    TooLong(usize),
    /// The system refuses the file.
    #[error(transparent)]
    Refused(#[from] io::Error),
}

impl Bound {
    /// Listens at `path`, non-blocking. What a dead process left there is replaced.
    ///
    /// # Errors
    /// [`BindError`]; a live process's socket and other files stay as they are.
    pub fn at(path: &Path, access: Access) -> Result<Self, BindError> {
        let length = path.as_os_str().len();
        if length > LONGEST_SOCKET_PATH {
            return Err(BindError::TooLong(length));
        }
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
            Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket),
            Ok(_) => match UnixStream::connect(path) {
                Ok(stream) => return Err(BindError::Live { pid: peer(&stream) }),
                // No process listens: left by one that was killed.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            },
        }
        let listener = bind(path, access)?;
        listener.set_nonblocking(true)?;
        let file = fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))?;
        Ok(Self { listener, path: path.to_owned(), file })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second handle of the listening socket, non-blocking.
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let own = fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file);
        if own {
            // Its next owner replaces it otherwise.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn bind(path: &Path, access: Access) -> io::Result<UnixListener> {
    match access {
        Access::Umask => UnixListener::bind(path),
        Access::Owner | Access::Group(_) => {
            // So that there is no moment at which others may connect.
            let before = umask(Mode::from_bits_truncate(0o177));
            let listener = UnixListener::bind(path);
            umask(before);
            let listener = listener?;
            if let Access::Group(group) = access
                && let Err(error) = open_to(path, group, 0o660)
            {
                drop(fs::remove_file(path));
                return Err(error);
            }
            Ok(listener)
        }
    }
}

/// Gives a file or directory of this user to a group, with these permissions.
///
/// # Errors
/// The user may not.
pub fn open_to(path: &Path, group: u32, mode: u32) -> io::Result<()> {
    // A service whose own group it is needs no right to give files away.
    if fs::metadata(path)?.gid() != group {
        chown(path, None, Some(group))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// The process that listens at `path`, if one does and the system reports it.
pub fn listening_process(path: &Path) -> Option<i32> {
    peer(&UnixStream::connect(path).ok()?)
}

fn peer(stream: &UnixStream) -> Option<i32> {
    nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials)
        .ok()
        .map(|peer| peer.pid())
}
