//! The forwarder's part in a change of pseudonym: nothing it did under the former name goes on under the new one, unless
//! other stations do the same. From then on a flood is to it what it is to a newcomer: see [`airing`](crate::forward::airing).

use core::time::Duration;

use v2x_proto::Class;
use v2x_proto::link::Origin;

use super::Forwarder;
use crate::base::{Instant, Scheme};
use crate::forward::contention::HeardCopy;
use crate::forward::flood::{Flood, State};
use crate::forward::surroundings::Surroundings;

impl Forwarder {
    /// The station speaks under another name from now on.
    pub fn renamed(&mut self, now: Instant) {
        (self.lacked, self.serving) = (Instant::ZERO, Instant::ZERO);
        if self.scheme != Scheme::Roadcast {
            return;
        }
        for slot in self.floods.slots() {
            let draw = self.keep_jitter(slot);
            self.floods.update(slot, |flood| {
                if flood.id.class != Class::D3 {
                    return;
                }
                flood.airing.here = false;
                (flood.serve, flood.served) = (None, Instant::ZERO);
                (flood.silenced, flood.stands) = (None, false);
                flood.state = match flood.state {
                    State::Waiting(_) if flood.is_hidden() => State::Settled,
                    State::Sent(_) => State::Settled,
                    state => state,
                };
                if let Some(keep) = &mut flood.keep {
                    keep.at = now + keep.interval * 2 + draw;
                }
            });
        }
    }

    /// The first copy under this name is answered as a newcomer answers it, which has the flood from it: how long to
    /// wait, and the hops.
    pub(super) fn first_under_this_name(
        &mut self,
        slot: u16,
        copy: &HeardCopy,
        around: &Surroundings<'_>,
    ) -> Option<(Duration, u8)> {
        let flood = self.floods.get(slot)?;
        let hops = flood.plausible(copy.remaining_hops, around.moment.here.as_ref());
        // What we signed ourselves goes on from the address that it began with.
        let ours = flood.id.class == Class::D3 && flood.relayed && flood.origin == Origin::Forwarded;
        let over = flood.airing.here || flood.state == State::Superseded || !flood.bounded && hops <= 1;
        if self.scheme != Scheme::Roadcast || !ours || over {
            return None;
        }
        let flood = Flood { previous: copy.transmitter, remaining_hops: hops, ..flood.clone() };
        self.wait(&flood, around).map(|wait| (wait, hops))
    }

    /// A copy of it is on the air here. `draw` is the jitter of a flood that is kept alive.
    pub(super) fn note_airing(&mut self, slot: u16, heard: &HeardCopy, draw: Duration, now: Instant) {
        self.floods.update(slot, |flood| {
            if !flood.airing.here {
                (flood.airing.here, flood.since) = (true, now);
                if let Some(keep) = &mut flood.keep {
                    keep.at = now + keep.interval * 2 + draw;
                }
            }
            if let Some(transmitter) = heard.transmitter {
                flood.advance(flood.scope.distance_m(transmitter), now);
            }
        });
    }
}
