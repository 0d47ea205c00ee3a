//! Payloads of hazard messages, for stations that send what no [`Input::Hazard`](v2x_core::Input::Hazard) would.

use bytes::Bytes;
use v2x_core::{Position, WireTime};
use v2x_proto::cause;
use v2x_proto::{AreaView, Digest, Shape, v1};

/// A new event, a stationary vehicle detected at `detected` at `position`. Other fields are set by struct update:
/// `v1::Hazard { cause: 97, ..hazard::new(origin, 1, place, now) }`.
pub fn new(origin: Digest, number: u32, position: Position, detected: WireTime) -> v1::Hazard {
    let Position { latitude, longitude } = position;
    v1::Hazard {
        id: Some(v1::EventId { origin: Bytes::copy_from_slice(&origin.0), number }),
        state: v1::HazardState::New as i32,
        detection_time_us: detected.as_micros(),
        reference_time_us: detected.as_micros(),
        position: Some(v1::Position { latitude, longitude, ..v1::Position::default() }),
        cause: cause::STATIONARY_VEHICLE.into(),
        ..v1::Hazard::default()
    }
}

/// The circle about `position` in which a flood spreads.
pub fn circle(position: Position, radius_m: u32) -> AreaView {
    let Position { latitude, longitude } = position;
    AreaView {
        latitude,
        longitude,
        shape: Shape::Circle,
        distance_a_m: radius_m,
        distance_b_m: 0,
        azimuth_deg: 0,
    }
}
