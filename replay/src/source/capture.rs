//! Frames out of a packet capture: pcapng and classic pcap (micro- and nanoseconds), plain or gzip, one at a time.
//!
//! Yielded are frames of Roadcast's EtherType, and datagrams of a link over UDP; everything else is named and counted. Memory
//! is one block ([`MAX_BLOCK_BYTES`]) and bounded lists of interfaces and counts, whatever the size of the file.

mod left_out;

use core::net::SocketAddrV4;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use pcap_parser::{Block, PcapHeader, PcapNGOption};
use v2x_proto::hop;
use v2x_proto::link::{LinkType, Unread, ip};

pub use self::left_out::{LeftOut, LeftOutCounts};
use super::TraceError;
use super::bounded::is_damage;
use super::kind::{Kind, PREFIX_BYTES, of_prefix};

/// What of a capture is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// EtherType of the frames.
    pub ether_type: u16,
    /// Multicast group and port of a link over UDP: only what came to it. `None`: frames of the EtherType, and datagrams to any
    /// group that begin as a frame does.
    pub group: Option<SocketAddrV4>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { ether_type: ETHER_TYPE, group: None }
    }
}

/// Opens a capture file; `-` is standard input.
///
/// # Errors
/// [`TraceError`] when it cannot be opened or is no capture.
pub fn open(path: &Path, filter: Filter) -> Result<CaptureReader<Box<dyn BufRead>>, TraceError> {
    if path == Path::new("-") {
        return decompressed(BufReader::new(std::io::stdin()), "standard input", filter);
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => decompressed(BufReader::new(file), &name, filter),
        Err(source) => Err(TraceError::Open { name, source }),
    }
}

fn decompressed(
    mut input: impl BufRead + 'static,
    name: &str,
    filter: Filter,
) -> Result<CaptureReader<Box<dyn BufRead>>, TraceError> {
    let start = input.fill_buf().map_err(|source| TraceError::Read { name: name.to_owned(), source })?;
    let reader: Box<dyn BufRead> = if of_prefix(start) == Kind::Gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    };
    CaptureReader::new(reader, name, filter)
}

/// One captured frame of Roadcast's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// When it was captured: Unix time in ns. `None` for a block that carries no time.
    pub time_ns: Option<u64>,
    /// Link address of its sender; for a datagram the one that stands for its sender's address and port.
    pub source: [u8; 6],
    /// What follows the EtherType, or what the datagram carries. Frames may carry padding or a check sequence behind the
    /// message that the capture does not announce.
    pub frame: Bytes,
    /// How many of its bytes the capturing side left out (snap length); such a frame cannot be decoded.
    pub missing: u32,
    /// Name of the interface, `"0"`, `"1"` .. for one without a name.
    pub interface: Arc<str>,
}

/// An iterator over the frames of a capture. It ends at the end of the file or where the file breaks off;
/// [`Self::cut`] returns which.
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: R,
    filter: Filter,
    format: Format,
    interfaces: Vec<Interface>,
    block: Vec<u8>,
    packets: u64,
    tally: LeftOutCounts,
    cut: Option<String>,
    done: bool,
}

impl<R: BufRead> CaptureReader<R> {
    /// Starts reading a capture; `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`TraceError::WrongKind`] when it is no capture, [`TraceError::Malformed`] when its header is cut.
    pub fn new(mut input: R, name: &str, filter: Filter) -> Result<Self, TraceError> {
        let name = name.to_owned();
        let mut start = Vec::new();
        let outcome = input.by_ref().take(CLASSIC_HEADER).read_to_end(&mut start);
        match outcome {
            Err(source) if !is_damage(&source) => return Err(TraceError::Read { name, source }),
            _ => {}
        }
        let found = of_prefix(&start);
        if found != Kind::Capture {
            if found == Kind::Empty {
                let why = "the file is empty".to_owned();
                return Err(TraceError::NothingUsable { name, why });
            }
            // A longer prefix distinguishes text from binary better.
            let mut more = start;
            let rest = (PREFIX_BYTES - more.len()) as u64;
            let _more_or_damage = input.take(rest).read_to_end(&mut more);
            return Err(TraceError::WrongKind {
                name,
                found: of_prefix(&more).to_string(),
                kind: of_prefix(&more),
                wanted: "a packet capture (pcapng or pcap)",
            });
        }
        let mut reader = Self {
            input,
            filter,
            format: Format::Ng { big_endian: false },
            interfaces: Vec::new(),
            block: Vec::new(),
            packets: 0,
            tally: LeftOutCounts::default(),
            cut: None,
            done: false,
        };
        if start.starts_with(&SECTION.to_be_bytes()) {
            // The section header is a block like others: it is read again from the start.
            reader.block = start;
            return Ok(reader);
        }
        let Ok((_, header)) = pcap_parser::parse_pcap_header(&start) else {
            return Err(TraceError::Malformed {
                name,
                line: 1,
                detail: "the capture's header is cut".to_owned(),
            });
        };
        reader.interfaces.push(Interface {
            link: LinkType::from_number(header.network.0 & 0xffff),
            check_sequence: classic_check_sequence(header.network.0),
            name: "0".into(),
            ticks: Ticks::Decimal(if header.is_nanosecond_precision() { 9 } else { 6 }),
            offset_s: 0,
        });
        reader.format = Format::Classic(Box::new(header));
        Ok(reader)
    }

    /// What was left out so far, by reason.
    pub fn tally(&self) -> &LeftOutCounts {
        &self.tally
    }

    /// Packets read so far, yielded or not: the number that other tools give the last one.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Why reading ended before the end of the capture, once it has; `None` for a whole one.
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// The next block of the file, whole in `self.block`; `false` at its end.
    fn next_block(&mut self) -> Result<bool, Cut> {
        match &self.format {
            Format::Classic(header) => {
                let header_bytes = if header.is_modified_format() { 24 } else { 16 };
                let big_endian = header.is_bigendian();
                self.block.clear();
                if !self.fill_to(header_bytes)? {
                    return Ok(false);
                }
                if let Some(appended) = appended(&self.block) {
                    return Err(Cut(format!(
                        "{appended} is appended here, as by cat; merge them with mergecap"
                    )));
                }
                let length = word(&self.block, 8, big_endian) as usize;
                self.body(header_bytes, header_bytes.saturating_add(length))
            }
            Format::Ng { big_endian } => {
                let mut big_endian = *big_endian;
                // What the constructor read ahead is longer than this part of any block but a cut one.
                if !self.fill_to(8)? {
                    return Ok(false);
                }
                if word(&self.block, 0, true) == SECTION {
                    self.fill_to(12)?;
                    big_endian = match word(&self.block, 8, true) {
                        BYTE_ORDER => true,
                        order if order.swap_bytes() == BYTE_ORDER => false,
                        _ => return Err(Cut("a section with no byte order".to_owned())),
                    };
                    self.format = Format::Ng { big_endian };
                }
                if let Some(appended) = appended(&self.block) {
                    return Err(Cut(format!(
                        "{appended} is appended here, as by cat; merge them with mergecap"
                    )));
                }
                let length = word(&self.block, 4, big_endian) as usize;
                if length < 12 || !length.is_multiple_of(4) {
                    return Err(Cut(format!("a block of {length} bytes")));
                }
                self.body(8, length)
            }
        }
    }

    fn body(&mut self, least: usize, length: usize) -> Result<bool, Cut> {
        if length > MAX_BLOCK_BYTES {
            return Err(Cut(format!("a block of {length} bytes; the most is {MAX_BLOCK_BYTES}")));
        }
        if self.block.len() > length.max(least) {
            // Only of a first section shorter than what was read ahead of it, which no valid section is.
            return Err(Cut(format!("a section header of {length} bytes")));
        }
        self.fill_to(length)
    }

    /// Reads until the block has `length` bytes; `false` when the file ends cleanly before the first of them.
    fn fill_to(&mut self, length: usize) -> Result<bool, Cut> {
        let missing = length.saturating_sub(self.block.len());
        if missing == 0 {
            return Ok(true);
        }
        let outcome = self.input.by_ref().take(missing as u64).read_to_end(&mut self.block);
        match outcome {
            Err(error) => Err(Cut(error.to_string())),
            Ok(_) if self.block.len() >= length => Ok(true),
            Ok(_) if self.block.is_empty() => Ok(false),
            Ok(_) => Err(Cut("the file ends inside a block".to_owned())),
        }
    }

    /// What the block in `self.block` yields.
    fn take_block(&mut self) -> Result<Option<CapturedFrame>, Cut> {
        let block = std::mem::take(&mut self.block);
        let frame = match &self.format {
            Format::Classic(header) => {
                let header_bytes = if header.is_modified_format() { 24 } else { 16 };
                let big_endian = header.is_bigendian();
                let at = |place| word(&block, place, big_endian);
                let unit = self.interfaces[0].ticks.per_second();
                let ticks = u64::from(at(0)) * unit + u64::from(at(4));
                let data = block.get(header_bytes..).unwrap_or_default();
                let packet = Packet {
                    interface: 0,
                    ticks: Some(ticks),
                    data,
                    missing: at(12).saturating_sub(at(8)),
                    check_sequence: None,
                };
                self.packet(&packet)
            }
            Format::Ng { big_endian } => self.take_ng(&block, *big_endian)?,
        };
        self.block = block;
        self.block.clear();
        Ok(frame)
    }

    fn take_ng(&mut self, block: &[u8], big_endian: bool) -> Result<Option<CapturedFrame>, Cut> {
        if word(block, 0, big_endian) == OBSOLETE_PACKET {
            return self.take_obsolete(block, big_endian);
        }
        let parsed =
            if big_endian { pcap_parser::parse_block_be(block) } else { pcap_parser::parse_block_le(block) };
        let Ok((_, parsed)) = parsed else {
            return Err(Cut("a malformed block".to_owned()));
        };
        match parsed {
            Block::SectionHeader(_) => {
                // Interfaces are numbered afresh in each section.
                self.interfaces.clear();
                Ok(None)
            }
            Block::InterfaceDescription(interface) => {
                if self.interfaces.len() >= MAX_INTERFACES {
                    return Err(Cut(format!("more than {MAX_INTERFACES} interfaces")));
                }
                let number = self.interfaces.len().to_string();
                let name = match interface.if_name() {
                    Some(Ok(name)) => name.trim_end_matches('\0'),
                    _ => "",
                };
                self.interfaces.push(Interface {
                    link: LinkType::from_number(interface.linktype.0),
                    check_sequence: check_sequence_option(&interface.options),
                    name: if name.is_empty() { &number } else { name }.into(),
                    ticks: Ticks::from_option(interface.if_tsresol),
                    offset_s: interface.if_tsoffset,
                });
                Ok(None)
            }
            Block::EnhancedPacket(packet) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let Some(data) = packet.data.get(..packet.caplen as usize) else {
                    return Err(Cut("a packet longer than its block".to_owned()));
                };
                let packet = Packet {
                    interface: packet.if_id as usize,
                    ticks: Some(ticks),
                    data,
                    missing: packet.origlen.saturating_sub(packet.caplen),
                    check_sequence: check_sequence_flag(&packet.options, big_endian),
                };
                Ok(self.packet(&packet))
            }
            Block::SimplePacket(packet) => {
                let length = (packet.origlen as usize).min(packet.data.len());
                let missing = packet.origlen - length as u32;
                let data = &packet.data[..length];
                Ok(self.packet(&Packet { interface: 0, ticks: None, data, missing, check_sequence: None }))
            }
            _ => Ok(None),
        }
    }

    /// A packet block as there was before the enhanced one: interface and count of drops (16 bits each), time, captured
    /// and original length, data.
    fn take_obsolete(&mut self, block: &[u8], big_endian: bool) -> Result<Option<CapturedFrame>, Cut> {
        let at = |place| word(block, place, big_endian);
        let Some(data) = block.get(28..).and_then(|data| data.get(..at(20) as usize)) else {
            return Err(Cut("a packet longer than its block".to_owned()));
        };
        let interface = if big_endian { at(8) >> 16 } else { at(8) & 0xffff } as usize;
        let ticks = Some(u64::from(at(12)) << 32 | u64::from(at(16)));
        let missing = at(24).saturating_sub(at(20));
        Ok(self.packet(&Packet { interface, ticks, data, missing, check_sequence: None }))
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Option<CapturedFrame> {
        self.packets += 1;
        match self.read(packet) {
            Ok(frame) => Some(frame),
            Err(left_out) => {
                self.tally.add(left_out);
                None
            }
        }
    }

    fn read(&self, packet: &Packet<'_>) -> Result<CapturedFrame, LeftOut> {
        let interface = self.interfaces.get(packet.interface).ok_or(LeftOut::NoInterface)?;
        let mut data = packet.data;
        if interface.link.ends_in_check_sequence() {
            // What the capturing side left out is the end, check sequence first.
            let announced = packet.check_sequence.unwrap_or(interface.check_sequence);
            let captured = announced.saturating_sub(packet.missing as usize);
            data = &data[..data.len().saturating_sub(captured)];
        }
        let stripped = interface.link.strip(data).map_err(LeftOut::Link)?;
        let (source, frame) = match stripped.ether_type {
            ours if ours == self.filter.ether_type && self.filter.group.is_none() => {
                (stripped.source, stripped.payload)
            }
            ip::ETHER_TYPE => {
                let datagram = ip::strip(stripped.payload).map_err(|unread| match unread {
                    Unread::NotUdp => LeftOut::EtherType(ip::ETHER_TYPE),
                    other => LeftOut::Link(other),
                })?;
                let wanted = match self.filter.group {
                    Some(group) => datagram.destination == group,
                    None => datagram.destination.ip().is_multicast() && hop::parse(datagram.payload).is_ok(),
                };
                if !wanted {
                    return Err(LeftOut::Datagram);
                }
                (ip::link_address(datagram.source), datagram.payload)
            }
            other => return Err(LeftOut::EtherType(other)),
        };
        Ok(CapturedFrame {
            time_ns: packet.ticks.map(|ticks| interface.unix_ns(ticks)),
            source,
            frame: Bytes::copy_from_slice(frame),
            missing: packet.missing,
            interface: Arc::clone(&interface.name),
        })
    }
}

impl<R: BufRead> Iterator for CaptureReader<R> {
    type Item = CapturedFrame;

    fn next(&mut self) -> Option<CapturedFrame> {
        while !self.done {
            let step =
                self.next_block().and_then(|more| if more { self.take_block().map(Some) } else { Ok(None) });
            match step {
                Ok(Some(Some(frame))) => return Some(frame),
                Ok(Some(None)) => {}
                Ok(None) => self.done = true,
                Err(Cut(why)) => {
                    self.cut = Some(why);
                    self.done = true;
                }
            }
        }
        None
    }
}

#[derive(Debug)]
enum Format {
    Classic(Box<PcapHeader>),
    Ng { big_endian: bool },
}

/// Why reading stops here.
struct Cut(String);

/// A packet as its block has it.
struct Packet<'b> {
    interface: usize,
    ticks: Option<u64>,
    data: &'b [u8],
    missing: u32,
    /// Bytes of check sequence, where the packet itself states them.
    check_sequence: Option<usize>,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    /// Bytes of check sequence at the end of each frame.
    check_sequence: usize,
    name: Arc<str>,
    ticks: Ticks,
    offset_s: i64,
}

impl Interface {
    fn unix_ns(&self, ticks: u64) -> u64 {
        let since = u128::from(ticks) * 1_000_000_000 / u128::from(self.ticks.per_second());
        let offset = i128::from(self.offset_s) * 1_000_000_000;
        let ns = i128::try_from(since).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

/// Unit of a time stamp: 10 or 2 to the power of minus this.
#[derive(Clone, Copy, Debug)]
enum Ticks {
    Decimal(u32),
    Binary(u32),
}

impl Ticks {
    /// From pcapng's `if_tsresol`: the top bit selects the base. Finer than 64 bits can count is read as the finest.
    fn from_option(option: u8) -> Self {
        let power = u32::from(option & 0x7f);
        if option & 0x80 == 0 { Self::Decimal(power.min(19)) } else { Self::Binary(power.min(63)) }
    }

    fn per_second(self) -> u64 {
        match self {
            Self::Decimal(power) => 10u64.pow(power),
            Self::Binary(power) => 1 << power,
        }
    }
}

/// Bytes of check sequence by the upper bits of a classic header's link type: whether it is stated, and how many
/// 16-bit words it has (draft-ietf-opsawg-pcap, 4).
fn classic_check_sequence(network: i32) -> usize {
    let network = network as u32;
    if network & CHECK_SEQUENCE_STATED == 0 { 0 } else { (network >> 28) as usize * 2 }
}

/// Bytes of check sequence by the option `if_fcslen`. The draft counts bits, and tools write bytes.
fn check_sequence_option(options: &[PcapNGOption<'_>]) -> usize {
    let option = options.iter().find(|option| option.code.0 == IF_FCSLEN);
    match option.and_then(|option| option.value.first()) {
        Some(bits) if bits.is_multiple_of(8) => usize::from(bits / 8),
        Some(bytes) => usize::from(*bytes),
        None => 0,
    }
}

/// Bytes of check sequence by bits 5 to 8 of the option `epb_flags`; `None` when they say nothing.
fn check_sequence_flag(options: &[PcapNGOption<'_>], big_endian: bool) -> Option<usize> {
    let option = options.iter().find(|option| option.code.0 == EPB_FLAGS)?;
    let bytes = word(&option.value, 0, big_endian) >> 5 & 0xf;
    (bytes > 0).then_some(bytes as usize)
}

/// What a block's first bytes are when they begin another capture file.
fn appended(block: &[u8]) -> Option<&'static str> {
    let magic = word(block, 0, true);
    let classic = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34];
    classic
        .iter()
        .any(|known: &u32| magic == *known || magic == known.swap_bytes())
        .then_some("a classic capture")
}

/// The 32 bits at a place; 0 beyond the end, which no caller asks for.
fn word(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

/// Roadcast's EtherType unless configured otherwise: the first local experimental one (IEEE 802).
pub const ETHER_TYPE: u16 = 0x88b5;

/// The largest block of a capture: several times the largest packet any common tool writes.
pub const MAX_BLOCK_BYTES: usize = 1 << 20;

/// The most interfaces of a section.
pub const MAX_INTERFACES: usize = 1024;

const SECTION: u32 = 0x0a0d_0d0a;
/// The packet block before there was an enhanced one; old files have it.
const OBSOLETE_PACKET: u32 = 2;
/// Options of draft-ietf-opsawg-pcapng.
const IF_FCSLEN: u16 = 13;
const EPB_FLAGS: u16 = 2;
/// Bit 26 of a classic header's link type.
const CHECK_SEQUENCE_STATED: u32 = 1 << 26;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Bytes of a classic capture's header; no more than the shortest section header of a pcapng.
const CLASSIC_HEADER: u64 = 24;

#[cfg(test)]
mod tests;
