//! How long a frame is on the air: OFDM in a 10 MHz channel (IEEE Std 802.11-2020, clause 17).

use super::{ieee80211, llc};

/// A data rate of a 10 MHz channel (IEEE Std 802.11-2020, table 17-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataRate {
    /// 3 Mb/s: BPSK, 1/2.
    Mbps3,
    /// 4.5 Mb/s: BPSK, 3/4.
    Mbps4_5,
    /// 6 Mb/s: QPSK, 1/2. The default of ITS-G5 (ETSI TS 102 724).
    #[default]
    Mbps6,
    /// 9 Mb/s: QPSK, 3/4.
    Mbps9,
    /// 12 Mb/s: 16-QAM, 1/2.
    Mbps12,
    /// 18 Mb/s: 16-QAM, 3/4.
    Mbps18,
    /// 24 Mb/s: 64-QAM, 2/3.
    Mbps24,
    /// 27 Mb/s: 64-QAM, 3/4.
    Mbps27,
}

impl DataRate {
    /// All rates, slowest first.
    pub const ALL: [Self; 8] = [
        Self::Mbps3,
        Self::Mbps4_5,
        Self::Mbps6,
        Self::Mbps9,
        Self::Mbps12,
        Self::Mbps18,
        Self::Mbps24,
        Self::Mbps27,
    ];

    /// The rate in units of 500 kb/s, as IEEE 802.11 numbers rates.
    #[inline]
    pub const fn half_mbps(self) -> u8 {
        match self {
            Self::Mbps3 => 6,
            Self::Mbps4_5 => 9,
            Self::Mbps6 => 12,
            Self::Mbps9 => 18,
            Self::Mbps12 => 24,
            Self::Mbps18 => 36,
            Self::Mbps24 => 48,
            Self::Mbps27 => 54,
        }
    }

    /// Data bits of one symbol: 8 us at this rate.
    #[inline]
    const fn bits_per_symbol(self) -> u64 {
        4 * self.half_mbps() as u64
    }
}

/// Airtime, ns, of a Roadcast frame of `frame_bytes` (hop header and signed message) at `rate`: preamble and signal
/// field, then symbols over the service field, the MPDU and the tail (IEEE Std 802.11-2020, 17.3.2 and 17.4.3).
#[inline]
pub const fn airtime_ns(frame_bytes: usize, rate: DataRate) -> u64 {
    let mpdu_bits = (frame_bytes as u64).saturating_add(MAC_BYTES).saturating_mul(8);
    let bits = mpdu_bits.saturating_add(SERVICE_BITS + TAIL_BITS);
    PREAMBLE_NS.saturating_add(bits.div_ceil(rate.bits_per_symbol()).saturating_mul(SYMBOL_NS))
}

/// What a MAC frame has around a Roadcast frame, bytes.
const MAC_BYTES: u64 = (ieee80211::QOS_HEADER_LEN + llc::LEN + ieee80211::CHECK_SEQUENCE_LEN) as u64;
/// Training symbols 32 us, signal field 8 us.
const PREAMBLE_NS: u64 = 40_000;
const SYMBOL_NS: u64 = 8_000;
const SERVICE_BITS: u64 = 16;
const TAIL_BITS: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_takes_whole_symbols_after_its_preamble() {
        // 300 B and 38 B around it: 2,726 bits, 57 symbols of 48.
        assert_eq!(airtime_ns(300, DataRate::Mbps6), 40_000 + 57 * 8_000);
        assert_eq!(airtime_ns(0, DataRate::Mbps6), 40_000 + 7 * 8_000);
        // 24 and 216 bits a symbol.
        assert_eq!(airtime_ns(300, DataRate::Mbps3), 40_000 + 114 * 8_000);
        assert_eq!(airtime_ns(300, DataRate::Mbps27), 40_000 + 13 * 8_000);
    }

    #[test]
    fn a_faster_rate_never_takes_longer_and_no_length_overflows() {
        for bytes in [0, 1, 300, 1398, 2296, usize::MAX] {
            let times = DataRate::ALL.map(|rate| airtime_ns(bytes, rate));
            assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{bytes}: {times:?}");
        }
    }
}
