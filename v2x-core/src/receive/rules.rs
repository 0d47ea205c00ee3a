//! Rules that a frame keeps or breaks by itself, whatever else the station has heard.

use v2x_proto::envelope::TbsView;
use v2x_proto::hop::{HopHeader, Kind};
use v2x_proto::payload::{Message, PayloadError};

use crate::base::{DropReason, Position, Refusal, WireTime};
use crate::trust::{Grant, Permissions, RuleError, Travel, Trusted, freshness, message_rules, roles};

/// A frame whose header, envelope and signed fields were read, to be [judged](judge).
#[derive(Clone, Copy, Debug)]
pub struct FrameRead<'a> {
    /// Hop header.
    pub header: &'a HopHeader,
    /// Signed fields.
    pub fields: &'a TbsView<'a>,
    /// Payload, or why it does not decode.
    pub message: Result<&'a Message, PayloadError>,
    /// When it arrived; its age is not judged without.
    pub arrived: Option<WireTime>,
    /// Its signer's credential; permissions, region and validity are not judged without.
    pub signer: Option<&'a Trusted>,
}

/// What a station says of a frame by the frame alone: good, or the reason it drops it for and the field at fault.
///
/// In the order of the receive path. Signatures, distances, rates, copies and known events are not looked at.
///
/// # Errors
///
/// The first rule that the frame breaks.
pub fn judge(frame: &FrameRead<'_>) -> Result<(), Refusal> {
    let FrameRead { header, fields, message, arrived, signer } = *frame;
    let generation = WireTime::from_micros(fields.generation_time_us);
    is_message(header)?;
    agrees(header, fields)?;
    freshness::check(arrived.unwrap_or(generation), fields.class, generation, fields.lifetime_ms)?;
    let everything = Permissions(u64::MAX);
    let permissions = signer.map_or(everything, |signer| signer.permissions);
    let travel = Travel {
        class: fields.class,
        lifetime_ms: fields.lifetime_ms,
        max_hops: fields.max_hops,
        area: fields.area.as_ref(),
    };
    travels(fields.message_type, &travel, permissions)?;
    if let (Some(signer), Some(position)) = (signer, Position::new(fields.latitude, fields.longitude)) {
        covers(&signer.grant(), position, generation)?;
    }
    let message = message.map_err(Refusal::of_payload)?;
    roles::denied(message, permissions)
        .map_or(Ok(()), |field| Err(Refusal::of(DropReason::RoleDenied, field)))
}

/// The frame holds a message: measuring frames are for no station.
pub(super) fn is_message(header: &HopHeader) -> Result<(), DropReason> {
    match header.kind {
        Kind::Data | Kind::Management => Ok(()),
        Kind::Probe => Err(DropReason::UnknownKind),
    }
}

/// The hop header claims no more than was signed.
pub(super) fn agrees(header: &HopHeader, fields: &TbsView<'_>) -> Result<(), Refusal> {
    if header.class != fields.class {
        return Err(DropReason::ClassMismatch.into());
    }
    if header.remaining_hops > fields.max_hops {
        return Err(DropReason::HopsInflated.into());
    }
    Ok(())
}

/// A message of this type may travel so, and its signer may send it.
pub(super) fn travels(
    message_type: u32,
    travel: &Travel<'_>,
    permissions: Permissions,
) -> Result<(), Refusal> {
    message_rules::check(message_type, travel, permissions).map_err(|error| match error {
        RuleError::Scope(field) => Refusal::of(DropReason::BadScope, field),
        RuleError::Permission => DropReason::PermissionDenied.into(),
        RuleError::Role(field) => Refusal::of(DropReason::RoleDenied, field),
    })
}

/// The credential holds at that place and time.
pub(super) fn covers(signer: &Grant, position: Position, generation: WireTime) -> Result<(), DropReason> {
    if !signer.covers(position) {
        return Err(DropReason::CredentialRegion);
    }
    if generation < signer.valid_from {
        return Err(DropReason::CredentialNotYetValid);
    }
    if generation >= signer.valid_until {
        return Err(DropReason::CredentialExpired);
    }
    Ok(())
}
