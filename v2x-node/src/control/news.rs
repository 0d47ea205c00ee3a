//! What a station says of hazards, kept until the daemon passes it on.

use std::collections::VecDeque;

use v2x_core::hazard::{Changed, EventId, Refusal};
use v2x_core::io::Event;

/// Something to pass on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// What became of an event.
    Changed(Changed),
    /// An own event goes on under another name.
    Renamed {
        /// Its name before.
        old: EventId,
        /// Its name from now on.
        new: EventId,
    },
}

/// Changes of events and the outcome of the last command.
#[derive(Debug, Default)]
pub struct News {
    outcome: Option<Result<EventId, Refusal>>,
    changes: VecDeque<Note>,
    lost: u64,
}

impl News {
    /// Takes note of an event of the station; others than those of hazards pass.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::HazardAccepted { id, .. } => self.outcome = Some(Ok(*id)),
            Event::HazardRefused { refusal, .. } => self.outcome = Some(Err(*refusal)),
            Event::Hazard(changed) => self.note(Note::Changed(*changed)),
            Event::HazardRenamed { old, new } => self.note(Note::Renamed { old: *old, new: *new }),
            _ => {}
        }
    }

    fn note(&mut self, note: Note) {
        if self.changes.len() < MOST_CHANGES {
            self.changes.push_back(note);
        } else {
            self.lost += 1;
        }
    }

    /// What became of the command just handed in.
    pub fn take_outcome(&mut self) -> Option<Result<EventId, Refusal>> {
        self.outcome.take()
    }

    /// Whether there are changes to pass on.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.lost == 0
    }

    /// The oldest change not taken yet.
    pub fn take_change(&mut self) -> Option<Note> {
        self.changes.pop_front()
    }

    /// How many changes were lost since the last call; none while there are changes to take.
    pub fn take_lost(&mut self) -> u64 {
        if self.changes.is_empty() { core::mem::take(&mut self.lost) } else { 0 }
    }
}

/// Changes kept between two turns of the daemon: as many as a batch of verifications can make, several times over.
const MOST_CHANGES: usize = 256;
