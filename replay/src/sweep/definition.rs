//! A sweep's text: what is run, under which seeds, with which settings.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use v2x_settings::{Alternatives, Document, KeyPlace, Section, SettingsError};

use crate::plan::{Plan, PlanError, Scenario};
use crate::source;
use crate::text_file;

/// Runs to be made: each base with each combination of settings under each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The file as given.
    pub file: String,
    /// Traces and plans.
    pub bases: Vec<Base>,
    /// In the order given, each once.
    pub seeds: Vec<u64>,
    /// Options of a run, in the order given.
    pub settings: Vec<Setting>,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Trace or plan.
    pub kind: BaseKind,
    /// Its name as the sweep has it.
    pub name: String,
    /// The same from where the program runs.
    pub path: String,
    /// What its runs depend on, as a digest.
    content: String,
}

/// Trace or plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseKind {
    /// Stations move as they did.
    Trace,
    /// Stations are made by the seed.
    Plan,
}

impl BaseKind {
    /// The key in a sweep.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Plan => "plan",
        }
    }
}

/// An option of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it stands.
    pub place: KeyPlace,
    /// Its name, without dashes before it.
    pub key: String,
    /// What it is set to, each once.
    pub values: Vec<SettingValue>,
}

/// A value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingValue {
    /// As tables show it: `false` where the option is left out.
    pub shown: String,
    /// `None`: the option is left out. No words: it is a flag. The name of a file beside the sweep is its path.
    pub words: Option<Vec<String>>,
    /// The words, with the digest of a file in the place of its name.
    content: String,
}

/// Why a sweep cannot be used. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The file cannot be read.
    #[error(
        "{file}: cannot be read: {source}; a sweep is a TOML file, such as replay/plans/sweeps/town.toml"
    )]
    Open {
        /// The file as given.
        file: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is no sweep by its size alone.
    #[error("{file}: longer than {MAX_SWEEP_BYTES} bytes; a sweep has some dozens of lines")]
    TooLong {
        /// The file as given.
        file: String,
    },
    /// Something in it is not as it has to be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// One of its plans cannot be used.
    #[error("{place}: {source}")]
    Plan {
        /// Where it is named.
        place: KeyPlace,
        /// Why.
        source: Box<PlanError>,
    },
}

impl Sweep {
    /// Reads a sweep from a file; what it names is looked for beside it, and read for its digest.
    ///
    /// # Errors
    /// The first violation.
    pub fn read(path: &Path) -> Result<Self, SweepError> {
        let file = path.display().to_string();
        let text = match text_file::read(path, MAX_SWEEP_BYTES) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(SweepError::TooLong { file }),
            Err(source) => return Err(SweepError::Open { file, source }),
        };
        Self::parse(&file, &text)
    }

    /// Reads a sweep's text; errors name it `file`, and the files it names are looked for beside that.
    ///
    /// # Errors
    /// The first violation.
    pub fn parse(file: &str, text: &str) -> Result<Self, SweepError> {
        let document = Document::parse(Path::new(file), text)?;
        let right = |command: &str| format!("a sweep; a plan is run by: roadcast replay run {command}");
        document.refuse("scenario", "a plan's scenario", right(&format!("--plan {file}")))?;
        document.refuse("attack", "an attack", right(&format!("TRACE --attack {file}")))?;
        let top = document.top(TOP_KEYS)?;
        let given = top.table("sweep", SWEEP_KEYS)?;
        let table = top.need("sweep", given, "a table [sweep] with seeds, and trace or plan")?;
        table.string("about", "a text in quotes")?;
        let (traces, plans) = (names(&table, "trace")?, names(&table, "plan")?);
        if traces.is_empty() && plans.is_empty() {
            return Err(table.missing("trace", "trace or plan: the file to run, or a list of files").into());
        }
        let spans = seeds(&table)?;
        let settings = top.alternatives("settings", MAX_SETTINGS)?;
        bounded(&table, traces.len(), plans.len(), &spans, &settings)?;
        let seeds: Vec<u64> = spans.iter().flat_map(|(first, last)| *first..=*last).collect();
        let mut sorted = seeds.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(table
                .wrong("seeds", format!("{} twice", pair[0]), "each seed once".to_owned())
                .into());
        }
        let mut bases: Vec<Base> = Vec::new();
        for (kind, names) in [(BaseKind::Trace, traces), (BaseKind::Plan, plans)] {
            for name in names {
                let base = base(&table, kind, name)?;
                if let Some(other) = bases.iter().find(|other| other.content == base.content) {
                    let found = format!("{:?}, which is equal to {:?}", base.name, other.name);
                    return Err(table.wrong(kind.name(), found, "different files".to_owned()).into());
                }
                bases.push(base);
            }
        }
        let settings = settings.into_iter().map(|one| setting(&top, one)).collect::<Result<_, _>>()?;
        Ok(Self { file: file.to_owned(), bases, seeds, settings })
    }

    /// What determines all runs and their order, as a digest, hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |text: &str| add(&mut hash, text);
        put(IDENTITY);
        for base in &self.bases {
            put(base.kind.name());
            put(&base.content);
        }
        put("seeds");
        self.seeds.iter().for_each(|seed| put(&seed.to_string()));
        for setting in &self.settings {
            put("setting");
            put(&setting.key);
            for value in &setting.values {
                put(&value.shown);
                put(&value.content);
            }
        }
        hexadecimal(hash)
    }

    /// What determines one run, as the first 16 digits of a digest: not its place in the sweep, nor options that are left out.
    pub(super) fn identity(&self, base: usize, seed: u64, values: &[usize]) -> String {
        let mut hash = Sha256::new();
        let base = &self.bases[base];
        for text in [IDENTITY, base.kind.name(), &base.content, &seed.to_string()] {
            add(&mut hash, text);
        }
        let mut settings: Vec<_> = self.settings.iter().zip(values).collect();
        settings.sort_by_key(|(setting, _)| &setting.key);
        for (setting, value) in settings {
            let value = &setting.values[*value];
            if value.words.is_some() {
                add(&mut hash, &setting.key);
                add(&mut hash, &value.content);
            }
        }
        let mut digest = hexadecimal(hash);
        digest.truncate(ID_DIGITS);
        digest
    }
}

/// One name or several; none where the key is absent.
fn names(table: &Section<'_>, key: &'static str) -> Result<Vec<String>, SettingsError> {
    let right = "a file name in quotes, or a list of them";
    let names = if table.has(key) && !table.is_string(key) {
        table.strings(key, right)?.unwrap_or_default()
    } else {
        table.string(key, right)?.into_iter().collect()
    };
    for (number, name) in names.iter().enumerate() {
        if names[..number].contains(name) {
            return Err(table.wrong(key, format!("{name:?} twice"), "each file once".to_owned()));
        }
    }
    Ok(names)
}

/// First and last of each span of seeds.
fn seeds(table: &Section<'_>) -> Result<Vec<(u64, u64)>, SettingsError> {
    if table.has("seeds") && !table.is_string("seeds") {
        let seeds = table.integers("seeds", MAX_POINTS)?.unwrap_or_default();
        return Ok(seeds.into_iter().map(|seed| (seed, seed)).collect());
    }
    let text = table.need("seeds", table.string("seeds", SEEDS)?, SEEDS)?;
    let span = |word: &str| {
        let (first, last) = word.split_once("..").unwrap_or((word, word));
        let number = |word: &str| word.trim().trim_start_matches('=').parse::<u64>().ok();
        number(first).zip(number(last)).filter(|(first, last)| first <= last)
    };
    let spans: Option<Vec<_>> = text.split(',').map(span).collect();
    spans.ok_or_else(|| table.wrong("seeds", format!("{text:?}"), SEEDS.to_owned()))
}

/// Counts the points before any list is made of them.
fn bounded(
    table: &Section<'_>,
    traces: usize,
    plans: usize,
    spans: &[(u64, u64)],
    settings: &[Alternatives],
) -> Result<(), SettingsError> {
    let seeds: u128 = spans.iter().map(|(first, last)| u128::from(last - first) + 1).sum();
    let mut factors = vec![("seeds", seeds)];
    factors.extend([("trace", traces), ("plan", plans)].into_iter().filter(|(_, count)| *count > 0).map(
        // Traces and plans add up.
        |(key, count)| (key, count as u128),
    ));
    let bases = (traces + plans) as u128;
    let several = settings.iter().map(|one| (one.key.as_str(), one.values.len() as u128));
    let product =
        several.clone().fold(bases.saturating_mul(seeds), |all, (_, count)| all.saturating_mul(count));
    if product <= MAX_POINTS as u128 {
        return Ok(());
    }
    factors.extend(several.filter(|(_, count)| *count > 1));
    let factors: Vec<_> = factors.iter().map(|(key, count)| format!("{key}: {count}")).collect();
    let right = format!("at most {MAX_POINTS}: fewer values, or several sweeps");
    Err(table.wrong("seeds", format!("{product} points ({})", factors.join(", ")), right))
}

fn base(table: &Section<'_>, kind: BaseKind, name: String) -> Result<Base, SweepError> {
    let path = table.beside(&name);
    let unreadable = |right: &str| {
        table.wrong(
            kind.name(),
            format!("{:?}, which cannot be read", path.display().to_string()),
            right.to_owned(),
        )
    };
    let mut content = source::sha256(&path).ok_or_else(|| unreadable("a file beside the sweep"))?;
    if kind == BaseKind::Plan {
        let failed = |error| SweepError::Plan { place: table.place(kind.name()), source: Box::new(error) };
        let plan = Plan::read(&path).map_err(failed)?;
        // A profile in a file of its own is part of this.
        let mut hash = Sha256::new();
        add(&mut hash, &content);
        add(&mut hash, &format!("{:?}", plan.medium));
        if let Scenario::Trace(trace) = &plan.scenario {
            let gone = || unreadable("a plan whose trace is there");
            add(&mut hash, &source::sha256(&trace.file).ok_or_else(gone)?);
            for (role, file) in trace.reading.files() {
                let gone = || unreadable(&format!("a plan whose {role} ({}) can be read", file.display()));
                add(&mut hash, role);
                add(&mut hash, &source::sha256(file).ok_or_else(gone)?);
            }
        }
        content = hexadecimal(hash);
    }
    Ok(Base { kind, name, path: path.display().to_string(), content })
}

fn setting(top: &Section<'_>, one: Alternatives) -> Result<Setting, SettingsError> {
    let value = |words: Option<Vec<String>>| {
        let shown = match &words {
            None => "false".to_owned(),
            Some(words) if words.is_empty() => "true".to_owned(),
            Some(words) => words.join(" "),
        };
        let mut content = String::new();
        let words = words.map(|words| {
            let of = |word: String| {
                // As `only` has a file of names.
                let (mark, name) = word.strip_prefix('@').map_or(("", &*word), |name| ("@", name));
                let path = top.beside(name);
                let digest = path.is_file().then(|| source::sha256(&path)).flatten();
                content += digest.as_ref().unwrap_or(&word);
                content.push('\n');
                if digest.is_some() { format!("{mark}{}", path.display()) } else { word }
            };
            words.into_iter().map(of).collect()
        });
        SettingValue { shown, words, content }
    };
    let values: Vec<SettingValue> = one.values.into_iter().map(value).collect();
    for (number, value) in values.iter().enumerate() {
        let same = |other: &&SettingValue| {
            other.shown == value.shown
                || (other.words.is_some() && value.words.is_some() && other.content == value.content)
        };
        if let Some(other) = values[..number].iter().find(same) {
            let found = format!("{:?}, which is equal to {:?}", value.shown, other.shown);
            return Err(SettingsError::Wrong {
                place: one.place,
                found,
                right: "different values".to_owned(),
            });
        }
    }
    Ok(Setting { place: one.place, key: one.key, values })
}

/// Adds a text so that no two lists of texts are alike.
fn add(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Points of a sweep: as many reports in one folder, and rows of one table.
pub const MAX_POINTS: usize = 10_000;
const TOP_KEYS: &[&str] = &["sweep", "settings"];
const SWEEP_KEYS: &[&str] = &["about", "trace", "plan", "seeds"];
const SEEDS: &str = "seeds, each once: \"1..20\", \"1,2,5\" or [1, 2, 5]";
/// Before all that is hashed: another meaning of the same words is another identity.
const IDENTITY: &str = "roadcast sweep 1";
/// Two points of one sweep are never alike in so many.
const ID_DIGITS: usize = 16;
/// Options of a run are some dozens, and values of one a few.
const MAX_SETTINGS: usize = 1_000;
const MAX_SWEEP_BYTES: u64 = 1 << 20;
