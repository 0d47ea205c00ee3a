//! The forwarder's part in a change of pseudonym: nothing it did under the former name goes on under the new one, unless
//! other stations do the same. From then on a flood is to it what it is to a newcomer: see [`airing`](crate::forward::airing).

use core::time::Duration;

use v2x_proto::Class;
use v2x_proto::link::Origin;

use super::Forwarder;
use crate::base::{Instant, Scheme};
use crate::forward::contention::HeardCopy;
use crate::forward::flood::State;
use crate::forward::frame::CopyHeard;
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
    pub(super) fn anew_under_this_name(
        &mut self,
        slot: u16,
        copy: &HeardCopy,
        around: &Surroundings<'_>,
    ) -> Option<(Duration, u8)> {
        let flood = self.floods.get(slot)?;
        // What we signed ourselves goes on from the address that it began with.
        let ours = flood.id.class == Class::D3 && flood.relayed && flood.origin == Origin::Forwarded;
        let over = flood.airing.here || flood.state == State::Superseded || copy.remaining_hops <= 1;
        if self.scheme != Scheme::Roadcast || !ours || over {
            return None;
        }
        let flood = flood.clone();
        let flood = super::Flood { previous: copy.transmitter, remaining_hops: copy.remaining_hops, ..flood };
        self.wait(&flood, around).map(|wait| (wait, copy.remaining_hops))
    }

    pub(super) fn note_airing(&mut self, slot: u16, copy: &CopyHeard, heard: &HeardCopy, now: Instant) {
        self.floods.update(slot, |flood| {
            if !flood.airing.here {
                flood.since = now;
            }
            flood.airing.hear(&flood.id.signer, heard.transmitter.map(|_| &copy.forwarder));
            if let Some(transmitter) = heard.transmitter {
                flood.advance(flood.scope.distance_m(transmitter), now);
            }
        });
    }
}
