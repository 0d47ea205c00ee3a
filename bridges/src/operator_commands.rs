//! `roadcast-bridge operator`: keys, signing, checking, applying from a directory, pushing over a link, and what runs.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use clap::{Args, Subcommand};
use ed25519_dalek::VerifyingKey;
use serde_json::Value;
use v2x_core::WireTime;

use crate::clock;
use crate::config::Config;
use crate::error::BridgeError;
use crate::operator::bundle::{self, BundleError};
use crate::operator::error::OperatorError;
use crate::operator::kind::ContentKind;
use crate::operator::manifest::{HIGHEST_VERSION, Manifest, ManifestDraft, OperatorKeys};
use crate::operator::over_peers::PeerStreams;
use crate::operator::push::{self, PushEnd};
use crate::operator::source::DirectorySource;
use crate::operator::unit::{FollowError, Offered, Unit};
use crate::operator::versions::APPLIED;
use crate::peers::{OPERATOR_ALPN, PeerKey, Peers, make_key, read_key};

/// `roadcast-bridge operator ...`
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make the operator's key, or show its public half, which units name in operator.keys
    #[command(subcommand)]
    Keys(OperatorKeysCommand),
    /// Sign files as a bundle: a manifest, and the content named by its hash
    #[command(after_help = SIGN_HELP)]
    Sign(SignArgs),
    /// Check a bundle: signatures, ends, and content
    Verify(VerifyArgs),
    /// Apply what a directory has for this unit, such as a USB stick
    Apply(ApplyArgs),
    /// Give a bundle to a unit over its link, and wait for how it ends
    Push(PushArgs),
    /// Show what runs here, or at a peer
    Status(OperatorStatusArgs),
}

/// `roadcast-bridge operator keys ...`
#[derive(Debug, Subcommand)]
pub enum OperatorKeysCommand {
    /// Make a key, in a file that must not be there, and print its public half
    New {
        /// The file; it belongs on no unit, and offline between two signatures
        #[arg(long, value_name = "FILE", default_value = "operator.key")]
        out: PathBuf,
    },
    /// Print the public half of a key
    Show {
        /// The file
        #[arg(value_name = "FILE", default_value = "operator.key")]
        file: PathBuf,
    },
}

/// `roadcast-bridge operator sign`
#[derive(Args, Debug)]
pub struct SignArgs {
    /// The operator's key
    #[arg(long, value_name = "FILE", default_value = "operator.key")]
    key: PathBuf,
    /// The unit or group that it is for
    #[arg(long, value_name = "NAME")]
    target: String,
    /// What it is: revocation, trust, credentials, configuration or software
    #[arg(long, value_name = "KIND")]
    kind: ContentKind,
    /// Its version, higher than any of this kind before: units never take a lower one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=HIGHEST_VERSION))]
    version: u64,
    /// How long units may begin to take it, days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// Until when, instead of --days: ISO 8601, 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "days")]
    until: Option<WireTime>,
    /// Where the bundle goes
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The content; several files of PEM become one
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// `roadcast-bridge operator verify`
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The operator's public key, as `operator keys show` prints it
    #[arg(long, value_name = "KEY", required = true)]
    operator_key: Vec<String>,
    /// A bundle's directory, or one manifest
    #[arg(value_name = "PLACE")]
    place: PathBuf,
}

/// `roadcast-bridge operator apply`
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// The configuration of this unit's bridge
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A bundle's directory, or one manifest in it
    #[arg(value_name = "PLACE")]
    place: PathBuf,
}

/// `roadcast-bridge operator push`
#[derive(Args, Debug)]
pub struct PushArgs {
    /// The configuration of this machine's bridge
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The unit, a peer of the configuration
    #[arg(value_name = "PEER")]
    peer: String,
    /// A bundle's directory, or one manifest in it
    #[arg(value_name = "PLACE")]
    place: PathBuf,
}

/// `roadcast-bridge operator status`
#[derive(Args, Debug)]
pub struct OperatorStatusArgs {
    /// The configuration of this machine's bridge
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    /// Another unit, a peer of the configuration
    #[arg(value_name = "PEER")]
    peer: Option<String>,
}

/// Runs one of the commands.
///
/// # Errors
/// Bad input, or what was refused or failed.
pub async fn run(command: &OperatorCommand) -> Result<(), BridgeError> {
    match command {
        OperatorCommand::Keys(OperatorKeysCommand::New { out }) => {
            say(&PeerKey::of(&make_key(out)?).to_string())
        }
        OperatorCommand::Keys(OperatorKeysCommand::Show { file }) => {
            say(&PeerKey::of(&read_key(file)?).to_string())
        }
        OperatorCommand::Sign(args) => sign(args),
        OperatorCommand::Verify(args) => verify(args),
        OperatorCommand::Apply(args) => apply(args).await,
        OperatorCommand::Push(args) => push(args).await,
        OperatorCommand::Status(args) => status(args).await,
    }
}

fn sign(args: &SignArgs) -> Result<(), BridgeError> {
    let key = read_key(&args.key)?;
    let ends =
        args.until.unwrap_or_else(|| clock::now() + Duration::from_secs(u64::from(args.days) * 86_400));
    if ends <= clock::now() {
        return Err(OperatorError::Over.into());
    }
    let joined = Joined::of(&args.files, &args.out).map_err(OperatorError::from)?;
    let (hash, size) = bundle::measure(joined.path()).map_err(OperatorError::from)?;
    let draft = ManifestDraft {
        target: args.target.clone(),
        kind: args.kind,
        version: args.version,
        hash,
        size,
        ends,
    };
    let manifest = Manifest::sign(&draft, &key).map_err(OperatorError::Sign)?;
    let path = bundle::write(&args.out, &manifest, joined.path()).map_err(OperatorError::from)?;
    say(&format!("wrote {}", path.display()))?;
    say(&format!("wrote {}", args.out.join(hash.to_string()).display()))
}

/// Content of several files, one after another.
enum Joined<'a> {
    One(&'a Path),
    Several(PathBuf),
}

impl<'a> Joined<'a> {
    fn of(files: &'a [PathBuf], out: &Path) -> Result<Self, BundleError> {
        if let [one] = files {
            return Ok(Self::One(one));
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError::File { path, source }
        };
        fs::create_dir_all(out).map_err(failed(out))?;
        let mut bytes = Vec::new();
        for file in files {
            bytes.extend(fs::read(file).map_err(failed(file))?);
        }
        let path = out.join(format!("joined-{}", std::process::id()));
        let joined = Self::Several(path.clone());
        bundle::write_private(&path, &bytes).map_err(failed(&path))?;
        Ok(joined)
    }

    fn path(&self) -> &Path {
        match self {
            Self::One(path) => path,
            Self::Several(path) => path,
        }
    }
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        if let Self::Several(path) = self {
            // It may hold keys, and the bundle has them.
            drop(fs::remove_file(path));
        }
    }
}

fn verify(args: &VerifyArgs) -> Result<(), BridgeError> {
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for text in &args.operator_key {
        let key: PeerKey = text.parse().map_err(|error| OperatorError::Key(format!("{error}")))?;
        let key = VerifyingKey::from_bytes(key.as_bytes())
            .map_err(|error| OperatorError::Key(error.to_string()))?;
        keys.push(key);
    }
    let keys = OperatorKeys::new(keys).ok_or_else(|| OperatorError::Key("more than two".to_owned()))?;
    let found = bundle::manifests(&args.place).map_err(OperatorError::from)?;
    let mut failed = 0;
    for (path, bytes) in &found {
        let name = path.display();
        let verdict = match Manifest::read(bytes, &keys) {
            Err(error) => Err(error.to_string()),
            Ok(manifest) if manifest.is_over(clock::now()) => Err("it has ended".to_owned()),
            Ok(manifest) => {
                let content = bundle::directory_of(&args.place).join(manifest.hash.to_string());
                let good = bundle::check(&content, manifest.size, manifest.hash);
                good.map(|()| described(&manifest)).map_err(|error| error.to_string())
            }
        };
        failed += usize::from(verdict.is_err());
        say(&match verdict {
            Ok(text) => format!("{name}: good: {text}"),
            Err(error) => format!("{name}: {error}"),
        })?;
    }
    ended(failed, found.len())
}

async fn apply(args: &ApplyArgs) -> Result<(), BridgeError> {
    let (_, unit) = unit_of(&args.config)?;
    let mut failed = 0;
    let (mut wanted, mut others) = (Vec::new(), 0);
    let found = bundle::manifests(&args.place).map_err(OperatorError::from)?;
    for (path, bytes) in &found {
        match unit.hear(bytes, "directory") {
            Ok((manifest, Offered::Wanted)) => wanted.push(manifest),
            Ok((manifest, Offered::Running)) => say(&format!("{}: runs already", described(&manifest)))?,
            Ok((_, Offered::Kept)) => others += 1,
            Err(FollowError::Refused(refusal)) if refusal.name() == "not_for_us" => others += 1,
            Err(error) => {
                failed += 1;
                say(&format!("{}: {error}", path.display()))?;
            }
        }
    }
    if others > 0 {
        say(&format!("{others} for other units"))?;
    }
    for manifest in newest(&mut wanted) {
        say(&format!("{}: left, for a newer one is beside it", described(&manifest)))?;
    }
    for manifest in &wanted {
        let source = DirectorySource::new(bundle::directory_of(&args.place));
        let (good, text) = match unit.follow(manifest, Some(Box::new(source))).await {
            Ok(result) if result.result == APPLIED => (true, with_detail(APPLIED, &result.detail)),
            Ok(result) => (false, with_detail(&result.result, &result.detail)),
            Err(error) => (false, error.to_string()),
        };
        failed += usize::from(!good);
        say(&format!("{}: {text}", described(manifest)))?;
    }
    ended(failed, found.len())
}

async fn push(args: &PushArgs) -> Result<(), BridgeError> {
    let peers = dial(&args.config).await?;
    let found = bundle::manifests(&args.place).map_err(OperatorError::from)?;
    let (mut failed, mut others) = (0, 0);
    for (path, bytes) in &found {
        let (good, text) = match offer(&peers, &args.peer, bytes, &args.place).await? {
            PushEnd::Refused { reason, .. } if reason == "not_for_us" => {
                others += 1;
                continue;
            }
            PushEnd::Refused { reason, error } => (false, format!("{reason}: {error}")),
            PushEnd::Running => (true, "runs there already".to_owned()),
            PushEnd::Kept => (true, "for others; kept there for them".to_owned()),
            PushEnd::Ended(result) => (result.result == APPLIED, with_detail(&result.result, &result.detail)),
        };
        failed += usize::from(!good);
        say(&format!("{}: {text}", path.display()))?;
    }
    peers.close().await;
    if others > 0 {
        say(&format!("{others} for other units"))?;
    }
    ended(failed, found.len())
}

/// Offers one manifest, again and again while the link breaks and the unit gets further.
async fn offer(peers: &Peers, peer: &str, manifest: &[u8], place: &Path) -> Result<PushEnd, BridgeError> {
    let mut tries = 0;
    loop {
        let connection = match peers.connect(peer, OPERATOR_ALPN).await {
            Ok(connection) => connection,
            Err(error) if tries == 0 => return Err(OperatorError::Connect(error.to_string()).into()),
            Err(_) => {
                tries += 1;
                if tries > MOST_TRIES {
                    let gone = std::io::ErrorKind::NotConnected.into();
                    return Err(OperatorError::Link { peer: peer.to_owned(), source: gone }.into());
                }
                tokio::time::sleep(BETWEEN_TRIES).await;
                continue;
            }
        };
        let streams = PeerStreams(connection);
        let (mut accept, mut shown) = (streams.clone(), 0);
        let mut progress = |have: u64, size: u64| {
            let percent = have.saturating_mul(100) / size.max(1);
            if percent >= shown + 10 {
                shown = percent;
                eprintln!("{peer}: {percent} %");
            }
        };
        match push::push(&streams, &mut accept, manifest, place, &mut progress).await {
            Ok(PushEnd::Refused { reason, .. }) if reason == "broke" && tries < MOST_TRIES => tries += 1,
            Ok(end) => return Ok(end),
            Err(source) if tries >= MOST_TRIES => {
                return Err(OperatorError::Link { peer: peer.to_owned(), source }.into());
            }
            Err(error) => {
                eprintln!("{peer}: {error}; trying again");
                tries += 1;
            }
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

async fn status(args: &OperatorStatusArgs) -> Result<(), BridgeError> {
    let report = match &args.peer {
        None => {
            let (_, unit) = unit_of(&args.config)?;
            unit.look().await;
            unit.report()
        }
        Some(peer) => {
            let peers = dial(&args.config).await?;
            let connection = peers.connect(peer, OPERATOR_ALPN).await;
            let connection = connection.map_err(|error| OperatorError::Connect(error.to_string()))?;
            let report = push::report(&PeerStreams(connection)).await;
            peers.close().await;
            report.map_err(|source| OperatorError::Link { peer: peer.clone(), source })?
        }
    };
    if args.json {
        return say(&format!("{report:#}"));
    }
    table(&report).iter().try_for_each(|line| say(line))
}

/// Leaves the newest of each kind, what says who is believed first, and gives the others.
fn newest(manifests: &mut Vec<Manifest>) -> Vec<Manifest> {
    manifests.sort_by_key(|manifest| (manifest.kind, core::cmp::Reverse(manifest.version)));
    let mut older = Vec::new();
    manifests.dedup_by(|later, first| {
        let same = later.kind == first.kind;
        if same {
            older.push(later.clone());
        }
        same
    });
    older
}

/// A line for each kind that there is anything of.
fn table(report: &Value) -> Vec<String> {
    let kinds = report["kinds"].as_array().cloned().unwrap_or_default();
    let mut lines: Vec<String> = kinds.iter().filter_map(line).collect();
    if lines.is_empty() {
        lines.push("nothing came from the operator yet".to_owned());
    }
    lines.extend(report["error"].as_str().map(|error| format!("error: {error}")));
    lines
}

fn line(kind: &Value) -> Option<String> {
    let (text, number) = (|key: &str| kind[key].as_str(), |key: &str| kind[key].as_u64());
    let mut parts = Vec::new();
    if let Some(version) = number("version") {
        parts.push(format!("{version} since {}", when(number("since_unix_s").unwrap_or(0))));
    }
    if let Some(runs) = text("runs") {
        parts.push(format!("runs {runs}"));
    }
    if let Some(last) = number("last_version").filter(|_| text("last_result") != Some(APPLIED)) {
        let result = with_detail(text("last_result").unwrap_or("?"), text("last_detail").unwrap_or_default());
        parts.push(format!("{last} {result}"));
    }
    if let Some(pending) = number("pending") {
        let (have, size) = (number("have").unwrap_or(0), number("size").unwrap_or(0));
        parts.push(format!("{pending} on its way, {have} of {size} B"));
    }
    if let Some(newer) = number("known_newer") {
        parts.push(format!("{newer} is known of, by {}", text("known_from").unwrap_or("?")));
    }
    (!parts.is_empty()).then(|| format!("{:<14}{}", text("name").unwrap_or("?"), parts.join("; ")))
}

fn when(unix_s: u64) -> String {
    let time = i64::try_from(unix_s).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or_else(|| "?".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn described(manifest: &Manifest) -> String {
    let Manifest { target, kind, version, ends, .. } = manifest;
    let ends = ends.unix_micros().and_then(|micros| u64::try_from(micros / 1_000_000).ok()).unwrap_or(0);
    format!("{kind} {version} for {target}, until {}", when(ends))
}

fn with_detail(result: &str, detail: &str) -> String {
    // One line: what a command wrote may have many.
    let detail: Vec<&str> = detail.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if detail.is_empty() { result.to_owned() } else { format!("{result}: {}", detail.join(" | ")) }
}

fn ended(failed: usize, all: usize) -> Result<(), BridgeError> {
    if failed == 0 { Ok(()) } else { Err(OperatorError::Failed { failed, all }.into()) }
}

fn unit_of(file: &Path) -> Result<(Config, Arc<Unit>), BridgeError> {
    let config = Config::load(file)?;
    let Some(settings) = config.operator.clone() else {
        let right = "a table [operator] with keys and directory";
        return Err(OperatorError::NoTable { file: file.to_owned(), table: "[operator]", right }.into());
    };
    Ok((config, Unit::new(settings, clock::now)))
}

async fn dial(file: &Path) -> Result<Peers, BridgeError> {
    let config = Config::load(file)?;
    let (Some(settings), Some(key)) = (&config.peers, &config.bridge.key) else {
        let right = "[peers] and a [[peer]] for each unit";
        return Err(OperatorError::NoTable { file: file.to_owned(), table: "[peers]", right }.into());
    };
    Ok(Peers::dial_only(settings, &read_key(key)?).await?)
}

fn time(text: &str) -> Result<WireTime, String> {
    let right = "expected ISO 8601 with its offset, such as 2030-01-01T00:00:00Z";
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| right)?;
    WireTime::from_unix_micros(time.timestamp_micros()).ok_or_else(|| right.to_owned())
}

fn say(line: &str) -> Result<(), BridgeError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

const SIGN_HELP: &str = "Content of each kind:
  revocation     deltas, as `roadcast keys revoke` writes
  trust          root.cred and issuer.cred, a file for each place of the unit
  credentials    NAME-1.cred NAME-1.key NAME-2.cred ...: give the files together
  configuration  the daemon's file
  software       what the unit's command takes

Examples:
  roadcast-bridge operator sign --target rsu-7 --kind software --version 12 \\
      --days 14 --out stick bundle.raucb
  roadcast-bridge operator sign --target north --kind trust --version 3 \\
      --out stick keys/root.cred keys/issuer.cred";
/// How often a link that broke is tried again.
const MOST_TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_runs_is_a_line_for_each_kind_that_there_is_anything_of() {
        let kinds = json!({ "kinds": [
            { "name": "trust", "version": null },
            { "name": "software", "version": 12, "since_unix_s": 1_767_225_600, "runs": "v12", "last_version": 13,
              "last_result": "command_failed", "last_detail": "no\n room", "pending": 14, "have": 3, "size": 10,
              "known_newer": 15, "known_from": "air 0102" },
        ] });
        assert_eq!(
            table(&kinds),
            ["software      12 since 2026-01-01 00:00:00 UTC; runs v12; 13 command_failed: no | room; \
              14 on its way, 3 of 10 B; 15 is known of, by air 0102"]
        );
        assert_eq!(table(&json!({})), ["nothing came from the operator yet"]);
        let damaged = json!({ "error": "versions.json: damaged" });
        assert_eq!(table(&damaged)[1], "error: versions.json: damaged");
    }

    #[test]
    fn times_are_iso_8601_with_their_offset() {
        assert_eq!(time("2026-01-01T01:00:00+01:00"), time("2026-01-01T00:00:00Z"));
        for wrong in ["", "tomorrow", "2026-01-01", "1990-01-01T00:00:00Z"] {
            assert!(time(wrong).unwrap_err().contains("2030-01-01T00:00:00Z"), "{wrong}");
        }
    }
}
