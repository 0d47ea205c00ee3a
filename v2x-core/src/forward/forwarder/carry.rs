//! Store-carry-forward: a station lists the floods it holds in its beacons, and gives a neighbour those it lacks.
//!
//! Contention carries a flood as far as stations stand in a chain. A station it misses - one behind a gap, one that
//! comes an hour later, one that lost the frame to a collision - shows that in its next beacon, which does not name the
//! flood. All holders that hear the beacon wait, the nearest the shortest, and the first to send silences the others
//! (summary vectors: Vahdat and Becker, "Epidemic routing", Duke CS-2000-06, bounded to an area and a lifetime).

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_proto::Class;
use v2x_proto::payload::FloodTags;

use super::{Forwarder, JITTER};
use crate::base::{Instant, Position, Scheme, limits};
use crate::forward::flood::{Flood, Serve, State};
use crate::forward::surroundings::Surroundings;

impl Forwarder {
    /// The newest floods this station holds, for its beacons.
    pub fn held(&self, now: Instant, tags: &mut Vec<u32>) {
        tags.clear();
        if self.scheme != Scheme::Roadcast || self.is_empty() {
            return;
        }
        let mut newest: Vec<(Instant, u32)> = self
            .floods
            .iter()
            .filter(|(_, flood)| is_told(flood) && flood.expires > now)
            .map(|(_, flood)| (flood.since, flood.tag))
            .collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.truncate(FloodTags::MAX);
        tags.extend(newest.into_iter().map(|(_, tag)| tag));
    }

    /// A verified neighbour at `place` lists the floods it holds.
    ///
    /// A list of the maximum length may be incomplete, so nothing follows for floods it does not name. True when it
    /// names one that this station lacks: then its next beacon should be sent early.
    pub fn beacon(&mut self, place: Position, held: &FloodTags, around: &Surroundings<'_>) -> bool {
        if let Some(here) = around.moment.here.as_ref() {
            self.reach.heard(here.distance_2(place).sqrt() as f32);
        }
        if self.scheme != Scheme::Roadcast {
            return false;
        }
        if !self.is_empty() && !held.is_full() {
            self.serve(place, held, around);
        }
        let lacks = self.served(place, held) < held.iter().count();
        lacks && limits::LACK_RATE.take(&mut self.lacked, around.moment.now)
    }

    /// Stations that wait for a copy near `place` have it by now. Returns how many of the floods named are held, each looked
    /// for in one walk over them.
    fn served(&mut self, place: Position, held: &FloodTags) -> usize {
        if held.iter().next().is_none() {
            return 0;
        }
        let mut named = [false; FloodTags::MAX];
        let mut over = ArrayVec::<u16, { limits::MAX_FLOODS }>::new();
        let all = self.floods.iter().take(limits::MAX_FLOODS);
        for (slot, flood) in all.filter(|(_, flood)| held.contains(flood.tag)) {
            held.iter().zip(&mut named).for_each(|(tag, known)| *known |= tag == flood.tag);
            if flood.serve.is_some_and(|serve| serve.place.distance_m(place) < SAME_M) {
                over.push(slot);
            }
        }
        for slot in over {
            self.floods.update(slot, |flood| flood.serve = None);
        }
        named.into_iter().filter(|known| *known).count()
    }

    fn serve(&mut self, place: Position, held: &FloodTags, around: &Surroundings<'_>) {
        let Some(here) = around.moment.here.as_ref() else { return };
        let distance = here.distance_2(place).sqrt();
        let share = (distance / f64::from(self.reach.metres())).clamp(0.0, 1.0);
        let wait = SERVE_MIN + Duration::from_nanos((SERVE_SPAN.as_nanos() as f64 * share) as u64);
        // More would be over the rate, and come with the neighbour's next beacons.
        let lacking: ArrayVec<u16, { limits::MAX_SERVED_AT_ONCE }> = self
            .floods
            .iter()
            .filter(|(_, flood)| lacks(flood, place, held, around))
            .map(|(slot, _)| slot)
            .take(limits::MAX_SERVED_AT_ONCE)
            .collect();
        for slot in lacking {
            let at = around.moment.now + wait + self.draw(JITTER);
            self.floods
                .update(slot, |flood| flood.serve = Some(Serve { at, place, tries: 0, put_off: false }));
        }
    }
}

/// Whether beacons name it: a current flood, and not a one-hop relay.
fn is_told(flood: &Flood) -> bool {
    flood.id.class == Class::D3 && flood.state != State::Superseded
}

fn lacks(flood: &Flood, place: Position, held: &FloodTags, around: &Surroundings<'_>) -> bool {
    let settled = !matches!(flood.state, State::Waiting(_) | State::Sent(Some(_)));
    let passed = |since: Instant, wave: Duration| around.moment.now.since(since) >= wave;
    // A copy said that it had gone on, and this beacon, which is signed, says that it has not.
    let doubted = flood.silenced.is_some_and(|silenced| passed(silenced, DOUBT));
    is_told(flood)
        && settled
        && flood.serve.is_none()
        && flood.may_travel()
        && (passed(flood.since, WAVE) || doubted)
        && flood.expires > around.moment.now
        && limits::SERVE_RATE.allows(flood.served, around.moment.now)
        && !held.contains(flood.tag)
        && concerns(flood, place, around)
}

/// A neighbour is given what is relevant to it, or what it can carry closer to the area than we are.
fn concerns(flood: &Flood, place: Position, around: &Surroundings<'_>) -> bool {
    match flood.scope {
        crate::forward::flood::Scope::Hops => false,
        crate::forward::flood::Scope::Area(_) => {
            let to_go = flood.scope.distance_m(place);
            // From here it is asked for only when it matters: most neighbours are in the area.
            let own =
                || around.moment.here.as_ref().map_or(0.0, |here| flood.scope.distance_m(here.origin()));
            to_go == 0.0 || to_go < own()
        }
    }
}

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
