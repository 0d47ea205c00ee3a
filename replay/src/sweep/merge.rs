//! Shards of a sweep put together.

use std::fs;
use std::path::Path;

use super::folder::{FolderError, SweepFolder};
use super::manifest::SweepManifest;

/// Puts the results of shards into one folder, as if the sweep had been run there; the table is still to be written. All points
/// have to be there, each once; nothing is written before that is certain.
///
/// # Errors
/// [`FolderError`]: the folders are not of one sweep and version, a point is missing or twice there.
pub fn merge(shards: &[&Path], out: &Path) -> Result<SweepFolder, FolderError> {
    let folders: Vec<SweepFolder> =
        shards.iter().map(|path| SweepFolder::open(path)).collect::<Result<_, _>>()?;
    let Some(first) = folders.first() else {
        let found = "no folder of a shard is given".to_owned();
        return Err(FolderError::NoSweep { path: out.to_owned(), found });
    };
    for other in &folders[1..] {
        first.same(other, &first.path().display().to_string())?;
    }
    let mut owners = Vec::with_capacity(first.manifest().points.len());
    for number in 0..first.manifest().points.len() {
        let mut having = Vec::new();
        for folder in &folders {
            // Read whole, so that nothing broken gets through.
            if folder.report(number)?.is_some() {
                having.push(folder);
            }
        }
        match having.as_slice() {
            [one] => owners.push(*one),
            [one, other, ..] => {
                return Err(FolderError::Twice {
                    path: other.report_path(number),
                    other: one.path().to_owned(),
                });
            }
            [] => {
                let whose = folders.iter().find(|folder| folder.manifest().has(number));
                return Err(missing(first, whose, &folders, number));
            }
        }
    }
    let merged = SweepFolder::begin(out, SweepManifest { shard: None, ..first.manifest().clone() })?;
    for (number, owner) in owners.into_iter().enumerate() {
        let path = owner.report_path(number);
        let text = fs::read_to_string(&path).map_err(|source| FolderError::Io {
            path: path.clone(),
            what: "read",
            source,
        })?;
        merged.keep(number, &text, &owner.machine(number).unwrap_or_default())?;
    }
    Ok(merged)
}

/// The folder whose point it is lacks it, or else a whole shard was not given.
fn missing(
    first: &SweepFolder,
    whose: Option<&SweepFolder>,
    all: &[SweepFolder],
    number: usize,
) -> FolderError {
    let mut error = whose.unwrap_or(first).missing(number);
    if let (FolderError::Missing { path, run, .. }, None) = (&mut error, whose)
        && let Some(of) = all.iter().find_map(|folder| folder.manifest().shard).map(|shard| shard.of)
    {
        let shard = number as u64 % u64::from(of) + 1;
        *path = path.file_name().map(Into::into).unwrap_or_default();
        *run = format!("shard {shard}/{of}, or give its folder too");
    }
    error
}
