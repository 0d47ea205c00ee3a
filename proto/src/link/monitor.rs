//! Older headers of what a driver reports about an 802.11 frame: PPI, Prism and AVS (tcpdump.org/linktypes.html).

use super::read::{be32, le16, le32};
use super::{Stripped, Unread, ieee80211};

/// Takes a PPI header (LINKTYPE_PPI), 802.11 and LLC off.
///
/// # Errors
/// A header that contradicts itself, another link inside, and as [`ieee80211::strip`].
pub fn strip_ppi(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    let length = usize::from(le16(frame, 2)?);
    let link = le32(frame, 4)?;
    if link != IEEE80211 {
        return Err(Unread::LinkType(i32::try_from(link).unwrap_or(i32::MAX)));
    }
    if length < PPI_LEN {
        return Err(Unread::Header);
    }
    let fields = frame.get(PPI_LEN..length).ok_or(Unread::Short)?;
    let body = &frame[length..];
    let with_check_sequence = ppi_flags(fields)? & PPI_CHECK_SEQUENCE != 0;
    ieee80211::strip(if with_check_sequence { ieee80211::without_check_sequence(body)? } else { body }, false)
}

/// The flags of the field common to all 802.11 frames; 0 without one.
fn ppi_flags(mut fields: &[u8]) -> Result<u16, Unread> {
    while !fields.is_empty() {
        let (kind, length) = (le16(fields, 0)?, usize::from(le16(fields, 2)?));
        let body = fields.get(4..4 + length).ok_or(Unread::Header)?;
        if kind == PPI_COMMON {
            return le16(body, 8);
        }
        fields = &fields[4 + length..];
    }
    Ok(0)
}

/// Takes a Prism header (LINKTYPE_IEEE802_11_PRISM) or the AVS header that is found under its number, 802.11 and LLC off.
///
/// # Errors
/// A header that is neither, and as [`ieee80211::strip`].
pub fn strip_prism(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    if be32(frame, 0)? & AVS_MASK == AVS {
        return strip_avs(frame);
    }
    behind(frame, le32(frame, 4)?)
}

/// Takes an AVS header (LINKTYPE_IEEE802_11_AVS), 802.11 and LLC off.
///
/// # Errors
/// As [`strip_prism`].
pub fn strip_avs(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    behind(frame, be32(frame, 4)?)
}

fn behind(frame: &[u8], length: u32) -> Result<Stripped<'_>, Unread> {
    if length < MIN_LEN {
        return Err(Unread::Header);
    }
    let body = frame.get(length as usize..).ok_or(Unread::Short)?;
    ieee80211::strip(body, false)
}

/// Version, flags, length, and the number of the link inside.
const PPI_LEN: usize = 8;
const IEEE80211: u32 = 105;
const PPI_COMMON: u16 = 2;
const PPI_CHECK_SEQUENCE: u16 = 1;
/// The first four bytes of an AVS header are its version.
const AVS: u32 = 0x8021_1000;
const AVS_MASK: u32 = 0xffff_f000;
/// Message code and length.
const MIN_LEN: u32 = 8;

#[cfg(test)]
mod tests {
    use super::super::ieee80211::tests::{data_frame, wanted};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_frame_behind_each_header_is_read() {
        let frame = data_frame(true);
        let ppi = [b"\0\0\x08\0\x69\0\0\0", &frame[..]].concat();
        assert_eq!(strip_ppi(&ppi), wanted());
        let mut common = b"\0\0\x20\0\x69\0\0\0\x02\0\x14\0".to_vec();
        common.extend([&[0; 8][..], &[1, 0], &[0; 10], &frame, &[9; 4]].concat());
        assert_eq!(strip_ppi(&common), wanted());
        assert_eq!(strip_ppi(&[b"\0\0\x08\0\x01\0\0\0", &frame[..]].concat()), Err(Unread::LinkType(1)));
        let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136], &frame].concat();
        assert_eq!(strip_prism(&prism), wanted());
        let avs = [b"\x80\x21\x10\x01\0\0\0\x40", &[0; 56][..], &frame].concat();
        assert_eq!(strip_prism(&avs), wanted());
        assert_eq!(strip_avs(&avs), wanted());
        assert_eq!(strip_avs(&avs[..20]), Err(Unread::Short));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for read in [strip_ppi(&bytes), strip_prism(&bytes), strip_avs(&bytes)].into_iter().flatten() {
                prop_assert!(bytes.ends_with(read.payload));
            }
        }
    }
}
