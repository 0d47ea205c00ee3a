//! Copies of floods: what they end, and what they cannot.
//!
//! Nothing in a copy but the flood itself is signed: not who sent it, not its hops. One radio can send any number of
//! copies in its neighbours' names and from their addresses, as cheaply as honest ones. So a copy is no proof that its
//! claimed transmitter has it, and what it ends can begin again:
//!
//! - A copy counts only with the signer's credential, as every relay sends it: others would not reach a newcomer.
//! - A station hears what is sent in its name: it sends then, so that the claim is true. One that was silenced itself does
//!   so half of the time: likely somebody is farther along, and each forged copy would cost one of ours.
//! - Of the relays of an imminent message some wait for nobody: all where stations are few, and by lot where they are
//!   many. In 20 ms there is no time for evidence.
//! - A neighbour's beacon is signed, and shows what it lacks: then a flood that was given up goes out after all.
//! - Beacons, not copies, say that a neighbour was given what it lacked, and that a flood is kept alive: copies put our
//!   own off, but not always.

use core::time::Duration;

use v2x_proto::Class;

use super::{AHEAD_HEARD, Early, Forwarder, JITTER, transmitter};
use crate::base::{Instant, Plane, Position, Scheme, limits};
use crate::forward::contention::HeardCopy;
use crate::forward::flood::{Flood, State};
use crate::forward::frame::CopyHeard;
use crate::forward::surroundings::Surroundings;

impl Forwarder {
    /// A copy of a known flood, or of a frame that waits for its verification, was heard.
    pub fn copy(&mut self, copy: &CopyHeard, around: &Surroundings<'_>) {
        let Some(slot) = self.floods.find(copy.hash) else {
            if self.scheme != Scheme::Off {
                self.remember(copy, around.moment.now);
            }
            return;
        };
        let stock = self.scheme == Scheme::Etsi;
        let Some(flood) = self.floods.get(slot) else { return };
        if flood.id.class == Class::D5 {
            // Background from afar that waits to be sent: the air has it.
            if matches!(flood.state, State::FromAfar(_)) {
                self.floods.remove(slot);
            }
            return;
        }
        let counts = stock || copy.full || !flood.message.brings_credential();
        let (is_owed, is_kept) = (flood.serve.is_some(), flood.keep.is_some());
        // Only the present name: whoever answered to a former one would show that both are one station.
        let own = || around.own.active().digest() == copy.forwarder;
        if counts && self.scheme == Scheme::Roadcast && own() {
            let at = around.moment.now + self.draw(JITTER);
            let anew = self.lot(1, 2);
            return self.floods.update(slot, |flood| flood.stand_in(at, anew));
        }
        let heard = HeardCopy {
            remaining_hops: copy.remaining_hops,
            transmitter: transmitter(&copy.forwarder, &copy.link, around).filter(|_| counts),
        };
        let again = stock.then(|| self.etsi_wait(heard.transmitter, around));
        let cancellable = self.scheme == Scheme::Roadcast;
        let first = if counts { self.first_under_this_name(slot, &heard, around) } else { None };
        let anew = first.or_else(|| self.anew(slot, &heard, around));
        let known = self.wait_from(slot, &heard, around);
        let others = around.neighbours.len() as u64;
        let check = is_owed && self.lot(CHECKS, others);
        let kept = is_kept && heard.transmitter.is_some() && !self.lot(1, others + 1);
        let draw = self.keep_jitter(slot);
        let was_here = !counts || self.floods.get(slot).is_none_or(|flood| flood.airing.here);
        if counts {
            self.note_airing(slot, &heard, draw, around.moment.now);
        }
        self.floods.update(slot, |flood| {
            // Before it was sent from here: it is the air's from now on.
            flood.afar &= was_here;
            if let Some((wait, hops)) = anew {
                flood.remaining_hops = hops;
                flood.previous = heard.transmitter;
                flood.state = State::Waiting(around.moment.now + wait);
            } else {
                flood.hear(&heard, again, cancellable, around);
            }
            if let (Some(wait), State::Waiting(at)) = (known, flood.state) {
                flood.previous = heard.transmitter;
                flood.state = State::Waiting(at.min(around.moment.now + wait));
            }
            if flood.bounded {
                let hops = flood.plausible(copy.remaining_hops, around.moment.here.as_ref());
                flood.remaining_hops = flood.remaining_hops.max(hops);
            }
            if let (Some(here), Some(transmitter)) = (around.moment.here.as_ref(), heard.transmitter) {
                flood.hear_served(transmitter, here, check, around.moment.now);
            }
            if let Some(keep) = flood.keep.as_mut().filter(|_| kept) {
                keep.at = around.moment.now + keep.interval * 2 + draw;
            }
        });
    }

    /// Whether a relay of an imminent message waits for nobody. Near its origin those that are near count alone: any radio can
    /// bring the beacons of another road, and with them so many neighbours that nobody is left who does not wait.
    pub(super) fn stands_by_lot(&mut self, flood: &Flood, around: &Surroundings<'_>) -> bool {
        if flood.id.class != Class::D0 {
            return false;
        }
        let is_close = |here: &&Plane, place: Position| here.distance_2(place) <= CLOSE_M * CLOSE_M;
        let close = around.moment.here.as_ref().filter(|here| is_close(here, flood.source));
        let others = around.neighbours.iter().take(limits::MAX_LOOKED_AHEAD);
        let near = others.filter(|other| {
            other.is_direct()
                && around.moment.now.since(other.heard()) < AHEAD_HEARD
                && close.is_none_or(|here| is_close(&here, other.position()))
        });
        let near = near.count() as u64;
        self.lot(IMMINENT_ANYWAY, near)
    }

    /// True with this many chances in `of`, and always where `of` is not above them.
    fn lot(&mut self, chances: u64, of: u64) -> bool {
        of <= chances || self.draw(Duration::from_nanos(of << 20)) < Duration::from_nanos(chances << 20)
    }

    /// A flood that arrived with too few hops left, because of an attacker or a long path, is forwarded once more when
    /// a copy with many more arrives: an unsigned number must not settle it. How long to wait, and the hops.
    ///
    /// Nothing of the kind where the area bounds it.
    fn anew(&mut self, slot: u16, copy: &HeardCopy, around: &Surroundings<'_>) -> Option<(Duration, u8)> {
        let flood = self.floods.get(slot)?;
        let hops = flood.plausible(copy.remaining_hops, around.moment.here.as_ref());
        let used_up = flood.remaining_hops <= 1 && hops > 1;
        let better = used_up || hops > flood.remaining_hops.saturating_add(FEWER_HOPS);
        let ours = match flood.id.class {
            Class::D0 => flood.state == State::Settled && flood.silenced.is_none(),
            _ => flood.state != State::Superseded && self.scheme == Scheme::Roadcast,
        };
        if flood.bounded || !flood.relayed || !better || !ours || flood.afar {
            return None;
        }
        let flood = Flood { previous: copy.transmitter, ..flood.clone() };
        self.wait(&flood, around).map(|wait| (wait, hops))
    }

    /// A flood that waits longest, because its first copy came from nobody known, waits as others do once one comes from
    /// a neighbour: else a stranger's copies have all that hear them send at one time. How long.
    fn wait_from(&mut self, slot: u16, copy: &HeardCopy, around: &Surroundings<'_>) -> Option<Duration> {
        let flood = self.floods.get(slot)?;
        let unknown = matches!(flood.state, State::Waiting(_)) && flood.previous.is_none();
        if !unknown || copy.transmitter.is_none() || self.scheme != Scheme::Roadcast {
            return None;
        }
        let flood = Flood { previous: copy.transmitter, ..flood.clone() };
        self.wait(&flood, around)
    }

    fn remember(&mut self, copy: &CopyHeard, now: Instant) {
        self.early.retain(|early| now.since(early.at) < EARLY_KEPT);
        if self.early.len() < limits::MAX_EARLY_COPIES {
            self.early.push(Early { copy: *copy, at: now });
        }
    }
}

/// A copy with at least this many more remaining hops than ours came by a shorter path.
const FEWER_HOPS: u8 = 2;

/// Longest time a frame waits for its credential and its verification.
const EARLY_KEPT: Duration = Duration::from_millis(500);

/// Relays of an imminent message that wait for nobody, on average, where there are more neighbours than that. With those
/// two that are first they take 4 ms of the channel, once for a message.
const IMMINENT_ANYWAY: u64 = 6;

/// Whom an imminent message concerns at once: what is farther away has time for another message.
const CLOSE_M: f64 = 300.0;

/// Of all that were to give a neighbour a flood, this many on average do not believe that it was given.
const CHECKS: u64 = 1;
