//! Guests whose credentials the operator revoked: the same deltas that a station reads, looked at again while guests are here.

use std::fs::{self, File};
use std::io::Read as _;
use std::mem;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tracing::{info, warn};
use v2x_core::{Revocations, TrustStore, Trusted};

use super::error::PeersError;
use crate::clock;
use crate::pem;

/// Files of revocation deltas, each read again when it has changed. A file that is not there yet, or not right, is told of once;
/// what was believed before stays, for lists only grow.
#[derive(Debug)]
pub(super) struct RevokedGuests {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    files: Vec<Watched>,
    lists: Revocations,
    looked: Instant,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// Length and date of what was read last; none of a file that could not be looked at.
    mark: Option<(u64, SystemTime)>,
    missing_told: bool,
}

impl RevokedGuests {
    /// Reads the files that are there.
    ///
    /// # Errors
    /// A file that is there and is no delta of an authority in `trust`.
    pub(super) fn new(paths: &[PathBuf], trust: &TrustStore) -> Result<Self, PeersError> {
        let watched = |path: &PathBuf| Watched { path: path.clone(), mark: None, missing_told: false };
        let files = paths.iter().map(watched).collect();
        let mut inner = Inner { files, lists: Revocations::default(), looked: Instant::now() };
        match inner.look(trust) {
            None => Ok(Self { inner: Mutex::new(inner) }),
            Some(error) => Err(error),
        }
    }

    /// Whether the files name a credential that was checked, or its issuer. They are looked at again once a second at most.
    pub(super) fn has(&self, trusted: &Trusted, trust: &TrustStore) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.looked.elapsed() >= LOOK
            && let Some(error) = inner.look(trust)
        {
            warn!(target: "peer", "{error}; trying again when it changes");
        }
        inner.lists.revokes(trusted, trust)
    }
}

impl Inner {
    /// Reads what has changed; the last thing that is wrong with any of it.
    fn look(&mut self, trust: &TrustStore) -> Option<PeersError> {
        self.looked = Instant::now();
        let mut wrong = None;
        for file in &mut self.files {
            let Some(read) = file.change() else { continue };
            let applied = read.and_then(|delta| {
                let now = Some(clock::now());
                self.lists.apply(&delta, trust, now).map_err(|error| error.to_string())
            });
            match applied {
                Ok(None) => {}
                Ok(Some(news)) => {
                    info!(target: "peer", issuer = %news.issuer, revoked = news.digests, "a revocation list for guests was read");
                }
                Err(why) => wrong = Some(PeersError::File { path: file.path.clone(), why }),
            }
        }
        wrong
    }
}

impl Watched {
    /// The delta in the file, if its content is new, or why there is none.
    fn change(&mut self) -> Option<Result<Bytes, String>> {
        let Ok(found) = fs::metadata(&self.path).and_then(|meta| Ok((meta.len(), meta.modified()?))) else {
            self.mark = None;
            if !mem::replace(&mut self.missing_told, true) {
                warn!(target: "peer", "{}: not there yet; nobody is revoked by it", self.path.display());
            }
            return None;
        };
        self.missing_told = false;
        if self.mark.replace(found) == Some(found) {
            return None;
        }
        Some(self.read())
    }

    fn read(&self) -> Result<Bytes, String> {
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(|error| error.to_string())?;
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        match pem::blocks(&bytes, 1) {
            Ok(blocks) if blocks[0].label == LABEL => Ok(Bytes::copy_from_slice(&blocks[0].bytes)),
            _ => Err(RIGHT.to_owned()),
        }
    }
}

const LABEL: &str = "ROADCAST REVOCATION";
const RIGHT: &str = "no revocation delta; expected \"-----BEGIN ROADCAST REVOCATION-----\", as `roadcast keys revoke` writes it";
/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Many times the longest delta.
const LONGEST: u64 = 256 * 1024;
