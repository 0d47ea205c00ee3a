//! The files that a command is to write, looked at before its work begins.

use std::path::Path;

use super::error::ReplayError;
use crate::error::Error;
use crate::whole_file;

/// A file, and what it is.
pub(super) type Role<'p> = (&'static str, &'p Path);

/// Whether each file can be written, as far as can be known, and is none of those that are read nor another that is written: told now,
/// and not after an hour's run.
///
/// # Errors
/// The first that is not so.
pub(super) fn check(written: &[Role<'_>], read: &[Role<'_>]) -> Result<(), Error> {
    for (_, path) in written {
        if let Some(found) = whole_file::impossible(path) {
            return Err(ReplayError::NoPlace { path: path.display().to_string(), found }.into());
        }
    }
    apart(written, read)?;
    for (_, path) in written {
        whole_file::check(path).map_err(|source| Error::File { path: path.to_path_buf(), source })?;
    }
    Ok(())
}

/// Whether the files to write are none of those to read, nor each other.
///
/// # Errors
/// The first that is another too.
pub(super) fn apart(written: &[Role<'_>], read: &[Role<'_>]) -> Result<(), ReplayError> {
    for (number, (one, path)) in written.iter().enumerate() {
        for (other, another) in written[number + 1..].iter().chain(read) {
            if whole_file::is_same(path, another) {
                return Err(ReplayError::OneFile { path: path.display().to_string(), one, other });
            }
        }
    }
    Ok(())
}

/// Those of the files that are given.
pub(super) fn given<'p>(files: impl IntoIterator<Item = (&'static str, Option<&'p Path>)>) -> Vec<Role<'p>> {
    files.into_iter().filter_map(|(what, path)| Some((what, path?))).collect()
}
