//! Frames out of a packet capture: pcapng and classic pcap (micro- and nanoseconds), plain or gzip, one at a time.
//!
//! Only frames of Roadcast's EtherType are yielded; everything else is counted as foreign. Memory is one block
//! ([`MAX_BLOCK_BYTES`]) and a bounded list of interfaces, whatever the size of the file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use pcap_parser::{Block, PcapHeader};
use v2x_proto::link::LinkType;

use super::TraceError;
use super::bounded::is_damage;
use super::kind::{Kind, PREFIX_BYTES, of_prefix};

/// Opens a capture file.
///
/// # Errors
/// [`TraceError`] when it cannot be opened or is no capture.
pub fn open(path: &Path, ether_type: u16) -> Result<CaptureReader<Box<dyn BufRead>>, TraceError> {
    let name = path.display().to_string();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(source) => return Err(TraceError::Open { name, source }),
    };
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(|source| TraceError::Read { name: name.clone(), source })?;
    let reader: Box<dyn BufRead> = if of_prefix(start) == Kind::Gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    CaptureReader::new(reader, &name, ether_type)
}

/// One captured frame of Roadcast's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// When it was captured: Unix time in ns. 0 for a block that carries no time.
    pub time_ns: u64,
    /// Link address of its sender.
    pub source: [u8; 6],
    /// What follows the EtherType. Short Ethernet frames may carry padding behind the message.
    pub frame: Bytes,
    /// Name of the interface, `"0"`, `"1"` .. for one without a name.
    pub interface: Arc<str>,
}

/// An iterator over the frames of a capture. It ends at the end of the file or where the file breaks off;
/// [`Self::cut`] returns which.
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: R,
    ether_type: u16,
    format: Format,
    interfaces: Vec<Interface>,
    block: Vec<u8>,
    counts: Counts,
    cut: Option<String>,
    done: bool,
}

/// What a capture held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames yielded.
    pub frames: u64,
    /// Frames of another EtherType or link type, or not understood.
    pub foreign: u64,
    /// Frames cut by the capturing side (snap length): unusable, left out.
    pub clipped: u64,
}

impl<R: BufRead> CaptureReader<R> {
    /// Starts reading a capture; `name` stands for the file in errors. `ether_type` is Roadcast's, unless configured
    /// otherwise 0x88B5 ([`ETHER_TYPE`]).
    ///
    /// # Errors
    /// [`TraceError::WrongKind`] when it is no capture, [`TraceError::Malformed`] when its header is cut.
    pub fn new(mut input: R, name: &str, ether_type: u16) -> Result<Self, TraceError> {
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
            ether_type,
            format: Format::Ng { big_endian: false },
            interfaces: Vec::new(),
            block: Vec::new(),
            counts: Counts::default(),
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
            name: "0".into(),
            ticks: Ticks::Decimal(if header.is_nanosecond_precision() { 9 } else { 6 }),
            offset_s: 0,
        });
        reader.format = Format::Classic(Box::new(header));
        Ok(reader)
    }

    /// What was yielded and left out so far.
    pub fn counts(&self) -> Counts {
        self.counts
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
                let clipped = at(12) > at(8);
                let data = block.get(header_bytes..).unwrap_or_default();
                self.packet(0, Some(ticks), data, clipped)
            }
            Format::Ng { big_endian } => self.take_ng(&block, *big_endian)?,
        };
        self.block = block;
        self.block.clear();
        Ok(frame)
    }

    fn take_ng(&mut self, block: &[u8], big_endian: bool) -> Result<Option<CapturedFrame>, Cut> {
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
                let clipped = packet.origlen > packet.caplen;
                Ok(self.packet(packet.if_id as usize, Some(ticks), data, clipped))
            }
            Block::SimplePacket(packet) => {
                let length = (packet.origlen as usize).min(packet.data.len());
                let clipped = packet.origlen as usize > packet.data.len();
                Ok(self.packet(0, None, &packet.data[..length], clipped))
            }
            _ => Ok(None),
        }
    }

    fn packet(
        &mut self,
        interface: usize,
        ticks: Option<u64>,
        data: &[u8],
        clipped: bool,
    ) -> Option<CapturedFrame> {
        let interface = self.interfaces.get(interface);
        let stripped = interface.and_then(|interface| interface.link.strip(data));
        match (interface, stripped) {
            (Some(interface), Some(stripped)) if stripped.ether_type == self.ether_type => {
                if clipped {
                    self.counts.clipped += 1;
                    return None;
                }
                self.counts.frames += 1;
                Some(CapturedFrame {
                    time_ns: ticks.map_or(0, |ticks| interface.unix_ns(ticks)),
                    source: stripped.source,
                    frame: Bytes::copy_from_slice(stripped.payload),
                    interface: Arc::clone(&interface.name),
                })
            }
            _ => {
                self.counts.foreign += 1;
                None
            }
        }
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

#[derive(Debug)]
struct Interface {
    link: LinkType,
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
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Bytes of a classic capture's header; no more than the shortest section header of a pcapng.
const CLASSIC_HEADER: u64 = 24;

#[cfg(test)]
mod tests;
