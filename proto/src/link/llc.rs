//! LLC with SNAP: how an EtherType is carried where a link's own header has none (IEEE Std 802-2014, 9.4; RFC 1042).

use super::read::be16;

/// Bytes of the header.
pub const LEN: usize = 8;

/// The EtherType and what follows; `None` for other protocols of LLC, and when the header is cut short.
pub fn strip(body: &[u8]) -> Option<(u16, &[u8])> {
    let (header, payload) = body.split_at_checked(LEN)?;
    if header[..6] != SNAP {
        return None;
    }
    Some((be16(header, 6)?, payload))
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
        assert_eq!(strip(&body), Some((0x88b5, &b"hello"[..])));
        assert_eq!(strip(&body[..LEN]), Some((0x88b5, &b""[..])));
        assert_eq!(strip(&body[..LEN - 1]), None);
        assert_eq!(strip(&[&[0x42, 0x42, 0x03][..], &body[3..]].concat()), None, "spanning tree");
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Some((_, payload)) = strip(&bytes) {
                prop_assert!(bytes.ends_with(payload));
            }
        }

        #[test]
        fn bytes_after_the_right_start_are_always_stripped(rest in prop::collection::vec(any::<u8>(), 2..20)) {
            prop_assert!(strip(&[&SNAP[..], &rest].concat()).is_some());
        }
    }
}
