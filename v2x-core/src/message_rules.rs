//! Which message may travel how: class, hops and the permission its signer needs.
//!
//! One table for both directions: a sender refuses to sign what a receiver would refuse to believe.

use v2x_proto::{AreaView, Class, Shape, v1::MessageType};

use crate::security::permissions::Permissions;

/// What is wrong with how a message wants to travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// Its type may not travel in this class, or this far.
    Scope,
    /// The signer's credential does not permit it.
    Permission,
}

/// Checks a message's type, class, hops and area against its signer's permissions.
///
/// An unknown type passes: it is verified and counted, never delivered nor forwarded, so that a newer
/// version's traffic shows under its own name.
pub fn check(
    message_type: u32,
    class: Class,
    max_hops: u8,
    area: Option<&AreaView>,
    permissions: Permissions,
) -> Result<(), RuleError> {
    let flood = class == Class::D3;
    let hops_fit = if flood { max_hops >= 1 && area.is_some() } else { max_hops == 1 };
    if !hops_fit {
        return Err(RuleError::Scope);
    }
    let Ok(message_type) = MessageType::try_from(message_type as i32) else { return Ok(()) };
    let Some(needed) = needed(message_type, class) else { return Err(RuleError::Scope) };
    let wide = area.is_some_and(|area| extent_m(area) > WIDE_AREA_M);
    if !permissions.contains(needed) || (wide && !permissions.contains(Permissions::WIDE_AREA)) {
        return Err(RuleError::Permission);
    }
    Ok(())
}

/// The permission for `message_type` in `class`; `None` when it may not travel in that class at all.
fn needed(message_type: MessageType, class: Class) -> Option<Permissions> {
    use Class::{D0, D1, D2, D3, D4, D5};
    use MessageType as M;
    let permission = match (message_type, class) {
        (M::Awareness, D2) => Permissions::AWARENESS,
        (M::Vru, D2) => Permissions::VRU,
        (M::Perception, D2) => Permissions::PERCEPTION,
        (M::Hazard, D0) => Permissions::IMMINENT,
        (M::Hazard, D1 | D3) => Permissions::HAZARD,
        (M::SignalState | M::PriorityStatus, D4) => Permissions::SIGNAL_STATE,
        (M::PriorityRequest, D4) => Permissions::PRIORITY_REQUEST,
        (M::GnssCorrection, D4) => Permissions::GNSS_CORRECTION,
        (M::IntersectionMap | M::SignInfo, D5) => Permissions::MAP_SIGN,
        (M::RsuAdvert, D5) => Permissions::SERVICE_ADVERT,
        (M::CredentialRequest | M::CredentialResponse, D5) => Permissions::NONE,
        (M::RevocationDelta, D5) => Permissions::UPDATE_RELAY,
        (M::MisbehaviourReport, D5) => Permissions::MISBEHAVIOUR_REPORT,
        (M::NodeStatus, D5) => Permissions::MANAGEMENT,
        // A latency probe is only worth something in the class it probes.
        (M::Echo, D0 | D1 | D2 | D4 | D5) => Permissions::MANAGEMENT,
        _ => return None,
    };
    Some(permission)
}

fn extent_m(area: &AreaView) -> u32 {
    match area.shape {
        Shape::Circle => area.distance_a_m,
        _ => area.distance_a_m.max(area.distance_b_m),
    }
}

/// An area reaching farther than this from its centre needs its own permission (amplification).
const WIDE_AREA_M: u32 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(message_type: MessageType, class: Class, permissions: Permissions) -> Result<(), RuleError> {
        let area = AreaView {
            latitude: 0,
            longitude: 0,
            shape: Shape::Circle,
            distance_a_m: 1000,
            distance_b_m: 0,
            azimuth_deg: 0,
        };
        let area = (class == Class::D3).then_some(&area);
        check(message_type as u32, class, 1, area, permissions)
    }

    #[test]
    fn a_role_needs_its_permission() {
        let car = Permissions(Permissions::AWARENESS.0 | Permissions::HAZARD.0);
        assert_eq!(verdict(MessageType::Awareness, Class::D2, car), Ok(()));
        assert_eq!(verdict(MessageType::Hazard, Class::D3, car), Ok(()));
        assert_eq!(verdict(MessageType::Hazard, Class::D0, car), Err(RuleError::Permission));
        assert_eq!(verdict(MessageType::SignalState, Class::D4, car), Err(RuleError::Permission));
    }

    #[test]
    fn a_type_keeps_to_its_class() {
        let all = Permissions(u64::MAX);
        assert_eq!(verdict(MessageType::Awareness, Class::D0, all), Err(RuleError::Scope));
        assert_eq!(verdict(MessageType::SignalState, Class::D4, all), Ok(()));
    }

    #[test]
    fn only_floods_travel_more_than_one_hop() {
        let all = Permissions(u64::MAX);
        let hops = |class, hops| check(MessageType::Awareness as u32, class, hops, None, all);
        assert_eq!(hops(Class::D2, 2), Err(RuleError::Scope));
        assert_eq!(hops(Class::D2, 0), Err(RuleError::Scope));
        assert_eq!(check(2, Class::D3, 5, None, all), Err(RuleError::Scope), "a flood needs its area");
    }

    #[test]
    fn an_unknown_type_is_left_to_be_counted() {
        assert_eq!(check(12_345, Class::D5, 1, None, Permissions::NONE), Ok(()));
    }
}
