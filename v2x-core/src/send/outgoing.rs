//! A message between its request and its signature.

use v2x_proto::{AreaView, Class};

use crate::base::{Anchor, Instant, NotSent, Position, Sent, Token};

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
    /// Where it concerns anyone.
    pub area: Option<&'a AreaView>,
    /// Which of several things of its type.
    pub subject: u32,
    /// The request's.
    pub token: Option<Token>,
}

/// The moment and place of sending.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// The core's time.
    pub now: Instant,
    /// Ties it to wire time.
    pub anchor: &'a Anchor,
    /// Where the station is now.
    pub position: Position,
    /// When the message was wanted.
    pub generated: Instant,
}

/// What became of a message: its event, and what had to give way in the queue.
pub type SendResult = Result<(Sent, Option<NotSent>), NotSent>;
