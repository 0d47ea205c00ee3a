//! A frame to send, and how.

use v2x_proto::link::{AccessCategory, DataRate};

use super::link_address::LinkAddress;

/// A frame to send, and how. A link silently ignores what it cannot do; see
/// [`Capabilities`](super::Capabilities).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TxFrame<'a> {
    /// What follows the link's own header; at most [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES).
    pub bytes: &'a [u8],
    /// How urgently the channel is asked for.
    pub access: AccessCategory,
    /// Pseudonymous sender address; `None` is the link's own.
    pub source: Option<LinkAddress>,
    /// Data rate; `None` is the link's own.
    pub rate: Option<DataRate>,
    /// Transmit power, dBm; `None` is the link's own.
    pub power_dbm: Option<i8>,
}

impl<'a> TxFrame<'a> {
    /// From the link's own address, at its own rate and power.
    pub const fn new(bytes: &'a [u8], access: AccessCategory) -> Self {
        Self { bytes, access, source: None, rate: None, power_dbm: None }
    }

    /// From this address, or from the link's own.
    #[must_use]
    pub const fn from_source(self, source: Option<LinkAddress>) -> Self {
        Self { source, ..self }
    }

    /// At this rate.
    #[must_use]
    pub const fn at_rate(self, rate: DataRate) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// With this power, dBm.
    #[must_use]
    pub const fn at_power_dbm(self, power_dbm: i8) -> Self {
        Self { power_dbm: Some(power_dbm), ..self }
    }
}
