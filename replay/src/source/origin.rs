//! Where x = 0, y = 0 of a trace in metres may be.

use v2x_settings::{Section, SettingsError};

/// Whether x = 0, y = 0 can be at this latitude and longitude, degrees.
pub(super) fn is_place((latitude, longitude): (f64, f64)) -> bool {
    latitude.abs() <= MAX_LATITUDE && longitude.abs() <= MAX_LONGITUDE
}

/// The key `origin` of a table.
pub(super) fn of_key(table: &Section<'_>) -> Result<Option<(f64, f64)>, SettingsError> {
    table.degrees("origin")
}

/// East has no usable meaning at the poles.
const MAX_LATITUDE: f64 = 89.0;
const MAX_LONGITUDE: f64 = 180.0;
