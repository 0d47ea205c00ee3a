//! A running station's own credentials and authorities: read again when their files change and at SIGHUP, warned of before
//! they end.

use radio_adapters::LinkAddress;
use v2x_core::{CredentialError, Input, Node, Pool, SendingState, TrustStore, WireTime};
use v2x_proto::Digest;

use crate::config::IdentityFiles;
use crate::daemon::ahead::CheckedAhead;
use crate::daemon::credential_lock::CredentialLock;
use crate::daemon::expiry::{Expiries, file_name};
use crate::daemon::keyring::{HeldKeys, Keyring, KeyringHost, Verifications};
use crate::daemon::notices::{AUTHORITIES, OWN};
use crate::daemon::trust_files::{self, IdentityWatch};
use crate::key_files::KeyFileError;
use crate::log::{Line, events};

/// Keeps a station's credentials current.
#[derive(Debug)]
pub struct Credentials {
    watch: IdentityWatch,
    expiries: Expiries,
    keyring: Keyring,
    lock: CredentialLock,
    /// Unknown issuers that were told.
    strangers: Vec<Digest>,
    /// Why stations with the same authorities will not believe this one; told once.
    disowned: Option<Line>,
}

impl Credentials {
    /// For files that were read just now: the pool and the authorities made of them, and the lock on the pool's credentials.
    ///
    /// # Errors
    /// They no longer read.
    pub fn new(
        files: &IdentityFiles,
        pool: &Pool,
        trust: &TrustStore,
        lock: CredentialLock,
        now: WireTime,
    ) -> Result<Self, KeyFileError> {
        let expiries = Expiries::read(files)?;
        let disowned = match trust.check_station(pool.active().credential(), now) {
            Err(CredentialError::UnknownIssuer(issuer)) => {
                let line = format!(
                    "this station's credential is certified by issuer {issuer}, which is none of identity.issuers: stations \
                     with the same authorities drop its messages"
                );
                Some(Line::new(&events::CREDENTIAL_NEWS, line).with("issuer", issuer.to_string()))
            }
            _ => None,
        };
        Ok(Self {
            watch: IdentityWatch::new(files.clone()),
            expiries,
            keyring: Keyring::default(),
            lock,
            strangers: Vec::new(),
            disowned,
        })
    }

    /// The host of the station's node.
    pub fn host(&self) -> KeyringHost {
        KeyringHost(self.keyring.clone())
    }

    /// Where that host finds signatures that were checked ahead.
    pub fn checked_ahead(&self) -> CheckedAhead {
        self.keyring.checked_ahead().clone()
    }

    /// Signatures verified so far.
    pub fn verifications(&self) -> &Verifications {
        self.keyring.verifications()
    }

    /// Inputs for the node when files have changed, to be called each second.
    pub fn changes(&mut self, node: &Node) -> Vec<Input> {
        if self.watch.changed() { self.read(node) } else { Vec::new() }
    }

    /// Reads all files again, at SIGHUP.
    pub fn reload(&mut self, node: &Node) -> Vec<Input> {
        self.watch.taken();
        self.read(node)
    }

    /// What is to be told now, a line each.
    pub fn news(&mut self, node: &Node, now: WireTime) -> Vec<Line> {
        let mut lines = self.expiries.news(now);
        lines.extend(self.disowned.take());
        lines.extend(self.stranger(node));
        lines
    }

    /// The first station under each of a few authorities that are none of ours.
    fn stranger(&mut self, node: &Node) -> Option<Line> {
        let (issuer, link) = node.unknown_issuer()?;
        if self.strangers.len() >= MOST_STRANGERS || self.strangers.contains(&issuer) {
            return None;
        }
        self.strangers.push(issuer);
        let line = format!(
            "a station at {} is certified by issuer {issuer}, which is none of identity.issuers: its messages are dropped. \
             If it is one of yours, copy its root.cred and issuer.cred here and name them in identity.roots and identity.issuers",
            LinkAddress(link)
        );
        Some(Line::new(&events::CREDENTIAL_NEWS, line).with("issuer", issuer.to_string()))
    }

    /// Why a station is silent by its credential; `None` when it is not, or for another reason.
    pub fn silence(&self, node: &Node, now: WireTime) -> Option<String> {
        let pool = node.pool();
        match node.sending() {
            SendingState::CredentialNotValid => Some(self.expiries.silence(pool, now)),
            SendingState::OutsideRegion => {
                Some(self.expiries.outside(pool, node.last_fix().map(|fix| fix.position)))
            }
            SendingState::CredentialRevoked => {
                Some("the credential is revoked (ask its issuer for another)".to_owned())
            }
            _ => None,
        }
    }

    /// What cannot be read is told and stays as it was.
    fn read(&mut self, node: &Node) -> Vec<Input> {
        let files = self.watch.files();
        let mut inputs = Vec::new();
        match trust_files::trust(files) {
            Ok(input) => inputs.push(input),
            Err(error) => tracing::warn!(
                event = events::CREDENTIALS_KEPT.name,
                what = AUTHORITIES,
                file = error.file().and_then(file_name),
                "roots and issuers kept as they were: {error}"
            ),
        }
        match trust_files::identities(files) {
            Ok(own) => {
                let known = own.iter().all(|one| node.pool().identity(&one.digest).is_some());
                let news = !known || own.len() != node.pool().len();
                let taken = if news {
                    self.lock.add(&own.iter().map(|one| one.digest).collect::<Vec<_>>())
                } else {
                    Ok(())
                };
                if let Err(error) = &taken {
                    tracing::warn!(
                        event = events::CREDENTIALS_KEPT.name,
                        what = OWN,
                        "credentials kept as they were: {error}"
                    );
                }
                if news && taken.is_ok() {
                    let held = |digest, key, opener| HeldKeys { digest, key: Some(key), opener };
                    let (identities, keys) = own
                        .into_iter()
                        .map(|one| (one.identity, held(one.digest, one.key, one.opener)))
                        .unzip();
                    self.keyring.fill(keys);
                    inputs.push(Input::Identities(identities));
                }
            }
            Err(error) => tracing::warn!(
                event = events::CREDENTIALS_KEPT.name,
                what = OWN,
                file = error.file().and_then(file_name),
                "credentials kept as they were: {error}"
            ),
        }
        match Expiries::read(files) {
            Ok(expiries) => self.expiries = expiries,
            Err(error) => tracing::debug!("{error}"),
        }
        inputs
    }
}

/// Authorities told of: a fleet has one or two, and anybody can make more up.
const MOST_STRANGERS: usize = 4;
