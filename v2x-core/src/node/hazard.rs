//! The station's part in hazards: commands in, messages out, the table told of what was heard.

use super::Node;
use crate::hazard::{Command, Known, Refusal};
use crate::io::Event;

impl Node {
    /// The events that are known, own and heard, in the order of their names.
    pub fn hazards(&self) -> impl Iterator<Item = &Known> {
        core::iter::empty()
    }

    pub(super) fn command(&mut self, _command: &Command) {
        self.event(Event::HazardRefused(Refusal::SendingBlocked));
    }
}
