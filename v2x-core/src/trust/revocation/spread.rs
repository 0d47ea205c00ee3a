//! Spreading of revocation deltas: a permitted station sends the newest delta of each list now and then.
//!
//! Soon after it learned it, then every [`SPREAD_INTERVAL`] with a jitter, and later when another station has just sent
//! the same bytes. A delta whose successor is overdue is not passed on: a station without one gets a newer one.

use core::time::Duration;

use bytes::Bytes;

use super::{List, Revocations};
use crate::base::limits::{SPREAD_INTERVAL, SPREAD_JITTER};
use crate::base::{Instant, Stream, WireTime};

impl Revocations {
    /// Draws when newly arrived deltas are passed on for the first time: within the jitter.
    pub fn plan_spread(&mut self, now: Instant, random: &mut Stream) {
        for list in self.lists.iter_mut().filter(|list| list.spread_at.is_none() && list.number > 0) {
            list.spread_at = Some(now + jitter(random));
        }
    }

    /// Another station has passed on the same bytes: our turn comes later.
    pub fn heard_spread(&mut self, bytes: &Bytes, now: Instant, random: &mut Stream) {
        if let Some(list) = self.lists.iter_mut().find(|list| list.newest == *bytes) {
            list.spread_at = Some(now + SPREAD_INTERVAL + jitter(random));
        }
    }

    /// A delta to pass on now; its next turn is drawn. `None` ends the round.
    pub fn take_spread(&mut self, now: Instant, wire: WireTime, random: &mut Stream) -> Option<Bytes> {
        let due = |list: &&mut List| list.is_current(wire) && list.spread_at.is_some_and(|at| at <= now);
        let list = self.lists.iter_mut().find(due)?;
        list.spread_at = Some(now + SPREAD_INTERVAL + jitter(random));
        Some(list.newest.clone())
    }

    /// When the next delta is to be passed on.
    #[must_use]
    pub fn next_spread(&self, wire: WireTime) -> Option<Instant> {
        self.lists.iter().filter(|list| list.is_current(wire)).filter_map(|list| list.spread_at).min()
    }
}

impl List {
    fn is_current(&self, wire: WireTime) -> bool {
        wire < self.next
    }
}

fn jitter(random: &mut Stream) -> Duration {
    Duration::from_nanos(random.below(SPREAD_JITTER.as_nanos() as u64))
}
