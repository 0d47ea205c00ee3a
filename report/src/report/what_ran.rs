//! What was run: enough to run it again, and to tell two reports apart.

use serde::{Deserialize, Serialize};

/// What was run. Nothing here depends on the machine, the time, or where results go, so that equal runs have equal
/// reports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhatRan {
    /// The command line, without the options that say where results go, what is printed, and how many threads work.
    pub command: String,
    /// Commit of the software, hexadecimal; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Files that were read.
    pub inputs: Vec<InputFile>,
    /// Seed of each run; empty where the run depends on the real world.
    pub seeds: Vec<u64>,
    /// Stopped after this time, s; absent for all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Radio range, m; absent where the medium decides, or the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_m: Option<f64>,
    /// Awareness messages a second; absent where the generation rules decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_hz: Option<f64>,
    /// What carries frames: `"range"`, or the name of a table of reception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// Ways of forwarding, the first the one the report is about.
    pub forwarding: Vec<String>,
    /// How pseudonyms change: `"off"`, `"trip"`, or the seconds between two changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudonyms: Option<String>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// What it is: `trace`, `plan`, `attack` or `configuration`.
    pub role: String,
    /// Its name without its folder.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal; absent where it cannot be read twice, or holds secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl WhatRan {
    /// Names and values for people, in order; the command line, commit and inputs are not among them.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = Vec::new();
        let mut add = |name, value: Option<String>| options.extend(value.map(|value| (name, value)));
        let seeds: Vec<_> = self.seeds.iter().map(u64::to_string).collect();
        add(if seeds.len() == 1 { "seed" } else { "seeds" }, joined(&seeds));
        add("limited to", self.seconds.map(|seconds| format!("{seconds} s")));
        add("radio range", self.range_m.map(|range| format!("{range} m")));
        add("reception", self.medium.clone().filter(|medium| medium != "range"));
        add("awareness", self.rate_hz.map(|rate| format!("{rate} Hz")));
        add("forwarding", joined(&self.forwarding));
        add("pseudonyms", self.pseudonyms.clone().filter(|change| change != "off"));
        options
    }
}

impl InputFile {
    /// Name and the beginning of its digest.
    pub(crate) fn shown(&self) -> String {
        match &self.sha256 {
            Some(digest) => format!("{} (sha256 {})", self.name, digest.get(..12).unwrap_or(digest)),
            None => self.name.clone(),
        }
    }
}

fn joined(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(", "))
}
