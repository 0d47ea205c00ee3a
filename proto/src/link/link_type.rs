//! From a captured frame to its EtherType, sender and payload: Ethernet, Linux cooked, 802.11, radiotap.
//!
//! Every function takes arbitrary bytes and answers `None` for what it does not understand.

/// What the link layers a capture may have make of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet II.
    Ethernet,
    /// Linux "cooked" capture, version 1 (`any` device, older tools).
    Cooked,
    /// Linux "cooked" capture, version 2.
    Cooked2,
    /// An 802.11 frame without anything ahead of it.
    Ieee80211,
    /// An 802.11 frame behind a radiotap header.
    Radiotap,
    /// Nothing this reader knows.
    Unknown,
}

impl LinkType {
    /// By the number in the capture (tcpdump.org/linktypes.html).
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Ethernet,
            105 => Self::Ieee80211,
            113 => Self::Cooked,
            127 => Self::Radiotap,
            276 => Self::Cooked2,
            _ => Self::Unknown,
        }
    }
}

/// A frame with its link layer taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripped<'a> {
    /// What the payload is.
    pub ether_type: u16,
    /// Who sent it, by its own word.
    pub source: [u8; 6],
    /// The rest, to the frame's end.
    pub payload: &'a [u8],
}

/// Takes the link layer off; `None` for what is not understood.
pub fn strip(link: LinkType, frame: &[u8]) -> Option<Stripped<'_>> {
    match link {
        LinkType::Ethernet => ethernet(frame),
        LinkType::Cooked => {
            let (header, payload) = frame.split_at_checked(16)?;
            cooked(be16(header, 4)?, address(header, 6)?, be16(header, 14)?, payload)
        }
        LinkType::Cooked2 => {
            let (header, payload) = frame.split_at_checked(20)?;
            cooked(u16::from(header[11]), address(header, 12)?, be16(header, 0)?, payload)
        }
        LinkType::Ieee80211 => ieee80211(frame, false),
        LinkType::Radiotap => radiotap(frame),
        LinkType::Unknown => None,
    }
}

/// Ethernet II, with up to two VLAN tags.
fn ethernet(frame: &[u8]) -> Option<Stripped<'_>> {
    let source = address(frame, 6)?;
    let mut at = 12;
    for _ in 0..3 {
        let ether_type = be16(frame, at)?;
        at += 2;
        if !matches!(ether_type, 0x8100 | 0x88a8) {
            return Some(Stripped { ether_type, source, payload: frame.get(at..)? });
        }
        at += 2;
    }
    None
}

/// Either cooked header, its fields taken out; only senders with a six-byte address are ours.
fn cooked(address_length: u16, source: [u8; 6], ether_type: u16, payload: &[u8]) -> Option<Stripped<'_>> {
    (address_length == 6).then_some(Stripped { ether_type, source, payload })
}

/// Radiotap is only asked for its length and its flags: whether a checksum follows the frame, and padding its header.
fn radiotap(frame: &[u8]) -> Option<Stripped<'_>> {
    let length = usize::from(le16(frame, 2)?);
    if *frame.first()? != 0 || length < 8 {
        return None;
    }
    let header = frame.get(..length)?;
    let mut body = frame.get(length..)?;
    let first = le32(header, 4)?;
    let mut words = 1;
    let mut word = first;
    while word & RADIOTAP_MORE != 0 {
        word = le32(header, 4 + 4 * words)?;
        words += 1;
    }
    let mut at = 4 + 4 * words;
    if first & RADIOTAP_TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = if first & RADIOTAP_FLAGS != 0 { *header.get(at)? } else { 0 };
    if flags & RADIOTAP_CHECKSUM != 0 {
        body = body.get(..body.len().checked_sub(4)?)?;
    }
    ieee80211(body, flags & RADIOTAP_PADDED != 0)
}

/// An 802.11 data frame carrying LLC/SNAP (IEEE 802.11-2020, 9.3.2), not protected, not aggregated.
fn ieee80211(frame: &[u8], padded: bool) -> Option<Stripped<'_>> {
    let [kind, flags] = [*frame.first()?, *frame.get(1)?];
    let is_data = kind & 0x0f == 0x08 && kind & 0x40 == 0;
    if !is_data || flags & 0x40 != 0 {
        return None;
    }
    let (to_ds, from_ds) = (flags & 1 != 0, flags & 2 != 0);
    let source = match (to_ds, from_ds) {
        (_, false) => address(frame, 10)?,
        (false, true) => address(frame, 16)?,
        (true, true) => address(frame, 24)?,
    };
    let mut length = if to_ds && from_ds { 30 } else { 24 };
    if kind & 0x80 != 0 {
        if frame.get(length)? & 0x80 != 0 {
            return None;
        }
        length += 2;
        if flags & 0x80 != 0 {
            length += 4;
        }
    }
    if padded {
        length = length.next_multiple_of(4);
    }
    let (snap, payload) = frame.get(length..)?.split_at_checked(8)?;
    if snap[..6] != LLC_SNAP {
        return None;
    }
    Some(Stripped { ether_type: be16(snap, 6)?, source, payload })
}

fn address(bytes: &[u8], at: usize) -> Option<[u8; 6]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    be16(bytes, at).map(u16::swap_bytes)
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

const LLC_SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
const RADIOTAP_TIME: u32 = 1;
const RADIOTAP_FLAGS: u32 = 1 << 1;
const RADIOTAP_MORE: u32 = 1 << 31;
const RADIOTAP_CHECKSUM: u8 = 0x10;
const RADIOTAP_PADDED: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn wanted() -> Option<Stripped<'static>> {
        Some(Stripped { ether_type: 0x88b5, source: SOURCE, payload: b"hello" })
    }

    fn data_frame(qos: bool) -> Vec<u8> {
        let mut frame = vec![if qos { 0x88 } else { 0x08 }, 0, 0, 0];
        frame.extend([0xff; 6]);
        frame.extend(SOURCE);
        frame.extend([0xff; 6]);
        frame.extend([0, 0]);
        if qos {
            frame.extend([7, 0]);
        }
        frame.extend(LLC_SNAP);
        frame.extend(b"\x88\xb5hello");
        frame
    }

    #[test]
    fn ethernet_with_and_without_a_vlan_tag() {
        let head = [&[0xff; 6][..], &SOURCE].concat();
        let plain = [&head[..], b"\x88\xb5hello"].concat();
        assert_eq!(strip(LinkType::Ethernet, &plain), wanted());
        let tagged = [&head[..], b"\x81\x00\x00\x07\x88\xb5hello"].concat();
        assert_eq!(strip(LinkType::Ethernet, &tagged), wanted());
    }

    #[test]
    fn cooked_headers_of_both_versions() {
        let one = [b"\0\x01\0\x01\0\x06", &SOURCE[..], b"\0\0\x88\xb5hello"].concat();
        assert_eq!(strip(LinkType::Cooked, &one), wanted());
        let two = [b"\x88\xb5\0\0\0\0\0\x02\0\x01\x01\x06", &SOURCE[..], b"\0\0hello"].concat();
        assert_eq!(strip(LinkType::Cooked2, &two), wanted());
    }

    #[test]
    fn data_frames_bare_and_behind_radiotap() {
        for qos in [false, true] {
            let frame = data_frame(qos);
            assert_eq!(strip(LinkType::Ieee80211, &frame), wanted());
            let bare = [b"\0\0\x08\0\0\0\0\0", &frame[..]].concat();
            assert_eq!(strip(LinkType::Radiotap, &bare), wanted());
            // Time stamp (aligned to 8), flags saying that a checksum follows; two presence words.
            let mut full = b"\0\0\x19\0\x03\0\0\x80\0\0\0\0".to_vec();
            full.extend([0; 4]);
            full.extend([9; 8]);
            full.push(RADIOTAP_CHECKSUM);
            full.extend(&frame);
            full.extend([1, 2, 3, 4]);
            assert_eq!(strip(LinkType::Radiotap, &full), wanted());
        }
        let mut protected = data_frame(true);
        protected[1] |= 0x40;
        assert_eq!(strip(LinkType::Ieee80211, &protected), None);
        let beacon = [&[0x80][..], &data_frame(false)[1..]].concat();
        assert_eq!(strip(LinkType::Ieee80211, &beacon), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(number in prop::sample::select(vec![1, 105, 113, 127, 276, 0]), bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Some(stripped) = strip(LinkType::from_number(number), &bytes) {
                prop_assert!(bytes.ends_with(stripped.payload));
            }
        }
    }
}
