//! Applying: content that is whole becomes what runs, or what ran before stays.
//!
//! Each step that lasts is written down before it is taken, so after a power cut at any of them the next start finds either
//! nothing to do, or what to take back and begin again. What was begun and cut short is tried [`MOST_ATTEMPTS`] times.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use v2x_core::WireTime;

use super::command::{CommandEnd, CommandError, Exit};
use super::daemon::{self, DaemonError};
use super::kind::ContentKind;
use super::manifest::{ContentHash, Manifest};
use super::place::{self, PlaceError};
use super::settings::{ApplyCommands, OperatorSettings};
use super::unpack::{ContentError, Layout, unpack};
use super::versions::{APPLIED, ApplyResult, LONGEST_DETAIL, Versions, VersionsError};
use super::{part, whole};

/// What applies content of one unit.
#[derive(Clone, Copy)]
pub struct Applier<'a> {
    /// The unit's settings.
    pub settings: &'a OperatorSettings,
    /// The clock.
    pub now: &'a dyn Fn() -> WireTime,
    /// Asked before each step, with its name: whether the program is to end now.
    pub stop: &'a dyn Fn(&'static str) -> bool,
}

/// Why applying did not come to an end, good or bad.
#[derive(Debug, thiserror::Error)]
pub enum ApplyStop {
    /// What is done cannot be written down.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// The program ends; it goes on with the next start.
    #[error("the program ended while it was applied; it goes on with the next start")]
    Stopped,
}

/// Why content does not run.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Content(#[from] ContentError),
    #[error("the file of its content: {0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Place(#[from] PlaceError),
    #[error("{0}")]
    Missing(#[from] CommandError),
    #[error("{what} ended with {}: {output}", shown(*exit))]
    Command { what: &'static str, exit: Exit, output: String },
    #[error("the check found more wrong with it ({}) than before: {output}", shown(*exit))]
    Check { exit: Exit, output: String },
    #[error("{0}")]
    Daemon(DaemonError),
    #[error("it was begun {MOST_ATTEMPTS} times and never ended")]
    Interrupted,
    #[error(transparent)]
    Stop(#[from] ApplyStop),
}

impl From<VersionsError> for Fault {
    fn from(error: VersionsError) -> Self {
        Self::Stop(error.into())
    }
}

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Content(_) => "bad_content",
            Self::Disk(error) | Self::Place(PlaceError { source: error, .. })
                if error.kind() == io::ErrorKind::StorageFull =>
            {
                "disk_full"
            }
            Self::Disk(_) | Self::Place(_) => "disk",
            Self::Missing(_) => "command_missing",
            Self::Command { exit: Exit::TooLong, .. } => "command_too_long",
            Self::Command { .. } => "command_failed",
            Self::Check { .. } => "check_failed",
            Self::Daemon(_) => "daemon_refused",
            Self::Interrupted | Self::Stop(_) => "interrupted",
        }
    }

    const fn exit(&self) -> Option<i32> {
        match self {
            Self::Command { exit, .. } | Self::Check { exit, .. } => exit.code(),
            _ => None,
        }
    }
}

impl Applier<'_> {
    /// Takes back what an earlier run left in the middle. To be done before anything else.
    ///
    /// # Errors
    /// It cannot be taken back, or not be written down.
    pub fn recover(&self, versions: &mut Versions) -> Result<(), ApplyStop> {
        for kind in ContentKind::ALL {
            let journal = versions.standing().of(kind).applying.filter(|journal| !journal.saved.is_empty());
            let Some(journal) = journal else { continue };
            let failed = |PlaceError { path, source }| VersionsError::File { path, source };
            place::take_back(&journal).map_err(failed)?;
            versions.taken_back(kind)?;
        }
        Ok(())
    }

    /// Applies content that is whole in the directory of the versions, and writes down how it ended. What was before runs on
    /// when it cannot be used.
    ///
    /// # Errors
    /// [`ApplyStop`]: it did not end.
    pub async fn apply(
        &self,
        manifest: &Manifest,
        versions: &mut Versions,
    ) -> Result<ApplyResult, ApplyStop> {
        self.step("begin")?;
        let attempt = versions.begin(manifest)?;
        self.step("begun")?;
        let content = part::path_of(versions.directory(), manifest.hash);
        let done = if attempt > MOST_ATTEMPTS {
            Err(Fault::Interrupted)
        } else if manifest.kind == ContentKind::Software {
            self.software(&content, manifest, attempt).await
        } else {
            self.built_in(&content, manifest, versions).await
        };
        let (result, exit, detail) = match done {
            Ok(end) => (APPLIED, end.exit.code(), end.output),
            Err(Fault::Stop(stop)) => return Err(stop),
            Err(fault) => (fault.name(), fault.exit(), fault.to_string()),
        };
        let result = ApplyResult {
            version: manifest.version,
            sha256: manifest.hash.to_string(),
            at_unix_s: unix_s((self.now)()),
            result: result.to_owned(),
            detail: cut(detail),
            exit,
        };
        self.step("end")?;
        versions.ended(manifest, result.clone())?;
        self.step("ended")?;
        Ok(result)
    }

    async fn software(&self, content: &Path, manifest: &Manifest, attempt: u32) -> Result<CommandEnd, Fault> {
        // A bundle may start this program anew: the attempt that was cut short may have been the one that installed it.
        if attempt > 1
            && software_running(&self.settings.commands)
                .await
                .is_some_and(|runs| runs == manifest.version.to_string())
        {
            return Ok(done(String::new()));
        }
        self.step("run")?;
        let Some(line) = &self.settings.commands.software else { return Ok(done(String::new())) };
        let end = line.run(content, self.settings.commands.longest).await?;
        self.step("ran")?;
        succeeded("the command", end)
    }

    async fn built_in(
        &self,
        content: &Path,
        manifest: &Manifest,
        versions: &mut Versions,
    ) -> Result<CommandEnd, Fault> {
        let bytes = zeroizing(fs::read(content)?);
        if ContentHash::of(&bytes) != manifest.hash {
            return Err(io::Error::other("damaged since it was fetched").into());
        }
        let layout = unpack(manifest.kind, &bytes, &self.settings.places, (self.now)())?;
        let before = self.check(self.settings.places.configuration.as_deref()).await?;
        if manifest.kind == ContentKind::Configuration {
            self.check_candidate(&layout, before.as_ref()).await?;
        }
        let (saved, absent) = place::save(&layout)?;
        self.step("save")?;
        versions.saved(manifest.kind, saved, absent)?;
        self.step("saved")?;
        let placed = self.put(manifest.kind, &layout, before.as_ref()).await;
        let fault = match placed {
            Ok(end) => return Ok(end),
            Err(Fault::Stop(stop)) => return Err(stop.into()),
            Err(fault) => fault,
        };
        let journal = versions.standing().of(manifest.kind).applying.unwrap_or_default();
        place::take_back(&journal)?;
        versions.taken_back(manifest.kind)?;
        // As before; what speaks against it is told already.
        drop(self.tell(manifest.kind).await);
        Err(fault)
    }

    /// Everything in its place, checked and told.
    async fn put(
        &self,
        kind: ContentKind,
        layout: &Layout,
        before: Option<&CommandEnd>,
    ) -> Result<CommandEnd, Fault> {
        for step in 0..place::steps(layout) {
            place::put(layout, step)?;
            self.step("put")?;
        }
        if kind != ContentKind::Configuration {
            let after = self.check(self.settings.places.configuration.as_deref()).await?;
            no_worse(before, after)?;
        }
        let told = self.tell(kind).await?;
        self.step("told")?;
        Ok(done(told))
    }

    /// A configuration beside its place, so that its paths lead where they will.
    async fn check_candidate(&self, layout: &Layout, before: Option<&CommandEnd>) -> Result<(), Fault> {
        for file in &layout.files {
            let candidate = whole::beside(&file.path, "candidate.toml");
            whole::replace(&candidate, &file.bytes, 0o600)?;
            let checked = self.check(Some(&candidate)).await;
            whole::remove(&candidate)?;
            no_worse(before, checked?)?;
        }
        Ok(())
    }

    async fn check(&self, configuration: Option<&Path>) -> Result<Option<CommandEnd>, Fault> {
        let (Some(line), Some(file)) = (&self.settings.commands.check, configuration) else {
            return Ok(None);
        };
        Ok(Some(line.run(file, SHORT_COMMAND).await?))
    }

    /// Tells the daemon, and what is to be known of it.
    async fn tell(&self, kind: ContentKind) -> Result<String, Fault> {
        if kind == ContentKind::Configuration {
            return self.restart().await;
        }
        let Some(socket) = &self.settings.daemon else { return Ok(NOBODY_TOLD.to_owned()) };
        match daemon::ask(socket, r#"{"station":"reload"}"#).await {
            Ok(_) => Ok(String::new()),
            Err(DaemonError::NoDaemon(_)) => Ok(NOBODY_TOLD.to_owned()),
            Err(refused) => Err(Fault::Daemon(refused)),
        }
    }

    async fn restart(&self) -> Result<String, Fault> {
        let Some(line) = &self.settings.commands.restart else { return Ok(NOBODY_TOLD.to_owned()) };
        let file = self.settings.places.configuration.clone().unwrap_or_default();
        succeeded("the restart", line.run(&file, self.settings.commands.longest).await?)?;
        let Some(socket) = &self.settings.daemon else { return Ok(String::new()) };
        let mut tries = 0;
        loop {
            match daemon::ask(socket, r#"{"station":"status"}"#).await {
                Ok(_) => return Ok(String::new()),
                Err(error) if tries == RESTART_TRIES => return Err(Fault::Daemon(error)),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(RESTART_PAUSE).await;
        }
    }

    fn step(&self, name: &'static str) -> Result<(), ApplyStop> {
        if (self.stop)(name) { Err(ApplyStop::Stopped) } else { Ok(()) }
    }
}

impl core::fmt::Debug for Applier<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Applier").finish_non_exhaustive()
    }
}

/// What software runs, by the command that says so.
pub async fn software_running(commands: &ApplyCommands) -> Option<String> {
    let line = commands.software_running.as_ref()?;
    let end = line.run(Path::new(""), SHORT_COMMAND).await.ok()?;
    let first = end.output.lines().next()?.trim();
    (end.exit == Exit::Code(0) && !first.is_empty()).then(|| first.chars().take(64).collect())
}

/// A check that ends worse than it did before the change speaks against it; faults of the machine that were there before do not.
fn no_worse(before: Option<&CommandEnd>, after: Option<CommandEnd>) -> Result<(), Fault> {
    let Some(CommandEnd { exit, output }) = after else { return Ok(()) };
    let worst = i32::MAX;
    let code = |exit: Exit| exit.code().unwrap_or(worst);
    let was = before.map_or(0, |before| code(before.exit));
    if code(exit) == worst || code(exit) > was { Err(Fault::Check { exit, output }) } else { Ok(()) }
}

fn succeeded(what: &'static str, end: CommandEnd) -> Result<CommandEnd, Fault> {
    let CommandEnd { exit, output } = end;
    if exit == Exit::Code(0) {
        Ok(CommandEnd { exit, output })
    } else {
        Err(Fault::Command { what, exit, output })
    }
}

fn done(output: String) -> CommandEnd {
    CommandEnd { exit: Exit::Code(0), output }
}

fn shown(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("code {code}"),
        Exit::Signal => "a signal".to_owned(),
        Exit::TooLong => "its time over".to_owned(),
    }
}

/// Seconds since 1970 UTC.
fn unix_s(now: WireTime) -> u64 {
    now.unix_micros().and_then(|micros| u64::try_from(micros / 1_000_000).ok()).unwrap_or(0)
}

/// The end of a text of any length.
fn cut(text: String) -> String {
    let from = text.len().saturating_sub(LONGEST_DETAIL);
    let from = (from..=text.len()).find(|place| text.is_char_boundary(*place)).unwrap_or(0);
    text[from..].to_owned()
}

fn zeroizing(bytes: Vec<u8>) -> ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing<Vec<u8>> {
    bytes.into()
}

/// How often applying is begun that was cut short.
pub const MOST_ATTEMPTS: u32 = 3;
const NOBODY_TOLD: &str = "no daemon was told; in force when it starts";
/// A check, or a question.
const SHORT_COMMAND: Duration = Duration::from_secs(60);
/// How long a daemon that was started again is waited for.
const RESTART_TRIES: u32 = 60;
const RESTART_PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
