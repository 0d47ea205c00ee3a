//! Pseudonym pool: several identities of one station, used one after the other so that it cannot be tracked for long.
//!
//! A [`Pool`] holds a station's credentials with their keys: one is active, the rest are spares. `pseudonym_change`
//! decides when the next one takes over. `Node` changes everything that goes with it, all at one instant: key, digest,
//! link address, sequence numbers, path history, phase of the awareness timer, low-frequency data, the forwarder's
//! digest in the hop header, and the state of credential distribution. Events an application names by the station's
//! digest get the new one from `Event::PseudonymChanged` on.
//!
//! A pseudonym is used once. When no unused one is left, the station keeps the last: going back to a former one would
//! link both times of its use. Only when the last one ends, a former one that is still valid takes over, because a
//! silent station protects nobody.

#[cfg(test)]
mod tests;

use core::time::Duration;

use v2x_proto::Digest;

use super::credential::CredentialError;
use super::identity::Identity;
use crate::base::{DropReason, Instant, Purpose, SealBinding, Sealed, Seed, Stream, WireTime, limits};

/// The identities of one station.
#[derive(Debug)]
pub struct Pool {
    /// In the order of their ends.
    identities: Vec<Identity>,
    used: Vec<bool>,
    active: usize,
    digests: Vec<Digest>,
    spare_from: Option<WireTime>,
    valid_until: WireTime,
    address: Option<[u8; 6]>,
    seed: Seed,
    /// When the encryption keys of former identities are wiped, while one has its key.
    wipe_at: Option<Instant>,
}

/// Why identities do not make a pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// There is none.
    #[error("no credential: a station needs at least one")]
    Empty,
    /// More than a station may hold.
    #[error("{found} credentials; a station holds at most {most}", most = limits::MAX_PSEUDONYMS)]
    TooMany {
        /// How many.
        found: usize,
    },
    /// One is listed twice.
    #[error("credential {0} is listed twice; using it again would link what pseudonyms are to keep apart")]
    Twice(Digest),
    /// They allow different things, so a change would change what the station may send.
    #[error(
        "credential {0} allows something other than the first; a change of pseudonym must not change the permissions"
    )]
    Differs(Digest),
    /// One of a running station's new credentials allows other things than those before. What a station may do is
    /// settled when it starts.
    #[error("credential {0} allows something other than the one in use; restart the station to use it")]
    Changes(Digest),
    /// One does not read, or is no station's.
    #[error("{0}")]
    Unusable(CredentialError),
    /// The host has no key for one.
    #[error("there is no key for credential {0}")]
    NoKey(Digest),
}

impl Pool {
    /// A pool of these identities, in any order.
    ///
    /// # Errors
    /// There is none, there are more than [`limits::MAX_PSEUDONYMS`], one is listed twice, or they differ in what they
    /// allow.
    pub fn new(mut identities: Vec<Identity>) -> Result<Self, PoolError> {
        if identities.len() > limits::MAX_PSEUDONYMS {
            return Err(PoolError::TooMany { found: identities.len() });
        }
        let Some(first) = identities.first() else { return Err(PoolError::Empty) };
        let may = (first.permissions(), first.station_class());
        if let Some(other) = identities.iter().find(|one| (one.permissions(), one.station_class()) != may) {
            return Err(PoolError::Differs(other.digest()));
        }
        identities.sort_by_key(|one| (one.valid_until(), one.digest()));
        let mut digests: Vec<_> = identities.iter().map(Identity::digest).collect();
        digests.sort_unstable();
        if let Some(twice) = digests.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PoolError::Twice(twice[0]));
        }
        let used = vec![false; identities.len()];
        let mut pool = Self {
            identities,
            used,
            active: 0,
            digests,
            spare_from: None,
            valid_until: WireTime::default(),
            address: None,
            seed: Seed(0),
            wipe_at: None,
        };
        pool.activate(0);
        Ok(pool)
    }

    /// Chooses the first active one. A pool of one, or of a station that never changes (`hides` is false), uses the
    /// link's own address.
    pub(crate) fn start(&mut self, seed: u64, now: WireTime, hides: bool) {
        self.seed = Seed(seed);
        self.used.fill(false);
        let mut stream = Stream::new(seed, self.digests[0], Purpose::FirstPseudonym);
        let first = self.choose(now, Duration::ZERO, &mut stream).unwrap_or(0);
        self.activate(first);
        if hides && self.len() > 1 {
            self.address = Some(self.new_address(self.active().digest()));
        }
    }

    /// The active identity.
    #[must_use]
    pub fn active(&self) -> &Identity {
        &self.identities[self.active]
    }

    /// One of the identities; the active one is found at once.
    #[must_use]
    pub fn identity(&self, digest: &Digest) -> Option<&Identity> {
        self.place_of(digest).map(|place| &self.identities[place])
    }

    pub(crate) fn identity_mut(&mut self, digest: &Digest) -> Option<&mut Identity> {
        self.place_of(digest).map(|place| &mut self.identities[place])
    }

    fn place_of(&self, digest: &Digest) -> Option<usize> {
        if self.active().digest() == *digest {
            return Some(self.active);
        }
        self.identities.iter().position(|one| one.digest() == *digest)
    }

    /// Every identity, in the order of their ends.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.identities.iter()
    }

    /// Number of identities, including the active one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a pool is never empty")]
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether a digest is one of this station's, used at any time.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        self.digests.binary_search(digest).is_ok()
    }

    /// The source address of the station's frames; `None` for the link's own.
    #[must_use]
    pub fn address(&self) -> Option<[u8; 6]> {
        self.address
    }

    /// The source address of an identity's frames: for a former one the address it used.
    #[must_use]
    pub(crate) fn address_of(&self, digest: &Digest) -> Option<[u8; 6]> {
        self.address
            .map(|own| if self.active().digest() == *digest { own } else { self.new_address(*digest) })
    }

    /// Identities that were never used and have not ended.
    #[must_use]
    pub fn spares(&self, now: WireTime) -> usize {
        self.unused().filter(|place| self.identities[*place].valid_until() > now).count()
    }

    /// When the first unused identity can take over, as far as validity goes; `None` when there is none.
    #[must_use]
    pub fn spare_from(&self) -> Option<WireTime> {
        self.spare_from
    }

    /// When the last of the active and the unused identities ends.
    #[must_use]
    pub fn valid_until(&self) -> WireTime {
        self.valid_until
    }

    /// Replaces the identities of a running station. The one in use stays in use if it is among the new ones. Otherwise a
    /// new one takes over, unless none is valid, and the former keeps signing for the events it declared. Returns
    /// whether another one is in use.
    pub(crate) fn replace(
        &mut self,
        new: Vec<Identity>,
        now: WireTime,
        stream: &mut Stream,
    ) -> Result<bool, PoolError> {
        let may = (self.active().permissions(), self.active().station_class());
        let mut new = Self::new(new)?;
        if (new.active().permissions(), new.active().station_class()) != may {
            return Err(PoolError::Changes(new.active().digest()));
        }
        let old = self.active().digest();
        let was_used: Vec<Digest> = self.digests_used().collect();
        for (one, used) in new.identities.iter().zip(&mut new.used) {
            *used = was_used.contains(&one.digest());
        }
        // Former ones that may still be heard of, the one in use above all, as far as there is room.
        let former = core::mem::take(&mut self.identities).into_iter();
        for one in former {
            let digest = one.digest();
            let wanted = digest == old || was_used.contains(&digest) && one.valid_until() > now;
            let room = new.identities.len() < limits::MAX_PSEUDONYMS || digest == old;
            if wanted && room && !new.contains(&digest) {
                new.identities.push(one);
                new.used.push(true);
            }
        }
        (self.identities, self.used) = (new.identities, new.used);
        self.digests = self.identities.iter().map(Identity::digest).collect();
        self.digests.sort_unstable();
        self.sort();
        let listed = |digest: &Digest| new.digests.binary_search(digest).is_ok();
        self.active = self.identities.iter().position(|one| one.digest() == old).unwrap_or(0);
        let next = if listed(&old) { None } else { self.choose(now, Duration::ZERO, stream) };
        match next {
            Some(place) => self.activate(place),
            None => self.recount(),
        }
        let changed = self.active().digest() != old;
        if changed && self.address.is_some() {
            self.address = Some(self.new_address(self.active().digest()));
        }
        Ok(changed)
    }

    fn digests_used(&self) -> impl Iterator<Item = Digest> {
        self.identities.iter().zip(&self.used).filter(|(_, used)| **used).map(|(one, _)| one.digest())
    }

    /// Orders the identities by their ends, each with its mark of use.
    fn sort(&mut self) {
        let marks = core::mem::take(&mut self.used);
        let mut both: Vec<_> = core::mem::take(&mut self.identities).into_iter().zip(marks).collect();
        both.sort_by_key(|(one, _)| (one.valid_until(), one.digest()));
        (self.identities, self.used) = both.into_iter().unzip();
    }

    /// Activates a spare; false when none is fit. A spare needs to last for a while yet; `forced`, because the active
    /// one ended, any valid one will do, a used one if necessary.
    pub(crate) fn advance(&mut self, now: WireTime, forced: bool, stream: &mut Stream) -> bool {
        let spare = self.choose(now, EXPIRY_MARGIN, stream);
        let any = || self.choose(now, Duration::ZERO, &mut stream.clone());
        let former = || (0..self.len()).find(|place| self.identities[*place].valid_at(now));
        let chosen = if forced { spare.or_else(any).or_else(former) } else { spare };
        let Some(place) = chosen.filter(|place| *place != self.active) else {
            self.give_up_ended(now);
            return false;
        };
        self.activate(place);
        if self.address.is_some() {
            self.address = Some(self.new_address(self.active().digest()));
        }
        true
    }

    /// A valid unused identity among those that end first, at random: their order in a file then reveals nothing on the
    /// air.
    fn choose(&self, now: WireTime, margin: Duration, stream: &mut Stream) -> Option<usize> {
        let fit = |place: &usize| {
            let one = &self.identities[*place];
            one.valid_at(now) && one.valid_until() > now + margin
        };
        let ends = self.unused().find(fit).map(|place| self.identities[place].valid_until())?;
        let equal =
            || self.unused().filter(fit).filter(|place| self.identities[*place].valid_until() == ends);
        equal().nth(stream.below(equal().count() as u64) as usize)
    }

    /// Opens what was sealed to one of the identities: the active one, or the one before while its key is kept.
    ///
    /// # Errors
    /// None of ours, no key any longer, or those of [`Open::open`](crate::base::Open::open).
    pub(crate) fn open(
        &self,
        receiver: &Digest,
        now: Instant,
        bound: &SealBinding,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, DropReason> {
        let place = self.place_of(receiver).ok_or(DropReason::SealedForAnother)?;
        if place != self.active && self.wipe_at.is_none_or(|at| at <= now) {
            return Err(DropReason::SealedKeyWiped);
        }
        self.identities[place].open(bound, sealed)
    }

    /// `last` was used until now: its encryption key is kept for a moment, and those of other former identities are wiped.
    pub(crate) fn retire(&mut self, last: &Digest, now: Instant) {
        self.wipe_openers(Some(last));
        let keeps = *last != self.active().digest() && self.identity(last).is_some_and(Identity::opens);
        self.wipe_at = keeps.then(|| now + limits::FORMER_KEY_GRACE);
    }

    /// When [`wipe_former`](Self::wipe_former) has something to wipe.
    pub(crate) fn wipe_at(&self) -> Option<Instant> {
        self.wipe_at
    }

    /// Wipes the encryption keys of all former identities.
    pub(crate) fn wipe_former(&mut self) {
        self.wipe_openers(None);
        self.wipe_at = None;
    }

    fn wipe_openers(&mut self, but: Option<&Digest>) {
        let former = self.identities.iter_mut().zip(&self.used).enumerate();
        for (_, (one, _)) in former
            .filter(|(place, (one, used))| **used && *place != self.active && Some(&one.digest()) != but)
        {
            one.wipe_opener();
        }
    }

    fn activate(&mut self, place: usize) {
        self.active = place;
        self.used[place] = true;
        self.recount();
    }

    /// Spares that end too soon to take over do not count, so that they are not checked again and again.
    fn give_up_ended(&mut self, now: WireTime) {
        for (one, used) in self.identities.iter().zip(&mut self.used) {
            *used |= one.valid_until() <= now + EXPIRY_MARGIN;
        }
        self.recount();
    }

    fn recount(&mut self) {
        self.spare_from = self.unused().map(|place| self.identities[place].valid_from()).min();
        let last = self.unused().map(|place| self.identities[place].valid_until()).max();
        self.valid_until = self.active().valid_until().max(last.unwrap_or_default());
    }

    fn unused(&self) -> impl Iterator<Item = usize> {
        self.used.iter().enumerate().filter(|(_, used)| !**used).map(|(place, _)| place)
    }

    /// A random unicast address, marked as locally administered (IEEE 802 8.2).
    fn new_address(&self, identity: Digest) -> [u8; 6] {
        let mut stream = Stream::new(self.seed.0, identity, Purpose::LinkAddress);
        let [mut first, a, b, c, d, e, ..] = stream.next_u64().to_le_bytes();
        first = (first & !0x01) | 0x02;
        [first, a, b, c, d, e]
    }
}

impl From<Identity> for Pool {
    fn from(identity: Identity) -> Self {
        Self::new(vec![identity]).expect("invariant: one identity is a pool")
    }
}

/// A credential is given up this long before it ends, so that its end does not come in the middle of an alert; a
/// spare that ends sooner is not taken up.
pub const EXPIRY_MARGIN: Duration = Duration::from_secs(60);
