//! Hazard events: those a station declares, those it receives, and whether they are relevant to it.

mod command;
mod conflict;
mod draft;
mod event_table;
mod gist;
mod hazards;
mod known;
mod own;
mod refusal;
mod relevance;
mod repetition;
#[cfg(test)]
pub(crate) mod testing;

pub use command::{HazardCommand, HazardDraft, HazardRepeat, MAX_VALIDITY};
pub use event_table::{EventTable, Outcome, Rank, Speaker};
pub use gist::HazardGist;
pub use hazards::Hazards;
pub use known::{Concern, EventState, HazardChange, HazardChanged, KnownHazard};
pub use own::OwnEvent;
pub use refusal::HazardRefusal;
pub use v2x_proto::{EventId, EventIdError};
