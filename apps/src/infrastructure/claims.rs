//! What several signers say of one thing, and whether they contradict each other.
//!
//! No signer owns a name because it was heard first. While all that are heard say the same, any of them may be believed;
//! once two of them differ, neither is, until one has been silent. Who may take part is not decided here: their
//! permissions were checked by the station.

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_core::{Instant, Position};
use v2x_proto::Digest;

use crate::limits::{CONTEST_PATIENCE, CONTEST_TOLD_AGAIN, MAX_CLAIMANTS};

/// Who says something, and where it says that it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Digest of its credential.
    pub signer: Digest,
    /// The position it signed.
    pub place: Position,
}

/// Something that two signers may say alike or not.
pub(super) trait Said: Default {
    /// Whether both may be true.
    fn agrees(&self, other: &Self) -> bool;
}

/// What one signer says.
#[derive(Clone, Debug)]
pub(super) struct Claim<T> {
    pub(super) speaker: Speaker,
    pub(super) heard: Instant,
    pub(super) said: T,
}

/// What is said, by each signer that is heard.
#[derive(Clone, Debug)]
pub(super) struct Claims<T> {
    all: ArrayVec<Claim<T>, MAX_CLAIMANTS>,
    /// One more signer, for which there is no room, was last heard to contradict those.
    crowd: Option<(Speaker, Instant)>,
    /// Since when they contradict each other.
    contested: Option<Instant>,
    told: Option<Instant>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Self { all: ArrayVec::new(), crowd: None, contested: None, told: None }
    }
}

impl<T: Said> Claims<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn is_contested(&self) -> bool {
        self.contested.is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Claim<T>> {
        self.all.iter()
    }

    pub(super) fn find(&self, signer: &Digest) -> Option<&Claim<T>> {
        self.all.iter().find(|claim| claim.speaker.signer == *signer)
    }

    /// What is said, the greatest by `rank` of what is said alike; nothing while it is contested.
    pub(super) fn believed<K: Ord>(&self, rank: impl Fn(&Claim<T>) -> K) -> Option<&Claim<T>> {
        if self.is_contested() { None } else { self.all.iter().max_by_key(|claim| rank(claim)) }
    }

    /// A signer says something: `change` applies it to what it said before, or to nothing. Returns whether it now stands
    /// against another's word. What is refused renews nothing.
    pub(super) fn hear<E>(
        &mut self,
        speaker: Speaker,
        now: Instant,
        change: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Result<bool, E> {
        if let Some(known) = self.all.iter_mut().find(|claim| claim.speaker.signer == speaker.signer) {
            change(&mut known.said)?;
            (known.speaker, known.heard) = (speaker, now);
        } else {
            let mut said = T::default();
            change(&mut said)?;
            let others_agree = self.all.iter().all(|other| other.said.agrees(&said));
            if self.all.try_push(Claim { speaker, heard: now, said }).is_ok() {
                self.crowd = self.crowd.filter(|(crowd, _)| crowd.signer != speaker.signer);
            } else if !others_agree {
                self.crowd = Some((speaker, now));
            }
        }
        self.compare(now);
        Ok(self.is_contested())
    }

    /// Whoever has been silent for this long no longer stands against others that are heard.
    pub(super) fn fall_silent(&mut self, silence: Duration, now: Instant) {
        let is_heard = |heard: Instant| now.since(heard) < silence;
        if self.crowd.is_some_and(|(_, heard)| !is_heard(heard)) {
            self.crowd = None;
        }
        if self.all.iter().any(|claim| is_heard(claim.heard)) {
            self.all.retain(|claim| is_heard(claim.heard));
        }
        self.compare(now);
    }

    /// Drops what has expired; `keep` may change what is left.
    pub(super) fn retain(&mut self, keep: impl Fn(&mut Claim<T>) -> bool, now: Instant) {
        self.all.retain(keep);
        self.compare(now);
    }

    /// When the first of several will have been silent for this long.
    pub(super) fn next_silence(&self, silence: Duration) -> Option<Instant> {
        let heard = self.all.iter().map(|claim| claim.heard).chain(self.crowd.map(|(_, heard)| heard));
        self.is_contested().then(|| heard.min()).flatten().map(|heard| heard + silence)
    }

    /// Those that contradict each other, when that has lasted and was not told lately.
    pub(super) fn take_contest(&mut self, now: Instant) -> Option<ArrayVec<Speaker, { MAX_CLAIMANTS + 1 }>> {
        let lasts = self.contested.is_some_and(|since| now.since(since) >= CONTEST_PATIENCE);
        let told = self.told.is_some_and(|told| now.since(told) < CONTEST_TOLD_AGAIN);
        if !lasts || told {
            return None;
        }
        self.told = Some(now);
        let crowd = self.crowd.map(|(speaker, _)| speaker);
        Some(self.all.iter().map(|claim| claim.speaker).chain(crowd).collect())
    }

    fn compare(&mut self, now: Instant) {
        let differs = |(at, claim): (usize, &Claim<T>)| {
            self.all[..at].iter().any(|other| !other.said.agrees(&claim.said))
        };
        let contested = self.crowd.is_some() || self.all.iter().enumerate().any(differs);
        self.contested = contested.then(|| self.contested.unwrap_or(now));
    }
}
