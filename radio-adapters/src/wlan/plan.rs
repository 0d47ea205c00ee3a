//! What an interface is to become, what is changed for that, and what it was before.

use std::fmt;

use super::cell::Cell;
use super::channel::Channel;
use super::kind::WlanKind;

/// What an interface is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinPlan {
    /// Its name.
    pub interface: String,
    /// The cell it is to be in.
    pub cell: Cell,
    /// Rate of frames to more than one station on the air, kb/s: one of [`Width::rates_kbps`](super::Width::rates_kbps). `None`
    /// leaves it.
    pub rate_kbps: Option<u32>,
    /// Transmit power, dBm; `None` leaves it.
    pub power_dbm: Option<i32>,
    /// MTU, bytes; `None` leaves it.
    pub mtu: Option<u32>,
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// What the interface is set up as.
    Kind {
        /// What it was.
        from: WlanKind,
        /// What it is.
        to: WlanKind,
    },
    /// The interface was taken up, or down.
    Up(bool),
    /// Its MTU.
    Mtu {
        /// What it was, bytes.
        from: u32,
        /// What it is.
        to: u32,
    },
    /// It left the cell there; a channel of a width that is not known here is `None`.
    Left(Option<Channel>),
    /// It joined a cell.
    Joined(Cell),
    /// Rate of frames to more than one station, kb/s. The kernel does not tell it, so it is set each time.
    Rate(u32),
    /// Transmit power, dBm. The kernel does not always tell it, so it is set each time.
    Power(i32),
    /// The transmit power is the driver's again.
    FreePower,
}

impl Change {
    /// Whether it makes a difference for certain: what the kernel does not tell is set without knowing.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Rate(_) | Self::Power(_) | Self::FreePower)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { from, to } => write!(f, "type {from} -> {to}"),
            Self::Up(true) => f.write_str("up"),
            Self::Up(false) => f.write_str("down"),
            Self::Mtu { from, to } => write!(f, "MTU {from} -> {to}"),
            Self::Left(Some(channel)) => write!(f, "left {channel}"),
            Self::Left(None) => f.write_str("left its cell"),
            Self::Joined(Cell::Monitor(channel)) => write!(f, "tuned to {channel}"),
            Self::Joined(cell) => write!(f, "joined {cell}"),
            Self::Rate(kbps) => write!(f, "rate {} Mb/s", f64::from(*kbps) / 1000.0),
            Self::Power(dbm) => write!(f, "power {dbm} dBm"),
            Self::FreePower => f.write_str("power as the driver chooses"),
        }
    }
}

/// What an interface was before it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its index: one of the same name is another interface.
    pub index: u32,
    pub(super) kind: WlanKind,
    pub(super) up: bool,
    pub(super) mtu: Option<u32>,
    /// The cell it was in, in OCB or IBSS; the channel of a monitor interface.
    pub(super) cell: Option<Cell>,
    /// Its power is set.
    pub(super) power_set: bool,
}

/// The interface as planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// What was changed for that, in this order.
    pub changes: Vec<Change>,
    /// What it was before, for [`restore`](super::restore).
    pub before: Before,
}
