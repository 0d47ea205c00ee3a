//! What a radiotap header says of its frame.

/// What a driver reports about a frame. `None`: nothing; of several reports of a kind, as for each antenna, the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Time of the radio's own clock at the frame's first bit, us (TSFT).
    pub time_us: Option<u64>,
    /// What the frame begins and ends with, and whether it is whole.
    pub(super) flags: Option<u8>,
    /// Data rate in units of 500 kb/s. In a narrow channel it is that of a 20 MHz channel unless
    /// [`narrow`](Self::narrow) says the width.
    pub rate_half_mbps: Option<u8>,
    /// Centre of the channel, MHz.
    pub frequency_mhz: Option<u16>,
    /// Properties of the channel.
    pub(super) channel_flags: u16,
    /// Received signal strength, dBm.
    pub signal_dbm: Option<i8>,
    /// Noise, dBm.
    pub noise_dbm: Option<i8>,
    /// Transmit power, dBm.
    pub tx_power_dbm: Option<i8>,
    /// Properties of a reception.
    pub(super) rx_flags: u16,
    /// Properties of a transmission: present on frames that this machine's radio sent.
    pub tx_flags: Option<u16>,
    /// How often a transmission was tried again.
    pub data_retries: Option<u8>,
}

impl Report {
    /// Whether a check sequence follows the frame.
    pub fn has_check_sequence(&self) -> bool {
        self.flag(CHECK_SEQUENCE)
    }

    /// Whether the 802.11 header is filled up to a multiple of 4 bytes.
    pub fn is_padded(&self) -> bool {
        self.flag(PADDED)
    }

    /// Whether the receiver found the frame damaged.
    pub fn is_damaged(&self) -> bool {
        self.flag(BAD_CHECK_SEQUENCE) || self.rx_flags & BAD_PLCP != 0
    }

    /// The width of a channel of 10 or 5 MHz, MHz, where the driver tells it.
    pub fn narrow(&self) -> Option<u8> {
        match self.channel_flags & (HALF | QUARTER) {
            HALF => Some(10),
            QUARTER => Some(5),
            _ => None,
        }
    }

    fn flag(&self, flag: u8) -> bool {
        self.flags.is_some_and(|flags| flags & flag != 0)
    }
}

/// Bits of the flags.
pub(super) const CHECK_SEQUENCE: u8 = 0x10;
const PADDED: u8 = 0x20;
pub(super) const BAD_CHECK_SEQUENCE: u8 = 0x40;
/// Bits of the channel's flags: widths of 10 and 5 MHz.
const HALF: u16 = 0x4000;
const QUARTER: u16 = 0x8000;
/// Bit of the receive flags.
pub(super) const BAD_PLCP: u16 = 0x0002;
