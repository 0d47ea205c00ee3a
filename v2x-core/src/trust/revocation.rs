//! Revocation lists: credentials that ended before their time, signed by their issuer.
//!
//! A [`v1::RevocationDelta`] names stations of an issuer (or issuers of a root) by digest, or a whole series of them.
//! Only the issuer's signature inside counts, not the carrier. What was revoked stays revoked, so a delta is applied in
//! any order, lists only grow, and a list that nobody renews stays in use: its end is reported once and stops no
//! station.
//!
//! A list is one (issuer, series) with its number, which never decreases. Everything is bounded: lists in all and per
//! issuer, digests per list. A delta from the air costs a signature only when it would change a list, and none for a while
//! when its carrier brought one that its issuer did not sign: the carrier signed for it, so nobody else can use that up.

mod delta;
mod make;
mod spread;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use v2x_proto::{Digest, v1};

pub use self::delta::{RevocationError, read_delta};
pub use self::make::{RevocationRequest, RevokeError, revoke};
use super::credential::{Trusted, Verify};
use super::freshness;
use super::identity::Identity;
use super::store::TrustStore;
use crate::base::limits::{
    CARRIER_PENALTY, MAX_BAD_CARRIERS, MAX_REVOCATION_LISTS, MAX_REVOCATION_LISTS_PER_ISSUER,
    MAX_REVOKED_PER_LIST,
};
use crate::base::{Instant, WireTime, strict};

/// All revocations known to this station.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    /// Sorted by issuer and series.
    lists: Vec<List>,
    /// Counts what was applied; what was derived from an older count is out of date.
    version: u64,
    own: Option<(Digest, u64, bool)>,
    /// Carriers of deltas that their issuers did not sign, and until when each is not listened to; the oldest first.
    bad_carriers: VecDeque<(Digest, Instant)>,
}

/// Effect of a delta: the list's new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationNews {
    /// The issuer that revoked.
    pub issuer: Digest,
    /// The list.
    pub series: u32,
    /// Its number now.
    pub number: u32,
    /// Digests in it now.
    pub digests: u32,
    /// Whether its whole series is revoked.
    pub whole_series: bool,
}

impl Revocations {
    /// Applies an encoded delta from a file, or from a message whose sender is not the issuer. `now` is absent while
    /// the clock is not trusted: then the date is not checked.
    ///
    /// `None` when it adds nothing new.
    ///
    /// # Errors
    ///
    /// The first rule it breaks; nothing is applied then.
    pub fn apply(
        &mut self,
        bytes: &Bytes,
        trust: &TrustStore,
        now: Option<WireTime>,
    ) -> Result<Option<RevocationNews>, RevocationError> {
        if self.is_newest(bytes) {
            return Ok(None);
        }
        let (delta, issuer) = read(bytes)?;
        let authority = self.judge(&delta, issuer, trust, now)?;
        check(authority, &delta, &mut strict)?;
        self.insert(&delta, issuer, bytes)
    }

    /// [`apply`](Self::apply) for a delta that `carrier` brought in a message of its own, whose signature held. The
    /// issuer's is checked by `verify`, and only when the delta would change a list.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply), and [`RevocationError::Budget`].
    pub fn hear(
        &mut self,
        bytes: &Bytes,
        carrier: &Digest,
        trust: &TrustStore,
        (now, wire): (Instant, Option<WireTime>),
        verify: Verify<'_>,
    ) -> Result<Option<RevocationNews>, RevocationError> {
        if self.is_newest(bytes) {
            return Ok(None);
        }
        let (delta, issuer) = read(bytes)?;
        let authority = self.judge(&delta, issuer, trust, wire)?;
        if !self.would_change(&delta, issuer)? {
            return Ok(None);
        }
        self.bad_carriers.retain(|(_, until)| *until > now);
        if self.bad_carriers.iter().any(|(bad, _)| bad == carrier) {
            return Err(RevocationError::Budget);
        }
        if let Err(error) = check(authority, &delta, verify) {
            if self.bad_carriers.len() >= MAX_BAD_CARRIERS {
                self.bad_carriers.pop_front();
            }
            self.bad_carriers.push_back((*carrier, now + CARRIER_PENALTY));
            return Err(error);
        }
        self.insert(&delta, issuer, bytes)
    }

    /// Whether a checked credential is revoked, or its issuer is.
    #[must_use]
    pub fn revokes(&self, trusted: &Trusted, trust: &TrustStore) -> bool {
        trusted.issuer.is_some_and(|issuer| {
            self.names(issuer, trusted.revocation_series, trusted.digest())
                || self.revokes_issuer(issuer, trust)
        })
    }

    /// [`revokes`](Self::revokes) for many credentials in a row: an issuer that several have is looked up once.
    pub(crate) fn revokes_each<'a>(
        &'a self,
        trust: &'a TrustStore,
    ) -> impl FnMut(&Trusted) -> bool + use<'a> {
        let mut last = None;
        move |trusted| {
            let Some(issuer) = trusted.issuer else { return false };
            let issuer_is = match last {
                Some((of, revoked)) if of == issuer => revoked,
                _ => self.revokes_issuer(issuer, trust),
            };
            last = Some((issuer, issuer_is));
            issuer_is || self.names(issuer, trusted.revocation_series, trusted.digest())
        }
    }

    /// Whether the station's own credential is revoked. Remembers the answer until something is applied.
    pub fn revokes_own(&mut self, own: &Identity, trust: &TrustStore) -> bool {
        if self.lists.is_empty() {
            return false;
        }
        let digest = own.digest();
        if let Some((of, version, revoked)) = self.own
            && (of, version) == (digest, self.version)
        {
            return revoked;
        }
        let revoked = own.issuer().is_some_and(|issuer| {
            self.names(issuer, own.revocation_series(), digest) || self.revokes_issuer(issuer, trust)
        });
        self.own = Some((digest, self.version, revoked));
        revoked
    }

    /// Forgets the lists of issuers that are no longer trusted.
    pub fn keep_trusted(&mut self, trust: &TrustStore) {
        self.lists.retain(|list| authority(trust, &list.issuer).is_some());
        self.version += 1;
    }

    /// A list that should have been renewed by `wire`; each is returned once, until it is renewed.
    pub fn take_stale(&mut self, wire: WireTime) -> Option<(Digest, u32)> {
        let list = self.lists.iter_mut().find(|list| !list.stale_told && list.next <= wire)?;
        list.stale_told = true;
        Some((list.issuer, list.series))
    }

    /// When the next list should have been renewed.
    #[must_use]
    pub fn next_stale(&self) -> Option<WireTime> {
        self.lists.iter().filter(|list| !list.stale_told).map(|list| list.next).min()
    }

    /// The state of every list, by issuer and series.
    pub fn lists(&self) -> impl Iterator<Item = RevocationNews> {
        self.lists.iter().map(List::news)
    }

    /// Everything but the issuer's signature; who the issuer is.
    fn judge<'t>(
        &self,
        delta: &v1::RevocationDelta,
        issuer: Digest,
        trust: &'t TrustStore,
        now: Option<WireTime>,
    ) -> Result<&'t Trusted, RevocationError> {
        let authority = authority(trust, &issuer).ok_or(RevocationError::UnknownIssuer(issuer))?;
        let issued = WireTime::from_secs(delta.issued_s);
        if !authority.valid_at(issued) {
            return Err(RevocationError::IssuerNotValid(issuer));
        }
        let latest = |now| now + Duration::from_micros(freshness::FUTURE);
        if now.is_some_and(|now| issued > latest(now)) {
            return Err(RevocationError::FromFuture(issued));
        }
        if self.revokes_issuer(issuer, trust) {
            return Err(RevocationError::IssuerRevoked(issuer));
        }
        Ok(authority)
    }

    /// Whether a delta says anything new.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Full`], when there is no room for it.
    fn would_change(&self, delta: &v1::RevocationDelta, issuer: Digest) -> Result<bool, RevocationError> {
        let (digests, _) = delta.revoked.as_chunks::<8>();
        let Ok(place) = self.place(issuer, delta.series) else {
            let of_issuer = self.lists.iter().filter(|list| list.issuer == issuer).count();
            let full = of_issuer >= MAX_REVOCATION_LISTS_PER_ISSUER;
            if full || self.lists.len() >= MAX_REVOCATION_LISTS || digests.len() > MAX_REVOKED_PER_LIST {
                return Err(RevocationError::Full);
            }
            return Ok(true);
        };
        let list = &self.lists[place];
        let added = list.missing(digests);
        if added == 0 && delta.to_number <= list.number && (list.whole_series || !delta.whole_series) {
            return Ok(false);
        }
        if list.digests.len() + added > MAX_REVOKED_PER_LIST {
            return Err(RevocationError::Full);
        }
        Ok(true)
    }

    fn insert(
        &mut self,
        delta: &v1::RevocationDelta,
        issuer: Digest,
        bytes: &Bytes,
    ) -> Result<Option<RevocationNews>, RevocationError> {
        if !self.would_change(delta, issuer)? {
            return Ok(None);
        }
        let (digests, _) = delta.revoked.as_chunks::<8>();
        let place = self.place(issuer, delta.series).unwrap_or_else(|place| {
            self.lists.insert(place, List::new(issuer, delta.series));
            place
        });
        let list = &mut self.lists[place];
        let newer = delta.to_number > list.number;
        list.digests.extend(digests.iter().map(|digest| Digest(*digest)));
        list.whole_series |= delta.whole_series;
        if newer {
            list.number = delta.to_number;
            list.next = WireTime::from_secs(delta.next_s);
            list.stale_told = false;
            // A copy: the delta it was cut from may be a block of many frames.
            list.newest = Bytes::copy_from_slice(bytes);
            list.spread_at = None;
        }
        self.version += 1;
        Ok(Some(list.news()))
    }

    fn is_newest(&self, bytes: &Bytes) -> bool {
        self.lists.iter().any(|list| list.newest == *bytes)
    }

    fn names(&self, issuer: Digest, series: u32, digest: Digest) -> bool {
        let of_issuer = self.lists.iter().filter(|list| list.issuer == issuer);
        of_issuer
            .into_iter()
            .any(|list| (list.whole_series && list.series == series) || list.digests.contains(&digest))
    }

    fn revokes_issuer(&self, issuer: Digest, trust: &TrustStore) -> bool {
        let Some(trusted) = trust.issuer(&issuer) else { return false };
        trusted.issuer.is_some_and(|root| self.names(root, trusted.revocation_series, issuer))
    }

    fn place(&self, issuer: Digest, series: u32) -> Result<usize, usize> {
        self.lists.binary_search_by_key(&(issuer, series), |list| (list.issuer, list.series))
    }
}

/// The revocations of one issuer in one series.
#[derive(Clone, Debug)]
struct List {
    issuer: Digest,
    series: u32,
    number: u32,
    next: WireTime,
    stale_told: bool,
    whole_series: bool,
    digests: BTreeSet<Digest>,
    /// The delta with the highest number, as received.
    newest: Bytes,
    /// When it is to be passed on; `None` until that is drawn.
    spread_at: Option<Instant>,
}

impl List {
    fn new(issuer: Digest, series: u32) -> Self {
        Self {
            issuer,
            series,
            number: 0,
            next: WireTime::default(),
            stale_told: false,
            whole_series: false,
            digests: BTreeSet::new(),
            newest: Bytes::new(),
            spread_at: None,
        }
    }

    /// How many of these digests are not in it.
    fn missing(&self, digests: &[[u8; 8]]) -> usize {
        digests.iter().filter(|digest| !self.digests.contains(&Digest(**digest))).count()
    }

    fn news(&self) -> RevocationNews {
        RevocationNews {
            issuer: self.issuer,
            series: self.series,
            number: self.number,
            digests: self.digests.len() as u32,
            whole_series: self.whole_series,
        }
    }
}

fn read(bytes: &Bytes) -> Result<(v1::RevocationDelta, Digest), RevocationError> {
    let delta = read_delta(bytes)?;
    let issuer = delta.issuer.as_ref().try_into().map(Digest).map_err(|_| RevocationError::Malformed)?;
    Ok((delta, issuer))
}

/// Checks the signature of a delta's issuer.
fn check(
    authority: &Trusted,
    delta: &v1::RevocationDelta,
    verify: Verify<'_>,
) -> Result<(), RevocationError> {
    let signature = delta.issuer_signature.first_chunk::<64>().ok_or(RevocationError::Malformed)?;
    let holds = verify(&authority.key, &delta::signing_input(&authority.hash, delta), signature);
    if holds { Ok(()) } else { Err(RevocationError::Signature(authority.digest())) }
}

/// The issuer or root named `digest`.
fn authority<'t>(trust: &'t TrustStore, digest: &Digest) -> Option<&'t Trusted> {
    trust.issuer(digest).or_else(|| trust.root(digest))
}
