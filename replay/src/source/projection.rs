//! The transverse Mercator projection of WGS 84, of which UTM is a case: from eastings and northings to places on the globe.
//!
//! The series of Krüger (1912) to the fourth order of the third flattening, good to well under a millimetre within 20
//! degrees of the middle meridian.

use v2x_core::Position;

/// One transverse Mercator projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Longitude of the middle meridian, radians.
    meridian: f64,
    /// Scale on it.
    scale: f64,
    /// Easting of the meridian and northing of the equator, metres.
    false_easting: f64,
    equator_northing: f64,
}

impl Projection {
    /// Reads the parameters of PROJ as SUMO's nets have them: `+proj=utm +zone=32 ...` or `+proj=tmerc ...`, on WGS 84 or
    /// GRS 80 (which differ by a tenth of a millimetre), in metres.
    ///
    /// # Errors
    /// What of it is not known, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words::default();
        for word in text.split_ascii_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key.trim_start_matches('+') {
                "proj" => words.proj = value,
                "zone" => words.zone = value.parse().ok().filter(|zone| (1..=60).contains(zone)),
                "south" => words.south = true,
                "lat_0" => words.latitude_0 = between(key, value, -90.0, 90.0)?,
                "lon_0" => words.longitude_0 = between(key, value, -180.0, 180.0)?,
                "k" | "k_0" => words.scale = between(key, value, 0.5, 2.0)?,
                "x_0" => words.x_0 = between(key, value, -1e8, 1e8)?,
                "y_0" => words.y_0 = between(key, value, -1e8, 1e8)?,
                "ellps" | "datum" if matches!(value, "WGS84" | "GRS80") => {}
                "units" if value == "m" => {}
                "towgs84" if value.split(',').all(|part| part.parse() == Ok(0.0)) => {}
                "no_defs" | "type" | "wktext" => {}
                _ => {
                    return Err(format!("{word} is not known"));
                }
            }
        }
        words.projection()
    }

    /// The place of an easting and a northing, metres; `None` more than 1,500 km from the middle meridian.
    pub fn place(&self, easting: f64, northing: f64) -> Option<Position> {
        let (latitude, longitude) = self.degrees(easting, northing)?;
        Position::from_degrees(latitude, longitude)
    }

    /// Latitude and longitude in degrees.
    pub(super) fn degrees(&self, easting: f64, northing: f64) -> Option<(f64, f64)> {
        let east = easting - self.false_easting;
        if !(east.abs() <= FARTHEST_M && (northing - self.equator_northing).abs() <= QUARTER_M) {
            return None;
        }
        let radius = RADIUS_M * self.scale;
        let (xi, eta) = ((northing - self.equator_northing) / radius, east / radius);
        let (mut north, mut sideways) = (xi, eta);
        for (beta, twice) in BETA.iter().zip(TWICE) {
            north -= beta * (twice * xi).sin() * (twice * eta).cosh();
            sideways -= beta * (twice * xi).cos() * (twice * eta).sinh();
        }
        let conformal = (north.sin() / sideways.cosh()).asin();
        let mut latitude = conformal;
        for (delta, twice) in DELTA.iter().zip(TWICE) {
            latitude += delta * (twice * conformal).sin();
        }
        let longitude = (self.meridian + sideways.sinh().atan2(north.cos())).to_degrees();
        Some((latitude.to_degrees(), (longitude + 180.0).rem_euclid(360.0) - 180.0))
    }
}

/// The parameters as written.
struct Words<'t> {
    proj: &'t str,
    zone: Option<u32>,
    south: bool,
    latitude_0: f64,
    longitude_0: f64,
    scale: f64,
    x_0: f64,
    y_0: f64,
}

impl Default for Words<'_> {
    fn default() -> Self {
        Self {
            proj: "",
            zone: None,
            south: false,
            latitude_0: 0.0,
            longitude_0: 0.0,
            scale: 1.0,
            x_0: 0.0,
            y_0: 0.0,
        }
    }
}

impl Words<'_> {
    fn projection(self) -> Result<Projection, String> {
        match self.proj {
            "utm" => {
                let zone = self.zone.ok_or("+proj=utm needs +zone=1 to +zone=60")?;
                Ok(Projection {
                    meridian: (f64::from(zone) * 6.0 - 183.0).to_radians(),
                    scale: 0.9996,
                    false_easting: 500_000.0,
                    equator_northing: if self.south { 10_000_000.0 } else { 0.0 },
                })
            }
            "tmerc" => Ok(Projection {
                meridian: self.longitude_0.to_radians(),
                scale: self.scale,
                false_easting: self.x_0,
                equator_northing: self.y_0 - meridian_arc_m(self.latitude_0.to_radians()) * self.scale,
            }),
            "" => Err("+proj is missing".to_owned()),
            other => Err(format!("+proj={other} is not known")),
        }
    }
}

/// From the equator along a meridian to a latitude, metres.
fn meridian_arc_m(latitude: f64) -> f64 {
    let eccentricity = 2.0 * N.sqrt() / (1.0 + N);
    let sine = latitude.sin();
    let conformal = (sine.atanh() - eccentricity * (eccentricity * sine).atanh()).sinh().atan();
    if !conformal.is_finite() {
        return latitude.signum() * RADIUS_M * core::f64::consts::FRAC_PI_2;
    }
    let series: f64 = ALPHA.iter().zip(TWICE).map(|(alpha, twice)| alpha * (twice * conformal).sin()).sum();
    RADIUS_M * (conformal + series)
}

fn between(key: &str, value: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = value.parse().map_err(|_| format!("{key}={value} is not a number"))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{key}={value} is not within {least} and {most}"))
    }
}

/// Third flattening of WGS 84: f / (2 - f) of f = 1 / 298.257223563.
const N: f64 = {
    let flattening = 1.0 / 298.257_223_563;
    flattening / (2.0 - flattening)
};
const N2: f64 = N * N;
const N3: f64 = N2 * N;
const N4: f64 = N3 * N;
/// Radius of the circle that has the length of a meridian.
const RADIUS_M: f64 = 6_378_137.0 / (1.0 + N) * (1.0 + N2 / 4.0 + N4 / 64.0);
const TWICE: [f64; 4] = [2.0, 4.0, 6.0, 8.0];
const ALPHA: [f64; 4] = [
    N / 2.0 - 2.0 * N2 / 3.0 + 5.0 * N3 / 16.0 + 41.0 * N4 / 180.0,
    13.0 * N2 / 48.0 - 3.0 * N3 / 5.0 + 557.0 * N4 / 1440.0,
    61.0 * N3 / 240.0 - 103.0 * N4 / 140.0,
    49_561.0 * N4 / 161_280.0,
];
const BETA: [f64; 4] = [
    N / 2.0 - 2.0 * N2 / 3.0 + 37.0 * N3 / 96.0 - N4 / 360.0,
    N2 / 48.0 + N3 / 15.0 - 437.0 * N4 / 1440.0,
    17.0 * N3 / 480.0 - 37.0 * N4 / 840.0,
    4_397.0 * N4 / 161_280.0,
];
const DELTA: [f64; 4] = [
    2.0 * N - 2.0 * N2 / 3.0 - 2.0 * N3 + 116.0 * N4 / 45.0,
    7.0 * N2 / 3.0 - 8.0 * N3 / 5.0 - 227.0 * N4 / 45.0,
    56.0 * N3 / 15.0 - 136.0 * N4 / 35.0,
    4_279.0 * N4 / 630.0,
];
/// Beyond it the series is no longer good to a centimetre.
const FARTHEST_M: f64 = 1_500_000.0;
/// From the equator to beyond a pole.
const QUARTER_M: f64 = 1.01e7;

#[cfg(test)]
mod tests {
    use super::*;

    /// Eastings and northings by PROJ 9.
    #[test]
    fn places_are_where_proj_has_them() {
        for (text, longitude, latitude, easting, northing) in [
            (
                "+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs",
                6.13,
                49.6,
                292_627.817_6,
                5_498_115.173_6,
            ),
            ("+proj=utm +zone=33 +south +ellps=WGS84", 16.5, -33.9, 638_689.893_9, 6_247_919.038_7),
            ("+proj=utm +zone=31 +ellps=WGS84", 9.5, 60.0, 862_165.156_0, 6_669_230.811_1),
            (
                "+proj=tmerc +lat_0=52 +lon_0=19 +k=0.9993 +x_0=500000 +y_0=-5300000 +ellps=GRS80 +towgs84=0,0,0",
                21.0,
                50.0,
                643_286.107_9,
                -5_520_424.668_9,
            ),
            (
                "+proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=WGS84",
                0.1,
                51.5,
                545_759.624_8,
                180_064.647_2,
            ),
        ] {
            let (found_latitude, found_longitude) =
                Projection::parse(text).unwrap().degrees(easting, northing).unwrap();
            // 1e-8 degrees are a millimetre.
            assert!((found_latitude - latitude).abs() < 1e-8, "{text}: {found_latitude}");
            assert!((found_longitude - longitude).abs() < 1e-8, "{text}: {found_longitude}");
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, said) in [
            ("+proj=lcc +lat_1=49", "lat_1=49 is not known"),
            ("+proj=utm +ellps=WGS84", "+zone=1 to"),
            ("+proj=utm +zone=61", "+zone=1 to"),
            ("+proj=tmerc +ellps=bessel", "ellps=bessel is not known"),
            ("+proj=tmerc +lon_0=400", "lon_0=400 is not within"),
            ("", "+proj is missing"),
            ("utm", "utm is not known"),
        ] {
            let found = Projection::parse(text).unwrap_err();
            assert!(found.contains(said), "{found}");
        }
    }
}
