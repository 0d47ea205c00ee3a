//! What a frame says, read by the same rules by whatever way it came; nothing of it is verified.

use v2x_proto::Digest;
use v2x_proto::credential::is_exact;
use v2x_proto::envelope::{MAX_FRAME, SignedView, SignerRef, TbsView};
use v2x_proto::hop::{self, HopHeader};

use super::frame::{Frame, range_in};
use super::rates::Precedence;
use super::rules;
use crate::base::{
    DropReason, FrameHash, MessageId, Moment, Position, ReceiveStamps, ReceivedFrame, Refusal, WireTime,
    limits,
};
use crate::trust::freshness;

/// Envelope and signed fields of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub header: HopHeader,
    pub signed: SignedView<'a>,
    pub fields: TbsView<'a>,
    /// Its signer's credential, where it brings one.
    pub credential: Option<&'a [u8]>,
}

/// When a message was generated, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origination {
    pub generation: WireTime,
    pub position: Position,
}

/// Reads the hop header: it, and what follows it.
#[inline]
pub(super) fn header(bytes: &[u8], test: bool) -> Result<(HopHeader, &[u8]), Refusal> {
    if bytes.len() > MAX_FRAME {
        return Err(DropReason::TooLong.into());
    }
    let (header, length) = hop::parse(bytes).map_err(Refusal::of_header)?;
    rules::is_message(&header)?;
    if header.flags.test != test {
        return Err(DropReason::TestTraffic.into());
    }
    Ok((header, &bytes[length..]))
}

impl<'a> Reading<'a> {
    /// Reads what follows the hop header.
    #[inline]
    pub fn of(header: HopHeader, rest: &'a [u8]) -> Result<Self, Refusal> {
        let signed = SignedView::parse(rest).map_err(Refusal::of_envelope)?;
        let fields = TbsView::parse(signed.tbs).map_err(Refusal::of_fields)?;
        let credential = match signed.signer {
            SignerRef::Digest(_) => None,
            // Before anything is paid for it: no issuer signs what is added to a credential.
            SignerRef::Credential(credential) if !is_exact(credential) => {
                return Err(Refusal::of(DropReason::UnsignedBytes, "credential"));
            }
            SignerRef::Credential(credential) => Some(credential),
        };
        Ok(Self { header, signed, fields, credential })
    }

    /// The message's name; `digest` names a credential.
    #[inline]
    pub fn id(&self, digest: impl FnOnce(&[u8]) -> Digest) -> MessageId {
        let signer = match self.signed.signer {
            SignerRef::Digest(digest) => digest,
            SignerRef::Credential(credential) => digest(credential),
        };
        MessageId { signer, class: self.fields.class, sequence: self.fields.sequence }
    }

    /// When and where it was generated: not long ago, and not too far away.
    #[inline]
    pub fn origination(&self, moment: &Moment) -> Result<Origination, Refusal> {
        let fields = &self.fields;
        rules::agrees(&self.header, fields)?;
        let generation = WireTime::from_micros(fields.generation_time_us);
        freshness::check(moment.wire(), fields.class, generation, fields.lifetime_ms)?;
        let position = Position::new(fields.latitude, fields.longitude).ok_or(DropReason::MalformedFields)?;
        let reach =
            if fields.max_hops <= 1 { limits::MAX_SINGLE_HOP_REACH_M } else { limits::MAX_MULTI_HOP_REACH_M };
        if moment.here.is_some_and(|here| here.distance_2(position) > reach * reach) {
            return Err(DropReason::OutOfReach.into());
        }
        Ok(Origination { generation, position })
    }

    /// The frame, to be judged by who its signer is.
    #[inline]
    pub fn frame(
        &self,
        frame: &ReceivedFrame,
        id: MessageId,
        hash: FrameHash,
        origination: Origination,
        moment: &Moment,
    ) -> Frame {
        let Self { header, signed, fields, credential } = self;
        let bytes = &frame.bytes;
        Frame {
            link_source: frame.link_source,
            signal_dbm: frame.signal_dbm,
            way: frame.way,
            stamps: ReceiveStamps {
                kernel_receive: frame.kernel_receive,
                user_receive: frame.user_receive,
                ..ReceiveStamps::default()
            },
            hash,
            id,
            message_type: fields.message_type,
            generation: origination.generation,
            position: origination.position,
            lifetime_ms: fields.lifetime_ms,
            max_hops: fields.max_hops,
            remaining_hops: header.remaining_hops,
            again: false,
            area: fields.area,
            permissions: 0,
            standing: Precedence::Good,
            transmitter: None,
            forwarder: header.forwarder,
            admitted: moment.now,
            tbs: range_in(bytes, signed.tbs),
            signature: range_in(bytes, signed.signature),
            payload: range_in(bytes, fields.payload),
            requests: range_in(bytes, fields.credential_requests),
            credential: credential.map_or(0..0, |credential| range_in(bytes, credential)),
            full: credential.is_some(),
            bytes: bytes.clone(),
        }
    }
}
