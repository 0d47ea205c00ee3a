//! A validation as text.

use core::fmt::Write as _;

use super::{
    BUSY_TOLERANCE, CAUSE_TOLERANCE, ComparedFigure, ConfigurationResult, DISTANCES_M, LARGEST_BELOW_M,
    LARGEST_TOLERANCE, MEAN_TOLERANCE,
};
use crate::medium::LossCause;

/// Every figure beside the published one with its difference, then a line for each configuration; `every`: otherwise those lines
/// alone.
pub fn text(results: &[ConfigurationResult], every: bool) -> String {
    let mut out = String::new();
    let mut put = |line: core::fmt::Arguments<'_>| {
        writeln!(out, "{line}").expect("invariant: writing to a String does not fail");
    };
    for result in results.iter().filter(|_| every) {
        put(format_args!("{} ({} frames): ours, published, difference", result.run.name(), result.frames));
        let causes = LossCause::ALL.map(|cause| format!("{:<22}", cause.name().replace('_', " ")));
        let titles = if result.causes.is_some() { causes.join(" ") } else { String::new() };
        put(format_args!("{:>5}  {:<22} {titles}", "m", "delivery"));
        for (bin, at_m) in DISTANCES_M.into_iter().enumerate() {
            let mut line = three(&result.delivery[bin]);
            for cause in result.causes.iter().flatten() {
                line.push(' ');
                line.push_str(&three(&cause[bin]));
            }
            put(format_args!("{at_m:>5}  {}", line.trim_end()));
        }
        if let Some(busy) = &result.busy {
            put(format_args!(" busy  {}", three(busy).trim_end()));
        }
        put(format_args!(""));
    }
    put(format_args!(
        "{:<28} {:>7} {:>15} {:>8} {:>14} {:>14} {:>12} {:>10}",
        "largest differences",
        "mean",
        format!("below {LARGEST_BELOW_M} m"),
        "busy",
        "below sensing",
        "receiver busy",
        "propagation",
        "collision"
    ));
    for result in results {
        let (largest, at_m) = result.largest_difference();
        let busy = result.busy.map_or_else(|| "-".to_owned(), |busy| format!("{:+.4}", busy.difference()));
        let of =
            |cause| result.largest_of(cause).map_or_else(|| "-".to_owned(), |(most, _)| format!("{most:.4}"));
        let [sensing, receiver, propagation, collision] = LossCause::ALL.map(of);
        put(format_args!(
            "{:<28} {:>7.4} {:>15} {busy:>8} {sensing:>14} {receiver:>14} {propagation:>12} {collision:>10}{}",
            result.run.name(),
            result.mean_difference(),
            format!("{largest:.4} at {at_m} m"),
            if result.holds() { "" } else { "  NOT HELD" }
        ));
    }
    put(format_args!(
        "{:<28} {MEAN_TOLERANCE:>7.4} {LARGEST_TOLERANCE:>15.4} {BUSY_TOLERANCE:>8.4} {CAUSE_TOLERANCE:>14.4} \
         {CAUSE_TOLERANCE:>14.4} {CAUSE_TOLERANCE:>12.4} {CAUSE_TOLERANCE:>10.4}",
        "allowed"
    ));
    out
}

fn three(beside: &ComparedFigure) -> String {
    format!("{:.4} {:.4} {:+.4}  ", beside.measured, beside.published, beside.difference())
}
