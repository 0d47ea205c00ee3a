//! A comparison for a terminal.

use core::fmt::Write as _;

use super::difference::{DifferenceVerdict, FigureDifference, ReportComparison};
use super::shown;

/// The comparison as text, lines of at most 100 columns but for names: figures that differ first, `every`: then all others.
pub fn text(comparison: &ReportComparison, every: bool) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        writeln!(out, "{}", text.trim_end()).expect("invariant: writing to a String does not fail");
    };
    line(format!("A: {}", comparison.sides[0]));
    line(format!("B: {}", comparison.sides[1]));
    if comparison.what_differs.is_empty() {
        line("what was run: the same".to_owned());
    }
    for (name, a, b) in &comparison.what_differs {
        line(format!("what was run differs: {name}: {a} | {b}"));
    }
    line(shown::pairs(comparison.pairs, &comparison.seeds));
    line(String::new());
    let of = |wanted: fn(DifferenceVerdict) -> bool| -> Vec<&FigureDifference> {
        comparison.figures.iter().filter(|figure| wanted(figure.verdict)).collect()
    };
    let found = of(DifferenceVerdict::is_difference);
    let noise = of(|verdict| verdict == DifferenceVerdict::WithinNoise);
    let equal = of(|verdict| verdict == DifferenceVerdict::Equal);
    let title = if comparison.pairs > 1 { "differs beyond noise" } else { "differs" };
    table(&mut line, title, &found);
    if every {
        table(&mut line, "within noise", &noise);
        table(&mut line, "equal in every pair", &equal);
    }
    line(summary(comparison));
    if !comparison.unpaired.is_empty() {
        line(format!("on one side alone: {}", comparison.unpaired.join(", ")));
    }
    for note in notes(comparison) {
        line(note.to_owned());
    }
    if !comparison.machine.is_empty() {
        line(String::new());
        table(&mut line, "of the machine", &comparison.machine.iter().collect::<Vec<_>>());
        line(MACHINE.to_owned());
    }
    out
}

/// How many figures differ, in a sentence without its full stop.
pub(super) fn summary(comparison: &ReportComparison) -> String {
    let count = |verdict| comparison.figures.iter().filter(|figure| figure.verdict == verdict).count();
    let how = if comparison.pairs > 1 { " beyond noise" } else { "" };
    format!(
        "{} of {} figures differ{how}; {} within noise, {} equal",
        comparison.findings(),
        comparison.figures.len(),
        count(DifferenceVerdict::WithinNoise),
        count(DifferenceVerdict::Equal)
    )
}

/// How the figures were judged.
pub(super) fn notes(comparison: &ReportComparison) -> Vec<&'static str> {
    let mut notes = Vec::new();
    notes.push(if comparison.pairs > 1 { TESTS } else { ONE_PAIR });
    if comparison.classes_alone {
        notes.push(CLASSES_ALONE);
    }
    notes
}

fn table(line: &mut impl FnMut(String), title: &str, figures: &[&FigureDifference]) {
    if figures.is_empty() {
        return;
    }
    line(format!("{title:<32} {:>10} {:>10} {:>10} {:>26} {:>8}", "A", "B", "B - A", "95 % interval", "p"));
    let mut group = "";
    for figure in figures {
        if figure.group != group {
            group = &figure.group;
            line(format!("{group}:"));
        }
        let value = |value| shown::value(figure.unit, value);
        line(format!(
            "  {:<30} {:>10} {:>10} {:>10} {:>26} {:>8}",
            figure.figure,
            value(figure.a),
            value(figure.b),
            shown::signed(figure.unit, figure.difference),
            shown::interval(figure),
            shown::probability(figure),
        ));
    }
    line(String::new());
}

const TESTS: &str = "p: paired t-test on the differences of runs with the same seed, by Holm's correction for all figures; beyond noise: \
                     p < 0.05, or the same difference in every pair (-). pp: percentage points";
const ONE_PAIR: &str = "one pair: differences are exact, and no interval exists; several seeds give one (replay sweep). pp: percentage points";
const CLASSES_ALONE: &str =
    "a report of several seeds has the figures of classes alone by seed; results of replay sweep have all";
pub(super) const MACHINE: &str = "these depend on the machine and what else ran on it, differ between two runs of the same, and are not judged";
