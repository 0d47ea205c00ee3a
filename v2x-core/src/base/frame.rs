//! Frames received from and sent to the link.

use bytes::Bytes;
use v2x_proto::Class;
use v2x_proto::link::{AccessCategory, Origin};

use super::message::MessageId;
use super::stamps::SendStamps;
use super::time::Instant;
use super::way::Way;

/// A frame as the link delivered it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedFrame {
    /// Hop header and signed message: what follows the EtherType.
    pub bytes: Bytes,
    /// Source address of the link.
    pub link_source: [u8; 6],
    /// When the kernel received the frame.
    pub kernel_receive: Option<Instant>,
    /// When the process received it.
    pub user_receive: Option<Instant>,
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
    /// Whether it came by air. What came from afar has no link: the fields about one mean nothing then.
    pub way: Way,
}

/// A frame to transmit.
#[derive(Clone, Debug, PartialEq)]
pub struct Transmit {
    /// Hop header and signed message.
    pub bytes: Bytes,
    /// Deadline class.
    pub class: Class,
    /// Whether it is ours or forwarded.
    pub origin: Origin,
    /// Which message it carries.
    pub id: MessageId,
    /// Not worth sending after this time.
    pub expires: Instant,
    /// Source address on the link, unicast and locally administered; `None` for the link's own address.
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
