//! Places in requests.

/// A place on the ellipsoid (WGS 84).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Latitude, 1e-7 degree, -900000000..=900000000.
    pub latitude: i32,
    /// Longitude, 1e-7 degree, -1800000000..=1800000000.
    pub longitude: i32,
}
