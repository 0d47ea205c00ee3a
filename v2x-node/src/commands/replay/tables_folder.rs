//! The folder that the tables of a run go to.

use std::io;
use std::path::{Path, PathBuf};

use v2x_replay::rows::Rows;
use v2x_replay::tables::{TABLES, TableFailed, Tables};
use v2x_report::WhatRan;

use super::error::ReplayError;
use crate::whole_folder::{self, WholeFolder};

/// A folder of tables on its way; dropped unfinished, nothing is left behind.
pub(super) struct TablesFolder {
    path: PathBuf,
    folder: WholeFolder,
}

impl TablesFolder {
    /// Whether one can be made there, as far as can be known without making it.
    pub(super) fn check_place(path: &Path) -> Result<(), ReplayError> {
        match whole_folder::impossible(path) {
            Some(found) => Err(ReplayError::NoFolder { path: path.display().to_string(), found }),
            None => Ok(()),
        }
    }

    pub(super) fn create(path: &Path) -> Result<Self, ReplayError> {
        let folder = WholeFolder::create(path, &NAMES).map_err(|source| failed(path, source))?;
        Ok(Self { path: path.to_owned(), folder })
    }

    /// What writes to it.
    pub(super) fn tables(&self) -> Result<Tables, ReplayError> {
        let files = self.folder.files().map_err(|(path, source)| failed(&path, source))?;
        let files = files.try_into().expect("invariant: a file for each name");
        Tables::new(files).map_err(|error| self.table_failed(error))
    }

    /// Ends the tables, and puts the folder in its place if the run is complete: half a run's tables would look like a whole run's.
    pub(super) fn finish(self, rows: &mut Rows, ran: &WhatRan, complete: bool) -> Result<(), ReplayError> {
        rows.finish_tables(env!("CARGO_PKG_VERSION"), ran).map_err(|error| self.table_failed(error))?;
        let Self { path, folder } = self;
        if complete { folder.finish().map_err(|source| failed(&path, source)) } else { Ok(()) }
    }

    fn table_failed(&self, error: TableFailed) -> ReplayError {
        failed(&self.path.join(error.file), error.source)
    }
}

fn failed(path: &Path, source: io::Error) -> ReplayError {
    ReplayError::NoTables { path: path.display().to_string(), source }
}

const NAMES: [&str; TABLES.len()] = [TABLES[0].0, TABLES[1].0, TABLES[2].0];
