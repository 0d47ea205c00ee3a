//! A report on standard output.

use tracing::Level;
use v2x_report::Report;

use crate::colour::Paint;

/// The report for people: with the latency of every stage where `-v` asks for more, and in colour on a terminal.
pub(crate) fn shown(report: &Report) -> String {
    let text = if tracing::enabled!(Level::INFO) { report.table_with_stages() } else { report.table() };
    Paint::stdout().report(&text).into_owned()
}

/// As much of it as fits a small screen.
#[cfg(feature = "replay")]
pub(crate) fn shown_briefly(report: &Report) -> String {
    Paint::stdout().report(&report.short_table()).into_owned()
}
