//! State of the hazard service of one station.

use super::event_table::EventTable;
use super::own::OwnEvents;
use super::relevance::OwnPath;
use crate::base::Imminent;

/// The events the station knows, and those it repeats.
#[derive(Debug)]
pub struct Hazards {
    /// Events heard and declared.
    pub table: EventTable,
    /// Events the station declared and keeps repeating.
    pub own: OwnEvents,
    /// Where the station has been and where it is going.
    pub path: OwnPath,
}

impl Hazards {
    /// No event known yet; warnings in D0 are repeated as `imminent` requires.
    pub fn new(imminent: Imminent) -> Self {
        Self { table: EventTable::default(), own: OwnEvents::new(imminent), path: OwnPath::default() }
    }
}
