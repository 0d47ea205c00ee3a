//! Conversion of what receivers report to the units of a fix.

use v2x_core::Position;

/// Metres per second to 0.01 m/s, within what ETSI TS 102 894-2 `SpeedValue` can express.
pub(super) fn speed_unit(metres_per_second: f64) -> Option<u16> {
    let unit = (metres_per_second * 100.0).round();
    (0.0..=16_382.0).contains(&unit).then_some(unit as u16)
}

/// Degrees to 0.1 degree, 0..=3599.
pub(super) fn heading_unit(degrees: f64) -> Option<u16> {
    let unit = (degrees * 10.0).round();
    (0.0..=3600.0).contains(&unit).then_some(unit as u16 % 3600)
}

/// Degrees to 1e-7 degree; `None` off the globe or not a number.
pub(super) fn position_unit(latitude: f64, longitude: f64) -> Option<Position> {
    let on_globe = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    let unit = |degrees: f64| (degrees * 1e7).round() as i32;
    on_globe.then(|| Position { latitude: unit(latitude), longitude: unit(longitude) })
}

/// Metres to 0.01 m, between the deepest mine and the highest flight.
pub(super) fn altitude_unit(metres: f64) -> Option<i32> {
    (-10_000.0..=100_000.0).contains(&metres).then(|| (metres * 100.0).round() as i32)
}

/// Metres to 0.01 m; a value beyond the type becomes its largest.
pub(super) fn accuracy_unit(metres: f64) -> Option<u16> {
    // Never 0, which would be perfection.
    (metres > 0.0).then(|| (metres * 100.0).round().clamp(1.0, f64::from(u16::MAX)) as u16)
}
