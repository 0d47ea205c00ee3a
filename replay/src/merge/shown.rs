//! Figures of a merge as people read them.

use super::report::MergedRecording;

pub(super) fn ahead(one: &MergedRecording) -> String {
    let about = if one.bound_ns.is_none() { "~" } else { "" };
    format!("{about}{}", ahead_s(one.ahead_ns))
}

/// To whole microseconds; less than half of one has no sign but that of zero.
fn ahead_s(ahead_ns: i64) -> String {
    let us = (ahead_ns as f64 / 1e3).round();
    let sign = if us < 0.0 { "-" } else { "+" };
    format!("{sign}{:.6} s", us.abs() / 1e6)
}

pub(super) fn bound(one: &MergedRecording) -> String {
    some(one.bound_ns.map(i64::unsigned_abs))
}

pub(super) fn drift(one: &MergedRecording) -> String {
    let drift = one.drift_ppm.zip(one.drift_bound_ppm);
    drift.map_or_else(|| "-".to_owned(), |(ppm, bound)| format!("{ppm:+.2} +-{bound:.2}"))
}

pub(super) fn joined(one: &MergedRecording) -> String {
    match (one.clock, one.through) {
        ("reference", _) => "is the clock".to_owned(),
        (_, Some(parent)) => format!("through {parent}"),
        ("one_way", _) => "one way".to_owned(),
        _ => "no".to_owned(),
    }
}

/// A range of distances.
pub(super) fn range(from_m: u32, to_m: Option<u32>) -> String {
    to_m.map_or_else(|| format!("{from_m}+ m"), |to_m| format!("{from_m}-{to_m} m"))
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Of shares.
pub(super) fn interval(limits: Option<(f64, f64)>) -> String {
    limits.map_or_else(
        || "-".to_owned(),
        |(low, high)| format!("{:.1}..{:.1} %", low.max(0.0) * 100.0, high.min(1.0) * 100.0),
    )
}

pub(super) fn time(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

/// A time that may not be known.
pub(super) fn some(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), time)
}

/// Of times.
pub(super) fn span(limits: Option<(u64, u64)>) -> String {
    limits.map_or_else(|| "-".to_owned(), |(low, high)| format!("{}..{}", time(low), time(high)))
}

/// A mean of times.
pub(super) fn mean(ns: f64) -> u64 {
    ns.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_not_a_microsecond_behind_is_not_shown_as_behind() {
        assert_eq!(ahead_s(-499), "+0.000000 s");
        assert_eq!(ahead_s(-501), "-0.000001 s");
        assert_eq!(ahead_s(1_500_000), "+0.001500 s");
    }
}
