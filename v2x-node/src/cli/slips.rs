//! Slips of the command line that are common enough to be answered with the command that was meant.

use std::path::Path;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Adds to the parser's complaint what was probably meant, and takes away what certainly was not. `args` are those after
/// the program's name.
pub(super) fn explain(error: &mut clap::Error, args: &[String]) {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return };
            if let Some(command) = command_for(word, args.first().is_some_and(|first| first == "replay")) {
                let tip = StyledStr::from(format!("did you mean: roadcast {command} {word}?"));
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
            }
        }
        ErrorKind::UnknownArgument => {
            let text = |kind| match error.get(kind) {
                Some(ContextValue::String(text)) => Some(text.clone()),
                _ => None,
            };
            let (found, near) = (text(ContextKind::InvalidArg), text(ContextKind::SuggestedArg));
            if let Some((found, near)) = found.zip(near)
                && !resembles(&found, &near)
            {
                error.remove(ContextKind::SuggestedArg);
                // It was made up from what is not similar.
                error.remove(ContextKind::Usage);
            }
        }
        _ => {}
    }
}

/// The command that reads a file of this name, when the word is a file's name.
fn command_for(word: &str, replay: bool) -> Option<&'static str> {
    let name = word.strip_suffix(".gz").unwrap_or(word);
    let ending = Path::new(name).extension()?.to_str()?;
    match ending {
        "toml" if !replay => Some("run --config"),
        "toml" => Some("replay run --plan"),
        "csv" | "xml" => Some("replay run"),
        "rec" => Some("replay check"),
        "pcap" | "pcapng" => Some("dump"),
        "cred" | "key" | "rev" => Some("keys show"),
        _ => None,
    }
}

/// Whether one is the other with up to two letters wrong, or its beginning.
fn resembles(found: &str, near: &str) -> bool {
    let name =
        |text: &str| text.trim_start_matches('-').split(['=', ' ']).next().unwrap_or_default().to_owned();
    let (found, near) = (name(found), name(near));
    near.starts_with(&found) || found.starts_with(&near) || distance(&found, &near) <= MOST_WRONG
}

/// Letters to add, take away or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

const MOST_WRONG: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_place_of_a_command_names_the_command_that_reads_it() {
        for (word, replay, expected) in [
            ("vehicle.toml", false, Some("run --config")),
            ("town.fcd.csv.gz", false, Some("replay run")),
            ("town.fcd.csv.gz", true, Some("replay run")),
            ("highway.toml", true, Some("replay run --plan")),
            ("night.rec", true, Some("replay check")),
            ("a.pcapng", false, Some("dump")),
            ("keys/car-1.cred", false, Some("keys show")),
            ("drive", false, None),
            ("a.txt", true, None),
        ] {
            assert_eq!(command_for(word, replay), expected, "{word}");
        }
    }

    #[test]
    fn only_what_is_nearly_the_same_is_similar() {
        assert!(resembles("--sekunds", "--seconds") && resembles("--jsn", "--json"));
        assert!(resembles("--sec", "--seconds") && resembles("--json=a", "--json <FILE>"));
        assert!(!resembles("--stations", "--json") && !resembles("--loss", "--config"));
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("ab", "ba")), (3, 0, 2));
    }
}
