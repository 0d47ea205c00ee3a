//! Checks of the messages of road users: awareness, hazards, perception, vulnerable road users.

use super::range::*;
use super::{Check, FloodTags, PayloadError};
use crate::v1;

impl Check for v1::Awareness {
    fn check(&self) -> Result {
        altitude(self.altitude_cm)?;
        confidence(self.position_confidence.as_ref())?;
        speed(self.speed)?;
        heading(self.heading)?;
        acceleration(self.acceleration)?;
        within_if_known("yaw_rate", self.yaw_rate, -32_766..=32_766)?;
        within_if_known("curvature", self.curvature, -1_023..=1_022)?;
        within_if_known("steering_angle", self.steering_angle, -511..=511)?;
        within_if_known("control_flags", self.control_flags, 0..=0x7f)?;
        interval("beacon_interval_ms", self.beacon_interval_ms)?;
        within_if_known("position_age_ms", self.position_age_ms, 0..=10_000)?;
        within_if_known("exterior_lights", self.exterior_lights, 0..=0xff)?;
        within_if_known("doors_open", self.doors_open, 0..=0x0f)?;
        length_and_width(self.length, self.width)?;
        let points = self.path_delta_latitude.len();
        at_most("path_delta_latitude", &self.path_delta_latitude, PATH_POINTS)?;
        ensure("path_delta_longitude", self.path_delta_longitude.len() == points)?;
        ensure("path_delta_time", self.path_delta_time.len() == points)?;
        path_deltas("path_delta_latitude", &self.path_delta_latitude)?;
        path_deltas("path_delta_longitude", &self.path_delta_longitude)?;
        for time in &self.path_delta_time {
            within("path_delta_time", *time, 0..=65_535)?;
        }
        at_most("floods_held", &self.floods_held, FloodTags::MAX)?;
        if let Some(emergency) = &self.emergency {
            within("cause", emergency.cause, 0..=255)?;
            within("sub_cause", emergency.sub_cause, 0..=255)?;
            within("requests", emergency.requests, 0..=0x0f)?;
        }
        Ok(())
    }
}

impl Check for v1::Hazard {
    fn check(&self) -> Result {
        let id = self.id.as_ref().ok_or(PayloadError::OutOfRange { field: "id" })?;
        exactly("origin", &id.origin, 8)?;
        let ended = match v1::HazardState::try_from(self.state) {
            Ok(v1::HazardState::New | v1::HazardState::Update) => false,
            Ok(v1::HazardState::Cancel | v1::HazardState::Negate) => true,
            // What an unknown state does to the event cannot be guessed.
            Ok(v1::HazardState::Unspecified) | Err(_) => {
                return Err(PayloadError::OutOfRange { field: "state" });
            }
        };
        ensure("detection_time_us", self.detection_time_us != 0)?;
        ensure("reference_time_us", self.reference_time_us >= self.detection_time_us)?;
        ensure("position", ended || self.position.is_some())?;
        position("position", self.position.as_ref())?;
        confidence(self.position_confidence.as_ref())?;
        within("cause", self.cause, i64::from(!ended)..=255)?;
        within("sub_cause", self.sub_cause, 0..=255)?;
        within_if_known("quality", self.quality, 1..=7)?;
        within_if_known("validity_s", self.validity_s, 0..=86_400)?;
        speed(self.speed)?;
        heading(self.heading)?;
        within_if_known("relevance_distance_m", self.relevance_distance_m, 1..=65_535)?;
        within_if_known("keep_alive_interval_ms", self.keep_alive_interval_ms, 1..=10_000)?;
        let points = self.trace_delta_latitude.len();
        at_most("trace_delta_latitude", &self.trace_delta_latitude, TRACE_POINTS)?;
        ensure("trace_delta_longitude", self.trace_delta_longitude.len() == points)?;
        path_deltas("trace_delta_latitude", &self.trace_delta_latitude)?;
        path_deltas("trace_delta_longitude", &self.trace_delta_longitude)?;
        at_most("trace_length", &self.trace_length, TRACES)?;
        for length in &self.trace_length {
            within("trace_length", *length, 1..=TRACE_POINTS as i64)?;
        }
        let sum: u32 = self.trace_length.iter().sum();
        ensure("trace_length", sum as usize == points)
    }
}

impl Check for v1::Perception {
    fn check(&self) -> Result {
        ensure("measurement_time_us", self.measurement_time_us != 0)?;
        heading(self.heading)?;
        at_most("sensors", &self.sensors, 16)?;
        for sensor in &self.sensors {
            within("sensor_id", sensor.sensor_id, 0..=255)?;
            within("range", sensor.range, 0..=10_000)?;
            within("opening_start", sensor.opening_start, 0..=3_599)?;
            within("opening_end", sensor.opening_end, 0..=3_599)?;
        }
        at_most("objects", &self.objects, 64)?;
        self.objects.iter().try_for_each(Check::check)
    }
}

impl Check for v1::PerceivedObject {
    fn check(&self) -> Result {
        within("object_id", self.object_id, 0..=65_535)?;
        within("east_cm", self.east_cm, -132_768..=132_767)?;
        within("north_cm", self.north_cm, -132_768..=132_767)?;
        within_if_known("position_confidence_cm", self.position_confidence_cm, 0..=4_095)?;
        within_if_known("speed_east", self.speed_east, -16_383..=16_383)?;
        within_if_known("speed_north", self.speed_north, -16_383..=16_383)?;
        heading(self.heading)?;
        within_if_known("length", self.length, 1..=1_023)?;
        within_if_known("width", self.width, 1..=1_023)?;
        within_if_known("age_ms", self.age_ms, 0..=65_535)?;
        within_if_known("quality", self.quality, 0..=15)
    }
}

impl Check for v1::Vru {
    fn check(&self) -> Result {
        confidence(self.position_confidence.as_ref())?;
        speed(self.speed)?;
        heading(self.heading)?;
        acceleration(self.acceleration)?;
        length_and_width(self.length, self.width)?;
        if let Some(cluster) = &self.cluster {
            within("cluster_id", cluster.cluster_id, 1..=255)?;
            within("members", cluster.members, 0..=255)?;
            within("radius_cm", cluster.radius_cm, 0..=65_535)?;
            within_if_known("break_up_ms", cluster.break_up_ms, 0..=65_535)?;
        }
        interval("beacon_interval_ms", self.beacon_interval_ms)
    }
}

/// TS 102 894-2 PathHistory has up to 40; 23 fit the largest beacon measured in service.
pub(super) const PATH_POINTS: usize = 23;
const TRACE_POINTS: usize = 40;
const TRACES: usize = 7;
