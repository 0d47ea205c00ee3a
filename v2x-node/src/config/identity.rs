//! `[identity]`: the station's credentials and the authorities it trusts.

use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

use crate::service_credentials;

/// Files of the station's identity, and of the authorities it trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The station's own: one, or several that it uses one after the other.
    pub own: OwnFiles,
    /// Pinned roots, at least one.
    pub roots: Vec<PathBuf>,
    /// Issuers below the roots, at least one.
    pub issuers: Vec<PathBuf>,
}

/// Where the station's credentials and their keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnFiles {
    /// These, at least one.
    Listed(Vec<CredentialFiles>),
    /// Those that `roadcast keys issue --count` made under this name: `NAME-1.cred` with `NAME-1.key`, and so on. What
    /// is there is looked up when the station starts.
    Pool(PathBuf),
}

/// A credential and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFiles {
    /// The credential.
    pub credential: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl CredentialFiles {
    /// The file of its private encryption key, beside its private key; read where the credential has such a key.
    #[must_use]
    pub fn encryption_key(&self) -> PathBuf {
        self.key.with_extension(ENCRYPTION_KEY_ENDING)
    }
}

/// Ending of the files of private encryption keys.
pub const ENCRYPTION_KEY_ENDING: &str = "x25519";

pub(super) fn read(top: &Section<'_>) -> Result<IdentityFiles, SettingsError> {
    const KEYS: &[&str] = &["credential", "key", "credentials", "keys", "pool", "roots", "issuers"];
    let Some(section) = top.table("identity", KEYS)? else {
        return Err(top.missing("identity", "a table with credential, key, roots and issuers"));
    };
    let files = |key, what: &str| {
        paths(&section, key)?.ok_or_else(|| section.missing(key, format!("a list of the files of {what}")))
    };
    Ok(IdentityFiles {
        own: own(&section)?,
        roots: files("roots", "trusted roots")?,
        issuers: files("issuers", "issuers below the roots")?,
    })
}

/// `credential` and `key`, or `credentials` and perhaps `keys`, or `pool`.
fn own(section: &Section<'_>) -> Result<OwnFiles, SettingsError> {
    let (credential, key) = (path(section, "credential")?, path(section, "key")?);
    let (credentials, keys) = (paths(section, "credentials")?, paths(section, "keys")?);
    let pool = path(section, "pool")?;
    let one_way = "give credential and key, or credentials (and keys), or pool";
    let given = [
        ("credential", credential.is_some() || key.is_some()),
        ("credentials", credentials.is_some() || keys.is_some()),
        ("pool", pool.is_some()),
    ];
    let mut ways = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
    if let (Some(first), Some(second)) = (ways.next(), ways.next()) {
        return Err(section.contradiction(second, &format!("identity.{first}"), one_way));
    }
    if let Some(pool) = pool {
        return Ok(OwnFiles::Pool(pool));
    }
    if credentials.is_none() && keys.is_none() {
        let credential = credential.ok_or_else(|| {
            section.missing(
                "credential",
                "the file of the station's credential (or credentials, or pool)".to_owned(),
            )
        })?;
        let key =
            key.ok_or_else(|| section.missing("key", "the file of the station's private key".to_owned()))?;
        return Ok(OwnFiles::Listed(vec![CredentialFiles { credential, key }]));
    }
    let Some(credentials) = credentials.filter(|list| !list.is_empty()) else {
        return Err(section.missing("credentials", "a list of files, one for each key".to_owned()));
    };
    let beside = |path: &PathBuf| path.with_extension("key");
    let keys = keys.unwrap_or_else(|| credentials.iter().map(beside).collect());
    if keys.len() != credentials.len() {
        let found = format!("{} keys", keys.len());
        return Err(section.wrong(
            "keys",
            found,
            format!("one for each of the {} credentials", credentials.len()),
        ));
    }
    let pairs = credentials.into_iter().zip(keys);
    Ok(OwnFiles::Listed(pairs.map(|(credential, key)| CredentialFiles { credential, key }).collect()))
}

/// A path from the configuration's directory, or `credential:NAME`: one that the service manager handed over.
fn path(section: &Section<'_>, key: &'static str) -> Result<Option<PathBuf>, SettingsError> {
    section.path(key)?.map(|path| handed_over(section, key, path)).transpose()
}

/// As [`path`], of a list.
fn paths(section: &Section<'_>, key: &'static str) -> Result<Option<Vec<PathBuf>>, SettingsError> {
    let Some(paths) = section.paths(key)? else { return Ok(None) };
    paths.into_iter().map(|path| handed_over(section, key, path)).collect::<Result<_, _>>().map(Some)
}

fn handed_over(section: &Section<'_>, key: &'static str, path: PathBuf) -> Result<PathBuf, SettingsError> {
    let written = path.strip_prefix(section.beside("")).ok().and_then(|written| written.to_str());
    let Some(name) = written.and_then(|written| written.strip_prefix(service_credentials::PREFIX)) else {
        return Ok(path);
    };
    let directory = service_credentials::directory();
    service_credentials::file(name, directory.as_deref()).ok_or_else(|| {
        let found = format!("{:?}", written.unwrap_or_default());
        let right = "the name of a credential of the service after \"credential:\", such as \"credential:keys_station.key\"";
        section.wrong(key, found, right.to_owned())
    })
}
