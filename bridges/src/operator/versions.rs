//! What a unit has of each kind: which version runs, which is on its way, and below which none is taken.
//!
//! It is one file, replaced whole at each step, before the step it tells of. A version never goes down, over restarts and power
//! cuts too: the floor rises when applying begins, so what was begun is never followed by something older. A file that cannot
//! be read is an error and not a beginning at zero.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use v2x_core::WireTime;

use super::kind::ContentKind;
use super::manifest::{ContentHash, Manifest};
use super::whole;

/// What a unit has of all kinds, by the kinds' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    kinds: BTreeMap<String, KindStanding>,
}

/// What it has of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindStanding {
    /// The highest version that was begun to be applied; nothing below it is taken. 0: none.
    pub floor: u64,
    /// Hash of the content of that version.
    #[serde(default)]
    pub floor_hash: Option<String>,
    /// What runs.
    #[serde(default)]
    pub running: Option<RunningContent>,
    /// What is fetched, or being applied: its manifest, hex.
    #[serde(default)]
    pub pending: Option<String>,
    /// That applying has begun and not ended.
    #[serde(default)]
    pub applying: Option<ApplyJournal>,
    /// How the last attempt ended.
    #[serde(default)]
    pub last: Option<ApplyResult>,
}

/// Content that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningContent {
    /// Its version.
    pub version: u64,
    /// Its hash, hex.
    pub sha256: String,
    /// Since when, seconds since 1970 UTC.
    pub since_unix_s: u64,
}

/// What is needed to go back, should applying not end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyJournal {
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Files that it replaces or removes, once all of them were saved; before that, none was touched.
    #[serde(default)]
    pub saved: Vec<PathBuf>,
    /// Those of them that were not there before.
    #[serde(default)]
    pub absent: Vec<PathBuf>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyResult {
    /// The version.
    pub version: u64,
    /// Hash of its content, hex.
    pub sha256: String,
    /// When, seconds since 1970 UTC.
    pub at_unix_s: u64,
    /// `applied`, or the name of what went wrong.
    pub result: String,
    /// More about it, for people; at most [`LONGEST_DETAIL`] bytes.
    #[serde(default)]
    pub detail: String,
    /// Exit code of the command, where one ended by itself.
    #[serde(default)]
    pub exit: Option<i32>,
}

/// What a manifest means to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Its content is to be fetched and applied.
    Wanted,
    /// It runs already.
    Running,
}

/// Why a manifest is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// For another unit or group.
    #[error("it is for {0}, which is none of this unit's names")]
    NotForUs(String),
    /// Its time is over.
    #[error("it has ended; sign it anew (operator sign --days)")]
    Expired,
    /// An older one, sent again or kept back.
    #[error("version {offered} is below version {floor}, which was applied here: versions never go down")]
    Older {
        /// Its version.
        offered: u64,
        /// The lowest that is taken.
        floor: u64,
    },
    /// A second content under a version.
    #[error("version {0} was applied here with other content; give it a higher version")]
    OtherContent(u64),
    /// Longer than any that this unit takes.
    #[error("its content has {size} bytes, and at most {most} are taken")]
    TooLarge {
        /// Its length.
        size: u64,
        /// The longest that is taken.
        most: u64,
    },
    /// The configuration does not say what to do with it.
    #[error("nothing is configured here for {0}: see [operator.place] and [operator.apply]")]
    NotConfigured(ContentKind),
}

impl Refusal {
    /// Its name, for counters and programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotForUs(_) => "not_for_us",
            Self::Expired => "expired",
            Self::Older { .. } => "older",
            Self::OtherContent(_) => "other_content",
            Self::TooLarge { .. } => "too_large",
            Self::NotConfigured(_) => "not_configured",
        }
    }
}

/// Why the versions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VersionsError {
    /// Another program has them.
    #[error("{}: another roadcast-bridge is applying something; try again when it has ended", .0.display())]
    Busy(PathBuf),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "{}: damaged ({reason}); nothing is applied, because an older version could not be told from a newer: remove it to begin \
         anew with what the operator offers next", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Standing {
    /// What there is of a kind.
    #[must_use]
    pub fn of(&self, kind: ContentKind) -> KindStanding {
        self.kinds.get(kind.name()).cloned().unwrap_or_default()
    }

    /// Reads what is stored in a directory, which may be in use; nothing where nothing was stored yet.
    ///
    /// # Errors
    /// [`VersionsError`].
    pub fn read(directory: &Path) -> Result<Self, VersionsError> {
        let path = directory.join(FILE);
        let failed = |source| VersionsError::File { path: path.clone(), source };
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened.map_err(failed)?,
        };
        let mut text = String::new();
        let damaged = |reason: String| VersionsError::Damaged { path: path.clone(), reason };
        match file.take(LONGEST_FILE).read_to_string(&mut text) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged("not text".to_owned())),
            Err(error) => Err(failed(error)),
            Ok(_) => serde_json::from_str(&text).map_err(|error| damaged(error.to_string())),
        }
    }

    /// What a manifest means here. `names` are the unit's; `longest` is the longest content of its kind, `None` when nothing is
    /// configured for it.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn judge(
        &self,
        manifest: &Manifest,
        names: &[String],
        longest: Option<u64>,
        now: WireTime,
    ) -> Result<Judged, Refusal> {
        if !names.contains(&manifest.target) {
            return Err(Refusal::NotForUs(manifest.target.clone()));
        }
        let kind = self.of(manifest.kind);
        let offered = manifest.version;
        if offered < kind.floor {
            return Err(Refusal::Older { offered, floor: kind.floor });
        }
        if offered == kind.floor && kind.floor_hash.as_deref() != Some(&*manifest.hash.to_string()) {
            return Err(Refusal::OtherContent(offered));
        }
        if kind.running.is_some_and(|running| running.version == offered) {
            return Ok(Judged::Running);
        }
        if manifest.is_over(now) {
            return Err(Refusal::Expired);
        }
        let most = longest.ok_or(Refusal::NotConfigured(manifest.kind))?;
        if manifest.size > most {
            return Err(Refusal::TooLarge { size: manifest.size, most });
        }
        Ok(Judged::Wanted)
    }
}

/// The versions while this program alone may change them.
#[derive(Debug)]
pub struct Versions {
    directory: PathBuf,
    standing: Standing,
    _lock: Flock<File>,
}

impl Versions {
    /// Takes those of a directory, which is made when it is not there.
    ///
    /// # Errors
    /// [`VersionsError`].
    pub fn open(directory: &Path) -> Result<Self, VersionsError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| VersionsError::File { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed(directory))?;
        let path = directory.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = match Flock::lock(file.map_err(failed(&path))?, FlockArg::LockExclusiveNonblock) {
            Err((_, Errno::EWOULDBLOCK)) => return Err(VersionsError::Busy(directory.to_owned())),
            locked => locked.map_err(|(_, errno)| failed(&path)(errno.into()))?,
        };
        let standing = Standing::read(directory)?;
        Ok(Self { directory: directory.to_owned(), standing, _lock: lock })
    }

    /// What there is.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The directory that they are of.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A manifest is followed from now on; the former one that was pending is given up.
    ///
    /// # Errors
    /// It cannot be stored; then nothing has changed. So for all others.
    pub fn follow(&mut self, manifest: &Manifest) -> Result<(), VersionsError> {
        let hex = data_encoding::HEXLOWER.encode(manifest.encoded());
        self.change(manifest.kind, |kind| kind.pending = Some(hex))
    }

    /// Applying begins: the floor rises to this version. The number of the attempt.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn begin(&mut self, manifest: &Manifest) -> Result<u32, VersionsError> {
        let hash = manifest.hash.to_string();
        let before = self.standing.of(manifest.kind);
        let again = before.floor == manifest.version;
        let attempt = before.applying.filter(|_| again).map_or(0, |journal| journal.attempt) + 1;
        self.change(manifest.kind, |kind| {
            kind.floor = manifest.version;
            kind.floor_hash = Some(hash);
            kind.applying = Some(ApplyJournal { attempt, ..ApplyJournal::default() });
        })?;
        Ok(attempt)
    }

    /// The former files are kept beside their places, so that applying can be taken back from now on.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn saved(
        &mut self,
        kind: ContentKind,
        files: Vec<PathBuf>,
        absent: Vec<PathBuf>,
    ) -> Result<(), VersionsError> {
        self.change(kind, |kind| {
            if let Some(journal) = &mut kind.applying {
                (journal.saved, journal.absent) = (files, absent);
            }
        })
    }

    /// What was applied was taken back: all files are as before.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn taken_back(&mut self, kind: ContentKind) -> Result<(), VersionsError> {
        self.saved(kind, Vec::new(), Vec::new())
    }

    /// An attempt ended, before or after applying began.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn ended(&mut self, manifest: &Manifest, result: ApplyResult) -> Result<(), VersionsError> {
        let running = (result.result == APPLIED).then(|| RunningContent {
            version: manifest.version,
            sha256: manifest.hash.to_string(),
            since_unix_s: result.at_unix_s,
        });
        self.change(manifest.kind, |kind| {
            kind.pending = None;
            kind.applying = None;
            kind.last = Some(result);
            kind.running = running.or(kind.running.take());
        })
    }

    fn change(
        &mut self,
        kind: ContentKind,
        change: impl FnOnce(&mut KindStanding),
    ) -> Result<(), VersionsError> {
        let mut changed = self.standing.clone();
        change(changed.kinds.entry(kind.name().to_owned()).or_default());
        let path = self.directory.join(FILE);
        let text = serde_json::to_string_pretty(&changed).expect("text and numbers are JSON");
        whole::replace(&path, text.as_bytes(), 0o600)
            .map_err(|source| VersionsError::File { path, source })?;
        self.standing = changed;
        Ok(())
    }
}

impl KindStanding {
    /// The hash of what is pending or being applied, of the manifest's fields alone.
    #[must_use]
    pub fn pending_fields(&self) -> Option<(u64, ContentHash, u64)> {
        let bytes = data_encoding::HEXLOWER.decode(self.pending.as_ref()?.as_bytes()).ok()?;
        let message = super::manifest::parse(&bytes).ok()?;
        Some((message.version, ContentHash(message.sha256[..].try_into().ok()?), message.size))
    }
}

/// What [`ApplyResult::result`] says when nothing went wrong.
pub const APPLIED: &str = "applied";
/// The longest [`ApplyResult::detail`], bytes: the last lines of a command's output.
pub const LONGEST_DETAIL: usize = 2_048;
const FILE: &str = "versions.json";
const LOCK: &str = "lock";
/// Five kinds with their details and the files of a pool are below a tenth of it.
const LONGEST_FILE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::fixture::{Folder, NOW, manifest, manifest_for};
    use super::*;

    fn names() -> Vec<String> {
        vec!["rsu-7".to_owned(), "north".to_owned()]
    }

    fn judge(standing: &Standing, manifest: &Manifest) -> Result<Judged, Refusal> {
        standing.judge(manifest, &names(), Some(1_000), NOW)
    }

    fn result(manifest: &Manifest, result: &str) -> ApplyResult {
        ApplyResult {
            version: manifest.version,
            sha256: manifest.hash.to_string(),
            at_unix_s: 5,
            result: result.to_owned(),
            detail: String::new(),
            exit: None,
        }
    }

    fn apply(versions: &mut Versions, manifest: &Manifest, how: &str) {
        versions.follow(manifest).unwrap();
        versions.begin(manifest).unwrap();
        versions.ended(manifest, result(manifest, how)).unwrap();
    }

    #[test]
    fn a_version_never_goes_down_over_restarts_and_failures() {
        let folder = Folder::new();
        let [five, six, seven] =
            [5, 6, 7].map(|version| manifest(ContentKind::Software, version, &[version as u8]));
        let mut versions = Versions::open(folder.at()).unwrap();
        assert_eq!(judge(versions.standing(), &five), Ok(Judged::Wanted));
        apply(&mut versions, &six, APPLIED);
        drop(versions);

        let mut versions = Versions::open(folder.at()).unwrap();
        assert_eq!(judge(versions.standing(), &five), Err(Refusal::Older { offered: 5, floor: 6 }));
        assert_eq!(judge(versions.standing(), &six), Ok(Judged::Running));
        assert_eq!(judge(versions.standing(), &seven), Ok(Judged::Wanted));
        // What failed is no reason to go back, but it may be tried again.
        apply(&mut versions, &seven, "command_failed");
        let kind = versions.standing().of(ContentKind::Software);
        assert_eq!((kind.floor, kind.running.unwrap().version), (7, 6));
        assert_eq!(judge(versions.standing(), &seven), Ok(Judged::Wanted));
        assert_eq!(judge(versions.standing(), &six), Err(Refusal::Older { offered: 6, floor: 7 }));
        // Kinds are counted apart.
        let trust = manifest(ContentKind::Trust, 1, b"roots");
        assert_eq!(judge(versions.standing(), &trust), Ok(Judged::Wanted));
    }

    #[test]
    fn what_speaks_against_a_manifest_is_named() {
        let folder = Folder::new();
        let mut versions = Versions::open(folder.at()).unwrap();
        apply(&mut versions, &manifest(ContentKind::Software, 6, b"six"), APPLIED);
        let standing = versions.standing();
        let seven = manifest(ContentKind::Software, 7, b"seven");
        let group = manifest_for("north", ContentKind::Software, 7, b"seven");
        assert_eq!(judge(standing, &group), Ok(Judged::Wanted));
        let other = manifest_for("south", ContentKind::Software, 7, b"seven");
        assert_eq!(judge(standing, &other).unwrap_err().name(), "not_for_us");
        let changed = manifest(ContentKind::Software, 6, b"another six");
        assert_eq!(judge(standing, &changed), Err(Refusal::OtherContent(6)));
        let large = manifest(ContentKind::Software, 7, &[0; 1_001]);
        assert_eq!(judge(standing, &large), Err(Refusal::TooLarge { size: 1_001, most: 1_000 }));
        let late = standing.judge(&seven, &names(), Some(1_000), NOW + Duration::from_secs(3_600));
        assert_eq!(late, Err(Refusal::Expired));
        let nowhere = standing.judge(&seven, &names(), None, NOW);
        assert_eq!(nowhere, Err(Refusal::NotConfigured(ContentKind::Software)));
    }

    #[test]
    fn two_programs_do_not_apply_at_once() {
        let folder = Folder::new();
        let first = Versions::open(folder.at()).unwrap();
        let second = Versions::open(folder.at()).unwrap_err();
        assert!(matches!(second, VersionsError::Busy(_)), "{second}");
        drop(first);
        Versions::open(folder.at()).unwrap();
    }

    #[test]
    fn a_damaged_file_stops_everything_and_is_not_taken_for_a_new_one() {
        let folder = Folder::new();
        apply(&mut Versions::open(folder.at()).unwrap(), &manifest(ContentKind::Trust, 3, b"x"), APPLIED);
        let path = folder.path(FILE);
        let good = fs::read(&path).unwrap();
        for bad in
            [&b""[..], &good[..good.len() / 2], b"[]", b"{\"kinds\":{\"trust\":{\"floor\":-1}}}", &[0xff; 40]]
        {
            fs::write(&path, bad).unwrap();
            let error = Versions::open(folder.at()).unwrap_err().to_string();
            assert!(error.contains("damaged") && error.contains("remove it"), "{error}");
        }
        fs::write(&path, good).unwrap();
        assert_eq!(Standing::read(folder.at()).unwrap().of(ContentKind::Trust).floor, 3);
    }

    #[test]
    fn attempts_at_one_version_are_counted_until_one_ends() {
        let folder = Folder::new();
        let mut versions = Versions::open(folder.at()).unwrap();
        let [one, two] = [1, 2].map(|version| manifest(ContentKind::Software, version, b"x"));
        versions.follow(&one).unwrap();
        assert_eq!([versions.begin(&one).unwrap(), versions.begin(&one).unwrap()], [1, 2]);
        drop(versions);
        let mut versions = Versions::open(folder.at()).unwrap();
        assert_eq!(versions.begin(&one).unwrap(), 3);
        assert_eq!(versions.begin(&two).unwrap(), 1);
    }

    proptest! {
        // Each case waits for the disk some dozens of times.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn whatever_is_offered_the_floor_only_rises(
            offers in prop::collection::vec((1..20_u64, 0..4_u8, 0..3_u8), 1..12),
        ) {
            let folder = Folder::new();
            let mut versions = Versions::open(folder.at()).unwrap();
            let mut floor = 0;
            for (version, content, how) in offers {
                let manifest = manifest(ContentKind::Software, version, &[content]);
                if judge(versions.standing(), &manifest) == Ok(Judged::Wanted) {
                    versions.follow(&manifest).unwrap();
                    if how > 0 {
                        versions.begin(&manifest).unwrap();
                        let how = if how == 1 { APPLIED } else { "command_failed" };
                        versions.ended(&manifest, result(&manifest, how)).unwrap();
                    }
                }
                drop(versions);
                versions = Versions::open(folder.at()).unwrap();
                let kind = versions.standing().of(ContentKind::Software);
                prop_assert!(kind.floor >= floor);
                prop_assert!(kind.running.is_none_or(|running| running.version <= kind.floor));
                floor = kind.floor;
            }
        }
    }
}
