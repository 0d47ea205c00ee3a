//! What a report says of the command that made it.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use v2x_report::{InputFile, WhatRan};

use crate::version::COMMIT;

/// The command line of this process, and the commit of the program.
pub(crate) fn what_ran() -> WhatRan {
    WhatRan { command: command_line(env::args_os()), commit: COMMIT.map(str::to_owned), ..WhatRan::default() }
}

/// A file that was read, by its name without its folder.
pub(crate) fn input(role: &str, path: &Path, sha256: Option<String>) -> InputFile {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    InputFile { role: role.to_owned(), name, sha256 }
}

/// A command line without what no result depends on: where results go, what is printed, how many threads work. So the
/// reports of equal runs are equal, wherever they are written.
pub(crate) fn command_line(args: impl Iterator<Item = OsString>) -> String {
    let mut line = String::from("roadcast");
    let mut args = args.skip(1).map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = args.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        if WITH_VALUE.contains(&name) {
            if name == word {
                args.next();
            }
            continue;
        }
        let flags = word.strip_prefix('-').filter(|flags| !flags.is_empty());
        let quiet = flags.is_some_and(|flags| flags.bytes().all(|flag| matches!(flag, b'q' | b'v')));
        if quiet || FLAGS.contains(&name) {
            continue;
        }
        line.push(' ');
        line.push_str(&quoted(&word));
    }
    line
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

const WITH_VALUE: [&str; 7] = ["--json", "--html", "--hdr", "--rows", "--parquet", "--threads", "--record"];
const FLAGS: [&str; 2] = ["--quiet", "--verbose"];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        command_line(line.split(' ').map(OsString::from))
    }

    #[test]
    fn where_results_go_is_no_part_of_what_was_run() {
        for line in [
            "target/release/roadcast replay run a.csv --seed 7",
            "./roadcast -vv replay run a.csv --json one.json --seed 7 --quiet",
            "roadcast replay run a.csv --html=x.html --threads 4 --seed 7 --hdr logs --rows r.csv --parquet t -qv",
        ] {
            assert_eq!(shown(line), "roadcast replay run a.csv --seed 7");
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        let words = ["x", "replay", "run", "my trace.csv", "it's", ""].map(OsString::from);
        assert_eq!(command_line(words.into_iter()), r"roadcast replay run 'my trace.csv' 'it'\''s' ''");
    }

    #[test]
    fn an_input_has_its_name_without_its_folder() {
        assert_eq!(input("trace", Path::new("/data/town.csv"), None).name, "town.csv");
        assert_eq!(input("trace", Path::new(".."), None).name, "..");
    }
}
