//! The socket on which HTTP is served, opened before anything else of it so that a port that is taken is told at once.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::socket::{AddressFamily, SockaddrLike as _, SockaddrStorage, getsockname};

use crate::config::ListenAddress;
use crate::daemon::unix_socket::{Access, BindError, Bound};
use crate::error::{Complaint, without_numbers};

/// A listening socket, non-blocking.
#[derive(Debug)]
pub enum Listening {
    /// At an address.
    Tcp(TcpListener),
    /// In the file system. Dropping what this process made removes the file.
    Unix(UnixListener, Option<Bound>),
}

/// Why HTTP cannot be served at an address. Prints as one line, with what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another process listens there.
    #[error("web: {0}: another process listens there: stop it, or take another port")]
    Taken(ListenAddress),
    /// The system refuses the address.
    #[error("web: {address}: cannot listen there: {}", without_numbers(&source.to_string()))]
    Refused {
        /// The address.
        address: ListenAddress,
        /// The system's error.
        source: io::Error,
    },
    /// The system refuses the file.
    #[error("web: {address}: {source}")]
    Socket {
        /// The address.
        address: ListenAddress,
        /// Why.
        source: BindError,
    },
}

impl Complaint for ListenError {}

impl Listening {
    /// Listens there.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn open(address: &ListenAddress) -> Result<Self, ListenError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::Taken(address.clone()),
            _ => ListenError::Refused { address: address.clone(), source },
        };
        match address {
            ListenAddress::Tcp(at) => {
                let listener = TcpListener::bind(at).map_err(refused)?;
                listener.set_nonblocking(true).map_err(refused)?;
                Ok(Self::Tcp(listener))
            }
            ListenAddress::Unix(path) => match Bound::at(path, Access::Owner) {
                Ok(bound) => Ok(Self::Unix(bound.listener().map_err(refused)?, Some(bound))),
                Err(BindError::Live { .. }) => Err(ListenError::Taken(address.clone())),
                Err(source) => Err(ListenError::Socket { address: address.clone(), source }),
            },
        }
    }

    /// The socket that this process was started with as its standard input.
    ///
    /// # Errors
    /// That is none.
    pub fn inherited() -> io::Result<Self> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        let address = getsockname::<SockaddrStorage>(socket.as_raw_fd())?;
        match address.family() {
            Some(AddressFamily::Inet | AddressFamily::Inet6) => Ok(Self::Tcp(TcpListener::from(socket))),
            Some(AddressFamily::Unix) => Ok(Self::Unix(UnixListener::from(socket), None)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The socket, to be a process's standard input.
    ///
    /// # Errors
    /// This process has no descriptors left.
    pub fn for_a_process(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(listener) => Ok(listener.try_clone()?.into()),
            Self::Unix(listener, _) => Ok(listener.try_clone()?.into()),
        }
    }

    /// Where it listens: the port that was free, where none was asked for.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(ListenAddress::Tcp),
            Self::Unix(listener, _) => {
                let address = listener.local_addr()?;
                Ok(ListenAddress::Unix(address.as_pathname().unwrap_or(Path::new("")).to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_or_socket_that_is_taken_is_told_and_nothing_is_taken_from_who_has_it() {
        let free = ListenAddress::parse("127.0.0.1:0").unwrap();
        let first = Listening::open(&free).unwrap();
        let there = first.address().unwrap();
        let said = Listening::open(&there).unwrap_err().to_string();
        let right = "another process listens there: stop it, or take another port";
        assert_eq!(said, format!("web: {there}: {right}"));

        let path = std::env::temp_dir().join(format!("roadcast-listening-{}.sock", std::process::id()));
        let there = ListenAddress::Unix(path.clone());
        let first = Listening::open(&there).unwrap();
        assert_eq!(first.address().unwrap(), there);
        let said = Listening::open(&there).unwrap_err().to_string();
        assert_eq!(said, format!("web: unix:{}: {right}", path.display()));
        drop(first);
        assert!(!path.exists());
        let nowhere = ListenAddress::parse("unix:/nowhere/a.sock").unwrap();
        assert!(
            Listening::open(&nowhere).unwrap_err().to_string().starts_with("web: unix:/nowhere/a.sock: ")
        );
    }
}
