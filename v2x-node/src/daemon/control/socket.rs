//! Opens the daemon's control socket.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, getegid, geteuid, getgroups};

use crate::config::LONGEST_SOCKET_PATH;
use crate::daemon::unix_socket::{Access, BindError, Bound, open_to};

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
    /// None of the usual places can be used.
    #[error(
        "no place for it: {0}; set control.socket to a path this user may write, or control.enabled = false"
    )]
    Nowhere(String),
    /// The configured group is not there.
    #[error("control.group: there is no group {0:?} on this machine")]
    NoGroup(String),
    /// This user cannot give a socket to the configured group.
    #[error("control.group: this user is not in the group {0:?} and cannot give it a socket")]
    NotAMember(String),
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

/// The users that a socket is for: this one alone, or those of a group too.
///
/// # Errors
/// [`SocketError::NoGroup`].
pub(super) fn access(group: Option<&str>) -> Result<Access, SocketError> {
    let Some(name) = group else { return Ok(Access::Owner) };
    let found = name.parse().ok().map(Gid::from_raw).or_else(|| {
        let group = Group::from_name(name).ok().flatten();
        group.map(|group| group.gid)
    });
    let gid = found.ok_or_else(|| SocketError::NoGroup(name.to_owned()))?;
    let member = geteuid().is_root() || getegid() == gid || getgroups().is_ok_and(|all| all.contains(&gid));
    if member { Ok(Access::Group(gid.as_raw())) } else { Err(SocketError::NotAMember(name.to_owned())) }
}

/// Listens at `path`.
///
/// # Errors
/// [`SocketError`]; a live daemon's socket and other files stay as they are.
pub(super) fn listen(path: &Path, access: Access) -> Result<Bound, SocketError> {
    Bound::at(path, access).map_err(|error| SocketError::of(error, path))
}

/// Listens as `name` in the first of these directories that this user may write; a missing one is made, mode 0700 or, for
/// a group, 0750.
///
/// # Errors
/// A live daemon has the name in that directory, or no directory can be used.
pub(super) fn listen_in(places: &[PathBuf], name: &Path, access: Access) -> Result<Bound, SocketError> {
    let mut reasons = Vec::new();
    for directory in places {
        let bound = prepare(directory, access)
            .map_err(|source| SocketError::Refused { path: directory.clone(), source })
            .and_then(|()| listen(&directory.join(name), access));
        match bound {
            Err(SocketError::Refused { source, .. }) => {
                reasons.push(format!("{}: {source}", directory.display()));
            }
            other => return other,
        }
    }
    Err(SocketError::Nowhere(reasons.join("; ")))
}

/// Makes the directory, or looks whether it can be trusted: in one that anybody may make, another user's or a link would
/// hand our socket to somebody else.
pub(crate) fn prepare(directory: &Path, access: Access) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(directory)?;
    let ours = found.is_dir() && found.uid() == geteuid().as_raw();
    let public = directory
        .parent()
        .is_some_and(|parent| fs::metadata(parent).is_ok_and(|parent| parent.mode() & ANYBODY_WRITES != 0));
    if public && !(ours && found.mode() & OTHERS_WRITE == 0) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is another user's, a link, or others may write it",
        ));
    }
    match access {
        Access::Group(group) if ours => open_to(directory, group, 0o750),
        _ => Ok(()),
    }
}

/// Mode bits.
const ANYBODY_WRITES: u32 = 0o002;
const OTHERS_WRITE: u32 = 0o022;

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
        let bound = listen(&scratch.path("a.sock"), Access::Owner).unwrap();
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
        let bound = listen(&path, Access::Owner).unwrap();
        let error = listen(&path, Access::Owner).unwrap_err().to_string();
        let process = format!("a.sock: another daemon listens here (process {})", std::process::id());
        assert!(error.contains(&process), "{error}");
        assert!(UnixStream::connect(bound.path()).is_ok(), "the live one goes on");
    }

    #[test]
    fn the_file_of_a_successor_is_left_alone() {
        let scratch = Scratch::new("successor");
        let path = scratch.path("a.sock");
        let first = listen(&path, Access::Owner).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen(&path, Access::Owner).unwrap();
        drop(first);
        assert!(UnixStream::connect(second.path()).is_ok());
    }

    #[test]
    fn no_file_that_is_no_socket_is_ever_touched() {
        let scratch = Scratch::new("file");
        let path = scratch.path("notes");
        fs::write(&path, "mine").unwrap();
        let error = listen(&path, Access::Owner).unwrap_err().to_string();
        assert!(error.contains("no socket; set control.socket to another path"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_path_that_cannot_be_is_refused_with_what_would_be_right() {
        let scratch = Scratch::new("refused");
        let error = listen(&scratch.path("none/a.sock"), Access::Owner).unwrap_err().to_string();
        assert!(error.contains("set control.socket to a path this user may write"), "{error}");
        let error = listen(&scratch.path(&"x".repeat(107)), Access::Owner).unwrap_err().to_string();
        assert!(error.contains("too long for a socket's path"), "{error}");
    }

    #[test]
    fn a_socket_without_a_configured_place_is_in_the_first_directory_that_can_be_used() {
        let scratch = Scratch::new("places");
        fs::write(scratch.path("file"), "").unwrap();
        let places = ["none/roadcast", "file/roadcast", "made", "later"].map(|name| scratch.path(name));
        let name = Path::new("a.sock");
        let bound = listen_in(&places, name, Access::Owner).unwrap();
        assert_eq!(bound.path(), scratch.path("made/a.sock"));
        assert_eq!(fs::metadata(scratch.path("made")).unwrap().permissions().mode() & 0o777, 0o700);
        let second = listen_in(&places, name, Access::Owner).unwrap_err();
        assert!(matches!(second, SocketError::Live { .. }), "{second}");
        let nowhere = listen_in(&places[..2], name, Access::Owner).unwrap_err().to_string();
        assert!(nowhere.starts_with("no place for it: ") && nowhere.contains("file/roadcast: "), "{nowhere}");
    }

    #[test]
    fn in_a_directory_of_anybody_only_one_of_our_own_is_trusted() {
        let scratch = Scratch::new("public");
        fs::set_permissions(&scratch, fs::Permissions::from_mode(0o1777)).unwrap();
        let [open, link, target] = ["open", "link", "target"].map(|name| scratch.path(name));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        fs::create_dir(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        for directory in [open, link] {
            let error = listen_in(&[directory], Path::new("a.sock"), Access::Owner).unwrap_err().to_string();
            assert!(error.contains("it is another user's, a link, or others may write it"), "{error}");
        }
        assert!(listen_in(&[target], Path::new("a.sock"), Access::Owner).is_ok());
    }

    #[test]
    fn a_group_may_use_a_socket_that_is_configured_for_it() {
        let scratch = Scratch::new("group");
        let group = getegid().as_raw();
        let access_of = |name: &str| access(Some(name));
        let ours = access_of(&group.to_string()).unwrap();
        let bound = listen_in(&[scratch.path("made")], Path::new("a.sock"), ours).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&scratch.path("made")), mode(bound.path())), (0o750, 0o660));
        let none = access_of("no-such-group").unwrap_err().to_string();
        assert_eq!(none, "control.group: there is no group \"no-such-group\" on this machine");
        assert_eq!(access(None).unwrap(), Access::Owner);
    }

    #[test]
    fn only_sockets_on_which_somebody_answers_are_found() {
        let scratch = Scratch::new("found");
        drop(UnixListener::bind(scratch.path("dead.sock")).unwrap());
        fs::write(scratch.path("file.sock"), "").unwrap();
        assert!(live(scratch.as_ref()).is_empty() && live(&scratch.path("none")).is_empty());
        let _b = listen(&scratch.path("b.sock"), Access::Owner).unwrap();
        let _a = listen(&scratch.path("a.sock"), Access::Owner).unwrap();
        let names: Vec<_> =
            live(scratch.as_ref()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.sock", "b.sock"]);
    }
}
