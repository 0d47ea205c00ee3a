//! Counts by name. Not generic, and each once: every copy of the standard library's sort takes 5 kB of the program, and
//! collecting a `BTreeMap` sorts.

use core::cmp::Reverse;
use std::collections::BTreeMap;

/// The same counts by names that a report can own.
pub fn owned(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// The largest count first; equal counts in the order of their names.
pub fn largest_first(counts: &BTreeMap<String, u64>) -> Vec<(&String, &u64)> {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| Reverse(**count));
    sorted
}
