//! A cell to join, or a channel to listen and inject on.

use std::fmt;

use super::channel::Channel;
use super::kind::WlanKind;
use crate::radio::LinkAddress;

/// The cell to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// All who are on the channel (802.11p).
    Ocb(Channel),
    /// A cell of equals with a name.
    Ibss {
        /// Where.
        channel: Channel,
        /// Its name.
        ssid: Ssid,
        /// Its address, fixed: without, it is that of the first station and cells merge as they meet.
        bssid: Option<LinkAddress>,
    },
    /// No cell: a monitor interface on the channel, which frames are injected on.
    Monitor(Channel),
}

impl Cell {
    /// Reads the address of a cell, such as `02:ca:fe:ca:fe:00`: not one of a group (its first byte is even).
    #[must_use]
    pub fn bssid(text: &str) -> Option<LinkAddress> {
        LinkAddress::parse(text).filter(|LinkAddress(bytes)| bytes[0] & 1 == 0 && *bytes != [0; 6])
    }

    /// Where it is.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Ocb(channel) | Self::Monitor(channel) | Self::Ibss { channel, .. } => *channel,
        }
    }

    /// What an interface has to be set up as.
    #[must_use]
    pub fn kind(&self) -> WlanKind {
        match self {
            Self::Ocb(_) => WlanKind::Ocb,
            Self::Ibss { .. } => WlanKind::Ibss,
            Self::Monitor(_) => WlanKind::Monitor,
        }
    }
}

/// Name of a cell: 1 to 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssid(Vec<u8>);

impl Ssid {
    /// `None` unless it has 1 to 32 bytes.
    #[must_use]
    pub fn new(name: &[u8]) -> Option<Self> {
        (1..=32).contains(&name.len()).then(|| Self(name.to_vec()))
    }

    /// The name.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ocb(channel) | Self::Monitor(channel) => write!(f, "{channel}"),
            Self::Ibss { channel, ssid, bssid: None } => write!(f, "the cell {ssid} at {channel}"),
            Self::Ibss { channel, ssid, bssid: Some(bssid) } => {
                write!(f, "the cell {ssid} ({bssid}) at {channel}")
            }
        }
    }
}

/// In quotes, with what cannot be printed escaped.
impl fmt::Display for Ssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}
