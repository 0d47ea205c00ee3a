//! How full the tables of a station are: what line 8 of the contract promises, to be looked at from outside.

use super::Node;
use crate::base::{Table, limits};

impl Node {
    /// Every table that what is heard or asked for can fill. None ever holds more than its limit.
    pub fn tables(&self) -> impl Iterator<Item = Table> {
        let own = [
            Table::new("neighbours", self.neighbours.len(), self.neighbours.capacity()),
            Table::new("remembered stations", self.neighbours.remembered(), limits::MAX_REMEMBERED),
            Table::new("wanted credentials", self.distribution.wanted(), limits::MAX_REQUESTS),
            Table::new("events", self.hazards.table.len(), limits::MAX_EVENTS),
            Table::new("own events", self.hazards.own.iter().count(), limits::MAX_OWN_EVENTS),
            Table::new("frames to send in a class", self.sender.longest_queue(), limits::MAX_SEND_QUEUE),
            Table::new("outputs", self.outputs.len(), limits::MAX_OUTPUTS),
        ];
        own.into_iter()
            .chain(self.receiver.tables())
            .chain(self.forwarder.tables())
            .chain(self.watch.tables())
    }
}
