//! Two groups of stations that do not hear each other.

use v2x_core::Position;

use super::members::Chosen;
use super::passage::OnLink;

/// How the two are told apart.
#[derive(Clone, Debug)]
pub(crate) enum PartitionSides {
    /// The members, and all others.
    Members(Chosen),
    /// Those west and those east of a place.
    Line(Position),
}

impl PartitionSides {
    /// Whether sender and receiver are in different groups.
    pub(crate) fn takes(&self, on: &OnLink) -> bool {
        match self {
            Self::Members(members) => members.has(on.from) != members.has(on.to),
            Self::Line(line) => match (on.from_at, on.to_at) {
                (Some(from), Some(to)) => {
                    (from.longitude < line.longitude) != (to.longitude < line.longitude)
                }
                _ => false,
            },
        }
    }
}
