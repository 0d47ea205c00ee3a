//! What can be read of a frame before any of several stations receives it: the same for all of them, and so read once.

use bytes::Bytes;
use v2x_proto::Digest;
use v2x_proto::envelope::{SignedView, SignerRef, TbsView};
use v2x_proto::hop;
use v2x_proto::payload::Beacon;
use v2x_proto::v1::MessageType;

use crate::base::{FrameHash, FrameHasher, Position, WireTime};
use crate::neighbour::Motion;
use crate::trust::credential_hash;

/// What a frame claims. Nothing of it is checked; each station reads the frame itself.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Its signer.
    pub signer: Digest,
    /// When it was generated.
    pub generation: WireTime,
    /// Where it was generated.
    pub position: Position,
    /// How its signer moves, in a beacon.
    pub motion: Option<Motion>,
    tbs: Bytes,
    signature: [u8; 64],
}

/// A frame as one station names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameName {
    /// Its claimed signer.
    pub signer: Digest,
    /// The station's own hash of it.
    pub hash: FrameHash,
}

impl Preview {
    /// Of a frame; `None` when it cannot be read.
    pub fn of(frame: &Bytes) -> Option<Self> {
        let (_, length) = hop::parse(frame).ok()?;
        let signed = SignedView::parse(&frame[length..]).ok()?;
        let fields = TbsView::parse(signed.tbs).ok()?;
        let signer = match signed.signer {
            SignerRef::Digest(digest) => digest,
            SignerRef::Credential(credential) => Digest::of_hash(&credential_hash(credential)),
        };
        let is_beacon = fields.message_type == MessageType::Awareness as u32;
        let beacon = is_beacon.then(|| Beacon::read(fields.payload)).flatten();
        Some(Self {
            signer,
            generation: WireTime::from_micros(fields.generation_time_us),
            position: Position::new(fields.latitude, fields.longitude)?,
            motion: beacon.as_ref().map(Motion::from),
            tbs: frame.slice_ref(signed.tbs),
            signature: *signed.signature,
        })
    }

    /// The name that a station gives the frame.
    pub fn name(&self, hasher: &FrameHasher) -> FrameName {
        FrameName { signer: self.signer, hash: hasher.hash(&self.signer, &self.tbs, &self.signature) }
    }
}
