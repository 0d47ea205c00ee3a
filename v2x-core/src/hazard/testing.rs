//! Events and positions for the tests of this module.

use core::time::Duration;

use v2x_proto::{Class, Digest, v1};

use super::known::{EventState, KnownHazard};
use crate::base::{Fix, Position, WireTime};
use v2x_proto::EventId;
use v2x_proto::cause;

pub const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

/// Where a station is at second 1000, at `speed` 0.01 m/s.
pub fn fix(position: Position, speed: u16, heading: u16) -> Fix {
    Fix {
        position,
        altitude_cm: None,
        speed: Some(speed),
        heading: Some(heading),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: Some(150),
        time: WireTime::from_secs(1000),
    }
}

/// A stationary vehicle at `position`, detected at second 1000.
pub fn event(position: Position) -> KnownHazard {
    let at = WireTime::from_secs(1000);
    KnownHazard {
        id: EventId { origin: Digest([1; 8]), number: 1 },
        own: false,
        state: EventState::Active,
        class: Class::D1,
        cause: cause::STATIONARY_VEHICLE,
        sub_cause: 0,
        position,
        speed: None,
        heading: None,
        quality: None,
        detection: at,
        reference: at,
        valid_until: at + Duration::from_secs(600),
        area: None,
        relevance_distance_m: None,
        relevance_direction: v1::RelevanceDirection::Unspecified,
        keep_alive: None,
        suspect: false,
        afar: false,
        concern: None,
    }
}
