//! Attackers on the way of a flood: transmitters without a credential that hear a frame and act at once.
//!
//! They stand where the trace has them, have no node, and are nobody's intended receivers. What they send leaves from a
//! link address of their own, goes through the medium like any other frame, and its signatures are always checked.

use std::collections::{BTreeMap, BTreeSet};

use v2x_core::MessageId;

/// What a saboteur does to a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Repeats the frame at once with one remaining hop, so that contending stations give up and none forwards the copy
    /// (Liu, Shekhar, Peng, "Breaking Geographic Routing Among Connected Vehicles", DSN 2023).
    Blockage,
    /// Repeats it with remaining hops as they should be, in the name of a verified station nearby that is far from the
    /// one before: to contending stations it looks as if the flood had travelled far.
    ForgedForwarder,
    /// Sends garbage under the flood's signer and sequence number ahead of it.
    PoisonedSequence,
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Blockage, Self::ForgedForwarder, Self::PoisonedSequence];

    /// Name in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blockage => "blockage",
            Self::ForgedForwarder => "forged_forwarder",
            Self::PoisonedSequence => "poisoned_sequence",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A station that sabotages floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saboteur {
    /// Which station of the trace.
    pub station: u32,
    /// What it does.
    pub kind: Sabotage,
}

/// The saboteurs of a world, and the floods each has acted on.
#[derive(Debug, Default)]
pub(super) struct Saboteurs {
    pub(super) by_station: BTreeMap<u32, (Sabotage, BTreeSet<MessageId>)>,
}

impl Saboteurs {
    /// Whether there is any.
    pub(super) fn are_there(&self) -> bool {
        !self.by_station.is_empty()
    }

    /// Whether a station is one of them.
    pub(super) fn are(&self, station: u32) -> bool {
        !self.by_station.is_empty() && self.by_station.contains_key(&station)
    }
}
