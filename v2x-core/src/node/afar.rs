//! The station's part in frames from afar.

use v2x_proto::Digest;

use super::Node;
use crate::base::ReceivedFrame;
use crate::receive::{AfarTicket, SignatureCheck};

impl Node {
    /// The credential of a station, encoded, as long as it is known; of this station, of each of its identities.
    pub fn credential_of(&self, station: &Digest) -> Option<&[u8]> {
        let own = self.sender.pool().identity(station).map(|own| &own.credential()[..]);
        own.or_else(|| self.receiver.credential(station))
    }

    /// The frames from afar that wait for verification, the next one first.
    ///
    /// A host may put off the `Timeout` of [`TimerKind::Afar`](super::TimerKind::Afar) until it has [the answers](Self::afar_checks) that the next frame needs,
    /// as long as it keeps [the other timers](Self::next_timer): frames from afar wait longer then, and nothing else does.
    pub fn afar_waiting(&self) -> impl Iterator<Item = AfarTicket> + use<'_> {
        self.receiver.afar_tickets()
    }

    /// The signatures that [`Host::verify`](crate::base::Host::verify) will be asked about, in this order, when the turn of a frame from
    /// afar comes, as far as can be said now: none when it does not wait. Those after a bad one are not asked for.
    pub fn afar_checks(&self, ticket: AfarTicket) -> Vec<SignatureCheck> {
        self.receiver.afar_checks(ticket, self.moment.wire())
    }

    /// Handles a frame from afar, which changes nothing that the end of a turn or a timer of the air depends on.
    pub(super) fn admit_afar(&mut self, frame: ReceivedFrame) {
        let (situation, receiver, neighbours, _, host) = self.receiving();
        if let Some(dropped) = receiver.admit_afar(frame, &situation, neighbours, host) {
            self.drop_frame(dropped);
        }
    }
}
