//! Permission rules of roles: claims in a payload that need a permission besides the one for its type.
//!
//! A sender refuses to sign what a receiver would refuse to believe.

use v2x_proto::payload::Message;
use v2x_proto::v1::{Hazard, HazardState, MessageType};
use v2x_proto::{Digest, payload};

use super::permissions::Permissions;
use crate::base::{EventVersion, SendRequest};
use v2x_proto::cause;

/// True when everything `message` claims is permitted.
pub fn permitted(message: &Message, permissions: Permissions) -> bool {
    denied(message, permissions).is_none()
}

/// The field of `message` that claims what is not permitted.
pub fn denied(message: &Message, permissions: Permissions) -> Option<&'static str> {
    match message {
        Message::Awareness(awareness) => {
            (!emergency_permitted(awareness.emergency.is_some(), permissions)).then_some("emergency")
        }
        Message::Hazard(hazard) => hazard_denied(hazard, permissions),
        _ => None,
    }
}

/// The claims of a request beyond its type: only types that can claim a role are decoded; what does not decode claims
/// nothing.
pub fn claims(request: &SendRequest) -> Option<Message> {
    let claims = [MessageType::Awareness as u32, MessageType::Hazard as u32];
    if !claims.contains(&request.message_type) {
        return None;
    }
    payload::decode(request.message_type, request.payload.clone()).ok()
}

/// True when all [`claims`] of a message to be sent by `own` are permitted.
pub fn claims_permitted(claimed: Option<&Message>, own: &Digest, permissions: Permissions) -> bool {
    claimed.is_none_or(|message| permitted(message, permissions) && speaks_for(message, own))
}

/// The event that a message is about.
pub fn event(message: &Message) -> Option<EventVersion> {
    match message {
        Message::Hazard(hazard) => EventVersion::of(hazard),
        _ => None,
    }
}

/// Only its declarer may update an event; others may negate it.
fn speaks_for(message: &Message, own: &Digest) -> bool {
    let Message::Hazard(hazard) = message else { return true };
    let origin = hazard.id.as_ref().map(|id| id.origin.as_ref());
    hazard.state == HazardState::Negate as i32 || origin == Some(own.as_ref())
}

/// An awareness message with the data of an emergency vehicle on duty needs that role.
pub fn emergency_permitted(claimed: bool, permissions: Permissions) -> bool {
    !claimed || permissions.contains(Permissions::EMERGENCY)
}

/// The state of a hazard message, or its cause, where that is not permitted.
fn hazard_denied(hazard: &Hazard, permissions: Permissions) -> Option<&'static str> {
    let negates = hazard.state == HazardState::Negate as i32;
    if negates && !permissions.contains(Permissions::NEGATION) {
        return Some("state");
    }
    (!permissions.contains(cause_needs(hazard.cause))).then_some("cause")
}

/// Causes of TS 102 894-2 `CauseCodeType` that need an extra permission to declare.
pub(crate) fn cause_needs(cause: u32) -> Permissions {
    match cause {
        ROADWORKS | WRONG_WAY_DRIVER => Permissions::AUTHORITY_HAZARD,
        EMERGENCY_VEHICLE_APPROACHING => Permissions::EMERGENCY,
        _ => Permissions::NONE,
    }
}

const ROADWORKS: u32 = cause::ROADWORKS as u32;

const WRONG_WAY_DRIVER: u32 = cause::WRONG_WAY_DRIVER as u32;

const EMERGENCY_VEHICLE_APPROACHING: u32 = cause::EMERGENCY_VEHICLE as u32;

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_proto::v1::{Awareness, EmergencyInfo};

    fn hazard(state: HazardState, cause: u32) -> Message {
        Hazard { state: state as i32, cause, ..Hazard::default() }.into()
    }

    #[test]
    fn a_claim_needs_its_permission_and_nothing_else() {
        let emergency = Awareness { emergency: Some(EmergencyInfo::default()), ..Awareness::default() };
        let new = HazardState::New;
        for (message, needed) in [
            (emergency.into(), Permissions::EMERGENCY),
            (hazard(new, ROADWORKS), Permissions::AUTHORITY_HAZARD),
            (hazard(new, WRONG_WAY_DRIVER), Permissions::AUTHORITY_HAZARD),
            (hazard(new, EMERGENCY_VEHICLE_APPROACHING), Permissions::EMERGENCY),
            (hazard(HazardState::Negate, 0), Permissions::NEGATION),
        ] {
            assert!(permitted(&message, needed), "{message:?}");
            assert!(!permitted(&message, Permissions(u64::MAX).without(needed)), "{message:?}");
        }
    }

    #[test]
    fn an_event_is_spoken_of_by_its_declarer_but_for_a_negation() {
        let of = |origin: [u8; 8], state| {
            let id = v2x_proto::v1::EventId { origin: origin.to_vec().into(), number: 1 };
            Hazard { id: Some(id), state: state as i32, ..Hazard::default() }.into()
        };
        let own = Digest([1; 8]);
        assert!(speaks_for(&of([1; 8], HazardState::Cancel), &own));
        assert!(!speaks_for(&of([2; 8], HazardState::Cancel), &own));
        assert!(!speaks_for(&of([2; 8], HazardState::New), &own));
        assert!(speaks_for(&of([2; 8], HazardState::Negate), &own));
        assert!(!speaks_for(&hazard(HazardState::New, 2), &own), "nobody's");
    }

    #[test]
    fn what_everybody_sees_everybody_may_say() {
        for message in
            [Awareness::default().into(), hazard(HazardState::New, 2), hazard(HazardState::Cancel, 0)]
        {
            assert!(permitted(&message, Permissions::NONE), "{message:?}");
        }
    }
}
