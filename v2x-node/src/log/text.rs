//! An entry as a line for people.

use serde_json::Value;
use tracing::Level;

use super::entry::Entry;

/// ` WARN v2x_node::daemon::link: what it says key=value`, coloured by its level if wanted.
pub fn line(entry: &Entry, colours: bool) -> String {
    let (level, colour) = match entry.level {
        Level::ERROR => ("ERROR", 31),
        Level::WARN => (" WARN", 33),
        Level::INFO => (" INFO", 32),
        Level::DEBUG => ("DEBUG", 34),
        Level::TRACE => ("TRACE", 35),
    };
    let message = harmless(&entry.message);
    let mut line = match colours {
        true => format!("\x1b[{colour}m{level}\x1b[0m \x1b[2m{}:\x1b[0m {message}", entry.target),
        false => format!("{level} {}: {message}", entry.target),
    };
    // The words of a named entry have all of them.
    for (name, value) in entry.fields.iter().filter(|_| entry.event.is_none()) {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match value {
            Value::String(text) => line.push_str(&harmless(text)),
            value => line.push_str(&value.to_string()),
        }
    }
    line + "\n"
}

/// Without what moves a terminal's cursor or ends the line.
fn harmless(line: &str) -> String {
    line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_level_part_words_and_fields() {
        let mut entry = Entry {
            level: Level::WARN,
            target: "v2x_node::daemon",
            event: None,
            message: "a\nb".to_owned(),
            fields: vec![("reason".into(), "late".into()), ("frames".into(), 3.into())],
        };
        assert_eq!(line(&entry, false), " WARN v2x_node::daemon: a b reason=late frames=3\n");
        (entry.message, entry.fields) = ("c\x1b[2J".to_owned(), Vec::new());
        assert_eq!(line(&entry, true), "\x1b[33m WARN\x1b[0m \x1b[2mv2x_node::daemon:\x1b[0m c [2J\n");
    }
}
