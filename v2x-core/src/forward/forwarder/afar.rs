//! What comes from afar, at a unit that sends it on the air.
//!
//! A message from afar is no copy of what is on the air here, and nobody here waits for it. A roadside unit that may, and is told
//! to, sends it once, as a forwarder would that has it from one hop before; an area hazard again only by the rule of keep-alive, which
//! puts it off while others are heard with it. What is heard by air before that is the air's from then on: it goes by the rules of
//! forwarding, as if it had come by air first. Other stations do not know it here at all, so whatever they hear by air they treat as
//! ever.

use core::time::Duration;

use v2x_proto::Class;

use super::{Forwarder, JITTER};
use crate::base::{FrameHash, Plane, Scheme};
use crate::forward::flood::{Flood, State};
use crate::forward::surroundings::Surroundings;

impl Forwarder {
    /// Messages from afar are sent on the air here: of a roadside unit that may keep others' events alive.
    #[must_use]
    pub fn bringing_what_comes_from_afar(self) -> Self {
        let airs_afar = self.anchor_unit && self.scheme == Scheme::Roadcast;
        Self { airs_afar, ..self }
    }

    /// Whether a frame with this hash is a copy of a message from afar that is sent on here, though it is no flood.
    #[must_use]
    pub fn brings(&self, hash: FrameHash) -> bool {
        self.floods.afar() > 0 && self.knows(hash)
    }

    /// Has a message from afar sent, where a forwarder would send it: it has a hop left, or is background, which has none to travel.
    /// False where it is not sent.
    pub(super) fn bring(
        &mut self,
        flood: &mut Flood,
        relay: bool,
        keep_alive: Option<Duration>,
        around: &Surroundings<'_>,
    ) -> bool {
        let travels = flood.id.class == Class::D5 || flood.bounded || flood.remaining_hops > 1;
        if !relay || !travels {
            return false;
        }
        flood.state = State::FromAfar(around.moment.now + self.draw(JITTER));
        let here = around.moment.here.as_ref().map(Plane::origin);
        flood.keep = self.keep(flood, keep_alive, here, around.moment.now);
        true
    }
}
