//! Numbers and lengths of time as a command line gives them.

use core::fmt::Display;
use core::ops::RangeInclusive;
use core::str::FromStr;

/// Seconds: a number, or a number with its unit, such as `90`, `1.5`, `500ms`, `90s`, `10m` or `1h`. A sign is read too;
/// whoever asks judges the value.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let units = [("ms", 0.001), ("min", 60.0), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)];
    let (number, unit) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b".-+".contains(&byte));
    let number: f64 = number.parse().ok().filter(|_| plain)?;
    let seconds = number * unit;
    seconds.is_finite().then_some(seconds)
}

/// Whole seconds within `range`.
///
/// # Errors
/// What would be right.
pub(super) fn whole_seconds(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let found = seconds(text).filter(|seconds| seconds.fract() == 0.0 && *seconds >= 0.0);
    let found = found.map(|seconds| seconds as u64).filter(|seconds| range.contains(seconds));
    found.ok_or_else(|| {
        format!("expected {} to {} seconds, such as 20, 90s, 10m or 1h", range.start(), range.end())
    })
}

/// A parser of whole numbers within `range` of something, such as `hours`.
pub(super) fn whole<T>(
    range: RangeInclusive<T>,
    what: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + Display + PartialOrd + Clone + Send + Sync + 'static,
{
    move |text| {
        let found = text.parse().ok().filter(|number| range.contains(number));
        found.ok_or_else(|| format!("expected {} to {} {what}", range.start(), range.end()))
    }
}

/// A seed of draws.
///
/// # Errors
/// What would be right.
#[cfg(feature = "replay")]
pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number, 0 to {}", u64::MAX))
}

/// As [`seconds`], for a simulation, which may end within a second.
///
/// # Errors
/// What would be right.
#[cfg(feature = "replay")]
pub(super) fn any_seconds(text: &str) -> Result<f64, String> {
    seconds(text)
        .ok_or_else(|| "expected seconds, or a number with its unit, such as 500ms, 90s or 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_out_of_its_range_is_told_with_the_range() {
        let hours = whole(1..=48_u32, "hours");
        assert_eq!(hours("24"), Ok(24));
        for wrong in ["0", "49", "-1", "x", "", "1.5", "99999999999"] {
            assert_eq!(hours(wrong), Err("expected 1 to 48 hours".to_owned()), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_seconds_unless_it_has_a_unit() {
        for (text, expected) in [
            ("90", 90.0),
            ("1.5", 1.5),
            ("-3", -3.0),
            ("500ms", 0.5),
            ("90s", 90.0),
            ("10m", 600.0),
            ("10min", 600.0),
            ("1h", 3600.0),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for wrong in ["", "h", "1d", "1 h", "1e3", "inf", "nan", "1hh", "1h30m"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(whole_seconds("1h", 1..=86_400), Ok(3600));
        for wrong in ["0", "-1", "1.5", "25h", "soon"] {
            let right = whole_seconds(wrong, 1..=86_400).unwrap_err();
            assert_eq!(right, "expected 1 to 86400 seconds, such as 20, 90s, 10m or 1h", "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_time_that_is_not_finite(text in "\\PC{0,12}", number in "[0-9.+-]{1,400}(ms|s|m|h)?") {
            for text in [text, number] {
                prop_assert!(seconds(&text).is_none_or(f64::is_finite));
                drop(whole_seconds(&text, 0..=u64::MAX));
            }
        }
    }
}
