//! Awareness at intervals drawn from a distribution, whatever the motion.

use v2x_core::{AwarenessRule, Event, Node};
use v2x_proto::v1::MessageType;

use super::World;
use crate::intervals::Intervals;
use crate::medium::hash;
use crate::source::StationKind;

impl World {
    /// Has stations other than roadside units send awareness at intervals drawn by the seed, the station and the number of the
    /// message: another station draws no other. Call it before the first event.
    pub fn pace_awareness(&mut self, intervals: Intervals) {
        self.settings.awareness = AwarenessRule::Every(intervals.mean());
        self.intervals = Some(Box::new(intervals));
    }

    /// A node sent something: after awareness, draws when it is to send the next. True when it did.
    pub(super) fn pace(&mut self, station: u32, node: &mut Node, event: &Event) -> bool {
        let Some(intervals) = &self.intervals else { return false };
        let Event::Sent(sent) = event else { return false };
        let unit = self.kinds.get(station as usize) == Some(&StationKind::Roadside);
        if unit || sent.message_type != MessageType::Awareness as u32 {
            return false;
        }
        let number = &mut self.stations[station as usize].beacons;
        *number += 1;
        let bits = hash(hash(self.settings.seed ^ PURPOSE) ^ hash(u64::from(station) << 32 ^ *number));
        let next = sent.generated + intervals.draw(bits);
        node.awareness_due_at(next);
        true
    }
}

/// Keeps these draws apart from others of the same seed.
const PURPOSE: u64 = 0x6177_6172_656e_6573;
