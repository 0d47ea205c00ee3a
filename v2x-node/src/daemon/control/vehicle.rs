//! Turns what a program says of the vehicle into an input for the core.

use v2x_api::{Answer, VehicleReport};
use v2x_core::{EmergencySwitches, Input, VehicleState, WireTime, limits};

/// The input for what was said at `now`.
///
/// # Errors
/// It is older than the core believes any state of a vehicle.
pub(super) fn input(said: &VehicleReport, now: WireTime) -> Result<Input, Box<Answer>> {
    let (age, most) = (said.age, limits::MAX_VEHICLE_AGE);
    if age > most {
        let text = format!(
            "vehicle.age_ms: what was read {} ms ago is unknown by now; at most {} ms",
            age.as_millis(),
            most.as_millis()
        );
        return Err(Box::new(Answer::failure("vehicle_too_old", &text)));
    }
    let in_units = |value: Option<f64>, unit: f64| value.map(|value| (value / unit).round());
    Ok(Input::Vehicle(VehicleState {
        time: WireTime::from_micros(now.as_micros().saturating_sub(age.as_micros() as u64)),
        speed: in_units(said.speed_m_s, 0.01).map(|units| units as u16),
        acceleration: in_units(said.acceleration_m_s2, 0.1).map(|units| units as i16),
        yaw_rate: in_units(said.yaw_rate_deg_s, 0.01).map(|units| units as i16),
        steering_angle: in_units(said.steering_angle_deg, 1.5).map(|units| units as i16),
        controls: said.controls,
        lights: said.lights,
        doors: said.doors,
        emergency: said.light_bar_and_siren.map(|(light_bar, siren)| EmergencySwitches { light_bar, siren }),
    }))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const NOW: WireTime = WireTime::from_secs(1_000);

    #[test]
    fn units_are_those_of_the_wire() {
        let said = VehicleReport {
            age: Duration::from_millis(500),
            speed_m_s: Some(163.82),
            acceleration_m_s2: Some(-16.0),
            yaw_rate_deg_s: Some(-327.66),
            steering_angle_deg: Some(766.5),
            controls: Some(5),
            lights: Some(0x82),
            doors: Some(1),
            light_bar_and_siren: Some((true, false)),
        };
        let state = VehicleState {
            time: WireTime::from_micros(NOW.as_micros() - 500_000),
            speed: Some(16_382),
            acceleration: Some(-160),
            yaw_rate: Some(-32_766),
            steering_angle: Some(511),
            controls: Some(5),
            lights: Some(0x82),
            doors: Some(1),
            emergency: Some(EmergencySwitches { light_bar: true, siren: false }),
        };
        assert_eq!(input(&said, NOW), Ok(Input::Vehicle(state)));
    }

    #[test]
    fn a_state_that_counts_as_unknown_is_refused() {
        let said = VehicleReport { age: Duration::from_millis(501), ..VehicleReport::default() };
        let refused = input(&said, NOW).unwrap_err();
        assert_eq!(refused.reason.as_deref(), Some("vehicle_too_old"));
        assert!(refused.error.unwrap().contains("501 ms ago is unknown by now; at most 500 ms"));
    }
}
