//! Figures as people read them: short, with a unit, plain ASCII.

/// A time given in ns: three significant digits with a unit, at most seven columns below 1000 s.
pub fn time(ns: u64) -> String {
    let value = ns as f64;
    let (scaled, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..999_500 => (value / 1e3, "us"),
        999_500..999_500_000 => (value / 1e6, "ms"),
        _ => (value / 1e9, "s"),
    };
    let decimals = if scaled < 9.995 {
        2
    } else if scaled < 99.95 {
        1
    } else {
        0
    };
    format!("{scaled:.decimals$} {unit}")
}

/// A share in per cent; a share above zero never shows as zero.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value == 0.0 {
        "0 %".to_owned()
    } else if value < 0.01 {
        "<0.01 %".to_owned()
    } else if value < 9.995 {
        let text = format!("{value:.2}");
        format!("{} %", text.strip_suffix(".00").unwrap_or(&text))
    } else {
        format!("{value:.1} %")
    }
}

/// A count in at most seven columns.
pub fn count(number: u64) -> String {
    match number {
        0..10_000_000 => number.to_string(),
        10_000_000..10_000_000_000 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.1} G", number as f64 / 1e9),
    }
}

/// A number with its noun: `1 station`, `2 stations`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_three_digits_and_a_unit() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (99_960, "100 us"),
            (999_499, "999 us"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_499_999, "999 ms"),
            (1_234_000_000, "1.23 s"),
            (60_000_000_000, "60.0 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn a_share_that_is_not_nothing_never_shows_as_nothing() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1e-9), "<0.01 %");
        assert_eq!(percent(0.0123), "1.23 %");
        assert_eq!(percent(0.05), "5 %");
        assert_eq!(percent(1.0), "100.0 %");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(
            [0, 1, 2].map(|number| counted(number, "station")),
            ["0 stations", "1 station", "2 stations"]
        );
    }

    #[test]
    fn counts_fit_their_columns() {
        for number in [0, 9_999_999, 10_000_000, 123_456_789, 9_999_900_000, 123_400_000_000] {
            assert!(count(number).len() <= 8, "{}", count(number));
        }
    }
}
