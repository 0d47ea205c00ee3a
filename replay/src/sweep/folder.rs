//! A folder with the results of a sweep: what it is of (`sweep.json`), a report for each point (`points`), what the machine took
//! for each (`times`), and, when all are there, the table. Every file is written whole or not at all.

use std::fs;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use v2x_report::{Machine, Report};

use super::manifest::SweepManifest;
use super::points::Shard;
use super::table::{ResultTable, TableBuilder};
use crate::report_file::{self, NoReport};
use crate::source::convert::write_atomically;

/// Why a folder of results cannot be used. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system refused.
    #[error("{}: cannot be {what}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// `written`, `read` or `made`.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// Something else is there.
    #[error("{}: has files and no {MANIFEST}; give a new or empty folder for the results", .0.display())]
    OtherFiles(PathBuf),
    /// There is no sweep in the folder.
    #[error("{}: {found}; `replay sweep` writes it into its --out folder", path.display())]
    NoSweep {
        /// The file that should say so.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
    /// The results are not of this.
    #[error("{}: {found}, and {wanted}; {right}", path.display())]
    Other {
        /// The file that says so.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be.
        wanted: String,
        /// What to do.
        right: &'static str,
    },
    /// A point's report cannot be read.
    #[error("{}: {found}; remove it, and the sweep runs the point again", path.display())]
    Point {
        /// The report.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
    /// A point is in two shards.
    #[error("{}: is in {} too; give each shard once", path.display(), other.display())]
    Twice {
        /// One report.
        path: PathBuf,
        /// The other folder.
        other: PathBuf,
    },
    /// A point is in none.
    #[error("{}: the report of point {number} ({point}) is missing; run {run}", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Its number, from 1.
        number: usize,
        /// What it is.
        point: String,
        /// What would make it.
        run: String,
    },
}

/// A folder with results.
#[derive(Clone, Debug)]
pub struct SweepFolder {
    path: PathBuf,
    manifest: SweepManifest,
}

impl SweepFolder {
    /// Begins a folder, or goes on in one that this sweep began.
    ///
    /// # Errors
    /// [`FolderError`]; another sweep's results are left as they are.
    pub fn begin(path: &Path, manifest: SweepManifest) -> Result<Self, FolderError> {
        let io = |what| move |source| FolderError::Io { path: path.to_owned(), what, source };
        let new = Self { path: path.to_owned(), manifest };
        if path.join(MANIFEST).exists() {
            let old = Self::open(path)?;
            new.same(&old, "this sweep")?;
            if old.manifest.shard != new.manifest.shard {
                return Err(FolderError::Other {
                    path: path.join(MANIFEST),
                    found: format!("holds {}", part(old.manifest.shard)),
                    wanted: format!("this sweep is {}", part(new.manifest.shard)),
                    right: "give each shard a folder of its own",
                });
            }
        } else if path.exists() && fs::read_dir(path).map_err(io("read"))?.next().is_some() {
            return Err(FolderError::OtherFiles(path.to_owned()));
        }
        fs::create_dir_all(path.join(POINTS)).map_err(io("made"))?;
        fs::create_dir_all(path.join(TIMES)).map_err(io("made"))?;
        // Last: a folder with it is whole.
        new.write(&path.join(MANIFEST), |out| {
            serde_json::to_writer_pretty(&mut *out, &new.manifest)?;
            writeln!(out)
        })?;
        Ok(new)
    }

    /// Opens a folder with results.
    ///
    /// # Errors
    /// [`FolderError::NoSweep`].
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let file = path.join(MANIFEST);
        let failed = |found: String| FolderError::NoSweep { path: file.clone(), found };
        let mut text = Vec::new();
        let opened = fs::File::open(&file).and_then(|opened| opened.take(LARGEST + 1).read_to_end(&mut text));
        opened.map_err(|error| failed(format!("cannot be read: {error}")))?;
        if text.len() as u64 > LARGEST {
            return Err(failed(format!("is not a sweep: longer than {LARGEST} bytes")));
        }
        let manifest: SweepManifest =
            serde_json::from_slice(&text).map_err(|error| failed(format!("is not a sweep: {error}")))?;
        match manifest.wrong() {
            Some(wrong) => Err(failed(format!("is not a sweep: has {wrong}"))),
            None => Ok(Self { path: path.to_owned(), manifest }),
        }
    }

    /// What it holds the results of.
    pub fn manifest(&self) -> &SweepManifest {
        &self.manifest
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether both are of one sweep, run by one software; `me` names this one.
    pub(super) fn same(&self, other: &Self, me: &str) -> Result<(), FolderError> {
        let (mine, theirs) = (&self.manifest, &other.manifest);
        let path = other.path.join(MANIFEST);
        if mine.software() != theirs.software() {
            let found = format!("is by version {}", theirs.software());
            let wanted = format!("{me} is by {}", mine.software());
            let right = "run all points of a sweep with one version";
            return Err(FolderError::Other { path, found, wanted, right });
        }
        if mine.sweep != theirs.sweep || mine.points != theirs.points {
            let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
            let found = format!("is of another sweep, {} ({})", theirs.file, short(&theirs.sweep));
            let wanted = format!("{me} is of {} ({})", mine.file, short(&mine.sweep));
            let right = "a sweep, the files it names and its folder of results belong together";
            return Err(FolderError::Other { path, found, wanted, right });
        }
        Ok(())
    }

    /// Where the report of a point is, by its number from 0.
    pub fn report_path(&self, number: usize) -> PathBuf {
        self.path.join(POINTS).join(self.file_of(number))
    }

    pub(super) fn machine_path(&self, number: usize) -> PathBuf {
        self.path.join(TIMES).join(self.file_of(number))
    }

    fn file_of(&self, number: usize) -> String {
        let id = self.manifest.points.get(number).map_or("none", |point| &point.id);
        format!("{:05}-{id}.json", number + 1)
    }

    /// The report of a point; `None` where it has not run.
    ///
    /// # Errors
    /// [`FolderError::Point`]: there is a file, and it is not this point's report.
    pub fn report(&self, number: usize) -> Result<Option<Report>, FolderError> {
        let path = self.report_path(number);
        if !path.exists() {
            return Ok(None);
        }
        let report = match report_file::read(&path) {
            Ok(report) => report,
            Err(NoReport { found, .. }) => return Err(FolderError::Point { path, found }),
        };
        let seed = self.manifest.points.get(number).map(|point| point.seed);
        let found = if report.version != self.manifest.version || report.run.commit != self.manifest.commit {
            "is by another version than its sweep"
        } else if report.run.seeds.as_slice() != seed.as_slice() {
            "has another seed than its point"
        } else {
            return Ok(Some(report));
        };
        Err(FolderError::Point { path, found: found.to_owned() })
    }

    /// What the machine took for a point, where that is known.
    pub fn machine(&self, number: usize) -> Option<Machine> {
        let mut text = Vec::new();
        fs::File::open(self.machine_path(number)).ok()?.take(LARGEST_TIMES).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps the report of a point, as text, and what the machine took.
    ///
    /// # Errors
    /// [`FolderError::Io`]; nothing is left behind then.
    pub fn keep(&self, number: usize, report: &str, machine: &Machine) -> Result<(), FolderError> {
        self.write(&self.machine_path(number), |out| {
            serde_json::to_writer(&mut *out, machine)?;
            writeln!(out)
        })?;
        // Last: a point with a report is done.
        self.write(&self.report_path(number), |out| out.write_all(report.as_bytes()))
    }

    /// The table of all points.
    ///
    /// # Errors
    /// A point is missing, or its report not of this sweep.
    pub fn table(&self) -> Result<ResultTable, FolderError> {
        let mut builder = TableBuilder::default();
        for number in 0..self.manifest.points.len() {
            let report = self.report(number)?.ok_or_else(|| self.missing(number))?;
            builder.add(&report);
        }
        Ok(builder.finish(&self.manifest.settings, &self.manifest.points))
    }

    /// Writes the table as `table.csv`, `table.json` and `table.parquet`, and says where.
    ///
    /// # Errors
    /// As [`table`](Self::table); the system's.
    pub fn write_table(&self) -> Result<[PathBuf; 3], FolderError> {
        let table = self.table()?;
        let paths = ["table.csv", "table.json", "table.parquet"].map(|name| self.path.join(name));
        self.write(&paths[0], |out| table.write_csv(out))?;
        self.write(&paths[1], |out| table.write_json(out))?;
        let about = [
            ("roadcast.version", self.manifest.version.as_str()),
            ("roadcast.table", "sweep"),
            ("roadcast.sweep", self.manifest.sweep.as_str()),
        ];
        self.write(&paths[2], |out| table.write_parquet(&about, out))?;
        Ok(paths)
    }

    /// The error for a point that has not run, by its number from 0.
    pub fn missing(&self, number: usize) -> FolderError {
        let shard = self.manifest.shard.map_or_else(String::new, |shard| format!(" --shard {shard}"));
        let run =
            format!("`roadcast replay sweep {}{shard} --out {}`", self.manifest.file, self.path.display());
        FolderError::Missing {
            path: self.report_path(number),
            number: number + 1,
            point: self.manifest.describe(number),
            run,
        }
    }

    fn write(
        &self,
        path: &Path,
        content: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        write_atomically(path, content).map_err(|source| FolderError::Io {
            path: path.to_owned(),
            what: "written",
            source,
        })
    }
}

fn part(shard: Option<Shard>) -> String {
    shard.map_or("the whole sweep".to_owned(), |shard| format!("shard {shard}"))
}

const MANIFEST: &str = "sweep.json";
const POINTS: &str = "points";
const TIMES: &str = "times";
/// Bytes: all points with a kilobyte each.
const LARGEST: u64 = 16_000_000;
const LARGEST_TIMES: u64 = 4_096;
