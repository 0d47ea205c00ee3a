//! Figures and their differences as people read them.

use v2x_report::human::time;

use super::difference::FigureDifference;
use crate::figures::FigureUnit;

/// A value of a figure.
pub(super) fn value(unit: FigureUnit, value: f64) -> String {
    match unit {
        FigureUnit::Share => format!("{:.2} %", value * 100.0),
        FigureUnit::Nanoseconds => time(value.max(0.0).round() as u64),
        FigureUnit::Seconds => format!("{value:.2} s"),
        FigureUnit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        FigureUnit::Count => format!("{value:.1}"),
        FigureUnit::Plain => format!("{value:.3}"),
    }
}

/// A difference of two values; shares differ by percentage points.
pub(super) fn signed(unit: FigureUnit, difference: f64) -> String {
    let shown = match unit {
        FigureUnit::Share => format!("{:.2} pp", difference.abs() * 100.0),
        _ => value(unit, difference.abs()),
    };
    let sign = if difference > 0.0 {
        "+"
    } else if difference < 0.0 {
        "-"
    } else {
        ""
    };
    format!("{sign}{shown}")
}

/// `-1.00 to +3.00`.
pub(super) fn interval(one: &FigureDifference) -> String {
    one.interval.map_or("-".to_owned(), |(low, high)| {
        format!("{} to {}", signed(one.unit, low), signed(one.unit, high))
    })
}

/// The corrected probability.
pub(super) fn probability(one: &FigureDifference) -> String {
    match one.p_corrected {
        None => "-".to_owned(),
        Some(p) if p < 1e-4 => "<0.0001".to_owned(),
        Some(p) => format!("{p:.4}"),
    }
}

/// How the runs were paired: `5 pairs, seeds 1, 2, 3, 4, 5`.
pub(super) fn pairs(count: usize, seeds: &[u64]) -> String {
    let pairs = if count == 1 { "1 pair".to_owned() } else { format!("{count} pairs") };
    match seeds {
        [] => format!("{pairs}, without seeds"),
        [one] => format!("{pairs}, seed {one}"),
        [first, .., last] if seeds.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) => {
            format!("{pairs}, seeds {first} to {last}")
        }
        _ => format!("{pairs}, {} seeds", seeds.len()),
    }
}
