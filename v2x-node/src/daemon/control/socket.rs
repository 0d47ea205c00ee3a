//! How a daemon takes its control socket.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};

use crate::config::LONGEST_SOCKET_PATH;

/// A socket this process listens on. Dropping it removes the file.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode, so that another daemon's file is never removed.
    file: (u64, u64),
}

/// Why there is no socket. Prints as one line that says what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another daemon listens there.
    #[error("{}: another daemon listens here{}; set control.socket to another path, or stop it",
        path.display(), pid.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Live {
        /// The socket.
        path: PathBuf,
        /// The daemon's process, when the system says.
        pid: Option<i32>,
    },
    /// A file that is no socket is in the way.
    #[error("{}: there is a file here that is no socket; set control.socket to another path", path.display())]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// The path is longer than the kernel's addresses.
    #[error("{}: {} bytes are too long for a socket's path; set control.socket to one of at most {LONGEST_SOCKET_PATH}",
        path.display(), path.as_os_str().len())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses the file.
    #[error("{}: {source}; set control.socket to a path this user may write, or control.enabled = false", path.display())]
    Refused {
        /// The path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The event loop does not take it.
    #[error("it cannot be served: {0}")]
    Serve(#[source] io::Error),
}

impl Bound {
    /// Listens at `path`, for this user alone (mode 0600). What a dead daemon left there is replaced.
    ///
    /// # Errors
    /// [`SocketError`]; a live daemon's socket and other files stay as they are.
    pub fn at(path: &Path) -> Result<Self, SocketError> {
        let refused = |source| SocketError::Refused { path: path.to_owned(), source };
        if path.as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(SocketError::TooLong { path: path.to_owned() });
        }
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error)),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(SocketError::NotASocket { path: path.to_owned() });
            }
            Ok(_) => match UnixStream::connect(path) {
                Ok(stream) => return Err(SocketError::Live { path: path.to_owned(), pid: peer(&stream) }),
                // Nobody listens: left by a daemon that was killed.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).map_err(refused)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(refused(error)),
            },
        }
        // So that there is no moment at which others may connect.
        let before = umask(Mode::from_bits_truncate(0o177));
        let listener = UnixListener::bind(path);
        umask(before);
        let listener = listener.map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let file = fs::symlink_metadata(path).map(|found| (found.dev(), found.ino())).map_err(refused)?;
        Ok(Self { listener, path: path.to_owned(), file })
    }

    /// As [`at`](Self::at), in a directory that is made when it is not there (mode 0700).
    ///
    /// # Errors
    /// As [`at`](Self::at), and when the directory cannot be made.
    pub fn at_default(path: &Path) -> Result<Self, SocketError> {
        if let Some(directory) = path.parent()
            && let Err(source) = DirBuilder::new().mode(0o700).create(directory)
            && source.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(SocketError::Refused { path: directory.to_owned(), source });
        }
        Self::at(path)
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second handle of the listening socket, non-blocking.
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
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

fn peer(stream: &UnixStream) -> Option<i32> {
    nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials)
        .ok()
        .map(|peer| peer.pid())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use v2x_api::socket::live;

    use super::*;
    use crate::daemon::control::scratch::Scratch;

    #[test]
    fn a_socket_is_its_owner_s_alone_and_goes_when_its_daemon_ends() {
        let scratch = Scratch::new("mode");
        let bound = Bound::at(&scratch.path("a.sock")).unwrap();
        let mode = fs::metadata(bound.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(bound);
        assert!(!scratch.path("a.sock").exists());
    }

    #[test]
    fn what_a_dead_daemon_left_is_replaced_and_a_live_one_is_named() {
        let scratch = Scratch::new("stale");
        let path = scratch.path("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let bound = Bound::at(&path).unwrap();
        let error = Bound::at(&path).unwrap_err().to_string();
        let process = format!("a.sock: another daemon listens here (process {})", std::process::id());
        assert!(error.contains(&process), "{error}");
        assert!(UnixStream::connect(bound.path()).is_ok(), "the live one goes on");
    }

    #[test]
    fn the_file_of_a_successor_is_left_alone() {
        let scratch = Scratch::new("successor");
        let path = scratch.path("a.sock");
        let first = Bound::at(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = Bound::at(&path).unwrap();
        drop(first);
        assert!(UnixStream::connect(second.path()).is_ok());
    }

    #[test]
    fn no_file_that_is_no_socket_is_ever_touched() {
        let scratch = Scratch::new("file");
        let path = scratch.path("notes");
        fs::write(&path, "mine").unwrap();
        let error = Bound::at(&path).unwrap_err().to_string();
        assert!(error.contains("no socket; set control.socket to another path"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_path_that_cannot_be_is_refused_with_what_would_be_right() {
        let scratch = Scratch::new("refused");
        let error = Bound::at(&scratch.path("none/a.sock")).unwrap_err().to_string();
        assert!(error.contains("set control.socket to a path this user may write"), "{error}");
        let error = Bound::at(&scratch.path(&"x".repeat(107))).unwrap_err().to_string();
        assert!(error.contains("too long for a socket's path"), "{error}");
        assert!(Bound::at_default(&scratch.path("made/a.sock")).is_ok());
    }

    #[test]
    fn only_sockets_on_which_somebody_answers_are_found() {
        let scratch = Scratch::new("found");
        drop(UnixListener::bind(scratch.path("dead.sock")).unwrap());
        fs::write(scratch.path("file.sock"), "").unwrap();
        assert!(live(scratch.as_ref()).is_empty() && live(&scratch.path("none")).is_empty());
        let _b = Bound::at(&scratch.path("b.sock")).unwrap();
        let _a = Bound::at(&scratch.path("a.sock")).unwrap();
        let names: Vec<_> =
            live(scratch.as_ref()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.sock", "b.sock"]);
    }
}
