//! Parsers of options. Each error says what would be right.

use core::time::Duration;

use v2x_api::{Area, EVENT_CLASSES, LONGEST_VALIDITY_S, Place, Point};
use v2x_proto::{Class, Shape, v1};

pub(crate) fn class(text: &str) -> Result<Class, String> {
    let found = EVENT_CLASSES.into_iter().find(|class| class.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "expected D3 (for an area), D1 (an alert) or D0 (imminent danger)".to_owned())
}

pub(super) fn place(text: &str) -> Result<Place, String> {
    if text == "here" {
        return Ok(Place::Here);
    }
    position(text).map(Place::At).map_err(|right| format!("{right}, or here"))
}

pub(super) fn position(text: &str) -> Result<Point, String> {
    let degrees = |text: &str, most: f64| {
        let degrees: f64 = text.trim().parse().ok()?;
        (degrees.abs() <= most).then(|| (degrees * 1e7).round() as i32)
    };
    let parts = text.split_once(',');
    let found = parts.and_then(|(latitude, longitude)| {
        Some(Point { latitude: degrees(latitude, 90.0)?, longitude: degrees(longitude, 180.0)? })
    });
    found.ok_or_else(|| "expected latitude and longitude in degrees, such as 49.6116,6.1319".to_owned())
}

pub(super) fn speed(text: &str) -> Result<u16, String> {
    number(text, 163.82, 100.0).ok_or_else(|| "expected metres per second, 0 to 163.82".to_owned())
}

pub(super) fn heading(text: &str) -> Result<u16, String> {
    number(text, 359.9, 10.0).ok_or_else(|| "expected degrees clockwise from north, 0 to 359.9".to_owned())
}

/// A time with its unit: `500ms`, `2s`, `10m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let right = || "expected a number with its unit, such as 500ms, 2s, 10m or 1h".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| right())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(right()),
    };
    let millis = number.checked_mul(millis).filter(|millis| (1..=LONGEST_VALIDITY_S * 1000).contains(millis));
    millis.map(Duration::from_millis).ok_or_else(|| "expected 1ms to 24h".to_owned())
}

pub(super) fn validity(text: &str) -> Result<Duration, String> {
    let validity = duration(text)?;
    let whole = validity.subsec_millis() == 0;
    whole.then_some(validity).ok_or_else(|| "expected whole seconds, 1s to 24h".to_owned())
}

pub(super) fn keep_alive(text: &str) -> Result<Duration, String> {
    let keep_alive = duration(text)?;
    let fits = keep_alive <= Duration::from_secs(10);
    fits.then_some(keep_alive).ok_or_else(|| "expected 1ms to 10s".to_owned())
}

pub(super) fn direction(text: &str) -> Result<v1::RelevanceDirection, String> {
    v2x_api::direction(text).ok_or_else(|| "expected all, upstream, downstream or opposite".to_owned())
}

pub(super) fn radius(text: &str) -> Result<Area, String> {
    let metres = text.parse().ok().filter(|metres| (1..=LONGEST_HALF_M).contains(metres));
    let area = |distance_a_m| Area {
        shape: Shape::Circle,
        distance_a_m,
        distance_b_m: 0,
        azimuth_deg: 0,
        centre: None,
    };
    metres.map(area).ok_or_else(|| format!("expected metres, 1 to {LONGEST_HALF_M}"))
}

pub(super) fn rectangle(text: &str) -> Result<Area, String> {
    stretched(text, Shape::Rectangle)
}

pub(super) fn ellipse(text: &str) -> Result<Area, String> {
    stretched(text, Shape::Ellipse)
}

/// `LENGTHxWIDTH@DEG`; without `@DEG` the length runs north. Odd metres are rounded up to the next even one, because
/// the wire carries halves.
fn stretched(text: &str, shape: Shape) -> Result<Area, String> {
    let half = |text: &str| {
        let metres: u32 = text.parse().ok()?;
        (1..=2 * LONGEST_HALF_M).contains(&metres).then(|| metres.div_ceil(2))
    };
    let (size, azimuth) = text.split_once('@').unwrap_or((text, "0"));
    let found = size.split_once('x').and_then(|(length, width)| {
        let azimuth_deg = azimuth.parse().ok().filter(|azimuth| *azimuth <= 359)?;
        let (distance_a_m, distance_b_m) = (half(length)?, half(width)?);
        Some(Area { shape, distance_a_m, distance_b_m, azimuth_deg, centre: None })
    });
    found.ok_or_else(|| {
        "expected length and width in metres and the length's direction in degrees (0 to 359), such as 800x50@45"
            .to_owned()
    })
}

fn number(text: &str, most: f64, unit: f64) -> Option<u16> {
    let number: f64 = text.parse().ok()?;
    (0.0..=most).contains(&number).then(|| (number * unit).round() as u16)
}

/// Longest radius, or half of a length, that an area has on the wire.
const LONGEST_HALF_M: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_need_a_unit_and_have_bounds() {
        for (text, millis) in
            [("500ms", 500), ("2s", 2_000), ("10m", 600_000), ("1min", 60_000), ("24h", 86_400_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
        }
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "25h",
            "0s",
            "99999999999999999999h",
            "18446744073709551615h",
        ] {
            assert!(duration(text).unwrap_err().starts_with("expected "), "{text}");
        }
        assert_eq!(validity("500ms"), Err("expected whole seconds, 1s to 24h".to_owned()));
        assert_eq!(keep_alive("11s"), Err("expected 1ms to 10s".to_owned()));
    }

    #[test]
    fn areas_are_spelt_whole_and_carried_by_halves() {
        let area = rectangle("800x51@45").unwrap();
        assert_eq!(
            (area.shape, area.distance_a_m, area.distance_b_m, area.azimuth_deg),
            (Shape::Rectangle, 400, 26, 45)
        );
        assert_eq!(ellipse("2x2").unwrap().azimuth_deg, 0);
        for text in [
            "",
            "800",
            "800x",
            "x50",
            "800x50@",
            "800x50@360",
            "0x50@1",
            "800x131071@1",
            "800x-1@1",
            "8x5@1.5",
        ] {
            assert!(rectangle(text).unwrap_err().contains("such as 800x50@45"), "{text}");
        }
        assert_eq!(radius("500").unwrap().distance_a_m, 500);
        assert!(radius("0").is_err() && radius("65536").is_err());
    }

    #[test]
    fn places_are_degrees_or_here() {
        assert_eq!(place("here"), Ok(Place::Here));
        let position = Point { latitude: -339_000_000, longitude: 184_000_000 };
        assert_eq!(place("-33.9, 18.4"), Ok(Place::At(position)));
        for text in ["", "49.6", "91,0", "0,181", "nan,0", "a,b", "1,2,3", "there"] {
            assert!(place(text).unwrap_err().ends_with("such as 49.6116,6.1319, or here"), "{text}");
        }
        assert_eq!((speed("1.5"), heading("359.9")), (Ok(150), Ok(3599)));
        assert!(speed("-1").is_err() && speed("inf").is_err() && heading("360").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_an_option_panic(text in "\\PC{0,30}", number in "[0-9x@,.a-z-]{0,24}") {
            for text in [&text, &number] {
                drop((class(text), place(text), speed(text), heading(text), validity(text), keep_alive(text)));
                drop((direction(text), radius(text), rectangle(text), ellipse(text)));
            }
        }
    }
}
