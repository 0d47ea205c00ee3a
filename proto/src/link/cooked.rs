//! Linux "cooked" captures, versions 1 and 2: the form of frames captured on all devices at once (LINKTYPE_LINUX_SLL
//! and LINKTYPE_LINUX_SLL2, tcpdump.org/linktypes.html).

use super::read::{address, be16};
use super::{Stripped, Unread};

/// Takes a header of version 1 off. A sender without any address, as on a tunnel, has address 0.
///
/// # Errors
/// The header is cut short, or its sender has an address of another length than six bytes.
pub fn strip(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    let (header, payload) = frame.split_at_checked(16).ok_or(Unread::Short)?;
    stripped(be16(header, 4)?, address(header, 6)?, be16(header, 14)?, payload)
}

/// Takes a header of version 2 off.
///
/// # Errors
/// As [`strip`].
pub fn strip_v2(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    let (header, payload) = frame.split_at_checked(20).ok_or(Unread::Short)?;
    stripped(u16::from(header[11]), address(header, 12)?, be16(header, 0)?, payload)
}

fn stripped(
    address_length: u16,
    source: [u8; 6],
    ether_type: u16,
    payload: &[u8],
) -> Result<Stripped<'_>, Unread> {
    match address_length {
        6 => Ok(Stripped { ether_type, source, payload }),
        0 => Ok(Stripped { ether_type, source: [0; 6], payload }),
        _ => Err(Unread::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 7];

    #[test]
    fn headers_of_both_versions_are_taken_off() {
        let wanted = Ok(Stripped { ether_type: 0x88b5, source: SOURCE, payload: b"hello" });
        let mut one = [b"\0\x01\0\x01\0\x06", &SOURCE[..], b"\0\0\x88\xb5hello"].concat();
        assert_eq!(strip(&one), wanted);
        one[5] = 8;
        assert_eq!(strip(&one), Err(Unread::Address), "an address of eight bytes");
        let two = [b"\x88\xb5\0\0\0\0\0\x02\0\x01\x01\x06", &SOURCE[..], b"\0\0hello"].concat();
        assert_eq!(strip_v2(&two), wanted);
        assert_eq!(strip_v2(&two[..19]), Err(Unread::Short));
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
