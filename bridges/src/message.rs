//! A message as it travels between bridges: the signed bytes unchanged, and what of them a bridge goes by.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use v2x_core::{Position, WireTime};
use v2x_proto::envelope::{EnvelopeError, MAX_FRAME, SignedView, SignerRef, TbsView};
use v2x_proto::hop::{self, HopError};
use v2x_proto::{AreaView, Class, Digest, EventId, v1};

/// A frame (hop header and `SignedMessage`) with what is read from it. Nothing of it is verified: stations do that.
///
/// Clones are the same message: one that waits for fifty ends is in memory once.
#[derive(Clone, Debug)]
pub struct AirMessage(Arc<ReadMessage>);

#[derive(Debug)]
struct ReadMessage {
    frame: Bytes,
    head: MessageHead,
}

/// What a bridge goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageHead {
    /// First 16 bytes of the SHA-256 over the signed bytes and their signature: the same for every form of the signer.
    pub hash: [u8; 16],
    /// Digest of the signer's credential.
    pub signer: Digest,
    /// Number among the signer's messages of this class.
    pub sequence: u32,
    /// Deadline class.
    pub class: Class,
    /// Type of the payload, a `MessageType` or a number this program does not know.
    pub message_type: u32,
    /// When it was made.
    pub generation: WireTime,
    /// When it ends.
    pub expires: WireTime,
    /// Where it was made.
    pub place: Position,
    /// The area that it concerns.
    pub area: Option<AreaView>,
    /// The event that it is about, of a hazard.
    pub event: Option<EventHead>,
    /// The signer's credential is in it, so that whoever trusts its issuer can verify it alone.
    pub has_credential: bool,
}

/// The event that a hazard is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventHead {
    /// Its name.
    pub id: EventId,
    /// When this state of it was made, TAI microseconds since 2004.
    pub reference_time_us: u64,
    /// It ends the event: a cancellation or negation.
    pub ends: bool,
}

/// What a newer message replaces an older one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An event, whoever signs about it.
    Event(EventId),
    /// Where a station is.
    Awareness(Digest),
    /// Nothing but this message.
    Message([u8; 16]),
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotAMessage {
    /// The frame is too long.
    #[error("{0} bytes, and a frame has at most {MAX_FRAME}")]
    TooLong(usize),
    /// The hop header is wrong.
    #[error("hop header: {0}")]
    Header(#[from] HopError),
    /// The signed message is wrong.
    #[error("signed message: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The place is none.
    #[error("latitude, longitude: outside the globe")]
    Place,
}

impl AirMessage {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`NotAMessage`]: what of it is wrong.
    pub fn read(frame: Bytes) -> Result<Self, NotAMessage> {
        if frame.len() > MAX_FRAME {
            return Err(NotAMessage::TooLong(frame.len()));
        }
        let (_, header) = hop::parse(&frame)?;
        let signed = SignedView::parse(&frame[header..])?;
        let tbs = TbsView::parse(signed.tbs)?;
        let (signer, has_credential) = match signed.signer {
            SignerRef::Digest(digest) => (digest, false),
            SignerRef::Credential(credential) => (Digest::of_hash(&Sha256::digest(credential).into()), true),
        };
        let hash: [u8; 32] =
            Sha256::new().chain_update(signed.tbs).chain_update(signed.signature).finalize().into();
        let head = MessageHead {
            hash: core::array::from_fn(|at| hash[at]),
            signer,
            sequence: tbs.sequence,
            class: tbs.class,
            message_type: tbs.message_type,
            generation: WireTime::from_micros(tbs.generation_time_us),
            expires: WireTime::from_micros(tbs.expiry_us()),
            place: Position::new(tbs.latitude, tbs.longitude).ok_or(NotAMessage::Place)?,
            area: tbs.area,
            event: (tbs.message_type == v1::MessageType::Hazard as u32).then(|| event(tbs.payload)).flatten(),
            has_credential,
        };
        Ok(Self(Arc::new(ReadMessage { frame, head })))
    }

    /// Joins a hop header and a `SignedMessage`, as a daemon tells them, and reads them.
    ///
    /// # Errors
    /// [`NotAMessage`].
    pub fn join(hop_header: &[u8], signed_message: &[u8]) -> Result<Self, NotAMessage> {
        let mut frame = BytesMut::with_capacity(hop_header.len() + signed_message.len());
        frame.put_slice(hop_header);
        frame.put_slice(signed_message);
        Self::read(frame.freeze())
    }

    /// Hop header and `SignedMessage`.
    #[must_use]
    pub fn frame(&self) -> &Bytes {
        &self.0.frame
    }

    /// What a bridge goes by.
    #[must_use]
    pub fn head(&self) -> &MessageHead {
        &self.0.head
    }
}

impl MessageHead {
    /// `<digest>/<class>/<sequence>`, as daemons name messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.signer, self.class.name(), self.sequence)
    }

    /// What a newer message replaces it of.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match &self.event {
            Some(event) => Subject::Event(event.id),
            None if self.message_type == v1::MessageType::Awareness as u32 => Subject::Awareness(self.signer),
            None => Subject::Message(self.hash),
        }
    }

    /// Whether it says more than `other` about the same subject.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        match (&self.event, &other.event) {
            (Some(this), Some(that)) => this.reference_time_us > that.reference_time_us,
            _ => self.generation > other.generation,
        }
    }

    /// Whether a station takes it from afar: area hazards and background.
    #[must_use]
    pub const fn is_for_stations(&self) -> bool {
        matches!(self.class, Class::D3 | Class::D5)
    }
}

fn event(payload: &[u8]) -> Option<EventHead> {
    let hazard = v1::Hazard::decode(payload).ok()?;
    let id = hazard.id.as_ref()?;
    Some(EventHead {
        id: EventId { origin: Digest::from_slice(&id.origin)?, number: id.number },
        reference_time_us: hazard.reference_time_us,
        ends: matches!(hazard.state(), v1::HazardState::Cancel | v1::HazardState::Negate),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_read_beyond_a_frame_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1600)) {
            let long = bytes.len() > MAX_FRAME;
            let read = AirMessage::read(bytes.into());
            prop_assert!(!long || read.is_err());
        }
    }
}
