//! `roadcast keys show`: a credential as text.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use radio_adapters::clock;
use v2x_core::{CredentialError, Open as _, Permissions, TrustStore, WireTime, credential_hash};
use v2x_proto::credential::CredentialView;
use v2x_proto::v1::StationClass;
use v2x_proto::{AreaView, Digest};

use super::files::{ISSUER, ROOT, is_delta, is_key};
use crate::civil::{in_words, utc};
use crate::error::Error;
use crate::key_files::{KeyFileError, load_trust, read_credential, read_encryption_key, read_key};

/// `roadcast keys show`
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// A credential or a revocation delta; for a private key only the public half is shown
    file: PathBuf,
    /// A root to check the chain with; may be given more than once
    #[arg(long, value_name = "FILE")]
    root: Vec<PathBuf>,
    /// An issuer to check the chain with; may be given more than once
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), Error> {
    if is_key(&args.file) {
        if let Ok(key) = read_encryption_key(&args.file) {
            writeln!(out, "{}: private key, X25519", args.file.display())?;
            writeln!(out, "encryption   {}", hex(&key.public_key()))?;
            return Ok(());
        }
        let key = read_key(&args.file)?;
        writeln!(out, "{}: private key, Ed25519", args.file.display())?;
        writeln!(out, "public key   {}", hex(key.verifying_key().as_bytes()))?;
        return Ok(());
    }
    if is_delta(&args.file) {
        let (roots, issuers) = (or_beside(args, &args.root, ROOT), or_beside(args, &args.issuer, ISSUER));
        return super::revoke::show(&args.file, &roots, &issuers, out);
    }
    let bytes = read_credential(&args.file).map_err(|error| match error {
        KeyFileError::File { path, source } if source.kind() == ErrorKind::NotFound => {
            let beside = credentials_beside(&path);
            KeyFileError::NoCredential { path, beside }
        }
        error => error,
    })?;
    let malformed = |error: v2x_proto::credential::CredentialError| KeyFileError::Credential {
        path: args.file.clone(),
        source: CredentialError::from(error),
    };
    let view = CredentialView::parse(&bytes).map_err(malformed)?;
    let fields = &view.fields;
    let permissions = Permissions(fields.permissions);
    let kind = match (fields.issuer, permissions.contains(Permissions::ISSUE)) {
        (None, _) => "root",
        (Some(_), true) => "issuer",
        (Some(_), false) => "station",
    };
    let from = WireTime::from_secs(fields.not_before_s);
    let until = from + core::time::Duration::from_secs(u64::from(fields.duration_min) * 60);
    writeln!(out, "{}: credential of a {kind}, {} bytes", args.file.display(), bytes.len())?;
    writeln!(out, "digest       {}", Digest::of_hash(&credential_hash(&bytes)))?;
    match fields.issuer {
        Some(issuer) => writeln!(out, "issuer       {issuer}")?,
        None => writeln!(out, "issuer       itself")?,
    }
    writeln!(out, "class        {}", class_name(fields.station_class))?;
    writeln!(out, "valid        {} to {}", utc(from), utc(until))?;
    writeln!(out, "permissions  {}", words(permissions))?;
    writeln!(
        out,
        "region       {}",
        fields.region.as_ref().map_or_else(|| "wherever its issuer is valid".into(), region)
    )?;
    writeln!(out, "public key   {}", hex(&fields.public_key))?;
    if let Some(key) = &fields.encryption_key {
        writeln!(out, "encryption   {}", hex(key))?;
    }
    writeln!(out, "revocation   series {}", fields.revocation_series)?;
    let now = clock::wire_time_us();
    chain(args, kind, &bytes, WireTime::from_micros(now), (from, until), out)
}

/// Names of the first few credentials in the directory of a file that is not there.
fn credentials_beside(path: &Path) -> String {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".cred")).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(MOST_SHOWN);
    names.truncate(MOST_SHOWN);
    match (names.is_empty(), more) {
        (true, _) => format!("no credentials in {}", directory.display()),
        (false, 0) => format!("there are {}", names.join(", ")),
        (false, more) => format!("there are {} and {more} more", names.join(", ")),
    }
}

/// Checks the chain when there is something to check it with.
fn chain(
    args: &ShowArgs,
    kind: &str,
    bytes: &[u8],
    now: WireTime,
    (from, until): (WireTime, WireTime),
    out: &mut dyn Write,
) -> Result<(), Error> {
    let roots = or_beside(args, &args.root, ROOT);
    let mut issuers = if kind == "station" { or_beside(args, &args.issuer, ISSUER) } else { Vec::new() };
    if roots.is_empty() || (kind == "station" && issuers.is_empty()) {
        writeln!(out, "chain        not checked: give --root and --issuer")?;
        return Ok(());
    }
    // The chain as it is within the credential's own time: whether that is now is another question.
    let inside = now.clamp(from, WireTime::from_micros(until.as_micros().saturating_sub(1)).max(from));
    let verdict = match kind {
        "root" => load_trust(std::slice::from_ref(&args.file), &[]).map(drop).map_err(Error::from),
        "issuer" => {
            issuers = vec![args.file.clone()];
            load_trust(&roots, &issuers).map(drop).map_err(Error::from)
        }
        _ => load_trust(&roots, &issuers)
            .map_err(Error::from)
            .and_then(|store| station(&store, bytes, inside, args)),
    };
    let names: Vec<String> = roots.iter().chain(&issuers).map(|path| path.display().to_string()).collect();
    let holds = if verdict.is_ok() { "holds" } else { "does not hold" };
    writeln!(out, "chain        {holds} (checked with {})", names.join(", "))?;
    let file = args.file.display();
    if now < from {
        let wait = in_words(from.since(now));
        writeln!(out, "now          not valid yet, in {wait} ({})", utc(from))?;
        return verdict.and(Err(Error::Check(format!("{file}: not valid before {}, in {wait}", utc(from)))));
    }
    if now >= until {
        let ago = in_words(now.since(until));
        writeln!(out, "now          expired {ago} ago ({})", utc(until))?;
        return verdict.and(Err(Error::Check(format!("{file}: expired {ago} ago ({})", utc(until)))));
    }
    writeln!(out, "now          valid for another {}", in_words(until.since(now)))?;
    verdict.map_err(|error| Error::Check(error.to_string()))
}

/// The files given, or the authority's file beside the one shown.
fn or_beside(args: &ShowArgs, given: &[PathBuf], name: &str) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let path = args.file.parent().unwrap_or(Path::new("")).join(format!("{name}.cred"));
    path.exists().then_some(path).into_iter().collect()
}

fn station(store: &TrustStore, bytes: &[u8], now: WireTime, args: &ShowArgs) -> Result<(), Error> {
    let checked = store.check_station(bytes, now);
    checked.map(drop).map_err(|source| KeyFileError::Credential { path: args.file.clone(), source }.into())
}

fn words(permissions: Permissions) -> String {
    if permissions == Permissions::NONE {
        "nothing".to_owned()
    } else {
        folded(permissions.to_string().split(',').map(ToOwned::to_owned))
    }
}

/// Words with commas, folded to lines of 80 columns, each indented as the first.
fn folded(words: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    let mut column = COLUMN;
    for word in words {
        if text.is_empty() {
            column += word.len();
        } else if column + 2 + word.len() + 1 > WIDTH {
            text.push_str(",\n");
            text.push_str(&" ".repeat(COLUMN));
            column = COLUMN + word.len();
        } else {
            text.push_str(", ");
            column += 2 + word.len();
        }
        text.push_str(&word);
    }
    text
}

/// Credentials named in place of one that is not there.
const MOST_SHOWN: usize = 8;
/// Where values begin.
const COLUMN: usize = 13;
const WIDTH: usize = 80;

fn region(area: &AreaView) -> String {
    let degrees = |unit: i32| f64::from(unit) * 1e-7;
    let (latitude, longitude) = (degrees(area.latitude), degrees(area.longitude));
    match area.shape {
        v2x_proto::Shape::Circle => {
            format!("within {} m of {latitude:.5}, {longitude:.5}", area.distance_a_m)
        }
        shape => format!(
            "{} of {} m by {} m about {latitude:.5}, {longitude:.5}, turned {} degrees",
            format!("{shape:?}").to_lowercase(),
            area.distance_a_m,
            area.distance_b_m,
            area.azimuth_deg
        ),
    }
}

fn class_name(class: u8) -> String {
    match StationClass::try_from(i32::from(class)) {
        Ok(known) => {
            let name = known.as_str_name().trim_start_matches("STATION_CLASS_");
            name.to_lowercase().replace('_', " ")
        }
        Err(_) => format!("number {class}, unknown to this version"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
