//! Opens the daemon's control socket.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::config::LONGEST_SOCKET_PATH;
use crate::daemon::unix_socket::{Access, BindError, Bound};

/// Why there is no socket. Prints as one line, with what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another daemon listens there.
    #[error("{}: another daemon listens here{}; set control.socket to another path, or stop it",
        path.display(), pid.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Live {
        /// The socket.
        path: PathBuf,
        /// The daemon's process, if the system reports it.
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
        /// The system's error.
        source: io::Error,
    },
    /// The event loop does not take it.
    #[error("it cannot be served: {0}")]
    Serve(#[source] io::Error),
}

impl SocketError {
    fn of(error: BindError, path: &Path) -> Self {
        let path = path.to_owned();
        match error {
            BindError::Live { pid } => Self::Live { path, pid },
            BindError::NotASocket => Self::NotASocket { path },
            BindError::TooLong(_) => Self::TooLong { path },
            BindError::Refused(source) => Self::Refused { path, source },
        }
    }
}

/// Listens at `path`, for this user alone.
///
/// # Errors
/// [`SocketError`]; a live daemon's socket and other files stay as they are.
pub(super) fn listen(path: &Path) -> Result<Bound, SocketError> {
    Bound::at(path, Access::Owner).map_err(|error| SocketError::of(error, path))
}

/// As [`listen`], in a directory that is made when it is not there (mode 0700).
///
/// # Errors
/// As [`listen`], and when the directory cannot be made.
pub(super) fn listen_at_default(path: &Path) -> Result<Bound, SocketError> {
    if let Some(directory) = path.parent()
        && let Err(source) = DirBuilder::new().mode(0o700).create(directory)
        && source.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(SocketError::Refused { path: directory.to_owned(), source });
    }
    listen(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    use v2x_api::socket::live;

    use super::*;
    use crate::daemon::control::scratch::Scratch;

    #[test]
    fn a_socket_is_its_owner_s_alone_and_goes_when_its_daemon_ends() {
        let scratch = Scratch::new("mode");
        let bound = listen(&scratch.path("a.sock")).unwrap();
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
        let bound = listen(&path).unwrap();
        let error = listen(&path).unwrap_err().to_string();
        let process = format!("a.sock: another daemon listens here (process {})", std::process::id());
        assert!(error.contains(&process), "{error}");
        assert!(UnixStream::connect(bound.path()).is_ok(), "the live one goes on");
    }

    #[test]
    fn the_file_of_a_successor_is_left_alone() {
        let scratch = Scratch::new("successor");
        let path = scratch.path("a.sock");
        let first = listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen(&path).unwrap();
        drop(first);
        assert!(UnixStream::connect(second.path()).is_ok());
    }

    #[test]
    fn no_file_that_is_no_socket_is_ever_touched() {
        let scratch = Scratch::new("file");
        let path = scratch.path("notes");
        fs::write(&path, "mine").unwrap();
        let error = listen(&path).unwrap_err().to_string();
        assert!(error.contains("no socket; set control.socket to another path"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_path_that_cannot_be_is_refused_with_what_would_be_right() {
        let scratch = Scratch::new("refused");
        let error = listen(&scratch.path("none/a.sock")).unwrap_err().to_string();
        assert!(error.contains("set control.socket to a path this user may write"), "{error}");
        let error = listen(&scratch.path(&"x".repeat(107))).unwrap_err().to_string();
        assert!(error.contains("too long for a socket's path"), "{error}");
        assert!(listen_at_default(&scratch.path("made/a.sock")).is_ok());
    }

    #[test]
    fn only_sockets_on_which_somebody_answers_are_found() {
        let scratch = Scratch::new("found");
        drop(UnixListener::bind(scratch.path("dead.sock")).unwrap());
        fs::write(scratch.path("file.sock"), "").unwrap();
        assert!(live(scratch.as_ref()).is_empty() && live(&scratch.path("none")).is_empty());
        let _b = listen(&scratch.path("b.sock")).unwrap();
        let _a = listen(&scratch.path("a.sock")).unwrap();
        let names: Vec<_> =
            live(scratch.as_ref()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.sock", "b.sock"]);
    }
}
