//! The blocks of a capture (draft-ietf-opsawg-pcapng): a section, one interface, and a packet for each frame.

use super::state::TapLink;
use crate::radio::{LinkAddress, MAX_FRAME_BYTES};

/// Direction bits of `epb_flags` (4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound = 1,
    Outbound = 2,
}

/// Section header (4.1), and the one interface all frames belong to (4.2).
pub(super) fn head(link: &TapLink, description: &str, address: LinkAddress) -> Vec<u8> {
    let mut bytes = block(SECTION_HEADER, |body| {
        body.extend(BYTE_ORDER.to_le_bytes());
        // Version 1.0.
        body.extend([1u16, 0].map(u16::to_le_bytes).as_flattened());
        body.extend(UNKNOWN_LENGTH.to_le_bytes());
        option(body, SHB_USERAPPL, b"roadcast");
        body.extend(END_OF_OPTIONS);
    });
    bytes.extend(block(INTERFACE_DESCRIPTION, |body| {
        body.extend(ETHERNET.to_le_bytes());
        body.extend([0; 2]);
        body.extend(SNAP_LENGTH.to_le_bytes());
        option(body, IF_NAME, text(&link.interface));
        option(body, IF_DESCRIPTION, text(description));
        option(body, IF_MACADDR, &address.0);
        option(body, IF_TSRESOL, &[NANOSECONDS]);
        body.extend(END_OF_OPTIONS);
    }));
    bytes
}

/// A packet of the interface (4.3).
pub(super) fn packet(direction: Direction, realtime_ns: u64, frame: &[u8]) -> Vec<u8> {
    let length = frame.len() as u32;
    block(ENHANCED_PACKET, |body| {
        // The first interface; the time's upper half before the lower one; nothing is cut.
        let fields = [0, (realtime_ns >> 32) as u32, realtime_ns as u32, length, length];
        body.extend(fields.map(u32::to_le_bytes).as_flattened());
        body.extend_from_slice(frame);
        pad(body);
        option(body, EPB_FLAGS, &(direction as u32).to_le_bytes());
        body.extend(END_OF_OPTIONS);
    })
}

/// A block (3.1): its type, its length, what `fill` writes, and the length again.
fn block(kind: u32, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MOST_BESIDE_A_FRAME + MAX_FRAME_BYTES);
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0; 4]);
    fill(&mut bytes);
    let length = (bytes.len() as u32 + 4).to_le_bytes();
    bytes[4..8].copy_from_slice(&length);
    bytes.extend(length);
    bytes
}

/// An option (3.5): code, length, and the value up to a multiple of four bytes.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

/// Everything in a block begins at a multiple of four bytes, as blocks do.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// As many bytes of a text as are of use: an option's length is 16 bits.
fn text(text: &str) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(255)]
}

/// Types of blocks.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// A section that is written as frames come.
const UNKNOWN_LENGTH: i64 = -1;
/// `LINKTYPE_ETHERNET`.
const ETHERNET: u16 = 1;
const END_OF_OPTIONS: [u8; 4] = [0; 4];
/// Room for the fields and options of a packet's block, and for its Ethernet header.
const MOST_BESIDE_A_FRAME: usize = 64;

/// What libpcap writes for "everything" (`MAXIMUM_SNAPLEN`): readers that merge captures want one length for all of them, and
/// refuse a file whose packets exceed the first one's.
pub(super) const SNAP_LENGTH: u32 = 262_144;

/// Codes and values of options: `shb_userappl`, `if_name`, `if_description`, `if_MACaddr`, `if_tsresol`,
/// `epb_flags`, and the resolution of 10^-9 s.
pub(super) const SHB_USERAPPL: u16 = 4;
pub(super) const IF_NAME: u16 = 2;
pub(super) const IF_DESCRIPTION: u16 = 3;
pub(super) const IF_MACADDR: u16 = 6;
pub(super) const EPB_FLAGS: u16 = 2;
const IF_TSRESOL: u16 = 9;
const NANOSECONDS: u8 = 9;
