//! Linux "cooked" captures, versions 1 and 2: the form of frames captured on all devices at once (LINKTYPE_LINUX_SLL
//! and LINKTYPE_LINUX_SLL2, tcpdump.org/linktypes.html).

use super::Stripped;
use super::read::{address, be16};

/// Takes a header of version 1 off; `None` when it is cut short, or its sender has no address of six bytes.
pub fn strip(frame: &[u8]) -> Option<Stripped<'_>> {
    let (header, payload) = frame.split_at_checked(16)?;
    stripped(be16(header, 4)?, address(header, 6)?, be16(header, 14)?, payload)
}

/// Takes a header of version 2 off; `None` as [`strip`].
pub fn strip_v2(frame: &[u8]) -> Option<Stripped<'_>> {
    let (header, payload) = frame.split_at_checked(20)?;
    stripped(u16::from(header[11]), address(header, 12)?, be16(header, 0)?, payload)
}

fn stripped(address_length: u16, source: [u8; 6], ether_type: u16, payload: &[u8]) -> Option<Stripped<'_>> {
    (address_length == 6).then_some(Stripped { ether_type, source, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 7];

    #[test]
    fn headers_of_both_versions_are_taken_off() {
        let wanted = Some(Stripped { ether_type: 0x88b5, source: SOURCE, payload: b"hello" });
        let mut one = [b"\0\x01\0\x01\0\x06", &SOURCE[..], b"\0\0\x88\xb5hello"].concat();
        assert_eq!(strip(&one), wanted);
        one[5] = 8;
        assert_eq!(strip(&one), None, "an address of eight bytes");
        let two = [b"\x88\xb5\0\0\0\0\0\x02\0\x01\x01\x06", &SOURCE[..], b"\0\0hello"].concat();
        assert_eq!(strip_v2(&two), wanted);
        assert_eq!(strip_v2(&two[..19]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for stripped in [strip(&bytes), strip_v2(&bytes)].into_iter().flatten() {
                prop_assert!(bytes.ends_with(stripped.payload));
            }
        }
    }
}
