//! The header of an 802.11 data frame (IEEE Std 802.11-2020, 9.3.2).

use super::read::address;
use super::{Stripped, llc};

/// Bytes of the header of a QoS data frame from station to station, as outside the context of a BSS.
pub const QOS_HEADER_LEN: usize = HEADER_LEN + QOS_CONTROL_LEN;

/// Bytes of the frame check sequence after the body.
pub const CHECK_SEQUENCE_LEN: usize = 4;

/// Takes header and LLC off a data frame without check sequence; `padded`: its header is filled up to a multiple of 4.
/// `None` for frames of another kind, protected ones, and those that aggregate several.
pub fn strip(frame: &[u8], padded: bool) -> Option<Stripped<'_>> {
    let [kind, flags] = [*frame.first()?, *frame.get(1)?];
    let is_data = kind & KIND_MASK == DATA && kind & NO_DATA == 0;
    if !is_data || flags & PROTECTED != 0 {
        return None;
    }
    let (to_ds, from_ds) = (flags & TO_DS != 0, flags & FROM_DS != 0);
    let source = match (to_ds, from_ds) {
        (_, false) => address(frame, 10)?,
        (false, true) => address(frame, 16)?,
        (true, true) => address(frame, 24)?,
    };
    let mut length = if to_ds && from_ds { HEADER_LEN + ADDRESS_LEN } else { HEADER_LEN };
    if kind & QOS != 0 {
        if frame.get(length)? & AGGREGATE != 0 {
            return None;
        }
        length += QOS_CONTROL_LEN;
        if flags & ORDER != 0 {
            length += HT_CONTROL_LEN;
        }
    }
    if padded {
        length = length.next_multiple_of(4);
    }
    let (ether_type, payload) = llc::strip(frame.get(length..)?)?;
    Some(Stripped { ether_type, source, payload })
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

    pub(in crate::link) fn wanted() -> Option<Stripped<'static>> {
        Some(Stripped { ether_type: 0x88b5, source: SOURCE, payload: b"hello" })
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
        assert_eq!(strip(&padded, false), None);
        let mut ordered = data_frame(true);
        ordered[1] |= ORDER;
        ordered.splice(26..26, [0; 4]);
        assert_eq!(strip(&ordered, false), wanted());
    }

    #[test]
    fn other_frames_are_refused() {
        for (at, bits, what) in [
            (0, DATA, "a beacon"),
            (0, NO_DATA, "no data in it"),
            (1, PROTECTED, "encrypted"),
            (24, AGGREGATE, "several in one"),
        ] {
            let mut frame = data_frame(true);
            frame[at] ^= bits;
            assert_eq!(strip(&frame, false), None, "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_stripped_or_refused(kind in prop::sample::select(vec![0x08, 0x88, 0x80]), padded: bool, rest in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes = [&[kind][..], &rest].concat();
            if let Some(stripped) = strip(&bytes, padded) {
                prop_assert!(bytes.ends_with(stripped.payload));
            }
        }

        #[test]
        fn a_frame_cut_anywhere_is_refused(cut in 0..34_usize) {
            let frame = data_frame(true);
            prop_assert_eq!(strip(&frame[..cut], false), None);
        }
    }
}
