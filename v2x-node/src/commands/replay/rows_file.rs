//! The file that the rows of a run go to.

use std::io;
use std::path::{Path, PathBuf};

use v2x_replay::rows::Rows;

use crate::error::Error;
use crate::whole_file::WholeFile;

/// A file of rows on its way; dropped unfinished, nothing is left behind.
pub(super) struct RowsFile {
    path: PathBuf,
    file: WholeFile,
}

impl RowsFile {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let file = WholeFile::create(path).map_err(|source| failed(path, source))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// What writes to it: compressed when the name says so.
    pub(super) fn rows(&self) -> Result<Rows, Error> {
        let gzip = self.path.extension().is_some_and(|extension| extension == "gz");
        let file = self.file.writer().map_err(|source| failed(&self.path, source))?;
        Ok(Rows::new(file, gzip))
    }

    /// Ends the rows and puts the file in its place.
    pub(super) fn finish(self, rows: Rows) -> Result<(), Error> {
        rows.finish().and_then(|()| self.file.finish()).map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}
