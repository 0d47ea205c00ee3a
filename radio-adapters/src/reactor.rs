//! Handing file descriptors to tokio.
#![allow(unsafe_code, reason = "AsyncFd trusts any AsRawFd")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::sys::timerfd::TimerFd;
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the current runtime. `AsyncFd` itself would panic outside of one.
///
/// # Errors
/// No tokio runtime around the caller, or the kernel's own.
pub(crate) fn register<T: Owned>(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
    // SAFETY: `Owned` promises what is asked for: one descriptor, owned, open until dropped. AsyncFd
    // lends its content by shared reference only, through which none of the three can be closed.
    Ok(unsafe { AsyncFd::register_with_interest(inner, interest)? })
}

/// A type that owns one file descriptor.
///
/// # Safety
/// `as_raw_fd` returns the same open descriptor from construction to drop.
pub(crate) unsafe trait Owned: AsRawFd {}

// SAFETY: OwnedFd closes its descriptor on drop only.
unsafe impl Owned for OwnedFd {}
// SAFETY: Socket wraps an OwnedFd.
unsafe impl Owned for Socket {}
// SAFETY: TimerFd wraps an OwnedFd, and nothing else is asked for its number.
unsafe impl Owned for Timer {}

/// A kernel timer that exposes its descriptor, which nix's type does not.
#[derive(Debug)]
pub(crate) struct Timer(pub(crate) TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        std::os::fd::AsFd::as_fd(&self.0).as_raw_fd()
    }
}
