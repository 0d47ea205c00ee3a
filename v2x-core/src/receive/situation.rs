//! What the checks on a frame look at beside the frame.

use crate::base::{Anchor, Instant, Plane, Velocity, WireTime};
use crate::forward::Forwarder;
use crate::misbehaviour::Watch;
use crate::trust::Pool;

/// What the checks need to know of the moment.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The core's time.
    pub now: Instant,
    /// Ties it to wire time.
    pub anchor: &'a Anchor,
    /// The own identities: the one in use and those before and after.
    pub own: &'a Pool,
    /// The plane about the own position, when that is known.
    pub here: Option<&'a Plane>,
    /// Own velocity.
    pub velocity: Velocity,
    /// Whether this station lives among test traffic. Test stations may send as much as they like: the rates
    /// by address, forwarder and signer do not count for them.
    pub test: bool,
    /// One in so many far awareness messages is verified ([`Config::sample_far_awareness`]).
    ///
    /// [`Config::sample_far_awareness`]: crate::base::Config::sample_far_awareness
    pub sample: Option<u8>,
    /// Whether the wire clock can be trusted.
    pub clock_trusted: bool,
    /// What the stations heard are held for.
    pub watch: &'a Watch,
    /// Messages of several hops that are known.
    pub floods: &'a Forwarder,
}

impl Situation<'_> {
    pub(super) fn trusted_wire(&self) -> Option<WireTime> {
        self.clock_trusted.then(|| self.wire())
    }

    pub(super) fn wire(&self) -> WireTime {
        self.anchor.wire_at(self.now)
    }
}
