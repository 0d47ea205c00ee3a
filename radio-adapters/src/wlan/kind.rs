//! What a wireless interface is set up as.

use std::fmt;

/// What a wireless interface is set up as: `NL80211_IFTYPE_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WlanKind {
    /// A cell of equals (independent basic service set), with beacons.
    Ibss,
    /// A client of an access point.
    Managed,
    /// An access point.
    AccessPoint,
    /// Captures frames with their radio header, and injects such.
    Monitor,
    /// A mesh point (802.11s).
    Mesh,
    /// Outside the context of a basic service set: 802.11p.
    Ocb,
    /// Another kind, by its number.
    Other(u32),
}

impl WlanKind {
    pub(super) const fn of(number: u32) -> Self {
        match number {
            1 => Self::Ibss,
            2 => Self::Managed,
            3 => Self::AccessPoint,
            6 => Self::Monitor,
            7 => Self::Mesh,
            11 => Self::Ocb,
            other => Self::Other(other),
        }
    }

    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Ibss => 1,
            Self::Managed => 2,
            Self::AccessPoint => 3,
            Self::Monitor => 6,
            Self::Mesh => 7,
            Self::Ocb => 11,
            Self::Other(other) => other,
        }
    }
}

/// As iw(8) calls it.
impl fmt::Display for WlanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ibss => "ibss",
            Self::Managed => "managed",
            Self::AccessPoint => "AP",
            Self::Monitor => "monitor",
            Self::Mesh => "mesh",
            Self::Ocb => "ocb",
            Self::Other(4) => "AP/VLAN",
            Self::Other(5) => "wds",
            Self::Other(8) => "P2P-client",
            Self::Other(9) => "P2P-GO",
            Self::Other(10) => "P2P-device",
            Self::Other(12) => "nan",
            Self::Other(number) => return write!(f, "type {number}"),
        })
    }
}
