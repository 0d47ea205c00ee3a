//! Decodes a frame, or reports the byte where decoding ended, and why.

use bytes::Bytes;
use v2x_core::{DropReason, FrameRead, Refusal, Trusted, WireTime};
use v2x_proto::envelope::{SignedView, SignerRef, TbsView};
use v2x_proto::hop::{self, HopHeader};
use v2x_proto::payload::{self, Message, PayloadError};
use v2x_proto::{Digest, envelope};

/// A frame whose header, envelope and signed fields decode. The payload may still not.
#[derive(Debug)]
pub(super) struct Decoded<'f> {
    pub header: HopHeader,
    pub signed: SignedView<'f>,
    pub fields: TbsView<'f>,
    pub signer: Digest,
    pub message: Result<Message, PayloadError>,
}

/// Where decoding ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte of the frame where the undecodable part starts.
    pub offset: usize,
    /// What it violates.
    pub reason: String,
    /// What a station drops it for; `None` when the station had more of it than this.
    pub refusal: Option<Refusal>,
}

/// The part of a captured frame that decodes, and how many bytes a link or a network device put behind it: padding, or
/// a check sequence that the capture does not state. The whole, when that makes no difference.
pub(super) fn without_trailer(frame: &[u8]) -> (&[u8], usize) {
    if decode(frame).is_ok() {
        return (frame, 0);
    }
    let behind = hop::parse(frame).ok().and_then(|(_, header_len)| {
        let (_, behind) = SignedView::parse_prefix(frame.get(header_len..)?).ok()?;
        Some(behind.len())
    });
    match behind {
        Some(behind) if decode(&frame[..frame.len() - behind]).is_ok() => {
            (&frame[..frame.len() - behind], behind)
        }
        _ => (frame, 0),
    }
}

pub(super) fn decode(frame: &[u8]) -> Result<Decoded<'_>, Fault> {
    let fault = |part: &[u8], reason, refusal| Fault {
        offset: offset_in(frame, part),
        reason,
        refusal: Some(refusal),
    };
    if frame.len() > envelope::MAX_FRAME {
        let reason = format!("{} bytes, a frame has at most {}", frame.len(), envelope::MAX_FRAME);
        return Err(Fault { offset: envelope::MAX_FRAME, reason, refusal: Some(DropReason::TooLong.into()) });
    }
    let (header, header_len) =
        hop::parse(frame).map_err(|e| fault(frame, format!("hop header: {e}"), Refusal::of_header(e)))?;
    let message = &frame[header_len..];
    let signed = SignedView::parse(message)
        .map_err(|e| fault(message, format!("signed message: {e}"), Refusal::of_envelope(e)))?;
    let fields = TbsView::parse(signed.tbs)
        .map_err(|e| fault(signed.tbs, format!("signed fields: {e}"), Refusal::of_fields(e)))?;
    let signer = match signed.signer {
        SignerRef::Digest(digest) => digest,
        SignerRef::Credential(bytes) => Digest::of_hash(&v2x_core::credential_hash(bytes)),
    };
    let message = payload::decode(fields.message_type, Bytes::copy_from_slice(fields.payload));
    Ok(Decoded { header, signed, fields, signer, message })
}

impl Decoded<'_> {
    /// What a station drops it for by the frame alone, one that knows as much of its signer and when it arrived.
    pub fn refusal(&self, signer: Option<&Trusted>, arrived: Option<WireTime>) -> Option<Refusal> {
        let frame = FrameRead {
            header: &self.header,
            fields: &self.fields,
            message: self.message.as_ref().map_err(|error| *error),
            arrived,
            signer,
        };
        v2x_core::judge(&frame).err()
    }
}

/// Where `part`, a slice of `frame`, starts in it.
pub(super) fn offset_in(frame: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize).min(frame.len())
}
