//! Which fields a header has, and where (radiotap.org, "Introduction" and "Fields/Defined").

use super::super::Unread;
use super::super::read::{array, le16, le32};
use super::report::Report;

/// Bits of a word of what is present. The fields of the next word are numbered from 0 again.
pub(super) const RESET: u32 = 1 << 29;
/// A vendor's own fields follow, their length ahead of them; the next word is about them.
pub(super) const VENDOR: u32 = 1 << 30;
/// Another word follows.
pub(super) const MORE: u32 = 1 << 31;

/// Whose numbers the bits of a word are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Radiotap's, from 0.
    Defined,
    /// Radiotap's, from 32: none of these is defined.
    Beyond,
    /// A vendor's, whose fields were skipped as a whole.
    Vendor,
}

/// Reads the fields that the words from `words` to `fields` announce, up to the first whose size is not known.
pub(super) fn walk(header: &[u8], words: usize, fields: usize) -> Result<Report, Unread> {
    let mut report = Report::default();
    let (mut at, mut numbers) = (fields, Numbers::Defined);
    for place in (words..fields).step_by(4) {
        let word = le32(header, place)?;
        let mut present = if numbers == Numbers::Vendor { 0 } else { word & !(RESET | VENDOR | MORE) };
        while present != 0 {
            let bit = present.trailing_zeros();
            present &= present - 1;
            let size = SIZES.get(bit as usize).filter(|_| numbers == Numbers::Defined);
            let Some((align, size)) = size.copied() else { return Ok(report) };
            at = at.next_multiple_of(align);
            let field = header.get(at..at + size).ok_or(Unread::Header)?;
            take(&mut report, bit, field)?;
            at += size;
        }
        if word & VENDOR != 0 {
            at = at.next_multiple_of(2);
            let skipped = le16(header, at + VENDOR_LEN - 2).map_err(|_| Unread::Header)?;
            at += VENDOR_LEN + usize::from(skipped);
            if at > header.len() {
                return Err(Unread::Header);
            }
            numbers = Numbers::Vendor;
        } else if word & RESET != 0 {
            numbers = Numbers::Defined;
        } else if numbers == Numbers::Defined {
            numbers = Numbers::Beyond;
        }
    }
    Ok(report)
}

/// Keeps a field of the right size, unless one of its kind came before.
fn take(report: &mut Report, bit: u32, field: &[u8]) -> Result<(), Unread> {
    let [byte] = array(field, 0)?;
    match bit {
        0 => report.time_us = report.time_us.or(Some(u64::from_le_bytes(array(field, 0)?))),
        1 => report.flags = report.flags.or(Some(byte)),
        2 => report.rate_half_mbps = report.rate_half_mbps.or(Some(byte)),
        3 if report.frequency_mhz.is_none() => {
            report.frequency_mhz = Some(le16(field, 0)?);
            report.channel_flags = le16(field, 2)?;
        }
        5 => report.signal_dbm = report.signal_dbm.or(Some(byte.cast_signed())),
        6 => report.noise_dbm = report.noise_dbm.or(Some(byte.cast_signed())),
        10 => report.tx_power_dbm = report.tx_power_dbm.or(Some(byte.cast_signed())),
        14 => report.rx_flags |= le16(field, 0)?,
        15 => report.tx_flags = report.tx_flags.or(Some(le16(field, 0)?)),
        17 => report.data_retries = report.data_retries.or(Some(byte)),
        _ => {}
    }
    Ok(())
}

/// Organisation, its own number, and the length of what it adds.
const VENDOR_LEN: usize = 6;

/// Alignment and size of the fields, by their bit. Bit 28 is a list of types, lengths and values to the header's end.
const SIZES: [(usize, usize); 28] = [
    (8, 8),  // time (TSFT)
    (1, 1),  // flags
    (1, 1),  // rate
    (2, 4),  // channel
    (2, 2),  // frequency hopping
    (1, 1),  // signal, dBm
    (1, 1),  // noise, dBm
    (2, 2),  // lock quality
    (2, 2),  // attenuation
    (2, 2),  // attenuation, dB
    (1, 1),  // transmit power, dBm
    (1, 1),  // antenna
    (1, 1),  // signal, dB
    (1, 1),  // noise, dB
    (2, 2),  // receive flags
    (2, 2),  // transmit flags
    (1, 1),  // retries of RTS
    (1, 1),  // retries of data
    (4, 8),  // extended channel
    (1, 3),  // MCS
    (4, 8),  // A-MPDU
    (2, 12), // VHT
    (8, 12), // time stamp
    (2, 12), // HE
    (2, 12), // HE, several users
    (2, 6),  // HE, another user
    (1, 1),  // PPDU without data
    (2, 4),  // L-SIG
];
