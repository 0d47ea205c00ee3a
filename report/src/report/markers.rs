//! What an eavesdropper links by traits that outlive a pseudonym, for a terminal.

use std::fmt::Write as _;

use super::Marker;
use super::human::count;

/// Appends a line for each marker; nothing where none was examined.
pub(super) fn render(out: &mut String, markers: &[Marker]) {
    if markers.is_empty() {
        return;
    }
    let _ =
        writeln!(out, "  {:<24} {:>9} {:>9} {:>12}", "by marker alone", "compared", "linked", "by guessing");
    for marker in markers {
        let name = marker.name.replace('_', " ");
        let (compared, linked) = (count(marker.compared), count(marker.linked));
        let note = if marker.tells() { "  links" } else { "" };
        let _ = writeln!(out, "  {name:<24} {compared:>9} {linked:>9} {:>12.1}{note}", marker.chance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_links_more_than_guessing_is_pointed_out() {
        let marker = |name: &str, linked| Marker { name: name.to_owned(), compared: 90, linked, chance: 3.0 };
        let mut out = String::new();
        render(&mut out, &[]);
        assert_eq!(out, "");
        render(&mut out, &[marker("floods_listed", 88), marker("sequence", 6)]);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[1], "  floods listed                   90        88          3.0  links");
        assert_eq!(lines[2], "  sequence                        90         6          3.0");
    }
}
