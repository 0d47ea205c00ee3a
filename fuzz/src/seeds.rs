//! Valid inputs for each target, from which the committed corpora are made.

mod files;
mod frames;
mod lines;
pub(crate) mod source;
mod station;

use std::path::{Path, PathBuf};

/// The seeds of a target: name of the file, and what is in it.
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "node" => station::scripts(),
        "frame" => frames::frames(),
        "credential" => frames::credentials(),
        "link" => frames::links(),
        "radiotap" => frames::radiotaps(),
        "capture" => files::captures(),
        "recording" => files::recordings(),
        "fcd" => files::traces(),
        "mapped" => files::mapped(),
        "plan" => files::plans(),
        "control" => lines::control(),
        "control_stream" => lines::control_stream(),
        "feed" => lines::feed(),
        "position" => lines::positions(),
        "corrections" => lines::corrections(),
        "clock" => lines::clock(),
        _ => Vec::new(),
    }
}

/// Where the corpus of a target is.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}
