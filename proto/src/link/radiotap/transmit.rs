//! The header ahead of a frame that is to be sent: how (radiotap.org, "Fields/Defined").

/// How a frame is to be sent. Linux (mac80211) honours the rate and the flags; see docs/links.md for the power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transmit {
    /// Data rate in units of 500 kb/s, in a narrow channel that of a 20 MHz channel with the same modulation; `None`: the
    /// driver's own.
    pub rate_half_mbps: Option<u8>,
    /// Transmit power, dBm; `None`: the interface's.
    pub power_dbm: Option<i8>,
}

impl Transmit {
    /// Bytes of the longest header.
    pub const MAX_LEN: usize = 12;

    /// The header, in `room`. The receiver is not to acknowledge the frame, and its sequence number is the one it has.
    #[inline]
    pub fn encode<'a>(&self, room: &'a mut [u8; Self::MAX_LEN]) -> &'a [u8] {
        let (mut present, mut at) = (TX_FLAGS, FIELDS);
        if let Some(rate) = self.rate_half_mbps {
            present |= RATE;
            room[at] = rate;
            at += 1;
        }
        if let Some(power) = self.power_dbm {
            present |= TX_POWER;
            room[at] = power.cast_unsigned();
            at += 1;
        }
        // Two bytes, aligned to two.
        if at % 2 == 1 {
            room[at] = 0;
            at += 1;
        }
        room[at..at + 2].copy_from_slice(&(NO_ACK | NO_SEQUENCE).to_le_bytes());
        at += 2;
        room[..2].fill(0);
        room[2..4].copy_from_slice(&[at as u8, 0]);
        room[4..FIELDS].copy_from_slice(&present.to_le_bytes());
        &room[..at]
    }
}

/// Where the fields begin: behind version, length, and one word of what is present.
const FIELDS: usize = 8;
/// Bits of the word.
const RATE: u32 = 1 << 2;
const TX_POWER: u32 = 1 << 10;
const TX_FLAGS: u32 = 1 << 15;
/// Bits of the transmit flags.
const NO_ACK: u16 = 0x0008;
const NO_SEQUENCE: u16 = 0x0010;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::radiotap::{Report, read};
    use proptest::prelude::*;

    #[test]
    fn the_longest_header_has_its_fields_in_order() {
        let mut room = [0xff; Transmit::MAX_LEN];
        let header = Transmit { rate_half_mbps: Some(24), power_dbm: Some(-2) }.encode(&mut room);
        assert_eq!(header, [0, 0, 12, 0, 0x04, 0x84, 0, 0, 24, 0xfe, 0x18, 0]);
        let header = Transmit { rate_half_mbps: Some(24), power_dbm: None }.encode(&mut room);
        assert_eq!(header, [0, 0, 12, 0, 0x04, 0x80, 0, 0, 24, 0, 0x18, 0]);
        assert_eq!(Transmit::default().encode(&mut room), [0, 0, 10, 0, 0, 0x80, 0, 0, 0x18, 0]);
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_read(rate_half_mbps: Option<u8>, power_dbm: Option<i8>, dirt: u8, rest: [u8; 9]) {
            let mut room = [dirt; Transmit::MAX_LEN];
            let header = Transmit { rate_half_mbps, power_dbm }.encode(&mut room);
            let frame = [header, &rest].concat();
            let wanted = Report {
                rate_half_mbps,
                tx_power_dbm: power_dbm,
                tx_flags: Some(NO_ACK | NO_SEQUENCE),
                ..Report::default()
            };
            prop_assert_eq!(read(&frame), Ok((wanted, &rest[..])));
        }
    }
}
