//! The unit's position for casters of virtual reference stations: a GGA sentence (NMEA 0183,
//! `$--GGA,hhmmss.ss,llll.ll,a,yyyyy.yy,a,x,xx,x.x,x.x,M,x.x,M,x.x,xxxx*hh`).

use chrono::{NaiveDateTime, Timelike};
use v2x_core::Position;

/// The position a unit reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Latitude and longitude.
    pub position: Position,
    /// Altitude above the ellipsoid, 0.01 m; `None`: unknown, sent as 0.
    pub altitude_cm: Option<i32>,
}

/// The sentence of a place at a time of UTC, without its line end: at most 80 characters, as the standard has it.
///
/// The position is as good as a receiver's and is sent as a plain fix (quality 1), not as none (0) or as one entered by
/// hand (7), for which a caster need not make a virtual station. No geoid is known here, so the altitude is above the
/// ellipsoid, with a separation of 0: casters add both.
pub fn sentence(place: &Place, time: NaiveDateTime) -> String {
    let Position { latitude, longitude } = place.position;
    let north = if latitude < 0 { 'S' } else { 'N' };
    let east = if longitude < 0 { 'W' } else { 'E' };
    let altitude_dm = (place.altitude_cm.unwrap_or(0) as f64 / 10.0).round();
    let body = format!(
        "GPGGA,{:02}{:02}{:02}.{:02},{},{north},{},{east},1,12,1.0,{:.1},M,0.0,M,,",
        time.hour(),
        time.minute(),
        time.second(),
        // A leap second has more than a second's worth.
        (time.nanosecond() / 10_000_000).min(99),
        degrees_and_minutes(latitude, 2),
        degrees_and_minutes(longitude, 3),
        // No negative zero.
        altitude_dm / 10.0 + 0.0,
    );
    // NMEA 0183: the exclusive or of all between `$` and `*`.
    let checksum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("${body}*{checksum:02X}")
}

/// `ddmm.mmmmmm` of 0.1 microdegrees, exactly: one of them is six millionths of a minute.
fn degrees_and_minutes(angle: i32, digits: usize) -> String {
    let (degrees, rest) = (angle.unsigned_abs() / 10_000_000, angle.unsigned_abs() % 10_000_000);
    let micro_minutes = rest * 6;
    format!("{degrees:0digits$}{:02}.{:06}", micro_minutes / 1_000_000, micro_minutes % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use proptest::prelude::*;

    fn at(latitude: i32, longitude: i32, altitude_cm: Option<i32>, second: u32) -> String {
        let day = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap();
        let time = day.and_hms_opt(7, 5, second).unwrap();
        sentence(&Place { position: Position { latitude, longitude }, altitude_cm }, time)
    }

    #[test]
    fn a_place_reads_as_the_standard_writes_it() {
        let town = at(496_116_000, 61_319_000, Some(30_012), 9);
        assert_eq!(town, "$GPGGA,070509.00,4936.696000,N,00607.914000,E,1,12,1.0,300.1,M,0.0,M,,*5B");
        let far = at(-337_000_001, -1_799_999_999, Some(-4), 59);
        assert_eq!(far, "$GPGGA,070559.00,3342.000006,S,17959.999994,W,1,12,1.0,0.0,M,0.0,M,,*51");
        assert!(at(0, 0, None, 0).contains(",0000.000000,N,00000.000000,E,"));
    }

    proptest! {
        /// Read back with a parser of another project.
        #[test]
        fn every_place_fits_a_sentence_and_reads_back(
            latitude in -900_000_000..=900_000_000, longitude in -1_800_000_000..=1_800_000_000,
            altitude_cm in prop::option::of(-100_000..=800_000), second in 0u32..60
        ) {
            let said = at(latitude, longitude, altitude_cm, second);
            prop_assert!(said.len() <= 80, "{said}");
            let nmea::ParseResult::GGA(read) = nmea::parse_str(&said).unwrap() else { panic!("{said}") };
            prop_assert!((read.latitude.unwrap() * 1e7 - f64::from(latitude)).abs() < 0.5, "{said}");
            prop_assert!((read.longitude.unwrap() * 1e7 - f64::from(longitude)).abs() < 0.5, "{said}");
            let altitude = f64::from(altitude_cm.unwrap_or(0)) / 100.0;
            prop_assert!((f64::from(read.altitude.unwrap()) - altitude).abs() < 0.051, "{said}");
        }
    }
}
