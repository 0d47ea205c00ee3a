//! Permission rules of messages: the class and hops each type may travel in, and the permission its signer needs.
//!
//! One table for both directions: a sender refuses to sign what a receiver would refuse to believe.

use core::ops::RangeInclusive;

use v2x_proto::v1::MessageType;
use v2x_proto::{AreaView, Class, Shape};

use super::permissions::Permissions;
use crate::base::limits;

/// Violation of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// Its type may not travel in this class, or this far: the field that says so.
    Scope(&'static str),
    /// The signer's credential does not permit it.
    Permission,
    /// It floods wider or longer than the signer's credential permits: the field that says so.
    Role(&'static str),
}

/// How a message is to travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Travel<'a> {
    /// Deadline class.
    pub class: Class,
    /// Lifetime, ms.
    pub lifetime_ms: u32,
    /// Hops it may travel.
    pub max_hops: u8,
    /// Area in which it is relevant.
    pub area: Option<&'a AreaView>,
}

/// Checks how a message of some type travels against its signer's permissions.
///
/// An unknown type passes: it is verified and counted, but neither delivered nor forwarded, so that a newer version's
/// traffic is counted under a name of its own.
pub fn check(message_type: u32, travel: &Travel<'_>, permissions: Permissions) -> Result<(), RuleError> {
    let &Travel { class, lifetime_ms, max_hops, area } = travel;
    if area
        .is_some_and(|area| class == Class::D0 || class == Class::D3 && extent_m(area) > limits::MAX_AREA_M)
    {
        return Err(RuleError::Scope("area"));
    }
    if !hops(class, area.is_some()).contains(&max_hops) {
        return Err(RuleError::Scope("max_hops"));
    }
    let Ok(message_type) = MessageType::try_from(message_type as i32) else { return Ok(()) };
    let Some(needed) = permission_for(message_type, class) else {
        return Err(RuleError::Scope("deadline_class"));
    };
    if !permissions.contains(needed) {
        return Err(RuleError::Permission);
    }
    if permissions.contains(Permissions::WIDE_AREA) {
        return Ok(());
    }
    if area.is_some_and(is_wide) {
        return Err(RuleError::Role("area"));
    }
    if class == Class::D3 && lifetime_ms > LONG_LIFETIME_MS {
        return Err(RuleError::Role("lifetime_ms"));
    }
    Ok(())
}

/// The hops that a message of this class may be signed for.
#[must_use]
pub const fn hops(class: Class, has_area: bool) -> RangeInclusive<u8> {
    match class {
        Class::D0 => 1..=limits::MAX_IMMINENT_HOPS,
        Class::D3 if has_area => 1..=u8::MAX,
        Class::D3 => 2..=limits::MAX_SCOPE_HOPS,
        _ => 1..=1,
    }
}

/// Whether an area reaches so far that it needs an extra permission.
#[must_use]
pub fn is_wide(area: &AreaView) -> bool {
    extent_m(area) > WIDE_AREA_M
}

/// The permission for `message_type` in `class`; `None` when it may not travel in that class at all.
#[must_use]
pub fn permission_for(message_type: MessageType, class: Class) -> Option<Permissions> {
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
        // What is sealed in it is judged by its own rule when it has been opened.
        (M::Confidential, D4 | D5) => Permissions::NONE,
        (M::IntersectionMap | M::SignInfo, D5) => Permissions::MAP_SIGN,
        (M::RsuAdvert, D5) => Permissions::SERVICE_ADVERT,
        (M::CredentialRequest | M::CredentialResponse, D5) => Permissions::NONE,
        (M::RevocationDelta | M::UpdateManifest, D5) => Permissions::UPDATE_RELAY,
        (M::MisbehaviourReport, D5) => Permissions::MISBEHAVIOUR_REPORT,
        (M::NodeStatus, D5) => Permissions::MANAGEMENT,
        // A latency probe is only of use in the class it probes.
        (M::Echo, D0 | D1 | D2 | D4 | D5) => Permissions::MANAGEMENT,
        _ => return None,
    };
    Some(permission)
}

/// Whether a message of this type may be sealed to one station. A seal in a seal would cost its receiver as often as its
/// sender likes; and what stations keep and pass on is for everybody.
#[must_use]
pub fn may_be_sealed(message_type: u32) -> bool {
    use MessageType as M;
    let never = [M::Confidential, M::CredentialRequest, M::CredentialResponse, M::RevocationDelta];
    never.iter().all(|never| *never as u32 != message_type)
}

fn extent_m(area: &AreaView) -> u32 {
    match area.shape {
        Shape::Circle => area.distance_a_m,
        _ => area.distance_a_m.max(area.distance_b_m),
    }
}

/// An area reaching farther than this from its centre needs its own permission (amplification).
const WIDE_AREA_M: u32 = 2_000;

/// So does a flood that lives longer than this: each copy may be carried on until then.
const LONG_LIFETIME_MS: u32 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn area(distance_a_m: u32) -> AreaView {
        AreaView {
            latitude: 0,
            longitude: 0,
            shape: Shape::Circle,
            distance_a_m,
            distance_b_m: 0,
            azimuth_deg: 0,
        }
    }

    fn single_hop(class: Class) -> Travel<'static> {
        Travel { class, lifetime_ms: 100, max_hops: 1, area: None }
    }

    fn verdict(message_type: MessageType, class: Class, permissions: Permissions) -> Result<(), RuleError> {
        let area = area(1000);
        let area = (class == Class::D3).then_some(&area);
        check(message_type as u32, &Travel { area, ..single_hop(class) }, permissions)
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
        assert_eq!(verdict(MessageType::Awareness, Class::D0, all), Err(RuleError::Scope("deadline_class")));
        assert_eq!(verdict(MessageType::SignalState, Class::D4, all), Ok(()));
    }

    #[test]
    fn only_floods_travel_more_than_one_hop() {
        let all = Permissions(u64::MAX);
        let hops = |class, max_hops| {
            check(MessageType::Awareness as u32, &Travel { max_hops, ..single_hop(class) }, all)
        };
        assert_eq!(hops(Class::D2, 2), Err(RuleError::Scope("max_hops")));
        assert_eq!(hops(Class::D2, 0), Err(RuleError::Scope("max_hops")));
        let hazard = |class, max_hops| {
            check(MessageType::Hazard as u32, &Travel { max_hops, ..single_hop(class) }, all)
        };
        assert_eq!(hazard(Class::D3, 5), Ok(()), "topological scope");
        assert_eq!(hazard(Class::D3, 1), Err(RuleError::Scope("max_hops")), "a flood needs an area or hops");
        assert_eq!(hazard(Class::D3, 11), Err(RuleError::Scope("max_hops")));
        assert_eq!(hazard(Class::D0, 2), Ok(()), "relayed by neighbours");
        assert_eq!(hazard(Class::D0, 3), Err(RuleError::Scope("max_hops")));
        assert_eq!(hazard(Class::D1, 2), Err(RuleError::Scope("max_hops")));
    }

    #[test]
    fn nobody_may_flood_farther_than_ten_kilometres() {
        let area = area(10_001);
        let travel = Travel { class: Class::D3, lifetime_ms: 100, max_hops: 5, area: Some(&area) };
        assert_eq!(check(2, &travel, Permissions(u64::MAX)), Err(RuleError::Scope("area")));
    }

    #[test]
    fn an_unknown_type_is_left_to_be_counted() {
        assert_eq!(check(12_345, &single_hop(Class::D5), Permissions::NONE), Ok(()));
    }

    #[test]
    fn a_wide_or_long_flood_needs_a_permission_of_its_own() {
        let car = Permissions::HAZARD;
        let flood = |permissions, radius, lifetime_ms| {
            let area = area(radius);
            let travel = Travel { class: Class::D3, lifetime_ms, max_hops: 5, area: Some(&area) };
            check(MessageType::Hazard as u32, &travel, permissions)
        };
        assert_eq!(flood(car, 2_000, 60_000), Ok(()));
        assert_eq!(flood(car, 2_001, 60_000), Err(RuleError::Role("area")));
        assert_eq!(flood(car, 2_000, 60_001), Err(RuleError::Role("lifetime_ms")));
        assert_eq!(flood(car | Permissions::WIDE_AREA, 5_000, 600_000), Ok(()));
    }
}
