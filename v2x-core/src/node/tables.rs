//! Fill levels of all tables of a station: lets the host check line 8 of the contract.

use super::Node;
use crate::base::{TableFill, limits};

impl Node {
    /// Every table that received frames or commands can fill. None ever holds more than its limit.
    pub fn tables(&self) -> impl Iterator<Item = TableFill> {
        let own = [
            TableFill::new("neighbours", self.neighbours.len(), self.neighbours.capacity()),
            TableFill::new("remembered stations", self.neighbours.remembered(), limits::MAX_REMEMBERED),
            TableFill::new("wanted credentials", self.distribution.wanted(), limits::MAX_REQUESTS),
            TableFill::new("events", self.hazards.table.len(), limits::MAX_EVENTS),
            TableFill::new("own events", self.hazards.own.iter().count(), limits::MAX_OWN_EVENTS),
            TableFill::new("frames to send in a class", self.sender.longest_queue(), limits::MAX_SEND_QUEUE),
            TableFill::new(
                "signed messages of a class",
                self.sender.signed_log().longest(),
                limits::MAX_SIGNED_KEPT,
            ),
            TableFill::new("outputs", self.outputs.len(), limits::MAX_OUTPUTS),
        ];
        own.into_iter()
            .chain(self.receiver.tables())
            .chain(self.forwarder.tables())
            .chain(self.watch.tables())
    }
}
