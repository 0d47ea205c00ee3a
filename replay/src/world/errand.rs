//! What applications of a world's stations declare and send, and when.

use v2x_core::{HazardDraft, Position};

/// Something an application of a station does at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// When, ns.
    pub at_ns: u64,
    /// Which station.
    pub by: By,
    /// What.
    pub content: Content,
    /// When it was due, when that was before, ns.
    pub due_ns: Option<u64>,
}

/// The station whose application sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// This station's.
    Station(u32),
    /// The vehicle, or other station with a node, that is nearest to a place then.
    Nearest(Position),
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// It declares a hazard, which the station then repeats as any station does.
    Hazard(HazardDraft),
    /// It sends the state of an intersection whose only group shows red.
    SignalState {
        /// Which intersection.
        intersection: u32,
    },
}
