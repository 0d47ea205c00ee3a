//! A datagram socket under tokio: waiting for it, and reading one frame straight into the caller's
//! buffer with what the kernel knows about it.
#![allow(unsafe_code, reason = "recvmsg fills uninitialised memory; only the kernel knows how much")]

use std::fmt;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{MaybeUninitSlice, MsgHdrMut, SockAddr, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::clock::ClockPair;
use crate::cmsg::{self, CONTROL_BYTES};
use crate::radio::{MAX_FRAME_BYTES, RxMeta};
use crate::reactor;

/// A non-blocking socket and the wakers of its one reader and one writer.
pub(crate) struct AsyncSocket {
    fd: Arc<AsyncFd<Socket>>,
    waiting: Option<Wait>,
    blocked: Option<AsyncFd<OwnedFd>>,
}

/// Waits for data or an error. Tokio's `poll_read_ready` would suffice if not for errors: an interface going
/// down raises `EPOLLERR` alone, which wakes only a waiter that asked for errors, and asking is
/// possible only through the future. It is boxed to survive between polls.
type Wait = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

impl AsyncSocket {
    /// Takes a socket over; it is made non-blocking.
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let interest = Interest::READABLE | Interest::ERROR;
        let fd = Arc::new(reactor::register(socket, interest)?);
        Ok(Self { fd, waiting: None, blocked: None })
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> &Socket {
        self.fd.get_ref()
    }

    /// Runs `read` until it no longer would block. While an earlier wait is pending, `read` is not
    /// run: polling an idle socket costs no system call.
    pub(crate) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&Socket) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if let Some(wait) = &mut self.waiting {
                let woken = ready!(wait.as_mut().poll(cx));
                self.waiting = None;
                woken?;
            }
            match read(self.fd.get_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting = Some(Box::pin(wait(Arc::clone(&self.fd))));
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Runs `write` until it no longer would block. Interest in writability is registered only while
    /// blocked: registered for good, every frame leaving the device would wake the task.
    pub(crate) fn poll_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&Socket) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            let mut guard = match &self.blocked {
                Some(blocked) => Some(ready!(blocked.poll_write_ready(cx))?),
                None => None,
            };
            match write(self.fd.get_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => match &mut guard {
                    Some(guard) => guard.clear_ready(),
                    None => {
                        let twin = OwnedFd::from(self.fd.get_ref().try_clone()?);
                        self.blocked = Some(reactor::register(twin, Interest::WRITABLE)?);
                    }
                },
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => {
                    self.blocked = None;
                    return Poll::Ready(other);
                }
            }
        }
    }
}

impl fmt::Debug for AsyncSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSocket")
            .field("socket", self.socket())
            .field("waiting", &self.waiting.is_some())
            .field("blocked", &self.blocked.is_some())
            .finish()
    }
}

/// One received datagram; its bytes are in the caller's buffer unless it was oversized.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// Bytes of the datagram, those in the header included; of one that was oversized, those there was room for.
    pub(crate) length: usize,
    /// Bytes appended.
    pub(crate) bytes: usize,
    /// The datagram was longer than [`MAX_FRAME_BYTES`]; nothing was appended.
    pub(crate) oversized: bool,
    /// Wall-clock stamp of the kernel, converted; see [`RxMeta::kernel_receive_ns`].
    pub(crate) kernel_receive_ns: Option<u64>,
    /// See [`RxMeta::user_receive_ns`].
    pub(crate) user_receive_ns: u64,
    /// Drops of this socket so far, modulo 2^32, if the kernel reported any.
    pub(crate) dropped: Option<u32>,
}

impl Received {
    /// The metadata for the caller of the radio, with the sender's address.
    pub(crate) fn meta(&self, source: crate::LinkAddress) -> RxMeta {
        RxMeta {
            source,
            kernel_receive_ns: self.kernel_receive_ns,
            user_receive_ns: self.user_receive_ns,
            ..RxMeta::default()
        }
    }
}

/// Asks the kernel for receive stamps and drop counts, and for `receive_buffer` bytes of queue:
/// without `CAP_NET_ADMIN` the kernel caps it at `net.core.rmem_max`.
pub(crate) fn prepare(socket: &Socket, receive_buffer: usize) -> io::Result<()> {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(socket, sockopt::RxqOvfl, &1)?;
    set_receive_buffer(socket, receive_buffer)
}

/// Asks for `bytes` of receive queue: without `CAP_NET_ADMIN` the kernel caps it at `net.core.rmem_max`.
pub(crate) fn set_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    setsockopt(socket, sockopt::RcvBufForce, &bytes)
        .or_else(|_| setsockopt(socket, sockopt::RcvBuf, &bytes))?;
    Ok(())
}

/// Receives one datagram: its first bytes into `header`, the rest appended to `buf`, its sender (if
/// wanted) into `from`.
///
/// `from` must be made of an address of the socket's family; the kernel overwrites it.
pub(crate) fn receive(
    socket: &Socket,
    header: &mut [u8],
    from: Option<&mut SockAddr>,
    buf: &mut BytesMut,
) -> io::Result<Received> {
    let header_bytes = header.len();
    let mut control = [MaybeUninit::new(0u8); CONTROL_BYTES];
    buf.reserve(MAX_FRAME_BYTES);
    let (length, truncated, control_bytes) = {
        let room = &mut buf.spare_capacity_mut()[..MAX_FRAME_BYTES];
        let mut slices = [MaybeUninitSlice::new(as_uninit(header)), MaybeUninitSlice::new(room)];
        let mut message = MsgHdrMut::new().with_control(&mut control);
        message = match from {
            Some(from) => message.with_addr(from),
            None => message,
        };
        // An empty first slice is legal, but would be handed to the kernel needlessly.
        let first = usize::from(header_bytes == 0);
        let mut message = message.with_buffers(&mut slices[first..]);
        let length = socket.recvmsg(&mut message, 0)?;
        (length, message.flags().is_truncated(), message.control_len())
    };
    let clocks = ClockPair::now();
    let bytes = if truncated { 0 } else { length.saturating_sub(header_bytes) };
    // SAFETY: without truncation recvmsg wrote `length` bytes, the first `header_bytes` of them to
    // `header` and the other `bytes` to the start of the spare capacity, which holds as many.
    unsafe { buf.advance_mut(bytes) };
    // SAFETY: every byte of `control` was initialised with zero, and recvmsg writes only values.
    let control = control.map(|byte| unsafe { byte.assume_init() });
    let control = cmsg::parse(&control[..control_bytes.min(CONTROL_BYTES)]);
    Ok(Received {
        length,
        bytes,
        oversized: truncated,
        kernel_receive_ns: control.realtime_ns.and_then(|ns| clocks.monotonic_of(ns)),
        user_receive_ns: clocks.monotonic_ns,
        dropped: control.dropped,
    })
}

/// A kernel counter that restarts with each socket and wraps at 2^32, made to grow for ever.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WrappingCount {
    last: u32,
    total: u64,
}

impl WrappingCount {
    /// Takes the kernel's latest value.
    pub(crate) fn update(&mut self, value: u32) {
        self.total += u64::from(value.wrapping_sub(self.last));
        self.last = value;
    }

    /// A new socket counts from zero.
    pub(crate) fn restart(&mut self) {
        self.last = 0;
    }

    /// All counted so far.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

async fn wait(fd: Arc<AsyncFd<Socket>>) -> io::Result<()> {
    // Cleared before the next read rather than after a failed one: whatever arrives in between sets
    // it again, and the reader reads until the socket would block.
    fd.ready(Interest::READABLE | Interest::ERROR).await?.clear_ready();
    Ok(())
}

fn as_uninit(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the slice is only ever handed to
    // recvmsg, which writes initialised bytes.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_count_survives_wrapping_and_a_new_socket() {
        let mut count = WrappingCount::default();
        count.update(u32::MAX);
        count.update(4);
        assert_eq!(count.total(), u64::from(u32::MAX) + 5);
        count.restart();
        count.update(3);
        assert_eq!(count.total(), u64::from(u32::MAX) + 8);
    }
}
