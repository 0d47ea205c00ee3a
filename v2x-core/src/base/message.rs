//! Messages: their identifiers, requests to send one, and their outcome.

use core::fmt;

use arrayvec::ArrayVec;
use bytes::Bytes;
use v2x_proto::{AreaView, Class, Digest, v1};

use super::limits;
use super::position::Position;
use super::reason::{DropReason, NotSentReason};
use super::stamps::ReceiveStamps;
use super::time::{Instant, WireTime};
use super::way::Way;

/// A number the application chose for a request, to learn its outcome. The node returns it and decides nothing by it;
/// keeping it unique is up to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A message the application wants sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SendRequest {
    /// Number of the payload's type (`v2x.v1.MessageType`).
    pub message_type: u32,
    /// Deadline class.
    pub class: Class,
    /// How long the message is of use, ms; capped by its class.
    pub lifetime_ms: u32,
    /// Hops it may travel, 1 for single hop.
    pub max_hops: u8,
    /// Area in which it is relevant; `None` for single hop.
    pub area: Option<AreaView>,
    /// Which of several things of this type it is about (an intersection's number), 0 when there is one: in D2 and D4 a
    /// newer message replaces a queued one on the same subject.
    pub subject: u32,
    /// When it was due, if that is known better than by the moment of the request: a stall of the sender counts
    /// from here. It moves a stamp and no decision, so a recording leaves it out.
    pub due: Option<Instant>,
    /// Returned with the outcome of the message.
    pub token: Option<Token>,
    /// Those that are to read it; `None`: everybody. Sealed messages travel in D4 and D5.
    pub to: Option<Recipients>,
    /// The encoded payload.
    pub payload: Bytes,
}

/// The stations for which a message is sealed, a copy for each, with an outcome for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients {
    /// Digests of their credentials; they have to be neighbours.
    pub stations: ArrayVec<Digest, { limits::MAX_RECIPIENTS }>,
    /// Where one is no neighbour or has no encryption key, nothing is sent for it; else one open copy is sent for all such.
    pub required: bool,
}

impl Recipients {
    /// One station, and nothing is sent where it cannot be sealed.
    #[must_use]
    pub fn one(station: Digest) -> Self {
        Self { stations: core::iter::once(station).collect(), required: true }
    }
}

impl SendRequest {
    /// Passes on a revocation delta to all stations in range.
    pub fn revocation(delta: Bytes) -> Self {
        Self {
            message_type: v1::MessageType::RevocationDelta as u32,
            class: Class::D5,
            lifetime_ms: REVOCATION_LIFETIME_MS,
            max_hops: 1,
            area: None,
            subject: 0,
            due: None,
            token: None,
            to: None,
            payload: delta,
        }
    }
}

/// Identifies one message: its signer, its class, and its sequence number within both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Digest of the signer's credential.
    pub signer: Digest,
    /// Deadline class; each has its own sequence.
    pub class: Class,
    /// Sequence number, wraps.
    pub sequence: u32,
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.signer, self.class.name(), self.sequence)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A message for the application: verified, unless [`verified`](Self::verified) is false.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Which message.
    pub id: MessageId,
    /// Number of the payload's type.
    pub message_type: u32,
    /// When it was generated, by the sender's clock.
    pub generation_time: WireTime,
    /// Where it was generated.
    pub position: Position,
    /// Link address it came from.
    pub link_source: [u8; 6],
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
    /// Whether it came by air.
    pub way: Way,
    /// Where the forwarder of this copy was, as its hop header says: not signed. `None` where it says nothing.
    pub forwarder: Option<Position>,
    /// Hops it has travelled, 1 straight from its signer.
    pub hops: u8,
    /// Permission bits of the signer's credential.
    pub permissions: u64,
    /// Whether its signature was verified. False only where the station was configured to sample the awareness of
    /// neighbours that are far and driving away ([`super::config::Config::sample_far_awareness`]): then nothing here is
    /// more than a claim of the frame's sender.
    pub verified: bool,
    /// True when its signer contradicted itself lately: not to be relied on alone, nor relayed. What others, or
    /// this station's measurements, say against it is told by [`Event::Suspicion`](crate::Event::Suspicion) and changes
    /// nothing here, since anybody with a radio could stage it.
    pub suspect: bool,
    /// It came sealed to this station alone: type and payload are those of what was sealed, and `frame` holds it closed.
    pub confidential: bool,
    /// The encoded payload, checked to decode: `v2x_proto::payload::Message::decode` gives the message.
    pub payload: Bytes,
    /// The whole frame as received, hop header and `SignedMessage`; it shares its memory with the payload, unless that was sealed.
    pub frame: Bytes,
    /// Time stamps of its stages.
    pub stamps: ReceiveStamps,
}

/// A frame that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// The field at fault, as in [`Refusal`](super::reason::Refusal).
    pub field: Option<&'static str>,
    /// Link address it came from.
    pub link_source: [u8; 6],
    /// Which message it claimed to be, as far as that could be read. Unverified unless the reason says otherwise.
    pub claimed: Option<MessageId>,
    /// Length and start of the frame.
    pub head: FrameHead,
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
    /// Whether it came by air.
    pub way: Way,
}

/// Length and start of a frame, for whoever looks for what was wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameHead {
    /// Bytes of the frame; 65535 for more.
    pub len: u16,
    start: [u8; Self::MOST],
}

impl FrameHead {
    /// Bytes kept: the longest hop header.
    pub const MOST: usize = 20;

    /// Of these bytes of a frame.
    #[must_use]
    pub fn of(frame: &[u8]) -> Self {
        let mut start = [0; Self::MOST];
        let kept = frame.len().min(Self::MOST);
        start[..kept].copy_from_slice(&frame[..kept]);
        Self { len: u16::try_from(frame.len()).unwrap_or(u16::MAX), start }
    }

    /// Its first bytes, at most [`MOST`](Self::MOST).
    #[must_use]
    pub fn start(&self) -> &[u8] {
        &self.start[..usize::from(self.len).min(Self::MOST)]
    }
}

/// One of our messages, signed and queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which message.
    pub id: MessageId,
    /// Number of the payload's type.
    pub message_type: u32,
    /// Its signed generation time.
    pub generation_time: WireTime,
    /// Its signed position.
    pub position: Position,
    /// Bytes of the frame.
    pub frame_len: u16,
    /// Whether the whole credential went with it.
    pub full_credential: bool,
    /// When it was due: a stamp, see [`SendStamps::generated`](super::stamps::SendStamps::generated).
    pub generated: Instant,
    /// That of the request; `None` for messages the station makes itself, and for those that follow from a hazard
    /// command.
    pub token: Option<Token>,
}

/// One of our messages that will not be transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// Its class.
    pub class: Class,
    /// Which message, if it had been signed.
    pub id: Option<MessageId>,
    /// Why.
    pub reason: NotSentReason,
    /// As in [`Sent`], also when the message had been queued before.
    pub token: Option<Token>,
}

/// The frame that carries a delta is of no use later; the delta has its own validity.
const REVOCATION_LIFETIME_MS: u32 = 10_000;
