//! One side of a comparison: a report, a folder of reports, or the results of a sweep.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use v2x_report::Report;

use super::told::Told;
use crate::figures::{Figure, figures, machine_figures, seed_figures};
use crate::report_file::{self, NoReport};
use crate::sweep::{FolderError, SweepFolder};

/// Reports of one side.
#[derive(Clone, Debug)]
pub struct ComparedSide {
    /// Where they are, as given.
    pub name: String,
    pub(super) groups: Vec<RunGroup>,
}

/// Runs that differ in their seeds alone.
#[derive(Clone, Debug)]
pub(super) struct RunGroup {
    /// Trace or plan and settings, of a sweep with several; name and value.
    pub(super) settings: Vec<(String, String)>,
    pub(super) told: Told,
    pub(super) runs: Vec<SeededRun>,
    /// Whether these figures are all that the report has by seed.
    pub(super) classes_alone: bool,
}

/// One run.
#[derive(Clone, Debug)]
pub(super) struct SeededRun {
    /// `None` where the run depends on the real world.
    pub(super) seed: Option<u64>,
    pub(super) figures: Vec<Figure>,
    pub(super) machine: Vec<Figure>,
}

/// Why there is nothing to compare. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A file is no report.
    #[error(transparent)]
    NoReport(#[from] NoReport),
    /// A folder of a sweep cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A folder cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A folder has no reports.
    #[error("{}: has neither sweep.json nor a report; give a report, a folder of reports or results of replay sweep", .0.display())]
    NoReports(PathBuf),
    /// The runs are not of the same.
    #[error("{b}: its {what} is {found}; {right}")]
    Different {
        /// The second of both.
        b: String,
        /// What differs.
        what: String,
        /// What it is there and in the first.
        found: String,
        /// What to compare instead.
        right: &'static str,
    },
    /// More than one thing differs.
    #[error(
        "{b}: differs from {a} in {}; compare runs that differ in one setting, or in the software",
        list(differences)
    )]
    TooDifferent {
        /// One.
        a: String,
        /// The other.
        b: String,
        /// Name, of the one, of the other.
        differences: Vec<(String, String, String)>,
    },
    /// Two reports have one seed.
    #[error("{path}: has seed {seed}, as another report there; give each run once")]
    SeedTwice {
        /// One of them.
        path: String,
        /// The seed.
        seed: String,
    },
    /// A run is on one side alone.
    #[error("{without}: has no runs of {group}, which {with} has; compare sweeps of the same points")]
    Unpaired {
        /// The side with them.
        with: String,
        /// The side without.
        without: String,
        /// Their settings.
        group: String,
    },
    /// A sweep has no such setting or value.
    #[error("{path}: has no points with {key} {value}; it has {known}")]
    NoSuchPoints {
        /// The results.
        path: String,
        /// The setting.
        key: String,
        /// The value.
        value: String,
        /// What there is.
        known: String,
    },
}

impl CompareError {
    /// Of two sides: what differs, of the first, of the second.
    pub(super) fn different(
        (a, b): (&str, &str),
        (what, of_a, of_b): (String, String, String),
        right: &'static str,
    ) -> Self {
        Self::Different { b: b.to_owned(), what, found: format!("{of_b}, and {of_a} in {a}"), right }
    }
}

fn list(differences: &[(String, String, String)]) -> String {
    let shown = |(name, a, b): &(String, String, String)| format!("{name} ({a} | {b})");
    differences.iter().map(shown).collect::<Vec<_>>().join(" and ")
}

impl ComparedSide {
    /// Reads a report, a folder of reports of one run under several seeds, or the results of a sweep.
    ///
    /// # Errors
    /// [`CompareError`].
    pub fn read(path: &Path) -> Result<Self, CompareError> {
        let name = path.display().to_string();
        if !path.is_dir() {
            let report = report_file::read(path)?;
            return Ok(Self { name, groups: vec![RunGroup::of(&report)] });
        }
        if path.join("sweep.json").exists() {
            return Self::of_sweep(path, None);
        }
        let failed = |source| CompareError::Io { path: path.to_owned(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)?.take(MAX_FILES) {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                files.push(file);
            }
        }
        files.sort_unstable();
        let mut group: Option<RunGroup> = None;
        for file in &files {
            let one = RunGroup::of(&report_file::read(file)?);
            let Some(all) = &mut group else {
                group = Some(one);
                continue;
            };
            all.add(one, (&files[0].display().to_string(), &file.display().to_string()))?;
        }
        let group = group.ok_or_else(|| CompareError::NoReports(path.to_owned()))?;
        Ok(Self { name, groups: vec![group] })
    }

    /// The points of a sweep's results with one value of a setting.
    ///
    /// # Errors
    /// [`CompareError`].
    pub fn read_points(path: &Path, key: &str, value: &str) -> Result<Self, CompareError> {
        Self::of_sweep(path, Some((key, value)))
    }

    fn of_sweep(path: &Path, only: Option<(&str, &str)>) -> Result<Self, CompareError> {
        let folder = SweepFolder::open(path)?;
        let manifest = folder.manifest();
        let mut groups: Vec<RunGroup> = Vec::new();
        for (number, point) in manifest.points.iter().enumerate().filter(|(number, _)| manifest.has(*number))
        {
            let mut settings = vec![("base".to_owned(), point.base.clone())];
            settings.extend(manifest.settings.iter().cloned().zip(point.values.iter().cloned()));
            if let Some((key, value)) = only {
                if !settings.iter().any(|(name, found)| name == key && found == value) {
                    continue;
                }
                settings.retain(|(name, _)| name != key);
            }
            let report = folder.report(number)?.ok_or_else(|| folder.missing(number))?;
            let mut one = RunGroup::of(&report);
            if let (Some(run), Some(machine)) = (one.runs.first_mut(), folder.machine(number)) {
                run.machine = machine_figures(&machine);
            }
            match groups.iter_mut().find(|group| group.settings == settings) {
                None => groups.push(RunGroup { settings, ..one }),
                Some(group) => group.runs.append(&mut one.runs),
            }
        }
        let Some((key, value)) = only else {
            return Ok(Self { name: path.display().to_string(), groups });
        };
        if groups.is_empty() {
            let mut known: Vec<String> = match manifest.settings.iter().position(|name| name == key) {
                None => manifest.settings.clone(),
                Some(place) => {
                    manifest.points.iter().map(|point| format!("{key} {}", point.values[place])).collect()
                }
            };
            known.sort_unstable();
            known.dedup();
            known.truncate(MOST_SHOWN);
            let (path, key, value) = (path.display().to_string(), key.to_owned(), value.to_owned());
            return Err(CompareError::NoSuchPoints { path, key, value, known: known.join(", ") });
        }
        Ok(Self { name: format!("{}, {key} {value}", path.display()), groups })
    }
}

impl RunGroup {
    fn of(report: &Report) -> Self {
        let told = Told::of(report);
        let machine = report.machine.as_ref().map(machine_figures).unwrap_or_default();
        let runs = match &report.repeats {
            Some(repeats) if repeats.runs.len() > 1 => {
                let run = |one| SeededRun { seed: None, figures: seed_figures(one), machine: Vec::new() };
                repeats.runs.iter().map(|one| SeededRun { seed: Some(one.seed), ..run(one) }).collect()
            }
            _ => {
                vec![SeededRun { seed: report.run.seeds.first().copied(), figures: figures(report), machine }]
            }
        };
        Self { settings: Vec::new(), told, classes_alone: runs.len() > 1, runs }
    }

    /// Adds the runs of another report of the same folder.
    fn add(&mut self, other: Self, (first, file): (&str, &str)) -> Result<(), CompareError> {
        let differs =
            self.told.forbidden(&other.told).or_else(|| self.told.allowed(&other.told).into_iter().next());
        if let Some((what, of_a, of_b)) = differs {
            let right = "the reports of a folder are of one run under several seeds";
            return Err(CompareError::different((first, file), (what, of_a, of_b), right));
        }
        for run in other.runs {
            if self.runs.iter().any(|known| known.seed == run.seed) {
                let seed = run.seed.map_or("none".to_owned(), |seed| seed.to_string());
                return Err(CompareError::SeedTwice { path: file.to_owned(), seed });
            }
            self.runs.push(run);
        }
        self.classes_alone |= other.classes_alone;
        Ok(())
    }

    /// Its settings for people, or those of these names; empty where there are none.
    pub(super) fn label(&self, names: Option<&[&String]>) -> String {
        let wanted = |(key, _): &&(String, String)| names.is_none_or(|names| names.contains(&key));
        let shown = |(key, value): &(String, String)| {
            if key == "base" { value.clone() } else { format!("{key} {value}") }
        };
        self.settings.iter().filter(wanted).map(shown).collect::<Vec<_>>().join(", ")
    }
}

/// Of a folder that is read.
const MAX_FILES: usize = 20_000;
/// Values listed in an error.
const MOST_SHOWN: usize = 20;
