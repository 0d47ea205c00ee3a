//! What passed the link to a station.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::error::StationError;

/// One daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationSettings {
    /// Its name, for people.
    pub name: String,
    /// Its control socket.
    pub socket: PathBuf,
}

/// What passed the link to a station; shared with its task.
#[derive(Debug)]
pub struct StationLink {
    settings: StationSettings,
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    connected: Option<Instant>,
    error: Option<String>,
    counts: StationCounts,
}

/// Counts of a link to a station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StationCounts {
    /// Connections made.
    pub connections: u64,
    /// Messages that it told.
    pub told: u64,
    /// Messages that it told and that are no frames.
    pub unreadable: u64,
    /// Messages of which it had lost count before they were read.
    pub lost: u64,
    /// Frames from afar handed in.
    pub handed_in: u64,
    /// Those that it refused at once.
    pub refused: u64,
    /// Those that it delivered.
    pub delivered: u64,
    /// Those that it sent on the air.
    pub aired: u64,
    /// Those that it dropped.
    pub dropped: u64,
}

impl StationLink {
    /// Not connected yet.
    #[must_use]
    pub fn new(settings: StationSettings) -> Arc<Self> {
        Arc::new(Self { settings, state: Mutex::default() })
    }

    /// Its name and socket.
    #[must_use]
    pub const fn settings(&self) -> &StationSettings {
        &self.settings
    }

    /// What passed it.
    #[must_use]
    pub fn counts(&self) -> StationCounts {
        self.state().counts
    }

    /// For the status.
    #[must_use]
    pub fn status(&self) -> Value {
        let state = self.state();
        let StationCounts {
            connections,
            told,
            unreadable,
            lost,
            handed_in,
            refused,
            delivered,
            aired,
            dropped,
        } = state.counts;
        json!({
            "name": self.settings.name,
            "socket": self.settings.socket,
            "connected": state.connected.is_some(),
            "connected_s": state.connected.map(|since| since.elapsed().as_secs()),
            "error": state.error,
            "connections": connections,
            "told": told,
            "unreadable": unreadable,
            "lost": lost,
            "handed_in": handed_in,
            "refused": refused,
            "delivered": delivered,
            "aired": aired,
            "dropped": dropped,
        })
    }

    pub(super) fn connected(&self) {
        let mut state = self.state();
        state.connected = Some(Instant::now());
        state.error = None;
        state.counts.connections += 1;
        tracing::info!(target: "station", name = %self.settings.name, "station connected");
    }

    pub(super) fn disconnected(&self, error: &StationError) -> bool {
        let mut state = self.state();
        state.error = Some(error.to_string());
        state.connected.take().is_some()
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut StationCounts)) {
        count(&mut self.state().counts);
    }

    fn state(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
