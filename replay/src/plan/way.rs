//! How one station of a plan moves along its road.

use v2x_core::Position;

use crate::source::{DEFAULT_ORIGIN, Sample};

/// Where a station is on its road at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) along_m: f64,
    pub(super) across_m: f64,
    /// Whether the road runs east, otherwise north.
    pub(super) eastward: bool,
    /// Whether the station faces that way, otherwise against it.
    pub(super) forward: bool,
}

/// How a station moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// Where it is at the start.
    pub(super) place: Place,
    /// When it sets off, s, and its speed then, m/s; one that never stood has that speed from the start.
    pub(super) trip: Option<(f64, f64)>,
    /// It is there only while it is on the road of this length.
    pub(super) within_m: Option<f64>,
}

impl Way {
    /// Metres from its first place, speed in m/s and acceleration in m/s2 at a time.
    fn gone(&self, at_s: f64) -> (f64, f64, f64) {
        let Some((begins_s, speed)) = self.trip else { return (0.0, 0.0, 0.0) };
        if begins_s == f64::NEG_INFINITY {
            return (speed * at_s, speed, 0.0);
        }
        let driven_s = (at_s - begins_s).max(0.0);
        let up_s = speed / ACCELERATION;
        if driven_s == 0.0 {
            (0.0, 0.0, 0.0)
        } else if driven_s < up_s {
            (ACCELERATION * driven_s * driven_s / 2.0, ACCELERATION * driven_s, ACCELERATION)
        } else {
            (speed * (driven_s - up_s / 2.0), speed, 0.0)
        }
    }

    /// Where it is at a time; `None` while it is off the road.
    pub(super) fn sample(&self, at_ns: u64, station: u32) -> Option<Sample> {
        let (gone_m, speed, acceleration) = self.gone(at_ns as f64 / 1e9);
        let Place { along_m, across_m, eastward, forward } = self.place;
        let along_m = if forward { along_m + gone_m } else { along_m - gone_m };
        if self.within_m.is_some_and(|length_m| !(0.0..=length_m).contains(&along_m)) {
            return None;
        }
        let (east, north) = if eastward { (along_m, across_m) } else { (across_m, along_m) };
        let at = origin().moved(east, north);
        let heading = match (eastward, forward) {
            (true, true) => 900,
            (true, false) => 2700,
            (false, true) => 0,
            (false, false) => 1800,
        };
        Some(Sample {
            time_ns: at_ns,
            station,
            latitude: at.latitude,
            longitude: at.longitude,
            speed: Some((speed * 100.0).round() as u16),
            heading: Some(heading),
            acceleration: Some((acceleration * 10.0).round() as i16),
        })
    }
}

/// Where x = 0, y = 0 is.
pub(super) fn origin() -> Position {
    let (latitude, longitude) = DEFAULT_ORIGIN;
    Position::from_degrees(latitude, longitude).expect("invariant: the origin is on the globe")
}

/// Acceleration when setting off, m/s2.
const ACCELERATION: f64 = 2.5;
