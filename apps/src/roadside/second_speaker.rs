//! Further clients that report what an intersection's signals show, beside the one that speaks for it.
//!
//! While all report the same phases, the first is passed on. When another reports different ones, nobody can tell which of
//! them is the controller: the states are unknown, and none is sent, until one of them has been silent for a second.

use core::time::Duration;

use v2x_core::Instant;

use super::client::ClientId;

/// What a controller reports: the phase of each group, in order.
pub(super) type Phases = Vec<(u32, i32)>;

/// The others that report about one intersection.
#[derive(Clone, Debug, Default)]
pub(super) struct SecondSpeakers {
    others: Vec<Other>,
    /// Since when one of them contradicts the first, and which.
    contested: Option<(Instant, ClientId)>,
    told: Option<Instant>,
    count: u64,
}

#[derive(Clone, Debug)]
struct Other {
    client: ClientId,
    phases: Phases,
    until: Instant,
}

impl SecondSpeakers {
    /// Another client than the speaker reports these phases, which count until `until`.
    pub(super) fn hear(&mut self, client: ClientId, phases: Phases, until: Instant) {
        self.others.retain(|other| other.client != client);
        if self.others.len() >= MOST_OTHERS {
            self.others.remove(0);
        }
        self.others.push(Other { client, phases, until });
    }

    /// A client speaks for the intersection now: it is none of the others.
    pub(super) fn speaks(&mut self, client: ClientId) {
        self.others.retain(|other| other.client != client);
    }

    /// Compares those that still count with the phases that the speaker reports.
    pub(super) fn compare(&mut self, phases: &Phases, now: Instant) {
        self.others.retain(|other| now < other.until);
        let differs = self.others.iter().find(|other| other.phases != *phases);
        let before = self.contested;
        self.contested = differs.map(|other| (before.map_or(now, |(since, _)| since), other.client));
        self.count += u64::from(before.is_none() && self.contested.is_some());
    }

    /// Whether nobody can tell what the signals show.
    pub(super) fn is_contested(&self) -> bool {
        self.contested.is_some()
    }

    /// When the first that contradicts the speaker will have been silent for long enough.
    pub(super) fn next_silence(&self) -> Option<Instant> {
        self.contested.and(self.others.iter().map(|other| other.until).min())
    }

    /// The client that contradicts the speaker, when that has lasted and was not told lately.
    pub(super) fn take_news(&mut self, now: Instant) -> Option<ClientId> {
        let (since, client) = self.contested?;
        let told = self.told.is_some_and(|told| now.since(told) < TOLD_AGAIN);
        if told || now.since(since) < PATIENCE {
            return None;
        }
        self.told = Some(now);
        Some(client)
    }

    /// How often one began to contradict the speaker.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

/// As many as may be connected to a feed.
const MOST_OTHERS: usize = 8;
/// Two programs that pass on one controller differ for a line or two when a phase changes.
const PATIENCE: Duration = Duration::from_millis(300);
/// It is told once in this time.
const TOLD_AGAIN: Duration = Duration::from_secs(60);
