//! The station's part in frames from afar.

use v2x_proto::Digest;

use super::Node;
use crate::base::ReceivedFrame;

impl Node {
    /// The credential of a station, encoded, as long as it is known; of this station, of each of its identities.
    pub fn credential_of(&self, station: &Digest) -> Option<&[u8]> {
        let own = self.sender.pool().identity(station).map(|own| &own.credential()[..]);
        own.or_else(|| self.receiver.credential(station))
    }

    /// Handles a frame from afar, which changes nothing that the end of a turn or a timer of the air depends on.
    pub(super) fn admit_afar(&mut self, frame: ReceivedFrame) {
        let (situation, receiver, neighbours, _, host) = self.receiving();
        if let Some(dropped) = receiver.admit_afar(frame, &situation, neighbours, host) {
            self.drop_frame(dropped);
        }
    }
}
