//! The radiotap header: what a driver reports about an 802.11 frame it received (radiotap.org).
//!
//! Only its length and flags are read: whether a check sequence follows the frame, and padding its header.

use super::read::{le16, le32};
use super::{Stripped, Unread, ieee80211};

/// Takes radiotap, 802.11 and LLC off.
///
/// # Errors
/// What is not understood, what the receiver found damaged, and as [`ieee80211::strip`].
pub fn strip(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    let length = usize::from(le16(frame, 2)?);
    if *frame.first().ok_or(Unread::Short)? != VERSION || length < MIN_LEN {
        return Err(Unread::Header);
    }
    let header = frame.get(..length).ok_or(Unread::Short)?;
    let mut body = &frame[length..];
    let first = le32(header, 4)?;
    let mut words = 1;
    let mut word = first;
    while word & MORE != 0 {
        word = le32(header, 4 + 4 * words)?;
        words += 1;
    }
    let mut at = 4 + 4 * words;
    if first & TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = if first & FLAGS != 0 { *header.get(at).ok_or(Unread::Short)? } else { 0 };
    if flags & BAD_CHECK_SEQUENCE != 0 {
        return Err(Unread::BadCheckSequence);
    }
    if flags & CHECK_SEQUENCE != 0 {
        body = ieee80211::without_check_sequence(body)?;
    }
    ieee80211::strip(body, flags & PADDED != 0)
}

const VERSION: u8 = 0;
/// Version, padding, length, and one word of what is present.
const MIN_LEN: usize = 8;
/// Bits of a word of what is present.
const TIME: u32 = 1;
const FLAGS: u32 = 1 << 1;
const MORE: u32 = 1 << 31;
/// Bits of the flags.
const CHECK_SEQUENCE: u8 = 0x10;
const PADDED: u8 = 0x20;
const BAD_CHECK_SEQUENCE: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::super::ieee80211::tests::{data_frame, wanted};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_data_frame_is_found_behind_a_short_header_and_a_long_one() {
        for qos in [false, true] {
            let frame = data_frame(qos);
            let bare = [b"\0\0\x08\0\0\0\0\0", &frame[..]].concat();
            assert_eq!(strip(&bare), wanted());
            // Time stamp (aligned to 8), flags that announce a check sequence; two words of what is present.
            let mut full = b"\0\0\x19\0\x03\0\0\x80\0\0\0\0".to_vec();
            full.extend([0; 4]);
            full.extend([9; 8]);
            full.push(CHECK_SEQUENCE);
            full.extend(&frame);
            full.extend([1, 2, 3, 4]);
            assert_eq!(strip(&full), wanted());
            full[24] |= BAD_CHECK_SEQUENCE;
            assert_eq!(strip(&full), Err(Unread::BadCheckSequence));
        }
    }

    #[test]
    fn another_version_and_a_length_beyond_the_frame_are_refused() {
        let frame = [b"\0\0\x08\0\0\0\0\0", &data_frame(true)[..]].concat();
        for (at, value) in [(0, 1), (2, 7), (3, 1)] {
            let mut bad = frame.clone();
            bad[at] = value;
            assert!(strip(&bad).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(length in 0..40_u8, rest in prop::collection::vec(any::<u8>(), 0..100)) {
            let bytes = [&[0, 0, length, 0][..], &rest].concat();
            if let Ok(stripped) = strip(&bytes) {
                // A check sequence of 4 bytes may follow.
                let without = &bytes[..bytes.len() - 4];
                prop_assert!([&bytes[..], without].iter().any(|bytes| bytes.ends_with(stripped.payload)));
            }
        }

        #[test]
        fn any_header_before_a_data_frame_is_read_or_refused(header in prop::collection::vec(any::<u8>(), 4..30)) {
            let length = (header.len() + 4) as u8;
            let bytes = [&[0, 0, length, 0][..], &header, &data_frame(true)].concat();
            if let Ok(stripped) = strip(&bytes) {
                prop_assert_eq!(stripped.ether_type, 0x88b5);
            }
        }
    }
}
