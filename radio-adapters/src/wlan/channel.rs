//! A channel and its width.

use std::fmt;

/// Width of a channel that OCB and this program's IBSS use. Numbers of `NL80211_CHAN_WIDTH_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// 5 MHz: a quarter of the nominal rates.
    Mhz5,
    /// 10 MHz, as ITS-G5 and 802.11p: half the nominal rates.
    Mhz10,
    /// 20 MHz, without HT.
    Mhz20,
}

impl Width {
    /// All, narrowest first.
    pub const ALL: [Self; 3] = [Self::Mhz5, Self::Mhz10, Self::Mhz20];

    /// In MHz.
    #[must_use]
    pub const fn mhz(self) -> u32 {
        match self {
            Self::Mhz5 => 5,
            Self::Mhz10 => 10,
            Self::Mhz20 => 20,
        }
    }

    /// That of so many MHz.
    #[must_use]
    pub fn of_mhz(mhz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.mhz() == mhz)
    }

    /// The rates of OFDM at this width, kb/s, slowest first (IEEE Std 802.11-2020, table 17-4).
    #[must_use]
    pub fn rates_kbps(self) -> [u32; 8] {
        NOMINAL_KBPS.map(|nominal| nominal / 20 * self.mhz())
    }

    /// What the kernel calls the rate that is `kbps` at this width: that of the same modulation at 20 MHz, kb/s. `None` if
    /// this width has no such rate.
    #[must_use]
    pub fn nominal_kbps(self, kbps: u32) -> Option<u32> {
        self.rates_kbps().iter().position(|rate| *rate == kbps).map(|place| NOMINAL_KBPS[place])
    }

    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Mhz5 => 6,
            Self::Mhz10 => 7,
            Self::Mhz20 => 0,
        }
    }

    pub(super) const fn of_number(number: u32) -> Option<Self> {
        match number {
            6 => Some(Self::Mhz5),
            7 => Some(Self::Mhz10),
            // With HT or without: the frames sent here are the same.
            0 | 1 => Some(Self::Mhz20),
            _ => None,
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz", self.mhz())
    }
}

/// Where a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// Centre frequency, MHz.
    pub frequency_mhz: u32,
    /// Width.
    pub width: Width,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz ({} wide)", self.frequency_mhz, self.width)
    }
}

const NOMINAL_KBPS: [u32; 8] = [6_000, 9_000, 12_000, 18_000, 24_000, 36_000, 48_000, 54_000];
