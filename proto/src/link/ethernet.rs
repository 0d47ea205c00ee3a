//! Ethernet II (IEEE Std 802.3-2022, 3.2), with the tags of virtual networks (IEEE Std 802.1Q).

use super::read::{address, be16};
use super::{Stripped, Unread, llc};

/// The header of an Ethernet II frame without tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Destination.
    pub destination: [u8; 6],
    /// Claimed sender.
    pub source: [u8; 6],
    /// What the payload is; 0x0600 and above.
    pub ether_type: u16,
}

impl Header {
    /// Bytes of it.
    pub const LEN: usize = 14;

    /// The header of a frame to every station.
    #[inline]
    pub const fn broadcast(source: [u8; 6], ether_type: u16) -> Self {
        Self { destination: [0xff; 6], source, ether_type }
    }

    /// The header as it is transmitted.
    #[inline]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..6].copy_from_slice(&self.destination);
        bytes[6..12].copy_from_slice(&self.source);
        bytes[12..].copy_from_slice(&self.ether_type.to_be_bytes());
        bytes
    }

    /// The fields of a header; the type is that of a tag when the frame has one.
    #[inline]
    pub const fn parse(bytes: &[u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, high, low] = *bytes;
        Self {
            destination: [a, b, c, d, e, f],
            source: [g, h, i, j, k, l],
            ether_type: u16::from_be_bytes([high, low]),
        }
    }

    /// Whether the destination is a group of stations, or all.
    #[inline]
    pub const fn is_to_group(&self) -> bool {
        self.destination[0] & 1 == 1
    }
}

/// Takes the header off, with up to two tags, and LLC where there is a length in place of an EtherType (802.3).
///
/// # Errors
/// The frame ends inside a header, has more tags, or another protocol of LLC.
pub fn strip(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    let source = address(frame, 6)?;
    let mut at = 12;
    for _ in 0..=MAX_TAGS {
        let ether_type = be16(frame, at)?;
        at += 2;
        if !matches!(ether_type, CUSTOMER_TAG | SERVICE_TAG) {
            let payload = frame.get(at..).ok_or(Unread::Short)?;
            if ether_type > MAX_LENGTH {
                return Ok(Stripped { ether_type, source, payload });
            }
            let (ether_type, payload) =
                llc::strip(payload.get(..usize::from(ether_type)).unwrap_or(payload))?;
            return Ok(Stripped { ether_type, source, payload });
        }
        at += 2;
    }
    Err(Unread::Tags)
}

/// Up to here the two bytes are a length (IEEE Std 802.3-2022, 3.2.6).
const MAX_LENGTH: u16 = 1500;
const MAX_TAGS: usize = 2;
const CUSTOMER_TAG: u16 = 0x8100;
const SERVICE_TAG: u16 = 0x88a8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 7];

    #[test]
    fn a_frame_is_stripped_with_and_without_tags() {
        let head = [&[0xff; 6][..], &SOURCE].concat();
        let wanted = Ok(Stripped { ether_type: 0x88b5, source: SOURCE, payload: b"hello" });
        assert_eq!(strip(&[&head[..], b"\x88\xb5hello"].concat()), wanted);
        assert_eq!(strip(&[&head[..], b"\x81\x00\x00\x07\x88\xb5hello"].concat()), wanted);
        let two = b"\x88\xa8\x00\x01\x81\x00\x00\x07\x88\xb5hello";
        assert_eq!(strip(&[&head[..], two].concat()), wanted);
        let three = b"\x88\xa8\x00\x01\x88\xa8\x00\x01\x81\x00\x00\x07\x88\xb5hello";
        assert_eq!(strip(&[&head[..], three].concat()), Err(Unread::Tags));
        assert_eq!(strip(&head), Err(Unread::Short));
        // 802.3: a length, LLC with SNAP, and padding behind what the length covers.
        let with_length = [&head[..], b"\0\x0d\xaa\xaa\x03\0\0\0\x88\xb5hello\0\0\0"].concat();
        assert_eq!(strip(&with_length), wanted);
        assert_eq!(strip(&[&head[..], b"\0\x26\x42\x42\x03\0\0\0\0\0"].concat()), Err(Unread::Llc));
    }

    #[test]
    fn a_broadcast_is_to_a_group_and_an_address_is_not() {
        let header = Header::broadcast(SOURCE, 0x88b5);
        assert!(header.is_to_group());
        assert!(!Header { destination: SOURCE, ..header }.is_to_group());
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(stripped) = strip(&bytes) {
                prop_assert!(stripped.payload.len() <= bytes.len());
            }
        }

        #[test]
        fn a_header_survives_the_way(destination: [u8; 6], source: [u8; 6], ether_type: u16, payload: [u8; 9]) {
            let header = Header { destination, source, ether_type };
            prop_assert_eq!(Header::parse(&header.encode()), header);
            prop_assume!(ether_type > MAX_LENGTH && !matches!(ether_type, CUSTOMER_TAG | SERVICE_TAG));
            let frame = [&header.encode()[..], &payload].concat();
            prop_assert_eq!(strip(&frame), Ok(Stripped { ether_type, source, payload: &payload }));
        }
    }
}
