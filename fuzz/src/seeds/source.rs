//! Where seeds come from: golden vectors of `tests/`, and what the other files here write out.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The golden vectors whose names begin so: name and bytes.
pub(crate) fn vectors(prefix: &str) -> Vec<(String, Vec<u8>)> {
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

/// Seeds by name.
pub(super) fn named<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Vec<(String, Vec<u8>)> {
    seeds.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}
