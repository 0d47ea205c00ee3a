//! A report on standard output.

use console::{Color, Style};
use tracing::Level;
use v2x_report::Report;

/// The report for people: with the latency of every stage where `-v` asks for more, and in colour on a terminal.
pub(crate) fn shown(report: &Report) -> String {
    let text = if tracing::enabled!(Level::INFO) { report.table_with_stages() } else { report.table() };
    if console::colors_enabled() { coloured(&text) } else { text }
}

/// The verdict, and the results of the classes, in colour.
fn coloured(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 200);
    for line in text.split_inclusive('\n') {
        let found = WORDS.into_iter().find_map(|(colour, before, word)| {
            let at = match before {
                Some(before) => line.starts_with(before).then_some(before.len()),
                None => line.strip_suffix('\n').and_then(|line| line.strip_suffix(word)).map(str::len),
            };
            at.filter(|at| line[*at..].starts_with(word)).map(|at| (colour, at, word))
        });
        match found {
            Some((colour, at, word)) => {
                out.push_str(&line[..at]);
                let style = Style::new().fg(colour).bold().force_styling(true);
                out.push_str(&style.apply_to(word).to_string());
                out.push_str(&line[at + word.len()..]);
            }
            None => out.push_str(line),
        }
    }
    out
}

/// Colour, the beginning of the line (else the word is at its end), and the word.
const WORDS: [(Color, Option<&str>, &str); 7] = [
    (Color::Green, Some("verdict: "), "MET"),
    (Color::Red, Some("verdict: "), "MISSED"),
    (Color::Yellow, Some("verdict: "), "NOTHING TO JUDGE"),
    (Color::Yellow, Some(""), "warning:"),
    (Color::Red, None, " MISSED"),
    (Color::Green, None, " met"),
    (Color::Yellow, None, " idle"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_and_results_are_coloured_and_nothing_else_changes() {
        let text = "D0  20 ms 5 MISSED\nD2 100 ms 7 met\nwe met\u{e9} here\nwarning: x\nverdict: NOTHING TO JUDGE - y\n";
        let shown = coloured(text);
        assert_eq!(console::strip_ansi_codes(&shown), text);
        assert!(shown.contains("\u{1b}[31m\u{1b}[1m MISSED\u{1b}[0m\n"), "{shown:?}");
        assert!(shown.contains("verdict: \u{1b}[33m\u{1b}[1mNOTHING TO JUDGE\u{1b}[0m - y"), "{shown:?}");
        assert!(shown.contains("we met\u{e9} here\n"));
    }
}
