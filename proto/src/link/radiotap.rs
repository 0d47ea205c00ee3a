//! The radiotap header: what a driver reports about an 802.11 frame it received or sent (radiotap.org).
//!
//! Every field in use has a known size, so that those behind it are found. What is not known ends the walk: the fields
//! before it stand, and where the frame begins is known from the header's length.

mod fields;
mod report;
mod transmit;

use super::read::{le16, le32};
use super::{Stripped, Unread, ieee80211};

pub use self::report::Report;
pub use self::transmit::Transmit;

/// Reads the header: what it reports, and the bytes behind it.
///
/// # Errors
/// [`Unread::Header`]: another version, or fields beyond the header's own length. [`Unread::Short`]: the frame, or the
/// list of what is present, is cut.
pub fn read(frame: &[u8]) -> Result<(Report, &[u8]), Unread> {
    let length = usize::from(le16(frame, 2)?);
    if frame[0] != VERSION || length < MIN_LEN {
        return Err(Unread::Header);
    }
    let (header, body) = frame.split_at_checked(length).ok_or(Unread::Short)?;
    let mut at = FIRST_WORD;
    while le32(header, at)? & fields::MORE != 0 {
        at += WORD;
    }
    Ok((fields::walk(header, FIRST_WORD, at + WORD)?, body))
}

/// Takes radiotap, 802.11 and LLC off.
///
/// # Errors
/// What is not understood, what the receiver found damaged, and as [`ieee80211::strip`].
pub fn strip(frame: &[u8]) -> Result<Stripped<'_>, Unread> {
    let (report, body) = read(frame)?;
    Ok(strip_body(&report, body)?.stripped)
}

/// Reads the 802.11 frame behind a header that reported `report`.
///
/// # Errors
/// What the receiver found damaged, and as [`ieee80211::read`].
pub fn strip_body<'a>(report: &Report, body: &'a [u8]) -> Result<ieee80211::Data<'a>, Unread> {
    if report.is_damaged() {
        return Err(Unread::BadCheckSequence);
    }
    let body = if report.has_check_sequence() { ieee80211::without_check_sequence(body)? } else { body };
    ieee80211::read(body, report.is_padded())
}

const VERSION: u8 = 0;
/// Version, padding, length, and one word of what is present.
const MIN_LEN: usize = 8;
const FIRST_WORD: usize = 4;
const WORD: usize = 4;
#[cfg(test)]
mod tests {
    use super::super::ieee80211::tests::{data_frame, wanted};
    use super::report::{BAD_CHECK_SEQUENCE, BAD_PLCP, CHECK_SEQUENCE};
    use super::*;
    use proptest::prelude::*;

    /// A header with these words and fields, and a data frame behind it.
    fn frame(words: &[u32], fields: &[u8]) -> Vec<u8> {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let length = u16::try_from(4 + words.len() + fields.len()).unwrap();
        [&[0, 0][..], &length.to_le_bytes(), &words, fields, &data_frame(true)].concat()
    }

    #[test]
    fn a_data_frame_is_found_behind_a_short_header_and_a_long_one() {
        for qos in [false, true] {
            let frame = data_frame(qos);
            let bare = [b"\0\0\x08\0\0\0\0\0", &frame[..]].concat();
            assert_eq!(strip(&bare), wanted());
            // Time stamp (aligned to 8), flags that announce a check sequence; two words of what is present.
            let mut full = b"\0\0\x19\0\x03\0\0\xa0\0\0\0\0".to_vec();
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
    fn what_linux_reports_of_a_received_frame_is_read() {
        // Time, flags, rate, channel, signal, antenna, receive flags.
        let fields = [
            &7_000_001_u64.to_le_bytes()[..],
            &[0, 24],
            &5900_u16.to_le_bytes(),
            &0x4140_u16.to_le_bytes(),
            &[(-73_i8).cast_unsigned(), 0],
            &[0, 0],
        ];
        // One word: the fields begin at 8, which suits the time.
        let frame = frame(&[0x0000_482f], &fields.concat());
        let (report, body) = read(&frame).unwrap();
        let wanted = Report {
            time_us: Some(7_000_001),
            flags: Some(0),
            rate_half_mbps: Some(24),
            frequency_mhz: Some(5900),
            channel_flags: 0x4140,
            signal_dbm: Some(-73),
            ..Report::default()
        };
        assert_eq!((report, report.narrow(), body), (wanted, Some(10), &data_frame(true)[..]));
        assert!(!report.is_damaged() && !report.has_check_sequence() && !report.is_padded());
    }

    #[test]
    fn the_first_of_several_antennas_counts_and_what_a_vendor_adds_is_skipped() {
        // Signal; then twice signal and antenna in a namespace of their own; then a vendor's three bytes; then noise.
        let words = [
            1 << 5 | fields::RESET | fields::MORE,
            1 << 5 | 1 << 11 | fields::RESET | fields::MORE,
            1 << 5 | 1 << 11 | fields::VENDOR | fields::MORE,
            0x0fff_ffff | fields::RESET | fields::MORE,
            1 << 6,
        ];
        let vendor = [0, 0x50, 0xc2, 0, 3, 0, 0xee, 0xee, 0xee];
        // From 24: -40; -50, 0; -60, 1; padding to 30; the vendor's nine bytes; -95.
        let fields = [&[216, 206, 0, 196, 1, 0][..], &vendor, &[161]].concat();
        let (report, body) = read(&frame(&words, &fields)).map(|(r, b)| (r, b.to_vec())).unwrap();
        assert_eq!((report.signal_dbm, report.noise_dbm), (Some(-40), Some(-95)));
        assert_eq!(body, data_frame(true));
    }

    #[test]
    fn a_field_of_unknown_size_ends_the_walk() {
        // Type-length-value behind the signal, and bits beyond the first word.
        for words in [&[1 << 5 | 1 << 28][..], &[1 << 5 | fields::MORE, 1]] {
            let frame = frame(words, &[196, 1, 2, 3]);
            let (report, _) = read(&frame).unwrap();
            assert_eq!(report, Report { signal_dbm: Some(-60), ..Report::default() });
            assert_eq!(strip(&frame), wanted());
        }
    }

    #[test]
    fn a_header_that_lies_is_refused() {
        let good = frame(&[0], &[]);
        for (at, value) in [(0, 1), (2, 7), (3, 1)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(strip(&bad).is_err(), "byte {at}");
        }
        // Fields, and a vendor's, that reach beyond the header; words without an end.
        assert_eq!(read(&frame(&[1 << 5], &[])), Err(Unread::Header));
        assert_eq!(read(&frame(&[1], &[0; 7])), Err(Unread::Header));
        assert_eq!(read(&frame(&[fields::VENDOR], &[1, 2, 3, 0, 1])), Err(Unread::Header));
        assert_eq!(read(&frame(&[fields::VENDOR], &[1, 2, 3, 0, 0xff, 0xff])), Err(Unread::Header));
        assert_eq!(read(&frame(&[u32::MAX, u32::MAX], &[])), Err(Unread::Short));
    }

    #[test]
    fn a_frame_with_a_damaged_preamble_is_refused() {
        let frame = frame(&[1 << 14], &BAD_PLCP.to_le_bytes());
        assert_eq!(strip(&frame), Err(Unread::BadCheckSequence));
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
        fn any_header_before_a_data_frame_is_read_or_refused(header in prop::collection::vec(any::<u8>(), 4..90)) {
            let length = (header.len() + 4) as u8;
            let bytes = [&[0, 0, length, 0][..], &header, &data_frame(true)].concat();
            if let Ok((_, body)) = read(&bytes) {
                prop_assert_eq!(body, data_frame(true));
            }
            if let Ok(stripped) = strip(&bytes) {
                prop_assert_eq!(stripped.ether_type, 0x88b5);
            }
        }

        #[test]
        fn any_words_and_fields_are_walked(
            words in prop::collection::vec(any::<u32>(), 1..6),
            fields in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let last = words.len() - 1;
            let words: Vec<_> = words
                .iter()
                .enumerate()
                .map(|(at, word)| if at < last { word | fields::MORE } else { word & !fields::MORE })
                .collect();
            let frame = frame(&words, &fields);
            match read(&frame) {
                Ok((_, body)) => prop_assert_eq!(body, data_frame(true)),
                Err(unread) => prop_assert_eq!(unread, Unread::Header),
            }
        }
    }
}
