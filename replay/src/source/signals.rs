//! What a vehicle of a trace has switched on: the lights that SUMO writes as one number for each row.

use v2x_core::{EmergencySwitches, VehicleState, WireTime};

/// Lights and doors by SUMO's bits (`MSVehicle::Signalling`), as its floating-car data have them in `signals`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signals(pub u16);

/// From when on a station has these signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalChange {
    /// Index into [`super::Trace::names`].
    pub station: u32,
    /// Nanoseconds since the trace's first step.
    pub time_ns: u64,
    /// What is on from then.
    pub signals: Signals,
}

impl Signals {
    /// The brake lights are on.
    pub const fn brakes(self) -> bool {
        self.has(BRAKE_LIGHT)
    }

    /// The blue light of an emergency vehicle is on.
    pub const fn blue_light(self) -> bool {
        self.has(BLUE_LIGHT)
    }

    /// What a vehicle with these signals says of itself: the pedal behind its brake lights, its lights, doors and blue
    /// light (bits of TS 102 894-2 `AccelerationControl`, `ExteriorLights` and `DoorOpen`).
    pub fn state(self, time: WireTime) -> VehicleState {
        let bits = |all: &[(u16, u8)]| {
            all.iter().filter(|(bit, _)| self.has(*bit)).fold(0u8, |sum, (_, told)| sum | 1 << told)
        };
        let blinks = if self.has(HAZARD_BLINKER) { 1 << LEFT_TURN | 1 << RIGHT_TURN } else { 0 };
        VehicleState {
            time,
            controls: Some(u8::from(self.brakes())),
            lights: Some(bits(&LIGHTS) | blinks),
            doors: Some(bits(&DOORS)),
            emergency: Some(EmergencySwitches { light_bar: self.blue_light(), siren: false }),
            ..VehicleState::default()
        }
    }

    const fn has(self, bit: u16) -> bool {
        self.0 & 1 << bit != 0
    }
}

/// SUMO's bits, from 0.
const HAZARD_BLINKER: u16 = 2;
const BRAKE_LIGHT: u16 = 3;
const BLUE_LIGHT: u16 = 11;
/// Bits of `ExteriorLights`.
const LEFT_TURN: u8 = 2;
const RIGHT_TURN: u8 = 3;
/// SUMO's bit, and that of `ExteriorLights`: blinkers, front light, fog light, high beam, reversing light.
const LIGHTS: [(u16, u8); 6] = [(0, RIGHT_TURN), (1, LEFT_TURN), (4, 0), (5, 6), (6, 1), (7, 5)];
/// SUMO's bit, and that of `DoorOpen`: driver, passenger; SUMO says left and right.
const DOORS: [(u16, u8); 2] = [(9, 0), (10, 1)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sumos_bits_become_those_of_the_messages() {
        let state = |bits| Signals(bits).state(WireTime::default());
        assert_eq!(state(0).controls, Some(0));
        assert_eq!(state(8).controls, Some(1), "brake lights: the pedal");
        assert!(!state(8).brakes_in_emergency(), "a pedal is no emergency");
        assert_eq!(state(1 << 11).emergency, Some(EmergencySwitches { light_bar: true, siren: false }));
        assert_eq!(state(0b110).lights, Some(0b1100), "hazard blinkers blink on both sides");
        assert_eq!(state(1 << 4 | 1 << 7).lights, Some(0b10_0001));
        assert_eq!(state(1 << 10).doors, Some(2));
    }
}
