//! What is handed in at a station.

use bytes::Bytes;
use v2x_proto::Class;

use crate::message::AirMessage;

/// A frame for a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandIn {
    /// Hop header and `SignedMessage`.
    pub frame: Bytes,
    /// Number of the end that it came from, or [`KEPT`].
    pub end: u16,
    /// It is background: area hazards go before it.
    pub is_background: bool,
}

impl HandIn {
    pub(super) fn new(message: &AirMessage, end: u16) -> Self {
        Self { frame: message.frame().clone(), end, is_background: message.head().class != Class::D3 }
    }
}

/// In place of an end's number, for what was kept.
pub const KEPT: u16 = u16::MAX;
