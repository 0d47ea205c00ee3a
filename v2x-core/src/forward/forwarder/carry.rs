//! Store-carry-forward: a station lists the floods it holds in its beacons, and gives a neighbour those it lacks.
//!
//! Contention carries a flood as far as stations stand in a chain. A station it misses - one behind a gap, one that
//! comes an hour later, one that lost the frame to a collision - shows that in its next beacon, which does not name the
//! flood. All holders that hear the beacon wait, the nearest the shortest, and the first to send silences the others
//! (summary vectors: Vahdat and Becker, "Epidemic routing", Duke CS-2000-06, bounded to an area and a lifetime).
//!
//! A list is what a newcomer of the last change of pseudonym could say: floods for the place, heard on the air since, in
//! no order. So it says nothing of who held a flood under another name. A neighbour that drives towards the area of a
//! flood is given that too; it never lists it, so what is given goes by how near to the area the flood has come.

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_proto::Class;
use v2x_proto::payload::FloodTags;

use super::{Forwarder, JITTER};
use crate::base::{Instant, Position, Scheme, limits};
use crate::forward::flood::{Flood, Scope, Serve, State, TRIES};
use crate::forward::flood_tag::BeaconTags;
use crate::forward::frame::HeardBeacon;
use crate::forward::surroundings::Surroundings;

impl Forwarder {
    /// The newest floods this station holds for `place`, where its beacon says that it is, as this beacon names them:
    /// sorted.
    pub fn held(&self, beacon: &BeaconTags, place: Position, now: Instant, tags: &mut Vec<u32>) {
        tags.clear();
        if self.scheme != Scheme::Roadcast || self.is_empty() {
            return;
        }
        let mut newest: Vec<(Instant, u32)> = self
            .floods
            .iter()
            .filter(|(_, flood)| flood.airing.here && is_told(flood) && flood.expires > now)
            .filter(|(_, flood)| to_go(flood, place) == Some(0.0))
            .map(|(_, flood)| (flood.since, beacon.tag(flood.name)))
            .collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.truncate(FloodTags::MAX);
        tags.extend(newest.into_iter().map(|(_, tag)| tag));
        tags.sort_unstable();
    }

    /// A verified neighbour lists floods it holds.
    ///
    /// A list of the maximum length may be incomplete, so nothing follows for floods it does not name. True when it
    /// names one that this station lacks, or has only from before its change of pseudonym: then its next beacon should be
    /// sent early.
    pub fn beacon(&mut self, beacon: &HeardBeacon<'_>, around: &Surroundings<'_>) -> bool {
        if let Some(here) = around.moment.here.as_ref() {
            self.reach.heard(here.distance_2(beacon.place).sqrt() as f32);
        }
        if self.scheme != Scheme::Roadcast || self.is_empty() && beacon.floods.iter().next().is_none() {
            return false;
        }
        let tags = BeaconTags::new(&beacon.signer, beacon.generation);
        let mut named = ArrayVec::<u16, { FloodTags::MAX }>::new();
        // More would be over the rate, and come with the neighbour's next beacons.
        let mut lacking = ArrayVec::<u16, { limits::MAX_SERVED_AT_ONCE }>::new();
        let mut lacked_here = beacon.floods.iter().count();
        for (slot, flood) in self.floods.iter().filter(|(_, flood)| flood.id.class == Class::D3) {
            if beacon.floods.contains(tags.tag(flood.name)) {
                lacked_here = lacked_here.saturating_sub(usize::from(flood.airing.here));
                // A seventeenth has the tag of another by chance.
                if !named.is_full() {
                    named.push(slot);
                }
            } else if !beacon.floods.is_full() && !lacking.is_full() && lacks(flood, beacon.place, around) {
                lacking.push(slot);
            }
        }
        self.named(&named, beacon);
        self.serve(&lacking, beacon.place, around);
        lacked_here > 0 && limits::LACK_RATE.take(&mut self.lacked, around.moment.now)
    }

    /// Stations that wait for a copy near the beacon's place have these by now, and its signer has.
    fn named(&mut self, slots: &[u16], beacon: &HeardBeacon<'_>) {
        for slot in slots {
            self.floods.update(*slot, |flood| {
                flood.airing.named(&flood.id.signer, &beacon.signer);
                if flood.serve.is_some_and(|serve| serve.place.distance_m(beacon.place) < SAME_M) {
                    flood.serve = None;
                }
            });
        }
    }

    fn serve(&mut self, slots: &[u16], place: Position, around: &Surroundings<'_>) {
        let Some(here) = around.moment.here.as_ref() else { return };
        let distance = here.distance_2(place).sqrt();
        let share = (distance / f64::from(self.reach.metres())).clamp(0.0, 1.0);
        let wait = SERVE_MIN + Duration::from_nanos((SERVE_SPAN.as_nanos() as f64 * share) as u64);
        for slot in slots {
            let at = around.moment.now + wait + self.draw(JITTER);
            self.floods.update(*slot, |flood| {
                let most = if to_go(flood, place) == Some(0.0) { TRIES } else { TRIES_ON_THE_WAY };
                flood.serve = Some(Serve { at, place, tries: 0, most, put_off: false });
            });
        }
    }
}

/// Whether beacons name it: a current flood, and not a one-hop relay.
fn is_told(flood: &Flood) -> bool {
    flood.id.class == Class::D3 && flood.state != State::Superseded
}

/// Whether a neighbour at `place` that does not name it is to be given it.
fn lacks(flood: &Flood, place: Position, around: &Surroundings<'_>) -> bool {
    let settled = !matches!(flood.state, State::Waiting(_) | State::FromAfar(_) | State::Sent(Some(_)));
    let passed = |since: Instant, wave: Duration| around.moment.now.since(since) >= wave;
    // A copy said that it had gone on, and this beacon, which is signed, says that it has not.
    let doubted = flood.silenced.is_some_and(|silenced| passed(silenced, DOUBT));
    is_told(flood)
        && settled
        && flood.serve.is_none()
        && flood.may_travel()
        // What this unit brought from afar is sent again by the rule of keep-alive alone.
        && !flood.afar
        && (passed(flood.since, WAVE) || doubted)
        && flood.expires > around.moment.now
        && limits::SERVE_RATE.allows(flood.served, around.moment.now)
        && concerns(flood, place, around)
}

/// A neighbour is given what is relevant to it, or what it can carry closer to the area than we are and than it has come.
fn concerns(flood: &Flood, place: Position, around: &Surroundings<'_>) -> bool {
    let Some(to_go) = to_go(flood, place) else { return false };
    // From here it is asked for only when it matters: most neighbours are in the area.
    let own = || around.moment.here.as_ref().map_or(0.0, |here| flood.scope.distance_m(here.origin()));
    let front = || flood.front(around.moment.now).unwrap_or(f64::INFINITY);
    to_go == 0.0 || to_go < own() && to_go + NEARER_M < front()
}

/// Metres from `place` to its area, 0 inside; `None` when it has none.
fn to_go(flood: &Flood, place: Position) -> Option<f64> {
    match flood.scope {
        Scope::Hops => None,
        Scope::Area(_) => Some(flood.scope.distance_m(place)),
    }
}

/// Copies for a neighbour that is only on the way to the area, which is heard to have it only if it sends it on.
const TRIES_ON_THE_WAY: u8 = 3;

/// This much nearer to the area is worth another copy, m.
const NEARER_M: f64 = 50.0;

/// A neighbour that was here a moment ago.
const SAME_M: f64 = 50.0;

/// Twice the longest contention: by then the wave has passed the stations around, and a beacon that does not name the
/// flood shows that its sender was missed. In a city those are the stations round a corner.
const WAVE: Duration = Duration::from_millis(120);

/// Where a copy ended our contention, its transmitter's neighbours should have it after this: some hops later.
const DOUBT: Duration = Duration::from_millis(40);

/// A copy waits from this time for the nearest neighbour to this and [`SERVE_SPAN`] for one at the end of the reach.
const SERVE_MIN: Duration = Duration::from_millis(1);

const SERVE_SPAN: Duration = Duration::from_millis(20);
