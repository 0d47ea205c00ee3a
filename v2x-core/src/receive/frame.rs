//! A parsed frame, between the cheap checks and its verification.

use core::ops::Range;

use bytes::Bytes;
use v2x_proto::{AreaView, Digest};

use super::rates::{Precedence, Transmitter};
use crate::base::{
    Dropped, FrameHash, FrameHead, Instant, MessageId, Position, ReceiveStamps, Refusal, Way, WireTime,
};

/// A parsed frame; nothing of it is verified.
#[derive(Clone, Debug)]
pub struct Frame {
    pub(super) bytes: Bytes,
    pub(super) link_source: [u8; 6],
    pub(super) signal_dbm: Option<i8>,
    pub(super) way: Way,
    pub(super) stamps: ReceiveStamps,
    pub(super) hash: FrameHash,
    pub(super) id: MessageId,
    pub(super) message_type: u32,
    pub(super) generation: WireTime,
    pub(super) position: Position,
    pub(super) lifetime_ms: u32,
    pub(super) max_hops: u8,
    pub(super) remaining_hops: u8,
    /// A copy of a flood that came while this station was outside its area: its number was seen.
    pub(super) again: bool,
    pub(super) area: Option<AreaView>,
    pub(super) permissions: u64,
    pub(super) standing: Precedence,
    /// The neighbour it came from, where there is one.
    pub(super) transmitter: Option<Transmitter>,
    pub(super) forwarder: Digest,
    pub(super) admitted: Instant,
    pub(super) tbs: Range<u16>,
    pub(super) signature: Range<u16>,
    pub(super) payload: Range<u16>,
    pub(super) requests: Range<u16>,
    /// Its signer's credential, as long as that is not checked; empty otherwise.
    pub(super) credential: Range<u16>,
    /// It came with its signer's credential.
    pub(super) full: bool,
}

impl Frame {
    /// Its claimed signer.
    pub fn signer(&self) -> Digest {
        self.id.signer
    }

    pub(super) fn dropped(&self, refusal: impl Into<Refusal>) -> Dropped {
        let Refusal { reason, field } = refusal.into();
        Dropped {
            reason,
            field,
            link_source: self.link_source,
            claimed: Some(self.id),
            head: FrameHead::of(&self.bytes),
            signal_dbm: self.signal_dbm,
            way: self.way,
        }
    }
}

/// Where `part`, a slice of `whole`, lies in it. An empty slice lies at the start.
pub(super) fn range_in(whole: &[u8], part: &[u8]) -> Range<u16> {
    if part.is_empty() {
        return 0..0;
    }
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start as u16..(start + part.len()) as u16
}

pub(super) fn wide(range: &Range<u16>) -> Range<usize> {
    usize::from(range.start)..usize::from(range.end)
}

pub(super) fn slice<'a>(bytes: &'a [u8], range: &Range<u16>) -> &'a [u8] {
    &bytes[wide(range)]
}
