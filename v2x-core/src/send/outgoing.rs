//! Outgoing messages between their request and their signature.

use v2x_proto::{AreaView, Class, Digest};

use crate::base::{
    EventVersion, FrameHash, Instant, Moment, NotSent, Position, Sent, Token, Transmit, WireTime,
};

/// A message on its way into the queue.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Number of the payload's type.
    pub message_type: u32,
    /// Deadline class.
    pub class: Class,
    /// Lifetime, ms.
    pub lifetime_ms: u32,
    /// Hops it may travel.
    pub max_hops: u8,
    /// Area in which it is relevant.
    pub area: Option<&'a AreaView>,
    /// Which of several things of its type.
    pub subject: u32,
    /// The token of the request.
    pub token: Option<Token>,
    /// The event it is about, when it may travel more than one hop.
    pub event: Option<EventVersion>,
    /// The station that is to read it alone.
    pub seal: Option<&'a SealTo>,
}

/// A station to which a message is sealed.
#[derive(Clone, Copy, Debug)]
pub struct SealTo {
    /// Its credential's digest.
    pub station: Digest,
    /// SHA-256 of its credential.
    pub credential: [u8; 32],
    /// The encryption key in it.
    pub key: [u8; 32],
}

impl SealTo {
    /// A number of this station's.
    pub fn number(&self) -> u32 {
        self.station.0.first_chunk().map_or(0, |start| u32::from_be_bytes(*start))
    }
}

/// A frame of the station's own on its way to the link, with what was known when it was signed.
#[derive(Clone, Debug)]
pub struct OwnFrame {
    /// The frame.
    pub transmit: Transmit,
    /// Its keyed hash, if it may come back or be forwarded.
    pub hash: Option<FrameHash>,
    /// How it is forwarded, if it is.
    pub flood: Option<Box<OwnFlood>>,
}

/// How one of our messages travels more than one hop.
#[derive(Clone, Copy, Debug)]
pub struct OwnFlood {
    /// Where it was signed.
    pub source: Position,
    /// Hops it may travel.
    pub max_hops: u8,
    /// Where it is to go.
    pub area: Option<AreaView>,
    /// When it expires.
    pub expires: WireTime,
    /// The event it is about.
    pub event: Option<EventVersion>,
}

/// When and where a message is signed.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// When.
    pub moment: &'a Moment,
    /// Where, by the last fix moved along to this moment.
    pub position: Position,
    /// When the message was wanted.
    pub generated: Instant,
}

/// Outcome of a message: its event, and what was evicted from the queue for it.
pub type SendResult = Result<(Sent, Option<NotSent>), NotSent>;
