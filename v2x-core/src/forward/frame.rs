//! Input of the forwarder: floods, and copies of them; and the frames that it writes.
//!
//! What is signed is sent on as it came. The rest of a frame is the relay's own: anybody can change it on the way, so
//! none of it is copied from the frame that was heard.

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use v2x_proto::envelope::{MAX_FRAME, SIGNATURE_LEN, SignerRef, encode_signed, signed_len};
use v2x_proto::hop::HopHeader;
use v2x_proto::payload::FloodTags;
use v2x_proto::{AreaView, Digest, hop};

use super::flood_tag::FloodName;

use crate::base::{EventVersion, FrameHash, Instant, MessageId, Position, Way, WireTime};

/// What a verified frame states about its flood.
#[derive(Clone, Debug)]
pub struct FloodFrame {
    /// What was signed.
    pub tbs: Bytes,
    /// The signature over it.
    pub signature: [u8; SIGNATURE_LEN],
    /// The whole credential of its signer.
    pub credential: Bytes,
    /// Keyed hash of what was signed.
    pub hash: FrameHash,
    /// Which message.
    pub id: MessageId,
    /// Where it was generated.
    pub source: Position,
    /// Remaining hops it came with.
    pub remaining_hops: u8,
    /// Hops that were signed.
    pub max_hops: u8,
    /// Where it is to go; `None`: this many hops in all directions.
    pub area: Option<AreaView>,
    /// When it expires.
    pub expires: WireTime,
    /// Whether it came by air.
    pub way: Way,
    /// Its transmitter, as the unsigned hop header names it.
    pub forwarder: Digest,
    /// From which link address.
    pub link: [u8; 6],
    /// Whether it brought its signer's credential.
    pub full: bool,
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
    /// Whether it brings its signer's credential.
    pub full: bool,
}

/// A message as its signer made it, to be framed anew.
#[derive(Clone, Debug)]
pub(super) struct SignedMessage {
    /// Signed bytes and signature, in an allocation of their own: a frame as received holds on to the block that it was
    /// read into.
    signed: Bytes,
    credential: Bytes,
}

impl SignedMessage {
    pub(super) fn of(flood: &FloodFrame) -> Self {
        let signed = [&flood.tbs[..], &flood.signature[..]].concat().into();
        Self { signed, credential: flood.credential.clone() }
    }

    /// The frame behind `header`: with the credential, because a relay is heard where the signer is not, and knows what it
    /// verified; by digest where both do not fit into one frame.
    pub(super) fn frame(&self, header: &HopHeader, signer: Digest) -> Option<Bytes> {
        let (tbs, signature) = self.signed.split_last_chunk::<SIGNATURE_LEN>()?;
        let signer = if self.brings_credential() {
            SignerRef::Credential(&self.credential)
        } else {
            SignerRef::Digest(signer)
        };
        let mut frame = BytesMut::with_capacity(header.len() + signed_len(tbs.len(), signer));
        header.encode(&mut frame);
        encode_signed(&mut frame, tbs, signature, signer);
        Some(frame.freeze())
    }

    /// Whether every relay sends it with its credential.
    pub(super) fn brings_credential(&self) -> bool {
        let tbs_len = self.signed.len().saturating_sub(SIGNATURE_LEN);
        hop::MIN_LEN + signed_len(tbs_len, SignerRef::Credential(&self.credential)) <= MAX_FRAME
    }

    /// Its name in beacons, the same for all holders.
    pub(super) fn name(&self) -> FloodName {
        FloodName::of(self.signed.last_chunk().unwrap_or(&[0; SIGNATURE_LEN]))
    }
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
