//! The runs of a sweep in their order, and which of them are a shard's.

use serde::{Deserialize, Serialize};

use super::definition::Sweep;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepPoint {
    /// Which of the sweep's bases.
    pub base: usize,
    /// Which value of each setting.
    pub values: Vec<usize>,
    /// Its seed.
    pub seed: u64,
    /// What determines it, as 16 digits.
    pub id: String,
}

impl Sweep {
    /// All runs: each base, with each combination of settings (the last changes first), under each seed.
    pub fn points(&self) -> Vec<SweepPoint> {
        let mut points = Vec::new();
        for base in 0..self.bases.len() {
            let mut values = vec![0; self.settings.len()];
            loop {
                points.extend(self.seeds.iter().map(|seed| SweepPoint {
                    base,
                    values: values.clone(),
                    seed: *seed,
                    id: self.identity(base, *seed, &values),
                }));
                if !self.advance(&mut values) {
                    break;
                }
            }
        }
        points
    }

    /// The next combination, if there is one.
    fn advance(&self, values: &mut [usize]) -> bool {
        for (setting, value) in self.settings.iter().zip(values).rev() {
            *value += 1;
            if *value < setting.values.len() {
                return true;
            }
            *value = 0;
        }
        false
    }
}

/// A part of a sweep's points: every one whose number, from 0, leaves `index - 1` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// `2/5`; `None` for anything else than a part of 1 to 10,000.
    pub fn parse(text: &str) -> Option<Self> {
        let number =
            |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten();
        let (index, of) = text.split_once('/')?;
        Some(Self { index: number(index)?, of: number(of)? }).filter(Self::is_part)
    }

    /// Whether it is a part of 1 to 10,000.
    pub(super) fn is_part(&self) -> bool {
        (1..=self.of).contains(&self.index) && self.of <= MAX_SHARDS
    }

    /// Whether the point of this number, from 0, is in it.
    pub fn has(&self, number: usize) -> bool {
        number as u64 % u64::from(self.of) == u64::from(self.index) - 1
    }
}

impl core::fmt::Display for Shard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// As many as a sweep may have points.
const MAX_SHARDS: u32 = 10_000;
