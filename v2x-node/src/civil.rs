//! Conversion between receivers' civil time and wire time.

use core::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use v2x_core::WireTime;

/// ISO 8601 with its offset from UTC.
pub(crate) fn wire_of_iso8601(text: &str) -> Option<WireTime> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    WireTime::from_unix_micros(time.timestamp_micros())
}

/// Microseconds since 1970 of ISO 8601 as gpsd writes it, `2026-11-23T10:00:00.250Z`; other offsets are taken too, and none is UTC.
pub(crate) fn unix_us_of_iso8601(text: &str) -> Option<i64> {
    let with_offset = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
    let without = || text.parse::<NaiveDateTime>().map(|time| time.and_utc().timestamp_micros());
    with_offset.or_else(|_| without()).ok()
}

/// UTC date and time of day.
pub(crate) fn wire_of_utc(date: NaiveDate, time: NaiveTime) -> Option<WireTime> {
    WireTime::from_unix_micros(date.and_time(time).and_utc().timestamp_micros())
}

/// UTC time of day without a date: the one nearest to `near`, as midnight may lie between them.
pub(crate) fn wire_of_time_of_day(time: NaiveTime, near: WireTime) -> Option<WireTime> {
    let near = utc_of_wire(near)?;
    let seconds = i64::from(time.num_seconds_from_midnight()) - i64::from(near.num_seconds_from_midnight());
    let days = match seconds {
        HALF_DAY_S.. => -1,
        ..=MINUS_HALF_DAY_S => 1,
        _ => 0,
    };
    let date = near.date().checked_add_signed(TimeDelta::days(days))?;
    wire_of_utc(date, time)
}

/// The UTC date and time of a wire time, for showing.
pub(crate) fn utc_of_wire(wire: WireTime) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(wire.unix_micros()?).map(|time| time.naive_utc())
}

/// A wire time in words, `2026-11-23 10:00:00 UTC`.
pub(crate) fn utc(wire: WireTime) -> String {
    utc_of_wire(wire).map_or_else(|| "?".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A wire time for programs, `2026-11-23T10:00:00Z`.
pub(crate) fn iso8601(wire: WireTime) -> Option<String> {
    utc_of_wire(wire).map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A time in the two largest units: `23 h 55 min`, `9 min 30 s`.
pub(crate) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(unit, _)| seconds >= *unit) else { return "0 s".to_owned() };
    let (unit, name) = units[first];
    let mut text = format!("{} {name}", seconds / unit);
    if let Some((smaller, name)) = units.get(first + 1)
        && seconds % unit / smaller > 0
    {
        text += &format!(" {} {name}", seconds % unit / smaller);
    }
    text
}

const HALF_DAY_S: i64 = 43_200;
const MINUS_HALF_DAY_S: i64 = -HALF_DAY_S;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_times_count_from_2004_in_tai() {
        // 2026-01-01T00:00:00Z is Unix 1,767,225,600.
        let expected = (1_767_225_600 - 1_072_915_200 + 5) * 1_000_000;
        assert_eq!(wire_of_iso8601("2026-01-01T00:00:00.000Z"), Some(WireTime::from_micros(expected)));
        assert_eq!(
            wire_of_iso8601("2026-01-01T01:00:00.25+01:00"),
            Some(WireTime::from_micros(expected + 250_000))
        );
        for wrong in ["", "2026-01-01", "2003-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "yesterday"] {
            assert_eq!(wire_of_iso8601(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_of_day_falls_on_the_nearest_day() {
        let near = wire_of_iso8601("2026-03-01T00:00:01Z").unwrap();
        let before = NaiveTime::from_hms_opt(23, 59, 59).unwrap();
        assert_eq!(wire_of_time_of_day(before, near), wire_of_iso8601("2026-02-28T23:59:59Z"));
        let after = NaiveTime::from_hms_opt(0, 0, 2).unwrap();
        assert_eq!(wire_of_time_of_day(after, near), wire_of_iso8601("2026-03-01T00:00:02Z"));
        let near = wire_of_iso8601("2026-02-28T23:59:59Z").unwrap();
        assert_eq!(wire_of_time_of_day(after, near), wire_of_iso8601("2026-03-01T00:00:02Z"));
    }

    #[test]
    fn wire_time_shows_as_the_utc_it_came_from() {
        let wire = wire_of_iso8601("2026-11-23T10:00:00.250Z").unwrap();
        assert_eq!(utc_of_wire(wire).unwrap().to_string(), "2026-11-23 10:00:00.250");
        assert_eq!(utc_of_wire(WireTime::from_micros(u64::MAX)), None);
    }

    #[test]
    fn times_are_in_words_that_people_use() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (570, "9 min 30 s"),
            (3600, "1 h"),
            (86_100, "23 h 55 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), text);
        }
    }
}
