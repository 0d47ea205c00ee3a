//! What the vehicle's bus says: `{"vehicle":{...}}`.

use core::time::Duration;

use serde_json::{Map, Value};

use crate::fields::{BadRequest, Fields};

/// State of the vehicle in the units of its requests. What is absent is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VehicleReport {
    /// How long ago it was read.
    pub age: Duration,
    /// Speed, m/s, 0..=163.82.
    pub speed_m_s: Option<f64>,
    /// Longitudinal acceleration, m/s^2, braking negative, -16..=16.
    pub acceleration_m_s2: Option<f64>,
    /// Yaw rate, degree/s, left turns positive, -327.66..=327.66.
    pub yaw_rate_deg_s: Option<f64>,
    /// Steering wheel angle, degrees, left positive, -766.5..=766.5.
    pub steering_angle_deg: Option<f64>,
    /// Controls in use, bit n for the nth of [`CONTROLS`].
    pub controls: Option<u8>,
    /// Lights that are on, bit n for the nth of [`LIGHTS`].
    pub lights: Option<u8>,
    /// Doors that are open, bit n for the nth of [`DOORS`].
    pub doors: Option<u8>,
    /// Light bar and siren of an emergency vehicle.
    pub light_bar_and_siren: Option<(bool, bool)>,
}

/// Controls, in the order of TS 102 894-2 `AccelerationControl`; each is a key of its own.
pub const CONTROLS: [&str; 7] = [
    "brake_pedal",
    "gas_pedal",
    "emergency_brake",
    "collision_warning",
    "adaptive_cruise_control",
    "cruise_control",
    "speed_limiter",
];

/// Names in `lights`, in the order of TS 102 894-2 `ExteriorLights`.
pub const LIGHTS: [&str; 8] =
    ["low_beam", "high_beam", "left_turn", "right_turn", "daytime_running", "reverse", "fog", "parking"];

/// Names in `doors_open`, in the order of TS 102 894-2 `DoorOpen`.
pub const DOORS: [&str; 4] = ["driver", "passenger", "maintenance", "outside"];

/// Longest age that is read, ms; the station ignores what is much younger.
pub const LONGEST_VEHICLE_AGE_MS: u64 = 60_000;

/// Reads a request whose keys are under `vehicle`.
pub(super) fn read(object: &Map<String, Value>) -> Result<VehicleReport, BadRequest> {
    let request = Fields::of(object, &["v", "id", "vehicle"], "")?;
    let right = r#"an object, such as {"speed_m_s":13.9,"brake_pedal":true}"#;
    let said = request.object("vehicle", right)?.ok_or_else(|| request.missing("vehicle", right))?;
    let fields = Fields::of(said, KEYS, "vehicle.")?;
    let (light_bar, siren) = (fields.flag("light_bar")?, fields.flag("siren")?);
    let emergency = light_bar.is_some() || siren.is_some();
    let report = VehicleReport {
        age: Duration::from_millis(fields.integer("age_ms", 0..=LONGEST_VEHICLE_AGE_MS)?.unwrap_or(0)),
        speed_m_s: fields.number("speed_m_s", 0.0..=163.82, " m/s")?,
        acceleration_m_s2: fields.number("acceleration_m_s2", -16.0..=16.0, " m/s^2")?,
        yaw_rate_deg_s: fields.number("yaw_rate_deg_s", -327.66..=327.66, " degrees a second")?,
        steering_angle_deg: fields.number("steering_angle_deg", -766.5..=766.5, " degrees")?,
        controls: controls(&fields)?,
        lights: fields.set("lights", &LIGHTS)?,
        doors: fields.set("doors_open", &DOORS)?,
        light_bar_and_siren: emergency.then(|| (light_bar == Some(true), siren == Some(true))),
    };
    if report == (VehicleReport { age: report.age, ..VehicleReport::default() }) {
        let keys = KEYS.join(", ");
        return Err(BadRequest(format!("vehicle: nothing is said; keys here: {keys}")));
    }
    Ok(report)
}

/// Once one control is known, those left out count as not in use.
fn controls(fields: &Fields<'_>) -> Result<Option<u8>, BadRequest> {
    let mut known = None;
    for (bit, name) in CONTROLS.into_iter().enumerate() {
        if let Some(used) = fields.flag(name)? {
            *known.get_or_insert(0) |= u8::from(used) << bit;
        }
    }
    Ok(known)
}

impl VehicleReport {
    /// What is under `vehicle` in its line.
    pub(super) fn value(&self) -> Value {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Value| drop(keys.insert(key.to_owned(), value));
        if !self.age.is_zero() {
            put("age_ms", (self.age.as_millis() as u64).into());
        }
        for (key, number) in [
            ("speed_m_s", self.speed_m_s),
            ("acceleration_m_s2", self.acceleration_m_s2),
            ("yaw_rate_deg_s", self.yaw_rate_deg_s),
            ("steering_angle_deg", self.steering_angle_deg),
        ] {
            if let Some(number) = number {
                put(key, number.into());
            }
        }
        for (bit, name) in CONTROLS.into_iter().enumerate() {
            if let Some(controls) = self.controls {
                put(name, (controls >> bit & 1 == 1).into());
            }
        }
        for (key, bits, known) in [("lights", self.lights, &LIGHTS[..]), ("doors_open", self.doors, &DOORS)] {
            if let Some(bits) = bits {
                let on = known.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
                put(key, on.map(|(_, name)| Value::from(*name)).collect());
            }
        }
        if let Some((light_bar, siren)) = self.light_bar_and_siren {
            put("light_bar", light_bar.into());
            put("siren", siren.into());
        }
        Value::Object(keys)
    }
}

const KEYS: &[&str] = &[
    "age_ms",
    "speed_m_s",
    "acceleration_m_s2",
    "yaw_rate_deg_s",
    "steering_angle_deg",
    "brake_pedal",
    "gas_pedal",
    "emergency_brake",
    "collision_warning",
    "adaptive_cruise_control",
    "cruise_control",
    "speed_limiter",
    "lights",
    "doors_open",
    "light_bar",
    "siren",
];

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::Request;

    fn parse(line: &str) -> Result<VehicleReport, String> {
        match Request::parse(line.as_bytes()) {
            Ok(Request::Vehicle(report)) => Ok(report),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_key_is_read_and_the_controls_left_out_are_off() {
        let report = parse(
            r#"{"v":1,"vehicle":{"age_ms":20,"speed_m_s":13.9,"acceleration_m_s2":-6.1,"yaw_rate_deg_s":3,
                "steering_angle_deg":-90,"brake_pedal":true,"lights":["low_beam","fog"],"doors_open":[],"siren":true}}"#,
        );
        let expected = VehicleReport {
            age: Duration::from_millis(20),
            speed_m_s: Some(13.9),
            acceleration_m_s2: Some(-6.1),
            yaw_rate_deg_s: Some(3.0),
            steering_angle_deg: Some(-90.0),
            controls: Some(1),
            lights: Some(0x41),
            doors: Some(0),
            light_bar_and_siren: Some((false, true)),
        };
        assert_eq!(report, Ok(expected));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (said, error) in [
            (r#"{"speed_m_s":-1}"#, "vehicle.speed_m_s: found -1, expected a number, 0 to 163.82 m/s"),
            (r#"{"lights":["blue"]}"#, "vehicle.lights: found \"blue\", expected a list of: low_beam"),
            (r#"{"lights":"fog"}"#, "vehicle.lights: found \"fog\", expected a list"),
            (r#"{"doors_open":[1]}"#, "vehicle.doors_open: found 1, expected a list of: driver"),
            (r#"{"brake":true}"#, "unknown key \"vehicle.brake\"; keys here: age_ms"),
            (r#"{"brake_pedal":1}"#, "vehicle.brake_pedal: found 1, expected true or false"),
            (r#"{"age_ms":5}"#, "vehicle: nothing is said; keys here: age_ms"),
            ("null", "no request; expected"),
            ("3", "vehicle: found 3, expected an object, such as {\"speed_m_s\":13.9"),
        ] {
            let found = parse(&format!(r#"{{"vehicle":{said}}}"#)).unwrap_err();
            assert!(found.contains(error), "{said}: {found}");
        }
        assert!(parse(r#"{"vehicle":{"speed_m_s":1e400}}"#).unwrap_err().starts_with("no JSON at column"));
        assert!(
            parse(r#"{"vehicle":{"siren":true},"hazard":"list"}"#)
                .unwrap_err()
                .contains("one request a line")
        );
    }

    pub(crate) fn any_report() -> impl Strategy<Value = VehicleReport> {
        // Eighths, which decimal text holds exactly.
        let eighths = |range: core::ops::RangeInclusive<i32>| {
            proptest::option::of(range.prop_map(|eighths| f64::from(eighths) / 8.0))
        };
        let numbers = (eighths(0..=1310), eighths(-128..=128), eighths(-2621..=2621), eighths(-6132..=6132));
        let bits = (
            proptest::option::of(0..=0x7f_u8),
            proptest::option::of(any::<u8>()),
            proptest::option::of(0..=0x0f_u8),
            proptest::option::of(any::<(bool, bool)>()),
        );
        (0..=LONGEST_VEHICLE_AGE_MS, numbers, bits).prop_map(|(age_ms, numbers, bits)| VehicleReport {
            age: Duration::from_millis(age_ms),
            speed_m_s: numbers.0,
            acceleration_m_s2: numbers.1,
            yaw_rate_deg_s: numbers.2,
            steering_angle_deg: numbers.3,
            controls: bits.0,
            lights: bits.1,
            doors: bits.2,
            light_bar_and_siren: bits.3,
        })
    }

    proptest! {
        #[test]
        fn a_report_written_is_the_report_read(report in any_report()) {
            let nothing = report == VehicleReport { age: report.age, ..VehicleReport::default() };
            let read = parse(&Request::Vehicle(report).line());
            prop_assert_eq!(read.ok(), (!nothing).then_some(report));
        }
    }
}
