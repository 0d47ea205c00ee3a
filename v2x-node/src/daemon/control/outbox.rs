//! The station's events for clients of the control socket, kept until the daemon passes them on.

use std::collections::VecDeque;

use v2x_core::{Event, EventId, HazardChanged, HazardRefusal, Token};

use super::publishing::Publishing;
use crate::daemon::token::Owner;

/// An event for all clients that watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// What became of an event.
    Changed(HazardChanged),
    /// One of the station's own events continues under another name.
    Renamed {
        /// Its name before.
        old: EventId,
        /// Its name from now on.
        new: EventId,
    },
}

/// Changes of events for clients that watch, and outcomes of commands for the clients that gave them.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Messages that programs had the station send.
    pub publishing: Publishing,
    outcomes: VecDeque<(Token, Result<EventId, HazardRefusal>)>,
    changes: VecDeque<Note>,
    lost: u64,
}

impl Outbox {
    /// Takes an event of the station; only those of hazards and of programs' messages are kept.
    pub fn event(&mut self, event: &Event) {
        self.publishing.event(event);
        match event {
            Event::HazardAccepted { id, token: Some(token) } => self.outcome(*token, Ok(*id)),
            Event::HazardRefused { refusal, token: Some(token) } => self.outcome(*token, Err(*refusal)),
            Event::Hazard(changed) => self.note(Note::Changed(*changed)),
            Event::HazardRenamed { old, new } => self.note(Note::Renamed { old: *old, new: *new }),
            _ => {}
        }
    }

    /// Outcomes of the daemon's other commands go elsewhere. There are at most as many as open commands.
    fn outcome(&mut self, token: Token, outcome: Result<EventId, HazardRefusal>) {
        if Owner::Control.owns(Some(token)) {
            self.outcomes.push_back((token, outcome));
        }
    }

    fn note(&mut self, note: Note) {
        if self.changes.len() < MOST_CHANGES {
            self.changes.push_back(note);
        } else {
            self.lost += 1;
        }
    }

    /// What became of a program's command, oldest first: the event it was carried out on, or why it was not.
    pub fn take_outcome(&mut self) -> Option<(Token, Result<EventId, HazardRefusal>)> {
        self.outcomes.pop_front()
    }

    /// Whether there is nothing to pass on.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty() && self.changes.is_empty() && self.lost == 0 && self.publishing.is_empty()
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
