//! What a folder of results is of.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::definition::{MAX_POINTS, Sweep};
use super::points::Shard;

/// What a folder holds the results of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepManifest {
    /// Of this file: 1.
    pub format: u32,
    /// Digest of what determines the sweep, hexadecimal.
    pub sweep: String,
    /// The sweep's file, without its folder.
    pub file: String,
    /// Version of the software that runs it.
    pub version: String,
    /// Its commit; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Which part of the points is here; absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Names of the settings.
    pub settings: Vec<String>,
    /// All points of the sweep, those of other shards too.
    pub points: Vec<ManifestPoint>,
}

/// A point as its folder has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPoint {
    /// What determines it, as 16 digits.
    pub id: String,
    /// Trace or plan, as the sweep names it.
    pub base: String,
    /// Its seed.
    pub seed: u64,
    /// Of each setting.
    pub values: Vec<String>,
}

impl SweepManifest {
    /// Of a sweep, or a part of it, under this software.
    pub fn new(sweep: &Sweep, shard: Option<Shard>, version: &str, commit: Option<&str>) -> Self {
        let file = Path::new(&sweep.file);
        let points = sweep.points().into_iter().map(|point| ManifestPoint {
            id: point.id,
            base: sweep.bases[point.base].name.clone(),
            seed: point.seed,
            values: sweep
                .settings
                .iter()
                .zip(point.values)
                .map(|(setting, value)| setting.values[value].shown.clone())
                .collect(),
        });
        Self {
            format: FORMAT,
            sweep: sweep.digest(),
            file: file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
            version: version.to_owned(),
            commit: commit.map(str::to_owned),
            shard,
            settings: sweep.settings.iter().map(|setting| setting.key.clone()).collect(),
            points: points.collect(),
        }
    }

    /// Version and commit, as people read them.
    pub fn software(&self) -> String {
        match &self.commit {
            Some(commit) => format!("{} ({commit})", self.version),
            None => self.version.clone(),
        }
    }

    /// Whether a point, by its number from 0, is to be here.
    pub fn has(&self, number: usize) -> bool {
        self.shard.is_none_or(|shard| shard.has(number))
    }

    /// A point's settings for people: `town.fcd.csv.gz, range 300, seed 2`.
    pub fn describe(&self, number: usize) -> String {
        let Some(point) = self.points.get(number) else { return String::new() };
        let settings = self.settings.iter().zip(&point.values).map(|(key, value)| format!(", {key} {value}"));
        format!("{}{}, seed {}", point.base, settings.collect::<String>(), point.seed)
    }

    /// What cannot be, if anything.
    pub(super) fn wrong(&self) -> Option<String> {
        let hexadecimal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut ids: Vec<&String> = self.points.iter().map(|point| &point.id).collect();
        ids.sort_unstable();
        if self.format != FORMAT {
            Some(format!("format {}, and this program reads {FORMAT}", self.format))
        } else if self.points.is_empty() || self.points.len() > MAX_POINTS {
            Some(format!("{} points", self.points.len()))
        } else if self.shard.is_some_and(|shard| !shard.is_part()) {
            Some("a shard that is none".to_owned())
        } else if self.points.iter().any(|point| point.values.len() != self.settings.len()) {
            Some("a point with more or fewer values than settings".to_owned())
        } else if self.points.iter().any(|point| point.id.len() != 16 || !hexadecimal(&point.id)) {
            Some("a point whose id is none".to_owned())
        } else if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            Some("two points of one id".to_owned())
        } else {
            None
        }
    }
}

const FORMAT: u32 = 1;
