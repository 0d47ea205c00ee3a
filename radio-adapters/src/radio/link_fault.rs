//! Why a link carries no frames, or not all of them.

use std::fmt;
use std::net::Ipv4Addr;

/// Why a link carries no frames, or not all of them, in words that say what would help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkFault {
    /// No interface has this name or address.
    #[error("{0} is gone; waiting for it")]
    Gone(Subject),
    /// The interface is administratively down.
    #[error("{interface} is down: ip link set {interface} up{}", rfkill(*wireless))]
    Off {
        /// Its name.
        interface: String,
        /// It is a radio, which rfkill(8) may keep down.
        wireless: bool,
    },
    /// Nothing is at the other end.
    #[error("{interface} has no carrier: look at its cable and at the other end")]
    NoCarrier {
        /// Its name.
        interface: String,
    },
    /// The radio has left its cell, or never joined one: the kernel leaves it when the interface goes down.
    #[error("{interface} has not joined a cell: {command}")]
    NotJoined {
        /// Its name.
        interface: String,
        /// What joins one.
        command: String,
    },
    /// The interface cannot carry this link as it is set up.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// The kernel refuses a socket on it.
    #[error("{reason}; trying again")]
    Refused {
        /// Its error, and what was tried.
        reason: String,
    },
    /// The interface takes fewer bytes than a frame may have; shorter frames pass.
    #[error(
        "the MTU of {interface} is {mtu} bytes and frames have up to {needed}, longer ones are refused: ip link set {interface} mtu {needed}"
    )]
    ShortMtu {
        /// Its name.
        interface: String,
        /// Bytes it takes.
        mtu: usize,
        /// Bytes of the longest frame.
        needed: usize,
    },
    /// The send queue has been full for seconds.
    #[error("{interface} takes no frames: its send queue has been full for over {seconds} s")]
    Stalled {
        /// Its name.
        interface: String,
        /// For how long, when this was noticed.
        seconds: u64,
    },
    /// The kernel's table of stations heard in OCB, which has room for 128, is full or will soon be.
    #[error(
        "the kernel's table of OCB neighbours on {interface} is {}full (128 stations){}: {}",
        if *full { "" } else { "nearly " },
        if *full { ", and others are not heard" } else { "; others are not heard once it is" },
        emptied(*rejoins)
    )]
    OcbTable {
        /// Its name.
        interface: String,
        /// Full.
        full: bool,
        /// The station leaves and joins when it is.
        rejoins: bool,
    },
}

impl LinkFault {
    /// Stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gone(_) => "gone",
            Self::Off { .. } => "off",
            Self::NoCarrier { .. } => "no_carrier",
            Self::NotJoined { .. } => "not_joined",
            Self::Unfit(_) => "unfit",
            Self::Refused { .. } => "refused",
            Self::ShortMtu { .. } => "short_mtu",
            Self::Stalled { .. } => "stalled",
            Self::OcbTable { .. } => "ocb_table",
        }
    }
}

/// What is wrong with an interface that somebody has to set up in another way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It captures frames with their radio header and drops Ethernet frames given to it.
    #[error(
        "{interface} is a monitor interface (ARPHRD {hardware}), which sends no Ethernet frames: roadcast link up {interface}, or link.kind = \"monitor\""
    )]
    Monitor {
        /// Its name.
        interface: String,
        /// Its `ARPHRD_` number.
        hardware: u16,
    },
    /// It gives no 802.11 frames.
    #[error(
        "{interface} is no monitor interface (ARPHRD {hardware}), which injection needs: roadcast link up {interface} --mode monitor, or link.frequency_mhz"
    )]
    NoMonitor {
        /// Its name.
        interface: String,
        /// Its `ARPHRD_` number.
        hardware: u16,
    },
    /// It is not Ethernet-like.
    #[error(
        "{interface} has no Ethernet header (ARPHRD {hardware}); a packet link needs an interface of ARPHRD 1"
    )]
    Hardware {
        /// Its name.
        interface: String,
        /// Its `ARPHRD_` number.
        hardware: u16,
    },
    /// Another interface takes what it receives.
    #[error(
        "{interface} is a port of the {kind} {master}, which takes the frames it receives: use {master}, or ip link set {interface} nomaster"
    )]
    Enslaved {
        /// Its name.
        interface: String,
        /// The interface above it.
        master: String,
        /// What that is, such as `bridge`.
        kind: String,
    },
    /// A UDP link needs an address.
    #[error("{interface} has no IPv4 address: ip address add ADDRESS/24 dev {interface}, or wait for DHCP")]
    NoAddress {
        /// Its name.
        interface: String,
    },
}

/// How an interface was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// By its name.
    Name(String),
    /// By an IPv4 address it has.
    Address(Ipv4Addr),
}

impl LinkFault {
    /// Whether no frame passes: otherwise some do, or may.
    pub fn stops(&self) -> bool {
        !matches!(self, Self::ShortMtu { .. } | Self::Stalled { .. } | Self::OcbTable { .. })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "the interface with address {address}"),
        }
    }
}

fn rfkill(wireless: bool) -> &'static str {
    if wireless { " (and rfkill list, whether the radio is blocked)" } else { "" }
}

fn emptied(rejoins: bool) -> &'static str {
    if rejoins {
        "leaving and joining empties it"
    } else {
        "leaving and joining would empty it, which link.kind = \"ocb\" does"
    }
}
