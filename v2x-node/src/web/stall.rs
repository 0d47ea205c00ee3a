//! A reader that reads nothing holds no place: what is written has to be taken.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::patience::pause;

/// A connection whose writes fail once nothing of them was taken for [`WRITE_STALL`].
pub(super) struct Impatient<S> {
    stream: S,
    /// It has become a session, which has its own rule.
    is_session: Arc<AtomicBool>,
    /// Ends when what waits has waited too long; there while something waits.
    stall: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> Impatient<S> {
    /// Of this connection, as long as `is_session` is false.
    pub(super) fn new(stream: S, is_session: Arc<AtomicBool>) -> Self {
        Self { stream, is_session, stall: None }
    }

    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() || self.is_session.load(Relaxed) {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(pause(WRITE_STALL)));
        ready!(stall.as_mut().poll(cx));
        self.stall = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Sockets have nothing to flush, and close without waiting.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A reader that takes nothing for so long does not read. TCP has sent four times again in it what was lost (RFC 6298: after 1, 3, 7
/// and 15 s), so that one whose radio link was away for some seconds is not taken for that.
pub(super) const WRITE_STALL: Duration = Duration::from_secs(30);
