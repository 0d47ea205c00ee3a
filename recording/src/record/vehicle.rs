//! What a vehicle's sensors and switches say, as recorded.

use v2x_core::{EmergencySwitches, VehicleState, WireTime};
use v2x_proto::v1;

use super::fields::{RecordError, narrow};

pub(super) fn encode_vehicle(state: &VehicleState) -> v1::RecordedVehicle {
    v1::RecordedVehicle {
        time_us: state.time.as_micros(),
        speed: state.speed.map(u32::from),
        acceleration: state.acceleration.map(i32::from),
        yaw_rate: state.yaw_rate.map(i32::from),
        steering_angle: state.steering_angle.map(i32::from),
        controls: state.controls.map(u32::from),
        lights: state.lights.map(u32::from),
        doors: state.doors.map(u32::from),
        light_bar: state.emergency.map(|switches| switches.light_bar),
        siren: state.emergency.map(|switches| switches.siren),
    }
}

pub(super) fn decode_vehicle(recorded: &v1::RecordedVehicle) -> Result<VehicleState, RecordError> {
    let emergency = match (recorded.light_bar, recorded.siren) {
        (None, None) => None,
        (Some(light_bar), Some(siren)) => Some(EmergencySwitches { light_bar, siren }),
        _ => return Err(RecordError("one of light bar and siren without the other")),
    };
    Ok(VehicleState {
        time: WireTime::from_micros(recorded.time_us),
        speed: narrow(recorded.speed, "speed of the vehicle")?,
        acceleration: narrow(recorded.acceleration, "acceleration of the vehicle")?,
        yaw_rate: narrow(recorded.yaw_rate, "yaw rate of the vehicle")?,
        steering_angle: narrow(recorded.steering_angle, "steering wheel angle")?,
        controls: narrow(recorded.controls, "controls in use")?,
        lights: narrow(recorded.lights, "lights")?,
        doors: narrow(recorded.doors, "doors")?,
        emergency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_emergency_and_values_too_wide_are_refused_by_name() {
        let half = v1::RecordedVehicle { siren: Some(true), ..v1::RecordedVehicle::default() };
        assert_eq!(decode_vehicle(&half).unwrap_err().0, "one of light bar and siren without the other");
        let wide = v1::RecordedVehicle { controls: Some(256), ..v1::RecordedVehicle::default() };
        assert_eq!(decode_vehicle(&wide).unwrap_err().0, "controls in use");
    }
}
