//! Wrong phrases that must not come back: in the documents, and in the comments and strings of the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::workspace::root;

#[test]
fn plain_words_are_used() {
    let root = root();
    let files = texts(&root);
    assert!(files.len() > 300, "only {} texts found: the scan looks in the wrong place", files.len());
    let found: Vec<String> = files
        .iter()
        // This file must name what it looks for.
        .filter(|file| !file.ends_with(file!()))
        .flat_map(|file| {
            let text = fs::read_to_string(file).expect("a text of the repository is UTF-8");
            let name = file.strip_prefix(&root).expect("found below the root").display().to_string();
            mistakes(&text).into_iter().map(move |(line, what)| format!("{name}:{line}: {what}"))
        })
        .collect();
    assert!(found.is_empty(), "{} phrases to write differently:\n{}", found.len(), found.join("\n"));
}

#[test]
fn mistakes_are_found_across_lines_and_nothing_else_is() {
    let text = "/// It keeps the\n/// own clock. A frame\n//! that is said no\n//! more, or is\n/// known no more.\nfn f() {}\n";
    let lines: Vec<usize> = mistakes(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 3, 5]);
    assert_eq!(mistakes("The Own goal. \"from the own motion\" `the own` unit").len(), 3);
    for good in [
        "It takes no more than ten, and there is no more room.",
        "Two levels below a root, no more: `v2x.v1.Sign` allows no more.",
        "Powers that differ by no more, dB. No more connections.",
        "its own clock, on their own, the owner, the owned",
        "There are no more frames.",
        "Write \"its own\", not \"the own\"; \"no longer\", not \"no more\".",
    ] {
        assert_eq!(mistakes(good), [], "{good}");
    }
}

/// The lines with a wrong phrase, and what to write instead.
fn mistakes(text: &str) -> Vec<(usize, &'static str)> {
    let words = words(text);
    let mut found = Vec::new();
    for (at, window) in words.windows(2).enumerate() {
        let [(line, first), (_, second)] = window else { continue };
        // A phrase in quotation marks is named, not used.
        let named = first.starts_with('"') && second.trim_end_matches([',', ';', '.']).ends_with('"');
        if is(first, "the") && is(second, "own") && !named {
            found.push((*line, "`the own`: write `its own`, `our` or `their`"));
        }
        let before = at.checked_sub(1).map_or("", |before| bare(words[before].1));
        // `no more than`, `no more room`, `allows no more` are English; `is said no more.` is not.
        let ends = words.get(at + 2).is_none() || second.ends_with(|letter: char| !letter.is_alphanumeric());
        let verb = ENDED.iter().any(|word| before.eq_ignore_ascii_case(word));
        if is(first, "no") && is(second, "more") && first.ends_with('o') && ends && verb {
            found.push((*line, "`no more` of something that has ended: write `no longer` before the verb"));
        }
    }
    found
}

/// Words after which `no more` at the end of a clause means that something has ended.
const ENDED: [&str; 19] = [
    "is", "are", "was", "were", "be", "am", "said", "known", "told", "heard", "sent", "there", "force", "us",
    "count", "counts", "used", "valid", "apply",
];

/// Each word with its line; comment marks are not words.
fn words(text: &str) -> Vec<(usize, &str)> {
    let numbered = text.lines().enumerate();
    let words = numbered.flat_map(|(line, text)| text.split_whitespace().map(move |word| (line + 1, word)));
    words.filter(|(_, word)| !matches!(*word, "//" | "///" | "//!" | "*" | "/*" | "\\" | ">" | "|")).collect()
}

fn is(word: &str, wanted: &str) -> bool {
    bare(word).eq_ignore_ascii_case(wanted)
}

fn bare(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric())
}

/// The documents, sources and schemas of the repository, without what is built or hidden.
fn texts(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository can be read") {
            let path = entry.expect("a folder of the repository can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(path);
                }
            } else if ["rs", "md", "proto"]
                .iter()
                .any(|kind| path.extension().is_some_and(|found| found == *kind))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
