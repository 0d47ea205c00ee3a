//! What a vehicle's own sensors and switches say.

use super::fix::Fix;
use super::limits;
use super::time::{Anchor, Instant, WireTime};

/// State of the vehicle as its bus reports it. A value that is absent is unknown; one out of its range counts as the
/// nearest in range when it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VehicleState {
    /// When it was true.
    pub time: WireTime,
    /// Speed, 0.01 m/s, 0..=16382 (TS 102 894-2 `SpeedValue`).
    pub speed: Option<u16>,
    /// Longitudinal acceleration, 0.1 m/s^2, braking negative, -160..=160 (TS 102 894-2 `LongitudinalAccelerationValue`).
    pub acceleration: Option<i16>,
    /// Yaw rate, 0.01 degree/s, left turns positive, -32766..=32766 (TS 102 894-2 `YawRateValue`).
    pub yaw_rate: Option<i16>,
    /// Steering wheel angle, 1.5 degree, left positive, -511..=511 (TS 102 894-2 `SteeringWheelAngleValue`).
    pub steering_angle: Option<i16>,
    /// Controls in use, bits 0..=6 (TS 102 894-2 `AccelerationControl`); see [`VehicleState::EMERGENCY_BRAKE`].
    pub controls: Option<u8>,
    /// Lights that are on, bits 0..=7 (TS 102 894-2 `ExteriorLights`).
    pub lights: Option<u8>,
    /// Doors that are open, bits 0..=3 (TS 102 894-2 `DoorOpen`).
    pub doors: Option<u8>,
    /// What an emergency vehicle has switched on.
    pub emergency: Option<EmergencySwitches>,
}

/// Light bar and siren of an emergency vehicle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmergencySwitches {
    /// The light bar is on.
    pub light_bar: bool,
    /// The siren is on.
    pub siren: bool,
}

impl EmergencySwitches {
    /// Whether either is on: the vehicle is on a call.
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.light_bar || self.siren
    }
}

impl VehicleState {
    /// Bit of [`controls`](Self::controls): an automatic or assisted emergency braking is under way.
    pub const EMERGENCY_BRAKE: u8 = 1 << 2;

    /// Whether emergency braking is under way.
    #[must_use]
    pub fn brakes_in_emergency(&self) -> bool {
        self.controls.is_some_and(|controls| controls & Self::EMERGENCY_BRAKE != 0)
    }

    /// The fix with the vehicle's own speed, acceleration and yaw rate where they are known: wheels and inertial sensors
    /// say them sooner than a position receiver.
    #[must_use]
    pub fn over(&self, fix: Fix) -> Fix {
        Fix {
            speed: self.speed.or(fix.speed),
            acceleration: self.acceleration.or(fix.acceleration),
            yaw_rate: self.yaw_rate.or(fix.yaw_rate),
            ..fix
        }
    }
}

/// The newest state of the vehicle and when it was true in the core's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimedVehicle(Option<(VehicleState, Instant)>);

impl TimedVehicle {
    /// Takes a state that came at `now`. One from the future, by a clock that disagrees, counts as true when it came. One
    /// older than the last changes nothing.
    pub fn take(&mut self, state: VehicleState, now: Instant, anchor: &Anchor) {
        let true_at = anchor.instant_at(state.time).min(now);
        if self.0.is_none_or(|(_, last)| true_at >= last) {
            self.0 = Some((state, true_at));
        }
    }

    /// The state, while it is not older than [`limits::MAX_VEHICLE_AGE`]; a driver's foot is elsewhere after that.
    #[must_use]
    pub fn fresh(&self, now: Instant) -> Option<VehicleState> {
        self.0.filter(|(_, at)| now.since(*at) <= limits::MAX_VEHICLE_AGE).map(|(state, _)| state)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const ANCHOR: Anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(1000) };

    fn state(ms: u64, speed: u16) -> VehicleState {
        let time = ANCHOR.wire + Duration::from_millis(ms);
        VehicleState { time, speed: Some(speed), ..VehicleState::default() }
    }

    fn speed(vehicle: &TimedVehicle, ms: u64) -> Option<u16> {
        vehicle.fresh(Instant::from_millis(ms)).and_then(|state| state.speed)
    }

    #[test]
    fn a_state_is_unknown_after_half_a_second() {
        let mut vehicle = TimedVehicle::default();
        assert_eq!(speed(&vehicle, 0), None);
        vehicle.take(state(1_000, 7), Instant::from_millis(1_100), &ANCHOR);
        assert_eq!((speed(&vehicle, 1_500), speed(&vehicle, 1_501)), (Some(7), None));
    }

    #[test]
    fn an_older_state_changes_nothing_and_one_from_the_future_is_of_now() {
        let mut vehicle = TimedVehicle::default();
        vehicle.take(state(1_000, 7), Instant::from_millis(1_000), &ANCHOR);
        vehicle.take(state(900, 8), Instant::from_millis(1_010), &ANCHOR);
        assert_eq!(speed(&vehicle, 1_010), Some(7));
        vehicle.take(state(9_000, 9), Instant::from_millis(1_020), &ANCHOR);
        assert_eq!((speed(&vehicle, 1_020), speed(&vehicle, 1_521)), (Some(9), None));
    }

    #[test]
    fn what_the_vehicle_does_not_say_stays_as_the_receiver_has_it() {
        let fix = Fix {
            position: crate::base::Position::default(),
            altitude_cm: None,
            speed: Some(100),
            heading: Some(900),
            acceleration: Some(-3),
            yaw_rate: None,
            accuracy_cm: Some(150),
            time: ANCHOR.wire,
        };
        let told = VehicleState { acceleration: Some(-70), ..state(0, 2_000) }.over(fix);
        assert_eq!(told, Fix { speed: Some(2_000), acceleration: Some(-70), ..fix });
        assert_eq!(VehicleState::default().over(fix), fix);
    }
}
