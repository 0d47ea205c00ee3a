//! One daemon for each credential on this machine.
//!
//! Two stations with one credential silence each other: each takes the other's messages for its own, and their neighbours
//! drop the numbers of whichever is behind. So a daemon locks a byte for each of its credentials, in a file beside the
//! control sockets (a record lock, fcntl(2)): the kernel gives it up when the process ends, however it ends, and says which
//! process holds it. The file stays, is empty, and stands in nobody's way. Network namespaces make no difference to it.
//!
//! Daemons of other users have other directories. Those are heard on the air instead (`clone_news.rs`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use v2x_api::socket;
use v2x_proto::Digest;

use crate::daemon::control::socket::prepare;
use crate::daemon::unix_socket::{Access, listening_process};

/// The locks on a daemon's credentials, until it is dropped or the process ends.
#[derive(Debug)]
pub struct CredentialLock {
    files: Vec<File>,
}

/// A daemon that runs signs with a credential of this station.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("credential {credential}: {}", in_words(self))]
pub struct CredentialInUse {
    credential: Digest,
    process: Option<i32>,
    socket: Option<PathBuf>,
    /// It has the control socket that this station would have: it is this station.
    is_this_station: bool,
}

impl CredentialInUse {
    /// The same, known to be this station itself where its holder listens at one of `own`, the places of this station's
    /// control socket.
    #[must_use]
    pub fn compared_with(self, own: &[PathBuf]) -> Self {
        let socket =
            own.iter().find(|path| self.process.is_some() && listening_process(path) == self.process);
        match socket.cloned() {
            Some(socket) => Self { socket: Some(socket), is_this_station: true, ..self },
            None => self,
        }
    }
}

impl CredentialLock {
    /// Locks these credentials in each of the directories of control sockets that this user may write.
    ///
    /// # Errors
    /// Another daemon holds one of them.
    pub fn take(credentials: &[Digest]) -> Result<Self, CredentialInUse> {
        Self::take_in(&socket::directories(), credentials)
    }

    fn take_in(directories: &[PathBuf], credentials: &[Digest]) -> Result<Self, CredentialInUse> {
        let files = directories.iter().filter_map(|directory| match open(directory) {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::debug!("no lock on credentials in {}: {error}", directory.display());
                None
            }
        });
        let lock = Self { files: files.collect() };
        if lock.files.is_empty() {
            tracing::warn!(
                "no directory for the locks on credentials: a second daemon with this credential would not be noticed"
            );
        }
        lock.add(credentials)?;
        Ok(lock)
    }

    /// Locks these credentials too; those that it holds already stay as they are.
    ///
    /// # Errors
    /// Another daemon holds one of them.
    pub fn add(&self, credentials: &[Digest]) -> Result<(), CredentialInUse> {
        for file in &self.files {
            for &credential in credentials {
                if let Err(Errno::EACCES | Errno::EAGAIN) =
                    fcntl(file, FcntlArg::F_SETLK(&byte_of(credential)))
                {
                    let process = holder_of(file, credential);
                    let socket = process.and_then(socket_of);
                    return Err(CredentialInUse { credential, process, socket, is_this_station: false });
                }
            }
        }
        Ok(())
    }
}

fn open(directory: &Path) -> io::Result<File> {
    prepare(directory, Access::Owner)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits()).open(directory.join(FILE))
}

/// The byte that stands for a credential: anywhere in the range of offsets, beyond the end of the file.
fn byte_of(credential: Digest) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: u64::from_be_bytes(credential.0) as libc::off_t & (libc::off_t::MAX >> 1),
        l_len: 1,
        l_pid: 0,
    }
}

/// The process that holds the lock; `None` when it has just let go, or is in another PID namespace.
fn holder_of(file: &File, credential: Digest) -> Option<i32> {
    let mut lock = byte_of(credential);
    fcntl(file, FcntlArg::F_GETLK(&mut lock)).ok()?;
    (lock.l_type != libc::F_UNLCK as libc::c_short && lock.l_pid > 0).then_some(lock.l_pid)
}

/// The control socket of a process, if it is in one of the usual places.
fn socket_of(process: i32) -> Option<PathBuf> {
    let all = socket::directories().into_iter().flat_map(|directory| socket::live(&directory));
    all.into_iter().find(|path| listening_process(path) == Some(process))
}

fn in_words(found: &CredentialInUse) -> String {
    let holder = holder(found.process, found.socket.as_deref());
    if found.is_this_station {
        return format!("this station runs already{holder}; stop that daemon before another is started");
    }
    format!(
        "another daemon on this machine signs with it{holder}, and two stations with one credential silence each other; stop \
         that one, or issue another credential for this station (roadcast keys issue)"
    )
}

fn holder(process: Option<i32>, socket: Option<&Path>) -> String {
    match (process, socket) {
        (Some(process), Some(socket)) => format!(" (process {process}, control socket {})", socket.display()),
        (Some(process), None) => format!(" (process {process})"),
        (None, _) => String::new(),
    }
}

/// Name of the file in each directory.
const FILE: &str = "credentials.lock";
