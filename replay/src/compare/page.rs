//! A comparison as a page.

use v2x_report::html::{DifferencePage, DifferenceRow, DifferenceSection, render_differences};

use super::difference::{DifferenceVerdict, FigureDifference, ReportComparison};
use super::shown;
use super::text::{MACHINE, notes, summary, text};

/// The page; `command` is what was typed.
pub fn page(comparison: &ReportComparison, command: &str, version: &str) -> String {
    let findings = comparison.findings();
    let mut facts = vec![
        ("A".to_owned(), comparison.sides[0].clone()),
        ("B".to_owned(), comparison.sides[1].clone()),
        ("paired".to_owned(), shown::pairs(comparison.pairs, &comparison.seeds)),
    ];
    for (name, a, b) in &comparison.what_differs {
        facts.push((format!("differs: {name}"), format!("{a} | {b}")));
    }
    facts.push(("version".to_owned(), version.to_owned()));
    let found = |wanted: fn(DifferenceVerdict) -> bool| {
        rows(comparison.figures.iter().filter(|figure| wanted(figure.verdict)))
    };
    let sections = [
        ("Differs", "", found(DifferenceVerdict::is_difference)),
        ("Within noise", "", found(|verdict| verdict == DifferenceVerdict::WithinNoise)),
        ("Equal in every pair", "", found(|verdict| verdict == DifferenceVerdict::Equal)),
        ("Of the machine", MACHINE, rows(comparison.machine.iter())),
    ];
    let sections = sections.into_iter().filter(|(.., rows)| !rows.is_empty());
    let mut all: Vec<String> = notes(comparison).into_iter().map(str::to_owned).collect();
    if !comparison.unpaired.is_empty() {
        all.push(format!("On one side alone: {}", comparison.unpaired.join(", ")));
    }
    render_differences(&DifferencePage {
        title: "Roadcast replay: two sides compared".to_owned(),
        kind: "Roadcast replay compare".to_owned(),
        same: findings == 0,
        headline: match (findings, comparison.pairs) {
            (0, _) => "No difference".to_owned(),
            (1, _) => "One figure differs".to_owned(),
            _ => format!("{findings} figures differ"),
        },
        summary: summary(comparison) + ".",
        facts,
        command: command.to_owned(),
        sections: sections
            .map(|(heading, note, rows)| DifferenceSection {
                heading: heading.to_owned(),
                note: note.to_owned(),
                rows,
            })
            .collect(),
        notes: all,
        text: text(comparison, true),
    })
}

fn rows<'a>(figures: impl Iterator<Item = &'a FigureDifference>) -> Vec<DifferenceRow> {
    figures
        .map(|figure| DifferenceRow {
            group: figure.group.clone(),
            figure: figure.figure.clone(),
            a: shown::value(figure.unit, figure.a),
            b: shown::value(figure.unit, figure.b),
            difference: shown::signed(figure.unit, figure.difference),
            interval: shown::interval(figure),
            probability: shown::probability(figure),
            bounds: figure.interval.map(|(low, high)| [low, figure.difference, high]),
        })
        .collect()
}
