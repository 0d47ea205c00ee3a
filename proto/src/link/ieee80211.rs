//! The header of an 802.11 data frame (IEEE Std 802.11-2020, 9.3.2).

use super::read::{address, be16};
use super::{Stripped, Unread, llc};

/// Bytes of the header of a QoS data frame from station to station, as outside the context of a BSS.
pub const QOS_HEADER_LEN: usize = HEADER_LEN + QOS_CONTROL_LEN;

/// Bytes of the frame check sequence after the body.
pub const CHECK_SEQUENCE_LEN: usize = 4;

/// Takes header and LLC off a data frame without check sequence; `padded`: its header is filled up to a multiple of 4.
/// Without LLC its body may begin with the EtherType, as in bands that discriminate protocols so (EPD, IEEE Std
/// 802.11-2020, 5.1.4).
///
/// # Errors
/// Frames of another kind, fragments, protected ones, and those that aggregate several.
pub fn strip(frame: &[u8], padded: bool) -> Result<Stripped<'_>, Unread> {
    let control = be16(frame, 0)?.to_be_bytes();
    let [kind, flags] = control;
    let is_data = kind & KIND_MASK == DATA && kind & NO_DATA == 0;
    if !is_data {
        return Err(Unread::NoData);
    }
    if flags & PROTECTED != 0 {
        return Err(Unread::Encrypted);
    }
    let (to_ds, from_ds) = (flags & TO_DS != 0, flags & FROM_DS != 0);
    let source = match (to_ds, from_ds) {
        (_, false) => address(frame, 10)?,
        (false, true) => address(frame, 16)?,
        (true, true) => address(frame, 24)?,
    };
    let [sequence, _] = be16(frame, SEQUENCE_AT)?.to_be_bytes();
    if flags & MORE_FRAGMENTS != 0 || sequence & FRAGMENT_NUMBER != 0 {
        return Err(Unread::Fragment);
    }
    let mut length = if to_ds && from_ds { HEADER_LEN + ADDRESS_LEN } else { HEADER_LEN };
    if kind & QOS != 0 {
        if frame.get(length).ok_or(Unread::Short)? & AGGREGATE != 0 {
            return Err(Unread::Aggregate);
        }
        length += QOS_CONTROL_LEN;
        if flags & ORDER != 0 {
            length += HT_CONTROL_LEN;
        }
    }
    if padded {
        length = length.next_multiple_of(4);
    }
    let body = frame.get(length..).ok_or(Unread::Short)?;
    match llc::strip(body) {
        Ok((ether_type, payload)) => Ok(Stripped { ether_type, source, payload }),
        Err(_) if be16(body, 0)? == DEFAULT_ETHER_TYPE => {
            Ok(Stripped { ether_type: DEFAULT_ETHER_TYPE, source, payload: &body[2..] })
        }
        Err(unread) => Err(unread),
    }
}

/// A frame without the check sequence at its end.
///
/// # Errors
/// It has none.
pub fn without_check_sequence(frame: &[u8]) -> Result<&[u8], Unread> {
    let length = frame.len().checked_sub(CHECK_SEQUENCE_LEN).ok_or(Unread::Short)?;
    Ok(&frame[..length])
}

/// Frame control, duration, three addresses, sequence control.
const HEADER_LEN: usize = 24;
const ADDRESS_LEN: usize = 6;
const QOS_CONTROL_LEN: usize = 2;
const HT_CONTROL_LEN: usize = 4;

/// First octet of frame control: version and type, then bits of the subtype.
const KIND_MASK: u8 = 0x0f;
const DATA: u8 = 0x08;
const NO_DATA: u8 = 0x40;
const QOS: u8 = 0x80;
/// Second octet.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
const MORE_FRAGMENTS: u8 = 0x04;
/// Sequence control, and in its first octet the number of the fragment.
const SEQUENCE_AT: usize = 22;
const FRAGMENT_NUMBER: u8 = 0x0f;
/// The only EtherType known well enough to look for without LLC: the first local experimental one (IEEE 802).
const DEFAULT_ETHER_TYPE: u16 = 0x88b5;
/// First octet of QoS control: an A-MSDU.
const AGGREGATE: u8 = 0x80;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::link) const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 7];

    pub(in crate::link) fn data_frame(qos: bool) -> Vec<u8> {
        let mut frame = vec![if qos { 0x88 } else { 0x08 }, 0, 0, 0];
        frame.extend([0xff; 6]);
        frame.extend(SOURCE);
        frame.extend([0xff; 6]);
        frame.extend([0, 0]);
        if qos {
            frame.extend([7, 0]);
        }
        frame.extend(b"\xaa\xaa\x03\0\0\0\x88\xb5hello");
        frame
    }

    pub(in crate::link) fn wanted() -> Result<Stripped<'static>, Unread> {
        Ok(Stripped { ether_type: 0x88b5, source: SOURCE, payload: b"hello" })
    }

    #[test]
    fn a_data_frame_is_stripped_with_and_without_qos() {
        assert_eq!(strip(&data_frame(false), false), wanted());
        assert_eq!(strip(&data_frame(true), false), wanted());
        assert_eq!(data_frame(true).len(), QOS_HEADER_LEN + llc::LEN + 5);
    }

    #[test]
    fn the_source_stands_where_the_direction_says() {
        for (flags, at) in [(TO_DS, 10), (FROM_DS, 16)] {
            let mut frame = data_frame(false);
            frame[1] = flags;
            frame[10..22].fill(9);
            frame[at..at + 6].copy_from_slice(&SOURCE);
            assert_eq!(strip(&frame, false), wanted());
        }
        let mut relayed = data_frame(true);
        relayed[1] = TO_DS | FROM_DS;
        relayed.splice(24..24, SOURCE);
        assert_eq!(strip(&relayed, false), wanted());
    }

    #[test]
    fn a_padded_header_and_one_with_ht_control_are_longer() {
        let mut padded = data_frame(true);
        padded.splice(26..26, [0, 0]);
        assert_eq!(strip(&padded, true), wanted());
        assert_eq!(strip(&padded, false), Err(Unread::Llc));
        let mut ordered = data_frame(true);
        ordered[1] |= ORDER;
        ordered.splice(26..26, [0; 4]);
        assert_eq!(strip(&ordered, false), wanted());
    }

    #[test]
    fn an_ether_type_without_llc_is_read() {
        let mut frame = data_frame(true);
        frame.drain(QOS_HEADER_LEN..QOS_HEADER_LEN + 6);
        assert_eq!(strip(&frame, false), wanted());
    }

    #[test]
    fn other_frames_are_refused() {
        for (at, bits, what) in [
            (0, DATA, Unread::NoData),
            (0, NO_DATA, Unread::NoData),
            (1, PROTECTED, Unread::Encrypted),
            (1, MORE_FRAGMENTS, Unread::Fragment),
            (22, 1, Unread::Fragment),
            (24, AGGREGATE, Unread::Aggregate),
        ] {
            let mut frame = data_frame(true);
            frame[at] ^= bits;
            assert_eq!(strip(&frame, false), Err(what));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(kind in prop::sample::select(vec![0x08, 0x88, 0x80]), padded: bool, rest in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes = [&[kind][..], &rest].concat();
            if let Ok(stripped) = strip(&bytes, padded) {
                prop_assert!(bytes.ends_with(stripped.payload));
            }
        }

        #[test]
        fn a_frame_cut_anywhere_is_refused(cut in 0..34_usize) {
            let frame = data_frame(true);
            prop_assert!(strip(&frame[..cut], false).is_err());
        }
    }
}
