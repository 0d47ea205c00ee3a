use bytes::Bytes;
use v2x_proto::Class;
use v2x_proto::link::{AccessCategory, Origin};

use super::message::MessageId;
use super::time::Instant;

/// A frame as the link delivered it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedFrame {
    /// Hop header and signed message: what follows the EtherType.
    pub bytes: Bytes,
    /// Source address of the link.
    pub link_source: [u8; 6],
    /// When the kernel had the frame.
    pub kernel_receive: Option<Instant>,
    /// When the process had it.
    pub user_receive: Option<Instant>,
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
}

/// A frame to transmit.
#[derive(Clone, Debug, PartialEq)]
pub struct Transmit {
    /// Hop header and signed message.
    pub bytes: Bytes,
    /// Deadline class.
    pub class: Class,
    /// Whether it is ours or another's.
    pub origin: Origin,
    /// Which message it carries.
    pub id: MessageId,
    /// Not worth sending after this.
    pub expires: Instant,
    /// Source address on the link, unicast and locally administered; `None` for the link's own.
    pub source: Option<[u8; 6]>,
    /// How far it has come.
    pub stamps: SendStamps,
}

impl Transmit {
    /// How it asks for the channel.
    pub const fn access(&self) -> AccessCategory {
        AccessCategory::of(self.class, self.origin)
    }
}

/// Stages of a message on its way out. Made by the host's clock; no decision reads them, and they are
/// no part of what two equal runs have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendStamps {
    /// The application, or the awareness rule, wanted it: when it was due, not when the host got round to it.
    pub generated: Instant,
    /// The payload and the signed fields were encoded.
    pub built: Instant,
    /// The signature was made.
    pub signed: Instant,
    /// It entered the send queue.
    pub queued: Instant,
    /// The gate let it out.
    pub gate_open: Instant,
}

/// Stages of a frame on its way in. See [`SendStamps`] for what they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveStamps {
    /// The kernel had it; `None` when the link does not say.
    pub kernel_receive: Option<Instant>,
    /// The process had it.
    pub user_receive: Option<Instant>,
    /// It passed every check that costs no signature.
    pub prefiltered: Instant,
    /// Its signature held.
    pub verified: Instant,
    /// Its payload was decoded, the table updated, the event ready.
    pub delivered: Instant,
}
