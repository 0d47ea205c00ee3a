//! LLC with SNAP: how an EtherType is carried where a link's own header has none (IEEE Std 802-2014, 9.4; RFC 1042).

use super::Unread;
use super::read::be16;

/// Bytes of the header.
pub const LEN: usize = 8;

/// The EtherType and what follows.
///
/// # Errors
/// Another protocol of LLC, or a header cut short.
pub fn strip(body: &[u8]) -> Result<(u16, &[u8]), Unread> {
    let (header, payload) = body.split_at_checked(LEN).ok_or(Unread::Short)?;
    if header[..6] != SNAP {
        return Err(Unread::Llc);
    }
    Ok((be16(header, 6)?, payload))
}

/// The header ahead of a payload of this EtherType.
#[inline]
pub const fn encode(ether_type: u16) -> [u8; LEN] {
    let [a, b, c, d, e, f] = SNAP;
    let [high, low] = ether_type.to_be_bytes();
    [a, b, c, d, e, f, high, low]
}

/// Both service access points SNAP, an unnumbered frame, and the organisation whose types are EtherTypes.
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_ether_type_is_read_and_another_protocol_refused() {
        let body = [&SNAP[..], b"\x88\xb5hello"].concat();
        assert_eq!(strip(&body), Ok((0x88b5, &b"hello"[..])));
        assert_eq!(body[..LEN], encode(0x88b5));
        assert_eq!(strip(&body[..LEN]), Ok((0x88b5, &b""[..])));
        assert_eq!(strip(&body[..LEN - 1]), Err(Unread::Short));
        assert_eq!(strip(&[&[0x42, 0x42, 0x03][..], &body[3..]].concat()), Err(Unread::Llc), "spanning tree");
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok((_, payload)) = strip(&bytes) {
                prop_assert!(bytes.ends_with(payload));
            }
        }

        #[test]
        fn bytes_after_the_right_start_are_always_stripped(rest in prop::collection::vec(any::<u8>(), 2..20)) {
            prop_assert!(strip(&[&SNAP[..], &rest].concat()).is_ok());
        }
    }
}
