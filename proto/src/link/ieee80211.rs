//! The header of an 802.11 data frame (IEEE Std 802.11-2020, 9.3.2).

use super::read::{address, be16, le16};
use super::{Stripped, Unread, llc};

/// The address of every station, and the BSSID of frames outside the context of a BSS.
pub const BROADCAST: [u8; 6] = [0xff; 6];

/// A QoS data frame from station to station outside the context of a BSS, to be sent: what is ahead of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QosData {
    /// Who is to receive it.
    pub destination: [u8; 6],
    /// Who sends it.
    pub source: [u8; 6],
    /// 802.1D user priority, 0..=7: the traffic identifier, and with it the access category.
    pub user_priority: u8,
    /// Number of the frame, 0..=4095.
    pub sequence: u16,
    /// What the payload is.
    pub ether_type: u16,
}

impl QosData {
    /// Bytes of header and LLC.
    pub const LEN: usize = QOS_HEADER_LEN + llc::LEN;

    /// Header and LLC with SNAP. No acknowledgement is asked for; higher bits of the numbers are left out.
    #[inline]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = DATA | QOS;
        bytes[4..10].copy_from_slice(&self.destination);
        bytes[10..16].copy_from_slice(&self.source);
        bytes[16..22].copy_from_slice(&BROADCAST);
        bytes[SEQUENCE_AT..HEADER_LEN].copy_from_slice(&(self.sequence << 4).to_le_bytes());
        bytes[HEADER_LEN] = self.user_priority & USER_PRIORITY | NO_ACK;
        bytes[QOS_HEADER_LEN..].copy_from_slice(&llc::encode(self.ether_type));
        bytes
    }
}

/// A data frame that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Its EtherType, sender and payload.
    pub stripped: Stripped<'a>,
    /// Who is to receive it.
    pub destination: [u8; 6],
    /// Its cell: [`BROADCAST`] outside the context of a BSS; `None` between access points.
    pub bssid: Option<[u8; 6]>,
    /// 802.1D user priority, of a QoS frame.
    pub user_priority: Option<u8>,
    /// Number of the frame, 0..=4095.
    pub sequence: u16,
}

/// Bytes of the header of a QoS data frame from station to station, as outside the context of a BSS.
pub const QOS_HEADER_LEN: usize = HEADER_LEN + QOS_CONTROL_LEN;

/// Bytes of the frame check sequence after the body.
pub const CHECK_SEQUENCE_LEN: usize = 4;

/// Takes header and LLC off a data frame: as [`read`].
///
/// # Errors
/// As [`read`].
pub fn strip(frame: &[u8], padded: bool) -> Result<Stripped<'_>, Unread> {
    Ok(read(frame, padded)?.stripped)
}

/// Reads a data frame without check sequence; `padded`: its header is filled up to a multiple of 4. Without LLC its body may
/// begin with the EtherType, as in bands that discriminate protocols so (EPD, IEEE Std 802.11-2020, 5.1.4).
///
/// # Errors
/// Frames of another kind, fragments, protected ones, and those that aggregate several.
pub fn read(frame: &[u8], padded: bool) -> Result<Data<'_>, Unread> {
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
    let [first, second, third] = [address(frame, 4)?, address(frame, 10)?, address(frame, 16)?];
    let (destination, source, bssid) = match (to_ds, from_ds) {
        (false, false) => (first, second, Some(third)),
        (true, false) => (third, second, Some(first)),
        (false, true) => (first, third, Some(second)),
        (true, true) => (third, address(frame, HEADER_LEN)?, None),
    };
    let sequence = le16(frame, SEQUENCE_AT)?;
    if flags & MORE_FRAGMENTS != 0 || sequence & FRAGMENT_NUMBER != 0 {
        return Err(Unread::Fragment);
    }
    let mut user_priority = None;
    let mut length = if to_ds && from_ds { HEADER_LEN + ADDRESS_LEN } else { HEADER_LEN };
    if kind & QOS != 0 {
        let control = *frame.get(length).ok_or(Unread::Short)?;
        if control & AGGREGATE != 0 {
            return Err(Unread::Aggregate);
        }
        user_priority = Some(control & USER_PRIORITY);
        length += QOS_CONTROL_LEN;
        if flags & ORDER != 0 {
            length += HT_CONTROL_LEN;
        }
    }
    if padded {
        length = length.next_multiple_of(4);
    }
    let body = frame.get(length..).ok_or(Unread::Short)?;
    let (ether_type, payload) = match llc::strip(body) {
        Ok(found) => found,
        Err(_) if be16(body, 0)? == DEFAULT_ETHER_TYPE => (DEFAULT_ETHER_TYPE, &body[2..]),
        Err(unread) => return Err(unread),
    };
    let stripped = Stripped { ether_type, source, payload };
    Ok(Data { stripped, destination, bssid, user_priority, sequence: sequence >> 4 })
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
/// Sequence control, and in its lowest bits the number of the fragment.
const SEQUENCE_AT: usize = 22;
const FRAGMENT_NUMBER: u16 = 0x000f;
/// The only EtherType known well enough to look for without LLC: the first local experimental one (IEEE 802).
const DEFAULT_ETHER_TYPE: u16 = 0x88b5;
/// First octet of QoS control: user priority, the acknowledgement policy "no ack", an A-MSDU.
const USER_PRIORITY: u8 = 0x07;
const NO_ACK: u8 = 0x20;
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

    #[test]
    fn a_frame_to_send_is_a_qos_data_frame_outside_a_bss() {
        let header = QosData {
            destination: BROADCAST,
            source: SOURCE,
            user_priority: 6,
            sequence: 0x123,
            ether_type: 0x88b5,
        };
        let bytes = header.encode();
        assert_eq!(bytes[..4], [0x88, 0, 0, 0], "QoS data, neither to nor from a distribution system");
        assert_eq!(bytes[4..10], BROADCAST);
        assert_eq!(bytes[10..16], SOURCE);
        assert_eq!(bytes[16..22], BROADCAST);
        assert_eq!(bytes[22..26], [0x30, 0x12, 0x26, 0], "sequence, user priority and no ack");
        assert_eq!(&bytes[26..], b"\xaa\xaa\x03\0\0\0\x88\xb5");
    }

    #[test]
    fn who_a_frame_is_for_and_of_which_cell_stands_where_the_direction_says() {
        let (one, two, three, four) = ([1; 6], [2; 6], [3; 6], [4; 6]);
        for (flags, destination, source, bssid) in [
            (0, one, two, Some(three)),
            (TO_DS, three, two, Some(one)),
            (FROM_DS, one, three, Some(two)),
            (TO_DS | FROM_DS, three, four, None),
        ] {
            let mut frame = data_frame(false);
            frame[1] = flags;
            frame[4..22].copy_from_slice(&[one, two, three].concat());
            if bssid.is_none() {
                frame.splice(HEADER_LEN..HEADER_LEN, four);
            }
            let data = read(&frame, false).unwrap();
            assert_eq!((data.destination, data.stripped.source, data.bssid), (destination, source, bssid));
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read(
            destination: [u8; 6],
            source: [u8; 6],
            user_priority in 0..8_u8,
            sequence in 0..4096_u16,
            ether_type: u16,
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let header = QosData { destination, source, user_priority, sequence, ether_type };
            let frame = [&header.encode()[..], &payload].concat();
            let stripped = Stripped { ether_type, source, payload: &payload };
            let wanted = Data {
                stripped,
                destination,
                bssid: Some(BROADCAST),
                user_priority: Some(user_priority),
                sequence,
            };
            prop_assert_eq!(read(&frame, false), Ok(wanted));
        }

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
