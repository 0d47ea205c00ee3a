//! The operator's side of a unit: what it hears of, what it follows, and what it tells.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use v2x_core::WireTime;

use super::apply::{Applier, ApplyStop, software_running};
use super::fetch::{FetchFault, FetchStep};
use super::kind::ContentKind;
use super::manifest::{ContentHash, Manifest, ManifestError};
use super::part::{self, PartFile};
use super::settings::OperatorSettings;
use super::shelf::Shelf;
use super::source::{ContentSource, PieceFault};
use super::versions::{ApplyResult, Judged, Refusal, Standing, Versions, VersionsError};

/// A unit as its operator knows it.
#[derive(Debug)]
pub struct Unit {
    settings: OperatorSettings,
    clock: fn() -> WireTime,
    live: Mutex<Live>,
    /// One thing is applied at a time.
    job: Arc<tokio::sync::Mutex<()>>,
    /// Something newer was heard of.
    news: Notify,
    /// There is another manifest to be passed on.
    shelved: Notify,
    ending: AtomicBool,
}

#[derive(Debug, Default)]
struct Live {
    shelf: Shelf,
    newer: BTreeMap<ContentKind, Newer>,
    fetching: Option<Fetching>,
    counts: BTreeMap<&'static str, u64>,
    runs: Option<String>,
    fault: Option<&'static str>,
}

/// Something newer than what runs.
#[derive(Clone, Debug)]
struct Newer {
    version: u64,
    from: String,
}

#[derive(Clone, Copy, Debug)]
struct Fetching {
    kind: ContentKind,
    have: u64,
    size: u64,
}

/// What a manifest means to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Its content is wanted.
    Wanted,
    /// It runs already.
    Running,
    /// For others: it is kept for them.
    Kept,
}

/// Why a manifest is not followed, or its content does not run.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It is not the operator's.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It is not followed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something else is being applied.
    #[error("the unit is applying something else; try again when that has ended")]
    Busy,
    /// What the unit has cannot be read or written down.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// Its content did not come.
    #[error(transparent)]
    Piece(#[from] PieceFault),
    /// The disk.
    #[error("the disk: {0}")]
    Disk(#[from] io::Error),
    /// The program ends.
    #[error("the program ended while it was applied; it goes on with the next start")]
    Stopped,
}

impl From<ApplyStop> for FollowError {
    fn from(stop: ApplyStop) -> Self {
        match stop {
            ApplyStop::Versions(error) => Self::Versions(error),
            ApplyStop::Stopped => Self::Stopped,
        }
    }
}

impl FollowError {
    /// Its name, for counters and programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Manifest(error) => error.name(),
            Self::Refused(refusal) => refusal.name(),
            Self::Busy | Self::Versions(VersionsError::Busy(_)) => "busy",
            Self::Versions(VersionsError::Damaged { .. }) => "versions_damaged",
            Self::Versions(VersionsError::File { source, .. }) | Self::Disk(source)
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                "disk_full"
            }
            Self::Versions(_) | Self::Disk(_) => "disk",
            Self::Piece(fault) => fault.name(),
            Self::Stopped => "stopped",
        }
    }
}

impl Unit {
    /// A unit with these settings, by this clock.
    #[must_use]
    pub fn new(settings: OperatorSettings, clock: fn() -> WireTime) -> Arc<Self> {
        let shelf = Shelf::read(&settings.directory, &settings.keys, clock());
        let live = Mutex::new(Live { shelf, ..Live::default() });
        Arc::new(Self {
            settings,
            clock,
            live,
            job: Arc::default(),
            news: Notify::new(),
            shelved: Notify::new(),
            ending: AtomicBool::new(false),
        })
    }

    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> &OperatorSettings {
        &self.settings
    }

    /// Now, by its clock.
    #[must_use]
    pub fn now(&self) -> WireTime {
        (self.clock)()
    }

    /// What is being applied stops before its next step, and goes on with the next start.
    pub fn end(&self) {
        self.ending.store(true, Relaxed);
    }

    /// Waits until something newer was heard of.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Waits until there is another manifest to be passed on.
    pub async fn shelved(&self) {
        self.shelved.notified().await;
    }

    /// Judges a manifest that `from` has told of, and remembers it.
    ///
    /// # Errors
    /// Why it is not followed; counted by its name.
    pub fn hear(&self, bytes: &[u8], from: &str) -> Result<(Manifest, Offered), FollowError> {
        let heard = self.judge(bytes);
        let mut live = self.live();
        match &heard {
            Err(error) => *live.counts.entry(error.name()).or_default() += 1,
            Ok((manifest, offered)) => {
                let changed = live.shelf.put(manifest, self.now());
                if *offered == Offered::Wanted {
                    self.remember(&mut live, manifest, from);
                }
                if changed {
                    self.shelved.notify_one();
                    if let Err(error) = self.store(&live.shelf) {
                        tracing::warn!(target: "operator", "manifests cannot be stored: {error}");
                    }
                }
            }
        }
        heard
    }

    fn judge(&self, bytes: &[u8]) -> Result<(Manifest, Offered), FollowError> {
        let manifest = Manifest::read(bytes, &self.settings.keys)?;
        let standing = Standing::read(&self.settings.directory)?;
        let longest = self.settings.longest(manifest.kind);
        match standing.judge(&manifest, &self.settings.names, longest, self.now()) {
            Ok(Judged::Wanted) => Ok((manifest, Offered::Wanted)),
            Ok(Judged::Running) => Ok((manifest, Offered::Running)),
            Err(Refusal::NotForUs(_)) if self.settings.announce && !manifest.is_over(self.now()) => {
                Ok((manifest, Offered::Kept))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Whether a version was not tried before, or was cut short: what failed here is tried again when the operator offers it
    /// anew, and not each time a peer has it.
    #[must_use]
    pub fn is_untried(&self, manifest: &Manifest) -> bool {
        let standing = Standing::read(&self.settings.directory).unwrap_or_default().of(manifest.kind);
        standing.last.is_none_or(|last| last.version != manifest.version)
    }

    fn remember(&self, live: &mut Live, manifest: &Manifest, from: &str) {
        let known = live.newer.get(&manifest.kind).map_or(0, |newer| newer.version);
        if manifest.version > known {
            let newer = Newer { version: manifest.version, from: from.to_owned() };
            live.newer.insert(manifest.kind, newer);
            self.news.notify_one();
        }
    }

    fn store(&self, shelf: &Shelf) -> io::Result<()> {
        std::fs::create_dir_all(&self.settings.directory)?;
        shelf.write(&self.settings.directory)
    }

    /// Manifests to be passed on, those of this unit and of others; what came last is first.
    #[must_use]
    pub fn manifests(&self) -> Vec<Manifest> {
        let mut manifests: Vec<Manifest> = self.live().shelf.iter(self.now()).cloned().collect();
        manifests.reverse();
        manifests
    }

    /// The file of content that may be given to peers, and its length: whole, and not secret.
    #[must_use]
    pub fn content(&self, hash: ContentHash) -> Option<(PathBuf, u64)> {
        let may = self.live().shelf.iter(self.now()).any(|it| it.hash == hash && it.kind.may_be_passed_on());
        let path = part::path_of(&self.settings.directory, hash);
        let length = std::fs::metadata(&path).ok().filter(|_| may)?.len();
        Some((path, length))
    }

    /// Fetches and applies a manifest's content, on a thread of its own: files and commands do not hold up the links. How it
    /// ended is stored too.
    ///
    /// # Errors
    /// It did not come to that; what came of it is kept for the next time.
    pub async fn follow(
        self: &Arc<Self>,
        manifest: &Manifest,
        source: Option<Box<dyn ContentSource>>,
    ) -> Result<ApplyResult, FollowError> {
        let place = Arc::clone(&self.job).try_lock_owned().map_err(|_| FollowError::Busy)?;
        let (unit, manifest) = (Arc::clone(self), manifest.clone());
        let (tell, told) = oneshot::channel();
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let followed = runtime
                .map_err(FollowError::from)
                .and_then(|runtime| runtime.block_on(unit.follow_here(&manifest, source)));
            unit.live().fetching = None;
            drop(place);
            // Who asked may have gone; how it ended is stored.
            drop(tell.send(followed));
        };
        std::thread::Builder::new().name("operator".to_owned()).spawn(work)?;
        told.await.unwrap_or(Err(FollowError::Stopped))
    }

    async fn follow_here(
        &self,
        manifest: &Manifest,
        source: Option<Box<dyn ContentSource>>,
    ) -> Result<ApplyResult, FollowError> {
        let mut versions = Versions::open(&self.settings.directory)?;
        let (now, stop) = (|| self.now(), |_: &'static str| self.ending.load(Relaxed));
        let applier = Applier { settings: &self.settings, now: &now, stop: &stop };
        applier.recover(&mut versions)?;
        let longest = self.settings.longest(manifest.kind);
        let judged = versions.standing().judge(manifest, &self.settings.names, longest, self.now())?;
        if let (Judged::Running, Some(last)) = (judged, versions.standing().of(manifest.kind).last) {
            return Ok(last);
        }
        versions.follow(manifest)?;
        let fetched = self.fetch(manifest, source).await;
        // Of a source, which says nothing about the content: another may do better.
        self.live().fault = fetched.as_ref().err().map(FollowError::name);
        fetched?;
        let result = applier.apply(manifest, &mut versions).await?;
        self.look().await;
        self.live().newer.retain(|kind, newer| *kind != manifest.kind || newer.version > manifest.version);
        self.tidy(&versions)?;
        Ok(result)
    }

    async fn fetch(
        &self,
        manifest: &Manifest,
        source: Option<Box<dyn ContentSource>>,
    ) -> Result<(), FollowError> {
        let directory = &self.settings.directory;
        if part::is_whole(directory, manifest)? {
            return Ok(());
        }
        let mut source = source.ok_or(PieceFault::Lacks)?;
        let began = Instant::now();
        // What was kept over a power cut may be damaged: then all of it once more.
        for attempt in 0..2 {
            let (mut part, mut fetch) = PartFile::open(directory, manifest, began.elapsed())?;
            let kept = fetch.have();
            let came = loop {
                match fetch.next(began.elapsed()) {
                    Err(fault) => break Err(PieceFault::Fetch(fault)),
                    Ok(FetchStep::Whole) => break fetch.finish().map_err(PieceFault::Fetch),
                    Ok(FetchStep::Wait) => break Err(PieceFault::Broke("a piece came short".to_owned())),
                    Ok(FetchStep::Ask(piece)) => {
                        let mut sink = |bytes: &[u8]| {
                            if self.ending.load(Relaxed) {
                                return Err(PieceFault::Broke("this program ends".to_owned()));
                            }
                            let now = began.elapsed();
                            fetch.take(bytes, now)?;
                            part.append(bytes).map_err(PieceFault::Disk)?;
                            self.progress(manifest, fetch.have());
                            Ok(fetch.in_time(now)?)
                        };
                        if let Err(fault) = source.piece(manifest.hash, piece, &mut sink).await {
                            break Err(fault);
                        }
                    }
                }
            };
            match came {
                Ok(()) => return part.finish().map(drop).map_err(FollowError::Disk),
                Err(PieceFault::Fetch(FetchFault::WrongHash)) => {
                    part.discard()?;
                    if attempt > 0 || kept == 0 {
                        return Err(PieceFault::Fetch(FetchFault::WrongHash).into());
                    }
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(PieceFault::Fetch(FetchFault::WrongHash).into())
    }

    fn progress(&self, manifest: &Manifest, have: u64) {
        let Manifest { kind, size, .. } = *manifest;
        self.live().fetching = Some(Fetching { kind, have, size });
    }

    /// How far the content that is being fetched is: bytes that are there, and all.
    #[must_use]
    pub fn fetching(&self) -> Option<(u64, u64)> {
        self.live().fetching.map(|fetching| (fetching.have, fetching.size))
    }

    fn runs_now(&self, software: Option<String>) {
        if software.is_some() {
            self.live().runs = software;
        }
    }

    /// Keeps the content of what is pending, and of what runs where peers may have it.
    fn tidy(&self, versions: &Versions) -> io::Result<()> {
        let mut kept = Vec::new();
        for kind in ContentKind::ALL {
            let standing = versions.standing().of(kind);
            kept.extend(standing.pending_fields().map(|(_, hash, _)| hash));
            let running = standing.running.filter(|_| kind.may_be_passed_on());
            kept.extend(running.and_then(|running| ContentHash::parse(&running.sha256)));
        }
        part::tidy(&self.settings.directory, &kept)
    }

    /// Asks what software runs, where a command says so.
    pub async fn look(&self) {
        self.runs_now(software_running(&self.settings.commands).await);
    }

    /// Goes on with what an earlier run left: takes back what was in the middle, and applies what had come whole.
    pub async fn resume(self: &Arc<Self>) {
        self.look().await;
        let standing = match Standing::read(&self.settings.directory) {
            Ok(standing) => standing,
            Err(error) => {
                tracing::error!(target: "operator", "{error}");
                return;
            }
        };
        for kind in ContentKind::ALL {
            let Some(hex) = standing.of(kind).pending else { continue };
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
            let Ok(manifest) = Manifest::read(&bytes, &self.settings.keys) else { continue };
            match self.follow(&manifest, None).await {
                Ok(result) => tell(&manifest, &result),
                Err(FollowError::Piece(PieceFault::Lacks)) => {
                    tracing::info!(target: "operator", "{kind} {}: waits for a source", manifest.version);
                }
                Err(error) => tracing::warn!(target: "operator", "{kind} {}: {error}", manifest.version),
            }
        }
    }

    /// What runs here, for the operator and for `{"bridge":"status"}`.
    #[must_use]
    pub fn report(&self) -> Value {
        let standing = Standing::read(&self.settings.directory);
        let live = self.live();
        let error = standing.as_ref().err().map(ToString::to_string);
        let standing = standing.unwrap_or_default();
        let kinds = ContentKind::ALL.map(|kind| {
            let state = standing.of(kind);
            let pending = state.pending_fields();
            let newer = live.newer.get(&kind).filter(|newer| newer.version > state.floor);
            let fetching = live.fetching.filter(|fetching| fetching.kind == kind);
            let running = state.running.as_ref();
            let last = state.last.as_ref();
            json!({
                "name": kind.name(),
                "version": running.map(|it| it.version),
                "sha256": running.map(|it| &it.sha256),
                "since_unix_s": running.map(|it| it.since_unix_s),
                "floor": state.floor,
                "runs": live.runs.as_ref().filter(|_| kind == ContentKind::Software),
                "pending": pending.map(|(version, ..)| version),
                "have": fetching.map(|it| it.have)
                    .or_else(|| pending.map(|(_, hash, _)| part::have(&self.settings.directory, hash))),
                "size": fetching.map(|it| it.size).or_else(|| pending.map(|(_, _, size)| size)),
                "applying": state.applying.is_some(),
                "last_version": last.map(|it| it.version),
                "last_result": last.map(|it| &it.result),
                "last_detail": last.map(|it| &it.detail).filter(|detail| !detail.is_empty()),
                "last_exit": last.and_then(|it| it.exit),
                "last_unix_s": last.map(|it| it.at_unix_s),
                "known_newer": newer.map(|it| it.version),
                "known_from": newer.map(|it| &it.from),
            })
        });
        json!({
            "names": self.settings.names,
            "kinds": kinds,
            "manifests": live.shelf.iter(self.now()).count(),
            "refused": live.counts,
            "fetch_fault": live.fault,
            "error": error,
        })
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line in the log about how it ended.
pub fn tell(manifest: &Manifest, result: &ApplyResult) {
    let (kind, version, ApplyResult { result, detail, .. }) = (manifest.kind, manifest.version, result);
    if result == super::versions::APPLIED {
        tracing::info!(target: "operator", "{kind} {version}: applied");
    } else {
        tracing::warn!(target: "operator", "{kind} {version}: {result}: {detail}");
    }
}
