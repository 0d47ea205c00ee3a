//! What reports say was run, and in what two of them may differ.

use v2x_report::{Report, WhatRan};

/// What a report says was run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// What has to be the same in reports that are compared.
    pub(super) fixed: Vec<(String, String)>,
    /// What one difference may be in.
    pub(super) free: Vec<(String, String)>,
    /// The other options of the command line, for settings that have no name above.
    words: Vec<(String, String)>,
}

impl Told {
    pub(super) fn of(report: &Report) -> Self {
        let run = &report.run;
        let mut told = Self {
            fixed: vec![("kind".to_owned(), report.kind.to_string())],
            free: Vec::new(),
            words: words(run),
        };
        // Live runs end when they end.
        if report.digest.is_some() {
            let runs = report.repeats.as_ref().map_or(1, |repeats| repeats.runs.len().max(1));
            let seconds = format!("{:.3} s", report.simulated_s / runs as f64);
            told.fixed.push(("simulated time of a run".to_owned(), seconds));
        }
        for input in &run.inputs {
            let digest = input.sha256.as_ref().and_then(|digest| digest.get(..12));
            let shown = digest.map_or_else(|| input.name.clone(), |digest| format!("sha256 {digest}"));
            let of = if input.role == "trace" { &mut told.fixed } else { &mut told.free };
            of.push((input.role.clone(), shown));
        }
        let commit = run.commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
        told.free.push(("software".to_owned(), format!("{}{commit}", report.version)));
        told.free.push(("signatures verified".to_owned(), report.verify.in_words().to_owned()));
        for (name, value) in run.options() {
            match name {
                "seed" | "seeds" => {}
                "limited to" => told.fixed.push((name.to_owned(), value)),
                // A range is one way of reception.
                "radio range" => told.free.push(("reception".to_owned(), format!("range {value}"))),
                _ => told.free.push((name.to_owned(), value)),
            }
        }
        told
    }

    /// The first of what has to be the same and is not: name, mine, the other's.
    pub(super) fn forbidden(&self, other: &Self) -> Option<(String, String, String)> {
        differences(&self.fixed, &other.fixed).into_iter().next()
    }

    /// What else differs: name, mine, the other's.
    pub(super) fn allowed(&self, other: &Self) -> Vec<(String, String, String)> {
        let named = differences(&self.free, &other.free);
        if named.is_empty() { differences(&self.words, &other.words) } else { named }
    }
}

fn differences(a: &[(String, String)], b: &[(String, String)]) -> Vec<(String, String, String)> {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in a.iter().chain(b) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let find = |told: &[(String, String)], name: &str| {
        let found: Vec<&str> =
            told.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_str()).collect();
        if found.is_empty() { "-".to_owned() } else { found.join(", ") }
    };
    let both = names.into_iter().map(|name| (name.clone(), find(a, name), find(b, name)));
    both.filter(|(_, a, b)| a != b).collect()
}

/// `--name value`, `--name=value` and `--flag` of a command line.
fn words(run: &WhatRan) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words = run.command.split(' ').peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) else { continue };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (option, words.next_if(|next| !next.starts_with("--")).unwrap_or("given").to_owned()),
        };
        if !OF_FILES_AND_SEEDS.contains(&name) {
            found.push((format!("--{name}"), value));
        }
    }
    found.sort_unstable();
    found
}

/// Options whose meaning is told by digests, or is the same run.
const OF_FILES_AND_SEEDS: [&str; 8] = ["plan", "seed", "seeds", "attack", "json", "html", "threads", "radio"];
