//! A radio that also writes every frame it carries to a pcapng file, which Wireshark and tcpdump
//! open. Frames get an Ethernet II header; stamps are wall-clock nanoseconds.

mod file;
mod pcapng;
mod state;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;

use self::file::{Parts, TapFile};
use self::pcapng::Direction;
use self::state::{QUEUE_BYTES, Shared};
use crate::clock::ClockPair;
use crate::destination;
use crate::queue::{Queue, queue};
use crate::radio::{
    Capabilities, ChannelLoad, Counters, LinkAddress, LinkState, Radio, RxMeta, TransmitStatus, TxFrame,
};
use crate::writer::Writer;

pub use self::state::{DEFAULT_LIMIT_BYTES, TapCounters, TapLink, Tell};

/// A radio with a capture around another.
///
/// A thread writes the file ([`crate::writer`]). When it cannot write, or the file is at its limit, frames are left out and
/// counted; the file ends after its last whole frame, and the radio goes on.
pub struct Tap<R> {
    radio: R,
    queue: Queue,
    shared: Arc<Shared>,
}

/// The capture of a tap that is inside a station: its counts, and its end.
#[derive(Debug)]
pub struct TapWatch {
    shared: Arc<Shared>,
    writer: Writer<TapFile<std::fs::File>>,
}

impl TapWatch {
    /// The state of the capture so far.
    pub fn counters(&self) -> TapCounters {
        self.shared.counters()
    }

    /// Asks the thread to write what is queued and to end.
    pub fn end(&self) {
        self.writer.end();
    }

    /// Waits for that, `until` at most; false when it did not come to an end.
    pub fn wait(&mut self, until: Instant) -> bool {
        self.writer.wait(until).is_some()
    }
}

impl<R: Radio> Tap<R> {
    /// Captures `radio` to a new file at `path`, replacing what was there, up to
    /// [`DEFAULT_LIMIT_BYTES`]. What becomes of it later is said by `tell`.
    ///
    /// # Errors
    /// The file cannot be created, and that will not pass by itself ([`destination::may_pass`]); there is no thread.
    pub fn create(
        radio: R,
        link: &TapLink,
        path: impl AsRef<Path>,
        tell: Tell,
    ) -> io::Result<(Self, TapWatch)> {
        let path = path.as_ref();
        let in_words =
            |e: io::Error| io::Error::new(e.kind(), format!("writing capture file {}: {e}", path.display()));
        let file = match destination::create(path) {
            Ok(file) => Some(file),
            // The thread tries again, and says so.
            Err(error) if destination::may_pass(&error) || is_unread(path) => None,
            Err(error) => return Err(in_words(error)),
        };
        let (radio, parts) = Self::parts(radio, link, path, tell, DEFAULT_LIMIT_BYTES).map_err(in_words)?;
        let shared = Arc::clone(&radio.shared);
        let writer = Writer::start("capture", TapFile::new(parts, file)).map_err(in_words)?;
        Ok((radio, TapWatch { shared, writer }))
    }

    /// The radio, and what the thread needs.
    fn parts(
        radio: R,
        link: &TapLink,
        path: &Path,
        tell: Tell,
        limit_bytes: u64,
    ) -> io::Result<(Self, Parts)> {
        let head = pcapng::head(link, &radio.describe(), radio.link_address());
        let (queue, records) = queue(QUEUE_BYTES);
        let shared = Arc::new(Shared::default());
        let parts = Parts {
            records,
            shared: Arc::clone(&shared),
            tell,
            path: path.to_owned(),
            head,
            ether_type: link.ether_type,
            limit_bytes,
        };
        Ok((Self { radio, queue, shared }, parts))
    }

    /// The state of the capture so far.
    pub fn tap_counters(&self) -> TapCounters {
        self.shared.counters()
    }

    /// The radio inside.
    pub fn inner(&self) -> &R {
        &self.radio
    }

    fn record(&mut self, direction: Direction, at_ns: u64, source: LinkAddress, bytes: &[u8]) {
        let at = ClockPair::now().realtime_of(at_ns).to_le_bytes();
        if !self.queue.push(&[&[direction as u8], &at, &source.0, bytes]) {
            self.shared.too_slow.fetch_add(1, Relaxed);
        }
    }
}

impl<R: Radio> Radio for Tap<R> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let start = buf.len();
        let meta = ready!(self.radio.poll_recv(cx, buf))?;
        let at_ns = meta.kernel_receive_ns.unwrap_or(meta.user_receive_ns);
        self.record(Direction::Inbound, at_ns, meta.source, &buf[start..]);
        Poll::Ready(Ok(meta))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        let sent_ns = ready!(self.radio.poll_send(cx, frame))?;
        let source = frame.source.unwrap_or_else(|| self.radio.link_address());
        self.record(Direction::Outbound, sent_ns, source, frame.bytes);
        Poll::Ready(Ok(sent_ns))
    }

    fn capabilities(&self) -> Capabilities {
        self.radio.capabilities()
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        self.radio.poll_channel_load(cx)
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        self.radio.poll_transmit_status()
    }

    fn link_address(&self) -> LinkAddress {
        self.radio.link_address()
    }

    fn counters(&self) -> Counters {
        self.radio.counters()
    }

    fn describe(&self) -> String {
        format!("{}, recorded", self.radio.describe())
    }

    fn state(&self) -> LinkState {
        self.radio.state()
    }
}

impl<R: fmt::Debug> fmt::Debug for Tap<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("radio", &self.radio)
            .field("counters", &self.shared.counters())
            .finish_non_exhaustive()
    }
}

/// Whether `path` is a FIFO: whoever reads it may come later.
fn is_unread(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(test)]
mod tests;
