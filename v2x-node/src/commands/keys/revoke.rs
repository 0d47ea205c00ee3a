//! `roadcast keys revoke`: signed deltas of revocation lists, made and shown.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use v2x_core::{
    RevocationRequest, Revocations, RevokeError, WireTime, credential_hash, read_delta as parse, revoke,
};
use v2x_proto::{Digest, v1};

use super::files::{ISSUER, KeysError, ROOT, now_s, write_delta};
use crate::civil::utc;
use crate::commands::span::whole;
use crate::error::Error;
use crate::key_files::{KeyFileError, load_trust, read_credential, read_delta, read_key};

/// `roadcast keys revoke`
#[derive(Args, Clone, Debug)]
pub struct RevokeArgs {
    /// Directory of the issuer
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Revoke this whole series; with --digest or --credential, only names the list they belong to
    #[arg(long, value_name = "N")]
    series: Option<u32>,
    /// Revoke the credential with this digest (16 hex digits); may be given more than once
    #[arg(long, value_name = "HEX", value_parser = parse_digest)]
    digest: Vec<Digest>,
    /// Revoke the credential in this file; may be given more than once
    #[arg(long, value_name = "FILE")]
    credential: Vec<PathBuf>,
    /// Where to write the delta
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Hours until stations expect the next delta; what is revoked stays revoked after that
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = whole(1..=8760_u32, "hours"))]
    hours: u32,
    /// The previous delta; its revocations are repeated, so that the new one is complete
    #[arg(long, value_name = "FILE")]
    after: Option<PathBuf>,
    /// Sign with root.key, to revoke issuers, instead of issuer.key
    #[arg(long)]
    by_root: bool,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &RevokeArgs, out: &mut dyn Write) -> Result<(), Error> {
    let mut digests: BTreeSet<Digest> = args.digest.iter().copied().collect();
    for path in &args.credential {
        digests.insert(Digest::of_hash(&credential_hash(&read_credential(path)?)));
    }
    if digests.is_empty() && args.series.is_none() && args.after.is_none() {
        return Err(KeysError::NothingToRevoke.into());
    }
    let before =
        args.after.as_deref().map(|path| Ok::<_, KeyFileError>((path, delta_in(path)?))).transpose()?;
    let series = args.series.or(before.as_ref().map(|(_, delta)| delta.series)).unwrap_or(0);
    // Renewing a list must not extend it to its whole series.
    let mut whole_series = digests.is_empty() && args.series.is_some() && before.is_none();
    let issued_s = now_s()?.saturating_sub(BACKDATE_S);
    // The time serves as the number: it grows without a counter kept anywhere.
    let mut to_number = issued_s;
    let name = if args.by_root { ROOT } else { ISSUER };
    let issuer = read_credential(&args.dir.join(format!("{name}.cred")))?;
    let key = read_key(&args.dir.join(format!("{name}.key")))?;
    if let Some((path, delta)) = &before {
        let same = delta.series == series && delta.issuer == credential_hash(&issuer)[..8];
        if !same {
            return Err(KeysError::OtherList { path: (*path).to_owned(), series }.into());
        }
        digests.extend(listed(delta));
        whole_series |= delta.whole_series;
        to_number = to_number.max(delta.to_number.saturating_add(1));
    }
    let next_s = issued_s.saturating_add(args.hours * 3600);
    let request =
        RevocationRequest { series, from_number: 0, to_number, issued_s, next_s, whole_series, digests };
    let refused = |source| match source {
        RevokeError::Malformed(_) => KeysError::TooManyRevoked { count: request.digests.len() },
        RevokeError::Credential(source) => KeysError::Refused { name: "a revocation".to_owned(), source },
    };
    let delta = revoke(&issuer, &key, &request).map_err(refused)?;
    write_delta(&args.out, &delta, args.force)?;
    writeln!(out, "wrote {}", args.out.display())?;
    Ok(describe(&request_of(&delta, &args.out)?, out)?)
}

/// `roadcast keys show` of a delta: its contents, and whether its signature is valid.
pub(super) fn show(
    path: &Path,
    roots: &[PathBuf],
    issuers: &[PathBuf],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let bytes = read_delta(path)?;
    let delta = request_of(&bytes, path)?;
    writeln!(out, "{}: revocation delta, {} bytes", path.display(), bytes.len())?;
    describe(&delta, out)?;
    if roots.is_empty() {
        writeln!(out, "signature    not checked: give --root and --issuer")?;
        return Ok(());
    }
    let trust = load_trust(roots, issuers)?;
    let names: Vec<String> = roots.iter().chain(issuers).map(|path| path.display().to_string()).collect();
    let now = WireTime::from_secs(now_s()?);
    let verdict = Revocations::default().apply(&bytes, &trust, Some(now));
    match verdict {
        Err(error) => {
            writeln!(out, "signature    not valid (checked with {})", names.join(", "))?;
            Err(Error::Check(format!("{}: {error}", path.display())))
        }
        Ok(_) if WireTime::from_secs(delta.next_s) <= now => {
            writeln!(out, "signature    valid; overdue: the next delta was expected before now")?;
            Ok(())
        }
        Ok(_) => {
            writeln!(out, "signature    valid (checked with {})", names.join(", "))?;
            Ok(())
        }
    }
}

fn describe(delta: &v1::RevocationDelta, out: &mut dyn Write) -> std::io::Result<()> {
    let issuer = delta.issuer.as_ref().try_into().map(Digest).unwrap_or_default();
    writeln!(out, "issuer       {issuer}")?;
    writeln!(out, "list         series {}, number {}", delta.series, delta.to_number)?;
    let (from, until) = (WireTime::from_secs(delta.issued_s), WireTime::from_secs(delta.next_s));
    writeln!(out, "issued       {}, the next expected by {}", utc(from), utc(until))?;
    if delta.whole_series {
        writeln!(out, "revokes      every credential of series {}", delta.series)?;
    }
    for digest in listed(delta) {
        writeln!(out, "revokes      {digest}")?;
    }
    Ok(())
}

fn listed(delta: &v1::RevocationDelta) -> impl Iterator<Item = Digest> {
    delta.revoked.as_chunks::<8>().0.iter().map(|digest| Digest(*digest))
}

fn delta_in(path: &Path) -> Result<v1::RevocationDelta, KeyFileError> {
    request_of(&read_delta(path)?, path)
}

fn request_of(bytes: &Bytes, path: &Path) -> Result<v1::RevocationDelta, KeyFileError> {
    parse(bytes).map_err(|_| KeyFileError::NotADelta { path: path.to_owned() })
}

fn parse_digest(text: &str) -> Result<Digest, String> {
    let right = "expected 16 hex digits, as `roadcast keys show` prints a digest";
    if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(right.to_owned());
    }
    u64::from_str_radix(text, 16).map(|number| Digest(number.to_be_bytes())).map_err(|_| right.to_owned())
}

/// A station's clock may be a little behind ours.
const BACKDATE_S: u32 = 60;

/// Examples shown under `roadcast keys revoke --help`.
pub(super) const HELP: &str = "Examples:
  roadcast keys revoke --dir keys --credential keys/car-1.cred --out stolen.rev
  roadcast keys revoke --dir keys --series 7 --out vehicle-7.rev
  roadcast keys revoke --dir keys --digest 0123456789abcdef \\
      --after stolen.rev --out stolen-2.rev
  roadcast keys show stolen.rev

List the file under `files` of the [revocation] table of stations, or of
roadside units, which pass it on.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_they_are_shown() {
        let digest = Digest([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        assert_eq!(parse_digest(&digest.to_string()), Ok(digest));
        for wrong in ["", "0123", "+123456789abcdef", "0123456789abcdeg", "0123456789abcdef0"] {
            assert!(parse_digest(wrong).is_err(), "{wrong}");
        }
    }
}
