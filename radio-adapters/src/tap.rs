//! A radio that also writes every frame it carries to a pcapng file, which Wireshark and tcpdump
//! open. Frames get an Ethernet II header; stamps are wall-clock nanoseconds.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, OptionCode, PcapNGOption, SectionHeaderBlock,
    ToVec,
};
use v2x_proto::link::ethernet;

use crate::clock::ClockPair;
use crate::radio::{
    Capabilities, ChannelLoad, Counters, DEFAULT_ETHER_TYPE, LinkAddress, LinkState, MAX_FRAME_BYTES, Radio,
    RxMeta, TxFrame,
};

/// A radio with a recorder around another.
///
/// Writing goes through a buffer that is flushed by [`Tap::flush`] and on drop. A write that fails
/// is counted and never stops the radio.
pub struct Tap<R, W: Write + Send = File> {
    radio: R,
    out: BufWriter<W>,
    frame: Vec<u8>,
    bytes_left: u64,
    counters: TapCounters,
}

/// The state of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TapCounters {
    /// Frames written.
    pub written: u64,
    /// Frames left out because the file had reached its limit.
    pub over_limit: u64,
    /// Frames, or flushes, that failed to be written.
    pub write_errors: u64,
}

impl<R: Radio> Tap<R> {
    /// Records `radio` to a new file at `path`, replacing what was there, up to
    /// [`DEFAULT_LIMIT_BYTES`].
    ///
    /// # Errors
    /// The file could not be created or its head not written.
    pub fn create(radio: R, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let in_words =
            |e: io::Error| io::Error::new(e.kind(), format!("writing capture file {}: {e}", path.display()));
        let file = File::create(path).map_err(in_words)?;
        Self::new(radio, file, DEFAULT_LIMIT_BYTES).map_err(in_words)
    }
}

impl<R: Radio, W: Write + Send> Tap<R, W> {
    /// Records `radio` to `out`, at most about `limit_bytes` of it.
    ///
    /// # Errors
    /// The head of the file could not be written.
    pub fn new(radio: R, out: W, limit_bytes: u64) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
        out.write_all(&head(&radio.describe())?)?;
        out.flush()?;
        Ok(Self {
            radio,
            out,
            frame: Vec::with_capacity(ethernet::Header::LEN + MAX_FRAME_BYTES),
            bytes_left: limit_bytes,
            counters: TapCounters::default(),
        })
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The writer's own; also counted.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush().inspect_err(|_| self.counters.write_errors += 1)
    }

    /// The state of the recording so far.
    pub fn tap_counters(&self) -> TapCounters {
        self.counters
    }

    /// The radio inside.
    pub fn inner(&self) -> &R {
        &self.radio
    }

    fn record(&mut self, direction: Direction, at_ns: u64, source: LinkAddress, bytes: &[u8]) {
        self.frame.clear();
        self.frame.extend(ethernet::Header::broadcast(source.0, DEFAULT_ETHER_TYPE).encode());
        self.frame.extend_from_slice(bytes);
        let block = packet_block(direction, ClockPair::now().realtime_of(at_ns), &self.frame);
        if block.as_ref().is_ok_and(|block| block.len() as u64 > self.bytes_left) {
            self.counters.over_limit += 1;
            // A shorter frame later would leave an invisible gap.
            self.bytes_left = 0;
            return;
        }
        // On error BufWriter keeps what it holds and takes nothing new, so the file stays whole.
        let written = block.and_then(|block| {
            self.out.write_all(&block)?;
            Ok(block.len())
        });
        match written {
            Ok(bytes) => {
                self.bytes_left -= bytes as u64;
                self.counters.written += 1;
            }
            Err(_) => self.counters.write_errors += 1,
        }
    }
}

impl<R: Radio, W: Write + Send> Radio for Tap<R, W> {
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

impl<R: fmt::Debug, W: Write + Send> fmt::Debug for Tap<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("radio", &self.radio)
            .field("bytes_left", &self.bytes_left)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// Direction bits of `epb_flags` (draft-ietf-opsawg-pcapng, 4.3.1).
#[derive(Debug, Clone, Copy)]
enum Direction {
    Inbound = 1,
    Outbound = 2,
}

/// Section header, and the one interface all frames belong to. Lengths and magic numbers left at
/// zero are filled in by the serializer.
fn head(interface: &str) -> io::Result<Vec<u8>> {
    let mut section = SectionHeaderBlock {
        block_type: 0,
        block_len1: 0,
        bom: 0,
        major_version: 1,
        minor_version: 0,
        section_len: -1,
        options: vec![text(OptionCode(SHB_USERAPPL), "roadcast")],
        block_len2: 0,
    };
    let mut interface = InterfaceDescriptionBlock {
        block_type: 0,
        block_len1: 0,
        linktype: Linktype::ETHERNET,
        reserved: 0,
        snaplen: (ethernet::Header::LEN + MAX_FRAME_BYTES) as u32,
        if_tsresol: NANOSECONDS,
        if_tsoffset: 0,
        options: vec![text(OptionCode(IF_NAME), interface)],
        block_len2: 0,
    };
    let mut bytes = section.to_vec().map_err(io::Error::other)?;
    bytes.extend(interface.to_vec().map_err(io::Error::other)?);
    Ok(bytes)
}

fn packet_block(direction: Direction, realtime_ns: u64, frame: &[u8]) -> io::Result<Vec<u8>> {
    let flags = (direction as u32).to_le_bytes();
    let length = frame.len() as u32;
    let mut block = EnhancedPacketBlock {
        block_type: 0,
        block_len1: 0,
        if_id: 0,
        ts_high: (realtime_ns >> 32) as u32,
        ts_low: realtime_ns as u32,
        caplen: length,
        origlen: length,
        data: frame,
        options: vec![PcapNGOption {
            code: OptionCode(EPB_FLAGS),
            len: 4,
            value: Cow::Owned(flags.to_vec()),
        }],
        block_len2: 0,
    };
    block.to_vec().map_err(io::Error::other)
}

fn text(code: OptionCode, text: &str) -> PcapNGOption<'_> {
    // Longer names are of no use, and an option's length is 16 bits.
    let text = &text.as_bytes()[..text.len().min(255)];
    PcapNGOption { code, len: text.len() as u16, value: Cow::Borrowed(text) }
}

/// Default size limit of a recording: 1 GiB, hours of a loaded channel.
pub const DEFAULT_LIMIT_BYTES: u64 = 1 << 30;

/// Larger than any block, so that a block is buffered whole or not at all.
const BUFFER_BYTES: usize = 64 * 1024;

/// Option codes and values of draft-ietf-opsawg-pcapng: `shb_userappl`, `if_name`, `epb_flags`, and
/// the `if_tsresol` of 10^-9 s.
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const EPB_FLAGS: u16 = 2;
const NANOSECONDS: u8 = 9;

#[cfg(test)]
mod tests;
