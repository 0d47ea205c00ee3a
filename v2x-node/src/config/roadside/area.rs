//! Areas of signs and road works (EN 302 931).

use v2x_proto::area::MAX_DISTANCE_M;
use v2x_proto::{AreaView, Shape};
use v2x_settings::{Section, SettingsError, one_of};

use super::super::place::coordinates;

/// Keys of an area's table.
pub(super) const KEYS: &[&str] =
    &["shape", "latitude", "longitude", "radius_m", "half_length_m", "half_width_m", "azimuth_deg"];

/// The area of a table opened with [`KEYS`].
pub(super) fn read(section: &Section<'_>) -> Result<AreaView, SettingsError> {
    let Some(shape) = section.choice("shape", SHAPES)? else {
        return Err(section.missing("shape", one_of(SHAPES.iter().map(|(name, _)| *name))));
    };
    let metres = |key| {
        let value = section.integer(key, 1..=MAX_DISTANCE_M)?;
        value.ok_or_else(|| section.missing(key, format!("whole metres, 1 to {MAX_DISTANCE_M}")))
    };
    let (distance_a_m, distance_b_m, azimuth_deg) = if shape == Shape::Circle {
        section.only(&["shape", "latitude", "longitude", "radius_m"], "shape = \"circle\"")?;
        (metres("radius_m")?, 0, 0)
    } else {
        let keys = &["shape", "latitude", "longitude", "half_length_m", "half_width_m", "azimuth_deg"];
        section.only(keys, "that shape")?;
        let azimuth = section.integer("azimuth_deg", 0..=359)?.unwrap_or(0);
        (metres("half_length_m")?, metres("half_width_m")?, azimuth)
    };
    let centre = coordinates(section)?;
    let (latitude, longitude) = (centre.latitude, centre.longitude);
    Ok(AreaView { latitude, longitude, shape, distance_a_m, distance_b_m, azimuth_deg })
}

const SHAPES: &[(&str, Shape)] =
    &[("circle", Shape::Circle), ("rectangle", Shape::Rectangle), ("ellipse", Shape::Ellipse)];
