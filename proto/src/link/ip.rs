//! UDP over IPv4 (RFC 791, RFC 768), as a link over UDP looks from outside.

use core::net::{Ipv4Addr, SocketAddrV4};

use super::Unread;
use super::read::{array, be16};

/// A datagram with its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Its sender.
    pub source: SocketAddrV4,
    /// The address it was sent to.
    pub destination: SocketAddrV4,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Takes the headers of IPv4 and UDP off; checksums are not looked at, because the sending machine's network device
/// fills them in behind a capture's back.
///
/// # Errors
/// Another version or protocol, a fragment, or a packet cut inside its headers.
pub fn strip(packet: &[u8]) -> Result<Datagram<'_>, Unread> {
    let first = packet.first().ok_or(Unread::Short)?;
    if first >> 4 != 4 || packet.get(9).ok_or(Unread::Short)? != &UDP {
        return Err(Unread::NotUdp);
    }
    let header = usize::from(first & 0x0f) * 4;
    let length = usize::from(be16(packet, 2)?);
    if header < MIN_HEADER || length < header + UDP_HEADER {
        return Err(Unread::Header);
    }
    if be16(packet, 6)? & (MORE_FRAGMENTS | OFFSET) != 0 {
        return Err(Unread::Fragment);
    }
    let address = |at| array::<4>(packet, at).map(Ipv4Addr::from);
    let (source, destination) = (address(12)?, address(16)?);
    // Behind the packet may be the padding of an Ethernet frame.
    let udp = packet.get(header..length.min(packet.len())).ok_or(Unread::Short)?;
    let port = |at| be16(udp, at);
    let payload_length = usize::from(be16(udp, 4)?).checked_sub(UDP_HEADER).ok_or(Unread::Header)?;
    let payload = udp.get(UDP_HEADER..).ok_or(Unread::Short)?;
    Ok(Datagram {
        source: SocketAddrV4::new(source, port(0)?),
        destination: SocketAddrV4::new(destination, port(2)?),
        payload: payload.get(..payload_length).unwrap_or(payload),
    })
}

/// The link address that stands for a sender of datagrams, made of its IPv4 address and port. The first octet is marked as
/// locally administered and not a group, as a MAC address would be, so 10.x and 11.x look alike: no network has both.
pub fn link_address(sender: SocketAddrV4) -> [u8; 6] {
    let [a, b, c, d] = sender.ip().octets();
    let [high, low] = sender.port().to_be_bytes();
    [(a & !0b11) | 0b10, b, c, d, high, low]
}

/// EtherType of IPv4.
pub const ETHER_TYPE: u16 = 0x0800;

const UDP: u8 = 17;
const MIN_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn datagram() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 33, 0, 1, 0, 0, 1, 17, 0, 0, 10, 77, 0, 1, 239, 255, 77, 81];
        packet.extend([0xb2, 0xbe, 0xba, 0xc3, 0, 13, 0, 0]);
        packet.extend(b"hello");
        packet
    }

    #[test]
    fn a_datagram_is_read_with_its_addresses_and_without_padding() {
        let mut packet = datagram();
        let read = strip(&packet).unwrap();
        assert_eq!(read.source.to_string(), "10.77.0.1:45758");
        assert_eq!(read.destination.to_string(), "239.255.77.81:47811");
        assert_eq!(read.payload, b"hello");
        assert_eq!(link_address(read.source), [0x0a, 77, 0, 1, 0xb2, 0xbe]);
        packet.extend([0; 13]);
        assert_eq!(strip(&packet).unwrap().payload, b"hello");
    }

    #[test]
    fn fragments_and_other_protocols_are_named() {
        for (at, value, unread) in [
            (0, 0x65, Unread::NotUdp),
            (9, 6, Unread::NotUdp),
            (6, 0x20, Unread::Fragment),
            (7, 1, Unread::Fragment),
            (0, 0x43, Unread::Header),
            (3, 20, Unread::Header),
            (25, 3, Unread::Header),
        ] {
            let mut packet = datagram();
            packet[at] = value;
            assert_eq!(strip(&packet), Err(unread), "byte {at}");
        }
        assert_eq!(strip(&datagram()[..24]), Err(Unread::Short));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(start in 0x40..0x50u8, rest in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes = [&[start][..], &rest].concat();
            if let Ok(read) = strip(&bytes) {
                prop_assert!(read.payload.len() <= bytes.len());
            }
        }
    }
}
