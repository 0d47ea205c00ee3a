//! All that a station knows of hazards.

use super::event_table::EventTable;
use super::own::OwnEvents;
use super::relevance::OwnPath;
use crate::base::Imminent;

/// What the station knows and says of hazards.
#[derive(Debug)]
pub struct Hazards {
    /// Events heard and declared.
    pub table: EventTable,
    /// What the station declared and goes on repeating.
    pub own: OwnEvents,
    /// Where the station has been and where it goes.
    pub path: OwnPath,
}

impl Hazards {
    /// Nothing known yet; warnings in D0 are repeated as `imminent` says.
    pub fn new(imminent: Imminent) -> Self {
        Self { table: EventTable::default(), own: OwnEvents::new(imminent), path: OwnPath::default() }
    }
}
