//! Valid inputs for each target, from which the committed corpora are made.

mod files;
mod frames;
mod lines;
mod station;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The seeds of a target: name of the file, and what is in it.
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "node" => station::scripts(),
        "frame" => frames::frames(),
        "credential" => frames::credentials(),
        "link" => frames::links(),
        "capture" => files::captures(),
        "recording" => files::recordings(),
        "fcd" => files::traces(),
        "plan" => files::plans(),
        "control" => lines::control(),
        "feed" => lines::feed(),
        "position" => lines::positions(),
        "corrections" => lines::corrections(),
        _ => Vec::new(),
    }
}

/// Where the corpus of a target is.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The golden vectors whose names begin so: name and bytes.
fn vectors(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/vectors");
    let entries = fs::read_dir(folder).expect("the golden vectors are committed");
    let mut vectors: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.expect("the folder can be listed").path();
            let name = path.file_stem()?.to_str()?.to_owned();
            let text = fs::read_to_string(&path).ok().filter(|_| name.starts_with(prefix))?;
            let vector: Value = serde_json::from_str(&text).expect("a vector is JSON");
            Some((name, bytes_of_hex(vector["hex"].as_str()?)))
        })
        .collect();
    vectors.sort();
    vectors
}

fn bytes_of_hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("hex")).collect()
}

fn named<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Vec<(String, Vec<u8>)> {
    seeds.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}
