//! Input of the forwarder: frames of floods, and copies of them.

use core::time::Duration;

use bytes::Bytes;
use v2x_proto::payload::FloodTags;
use v2x_proto::{AreaView, Digest};

use crate::base::{EventVersion, FrameHash, Instant, MessageId, Position, WireTime};

/// What a verified frame states about its flood.
#[derive(Clone, Debug)]
pub struct FloodFrame {
    /// The whole frame.
    pub frame: Bytes,
    /// Keyed hash of what was signed.
    pub hash: FrameHash,
    /// Which message.
    pub id: MessageId,
    /// Where it was generated.
    pub source: Position,
    /// Remaining hops it came with.
    pub remaining_hops: u8,
    /// Where it is to go; `None`: this many hops in all directions.
    pub area: Option<AreaView>,
    /// When it expires.
    pub expires: WireTime,
    /// Its transmitter, as the unsigned hop header names it.
    pub forwarder: Digest,
    /// From which link address.
    pub link: [u8; 6],
    /// When it came in.
    pub admitted: Instant,
    /// The event it is about.
    pub event: Option<EventVersion>,
    /// Keep-alive interval of its hazard.
    pub keep_alive: Option<Duration>,
}

/// A copy of a message that was received before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CopyHeard {
    /// Keyed hash of what was signed.
    pub hash: FrameHash,
    /// Its remaining hops.
    pub remaining_hops: u8,
    /// Its transmitter, as the unsigned hop header names it.
    pub forwarder: Digest,
    /// From which link address.
    pub link: [u8; 6],
}

/// A verified neighbour's beacon.
#[derive(Clone, Copy, Debug)]
pub struct HeardBeacon<'a> {
    /// Its signer.
    pub signer: Digest,
    /// Its signed generation time.
    pub generation: WireTime,
    /// Its signed position.
    pub place: Position,
    /// The floods it names.
    pub floods: &'a FloodTags,
}
