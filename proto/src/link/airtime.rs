//! How long a frame is on the air: OFDM in channels of 5, 10 and 20 MHz (IEEE Std 802.11-2020, clause 17), and the older
//! rates of 2.4 GHz (clauses 15 and 16) for what a monitor interface hears there.

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

/// Width of a channel. It scales all times of OFDM (IEEE Std 802.11-2020, table 17-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelWidth {
    /// 5 MHz.
    Mhz5,
    /// 10 MHz: that of ITS-G5 and of every [`DataRate`].
    #[default]
    Mhz10,
    /// 20 MHz.
    Mhz20,
}

impl ChannelWidth {
    /// That of so many MHz.
    pub const fn of_mhz(mhz: u32) -> Option<Self> {
        match mhz {
            5 => Some(Self::Mhz5),
            10 => Some(Self::Mhz10),
            20 => Some(Self::Mhz20),
            _ => None,
        }
    }

    /// Length of a symbol, ns.
    #[inline]
    const fn symbol_ns(self) -> u64 {
        match self {
            Self::Mhz5 => 2 * SYMBOL_NS,
            Self::Mhz10 => SYMBOL_NS,
            Self::Mhz20 => SYMBOL_NS / 2,
        }
    }
}

/// Airtime, ns, of a Roadcast frame of `frame_bytes` (hop header and signed message) at `rate`: preamble and signal
/// field, then symbols over the service field, the MPDU and the tail (IEEE Std 802.11-2020, 17.3.2 and 17.4.3).
#[inline]
pub const fn airtime_ns(frame_bytes: usize, rate: DataRate) -> u64 {
    let mpdu_bytes = (frame_bytes as u64).saturating_add(MAC_BYTES);
    ofdm_ns(mpdu_bytes, rate.bits_per_symbol(), ChannelWidth::Mhz10)
}

/// Airtime, ns, of any 802.11 frame of `mpdu_bytes`, its check sequence included, in a channel of this width.
///
/// `nominal_rate` is in units of 500 kb/s, as drivers give it: the rate that the modulation has at 20 MHz, whatever the
/// width (12 in a channel of 10 MHz is 3 Mb/s on the air). 2, 4, 11 and 22 are the rates of DSSS and CCK, with the long
/// preamble; they have no other width than 20 MHz. A rate that no legacy frame has, 0 included, counts as 24, which is
/// 6 Mb/s at 10 MHz.
#[inline]
pub const fn mpdu_airtime_ns(mpdu_bytes: usize, nominal_rate: u8, width: ChannelWidth) -> u64 {
    let mpdu_bytes = mpdu_bytes as u64;
    match nominal_rate {
        2 | 4 | 11 | 22 => {
            // 500 kb/s for 8 bits is 16 us.
            let bytes_ns = mpdu_bytes.saturating_mul(16_000);
            DSSS_PREAMBLE_NS.saturating_add(bytes_ns / nominal_rate as u64)
        }
        12 | 18 | 24 | 36 | 48 | 72 | 96 | 108 => ofdm_ns(mpdu_bytes, 2 * nominal_rate as u64, width),
        _ => ofdm_ns(mpdu_bytes, DataRate::Mbps6.bits_per_symbol(), width),
    }
}

#[inline]
const fn ofdm_ns(mpdu_bytes: u64, bits_per_symbol: u64, width: ChannelWidth) -> u64 {
    let bits = mpdu_bytes.saturating_mul(8).saturating_add(SERVICE_BITS + TAIL_BITS);
    let symbols = bits.div_ceil(bits_per_symbol).saturating_add(PREAMBLE_SYMBOLS);
    symbols.saturating_mul(width.symbol_ns())
}

/// What a MAC frame has around a Roadcast frame, bytes.
const MAC_BYTES: u64 = (ieee80211::QOS_HEADER_LEN + llc::LEN + ieee80211::CHECK_SEQUENCE_LEN) as u64;
/// Training as long as four symbols, and the signal field: 40 us at 10 MHz.
const PREAMBLE_SYMBOLS: u64 = 5;
/// At 10 MHz.
const SYMBOL_NS: u64 = 8_000;
/// Long preamble and header (IEEE Std 802.11-2020, 15.2.3 and 16.2.2.2).
const DSSS_PREAMBLE_NS: u64 = 192_000;
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
    fn any_frame_has_its_airtime_in_a_channel_of_any_width() {
        // 338 B: 2,726 bits, 57 symbols of 48 and five before them.
        let times = [ChannelWidth::Mhz5, ChannelWidth::Mhz10, ChannelWidth::Mhz20]
            .map(|width| mpdu_airtime_ns(338, 24, width));
        assert_eq!(times, [62 * 16_000, 62 * 8_000, 62 * 4_000]);
        for rate in DataRate::ALL {
            let nominal = 2 * rate.half_mbps();
            assert_eq!(mpdu_airtime_ns(338, nominal, ChannelWidth::Mhz10), airtime_ns(300, rate), "{rate:?}");
        }
        // An acknowledgement at the lowest rate of 20 MHz, and a beacon at 1 Mb/s.
        assert_eq!(mpdu_airtime_ns(14, 12, ChannelWidth::Mhz20), 20_000 + 6 * 4_000);
        assert_eq!(mpdu_airtime_ns(100, 2, ChannelWidth::Mhz20), 192_000 + 800_000);
        assert_eq!(mpdu_airtime_ns(110, 22, ChannelWidth::Mhz20), 192_000 + 80_000);
        // What has no rate counts as one of 6 Mb/s at 10 MHz.
        for odd in [0, 1, 13, 255] {
            assert_eq!(mpdu_airtime_ns(338, odd, ChannelWidth::Mhz10), airtime_ns(300, DataRate::Mbps6));
        }
        assert_eq!(mpdu_airtime_ns(usize::MAX, 2, ChannelWidth::Mhz5), u64::MAX / 2 + 192_000);
    }

    #[test]
    fn a_faster_rate_never_takes_longer_and_no_length_overflows() {
        for bytes in [0, 1, 300, 1398, 2296, usize::MAX] {
            let times = DataRate::ALL.map(|rate| airtime_ns(bytes, rate));
            assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{bytes}: {times:?}");
        }
    }
}
