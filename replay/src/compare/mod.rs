//! Two reports, or the reports of two sweeps, side by side: which figures differ beyond noise.
//!
//! Runs of the same seed are pairs, since a seed gives both the same stations, keys and draws; what is judged is the mean of their
//! differences, by the paired t-test, with Holm's correction for all figures.

mod difference;
mod page;
mod shown;
mod side;
mod text;
mod told;

pub use difference::{DifferenceVerdict, FigureDifference, ReportComparison};
pub use page::page;
pub use side::{CompareError, ComparedSide};
pub use text::text;

#[cfg(test)]
mod tests;
