//! The blocks of a capture (draft-ietf-opsawg-pcapng): a section, one interface, and a packet for each frame.

use std::borrow::Cow;
use std::io;

use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, OptionCode, PcapNGOption, SectionHeaderBlock,
    ToVec,
};

use super::state::TapLink;
use crate::radio::LinkAddress;

/// Direction bits of `epb_flags` (4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound = 1,
    Outbound = 2,
}

/// Section header, and the one interface all frames belong to. Lengths and magic numbers left at
/// zero are filled in by the serializer.
pub(super) fn head(link: &TapLink, description: &str, address: LinkAddress) -> io::Result<Vec<u8>> {
    let mut section = SectionHeaderBlock {
        block_type: 0,
        block_len1: 0,
        bom: 0,
        major_version: 1,
        minor_version: 0,
        section_len: -1,
        options: vec![text(SHB_USERAPPL, "roadcast")],
        block_len2: 0,
    };
    let address =
        PcapNGOption { code: OptionCode(IF_MACADDR), len: 6, value: Cow::Owned(address.0.to_vec()) };
    let mut interface = InterfaceDescriptionBlock {
        block_type: 0,
        block_len1: 0,
        linktype: Linktype::ETHERNET,
        reserved: 0,
        snaplen: SNAP_LENGTH,
        if_tsresol: NANOSECONDS,
        if_tsoffset: 0,
        options: vec![text(IF_NAME, &link.interface), text(IF_DESCRIPTION, description), address],
        block_len2: 0,
    };
    let mut bytes = section.to_vec().map_err(io::Error::other)?;
    bytes.extend(interface.to_vec().map_err(io::Error::other)?);
    Ok(bytes)
}

/// A packet of the interface.
pub(super) fn packet(direction: Direction, realtime_ns: u64, frame: &[u8]) -> io::Result<Vec<u8>> {
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

fn text(code: u16, text: &str) -> PcapNGOption<'_> {
    // Longer names are of no use, and an option's length is 16 bits.
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    PcapNGOption { code: OptionCode(code), len: end as u16, value: Cow::Borrowed(&text.as_bytes()[..end]) }
}

/// What libpcap writes for "everything" (`MAXIMUM_SNAPLEN`): readers that merge captures want one length for all of them, and
/// refuse a file whose packets exceed the first one's.
pub(super) const SNAP_LENGTH: u32 = 262_144;

/// Codes and values of options: `shb_userappl`, `if_name`, `if_description`, `if_MACaddr`, `epb_flags`, and the
/// `if_tsresol` of 10^-9 s.
pub(super) const SHB_USERAPPL: u16 = 4;
pub(super) const IF_NAME: u16 = 2;
pub(super) const IF_DESCRIPTION: u16 = 3;
pub(super) const IF_MACADDR: u16 = 6;
pub(super) const EPB_FLAGS: u16 = 2;
const NANOSECONDS: u8 = 9;
