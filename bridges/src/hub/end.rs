//! One end of a link: a peer, or a broker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use v2x_core::WireTime;

use crate::budget::{Budget, BudgetLimits};
use crate::clock;
use crate::message::AirMessage;
use crate::outbox::Outbox;
use crate::pending::PendingCounts;
use crate::select::Selection;

/// What goes to an end, and what is taken from it.
#[derive(Clone, Debug, PartialEq)]
pub struct EndSettings {
    /// Its name, for people.
    pub name: String,
    /// What goes to it.
    pub send: Selection,
    /// What is taken from it.
    pub receive: Selection,
    /// The most that is taken from it a second.
    pub budget: BudgetLimits,
    /// Messages that wait for it, at least 1.
    pub queue: usize,
}

/// Why a frame from an end was not taken. All are counted under these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// It is no frame.
    #[error("malformed")]
    Malformed,
    /// It is not among what is taken from this end.
    #[error("not_selected")]
    NotSelected,
    /// The end sends more than its budget.
    #[error("over_budget")]
    OverBudget,
    /// It has ended.
    #[error("expired")]
    Expired,
    /// It was made in the future, by more than clocks differ.
    #[error("ahead")]
    Ahead,
    /// It came before, from this or another end, or went out from here.
    #[error("known")]
    Known,
}

impl Refused {
    /// Every reason, in the order of [`EndCounts::refused`].
    pub const ALL: [Self; 6] =
        [Self::Malformed, Self::NotSelected, Self::OverBudget, Self::Expired, Self::Ahead, Self::Known];

    /// The name under which it is counted.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotSelected => "not_selected",
            Self::OverBudget => "over_budget",
            Self::Expired => "expired",
            Self::Ahead => "ahead",
            Self::Known => "known",
        }
    }
}

/// What passed an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndCounts {
    /// Messages put into its outbox.
    pub offered: u64,
    /// Messages that wait in it.
    pub waiting: usize,
    /// Those that did not come out.
    pub pending: PendingCounts,
    /// Frames taken from it.
    pub taken: u64,
    /// Those that a station had no room for, when this end had the most waiting there: counted for each station.
    pub station_full: u64,
    /// Frames that were not taken, in the order of [`Refused::ALL`].
    pub refused: [u64; 6],
}

/// What an end is attached to.
pub(super) trait Exchange: core::fmt::Debug + Send + Sync {
    /// A message from an end that passed the end's own checks.
    fn take(&self, from: &EndState, message: AirMessage, now: WireTime) -> Result<(), Refused>;

    /// The end is gone.
    fn detach(&self, number: u16);
}

/// An end while it is attached to the hub; dropping it takes it away.
#[derive(Debug)]
pub struct End {
    hub: Arc<dyn Exchange>,
    state: Arc<EndState>,
}

#[derive(Debug)]
pub(super) struct EndState {
    number: u16,
    settings: EndSettings,
    outbox: Arc<Outbox>,
    budget: Mutex<Budget>,
    offered: AtomicU64,
    taken: AtomicU64,
    station_full: AtomicU64,
    refused: [AtomicU64; 6],
}

impl EndState {
    pub(super) fn new(number: u16, settings: EndSettings) -> Self {
        Self {
            number,
            outbox: Arc::new(Outbox::new(settings.queue)),
            budget: Mutex::new(Budget::new(settings.budget)),
            settings,
            offered: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            station_full: AtomicU64::new(0),
            refused: Default::default(),
        }
    }

    pub(super) const fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn offer(&self, message: &AirMessage, now: WireTime) {
        if self.settings.send.takes(message.head()) {
            self.offered.fetch_add(1, Ordering::Relaxed);
            self.outbox.put(message.clone(), now);
        }
    }

    /// A frame of it had to give way at a station.
    pub(super) fn crowded_out(&self) {
        self.station_full.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> EndCounts {
        let (waiting, pending) = self.outbox.counts();
        EndCounts {
            offered: self.offered.load(Ordering::Relaxed),
            waiting,
            pending,
            taken: self.taken.load(Ordering::Relaxed),
            station_full: self.station_full.load(Ordering::Relaxed),
            refused: self.refused.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }

    fn check(&self, frame: Bytes, elapsed: Duration, now: WireTime) -> Result<AirMessage, Refused> {
        // Before anything of it is read: that costs the same whatever it is.
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if !budget.take(frame.len(), elapsed) {
            return Err(Refused::OverBudget);
        }
        drop(budget);
        let message = AirMessage::read(frame).map_err(|_| Refused::Malformed)?;
        let head = message.head();
        if !self.settings.receive.takes(head) {
            Err(Refused::NotSelected)
        } else if head.expires <= now {
            Err(Refused::Expired)
        } else if head.generation.as_micros().saturating_sub(now.as_micros()) > MOST_AHEAD_US {
            Err(Refused::Ahead)
        } else {
            Ok(message)
        }
    }
}

impl End {
    pub(super) fn new(hub: Arc<dyn Exchange>, state: Arc<EndState>) -> Self {
        Self { hub, state }
    }

    /// Its number, which stations name in what they tell of frames from afar.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.state.number
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// What is to be sent to it.
    #[must_use]
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.state.outbox
    }

    /// Takes a frame that came from it; `elapsed`: time since any fixed moment, for its budget.
    ///
    /// # Errors
    /// [`Refused`], which is counted.
    pub fn hand_in(&self, frame: Bytes, elapsed: Duration) -> Result<(), Refused> {
        self.hand_in_at(frame, elapsed, clock::now())
    }

    /// As [`hand_in`](Self::hand_in), at a given time.
    ///
    /// # Errors
    /// [`Refused`], which is counted.
    pub fn hand_in_at(&self, frame: Bytes, elapsed: Duration, now: WireTime) -> Result<(), Refused> {
        let checked = self.state.check(frame, elapsed, now);
        let result = checked.and_then(|message| self.hub.take(&self.state, message, now));
        match result {
            Ok(()) => self.state.taken.fetch_add(1, Ordering::Relaxed),
            Err(refused) => self.state.refused[refused as usize].fetch_add(1, Ordering::Relaxed),
        };
        result
    }

    /// Whether a frame of `bytes` would be within its budget now: who can let the other side wait need not drop.
    pub fn has_room(&self, bytes: usize, elapsed: Duration) -> bool {
        self.state.budget.lock().unwrap_or_else(PoisonError::into_inner).has(bytes, elapsed)
    }

    /// What passed it.
    #[must_use]
    pub fn counts(&self) -> EndCounts {
        self.state.counts()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.hub.detach(self.state.number);
    }
}

/// As far as a station lets another's clock be ahead, and a second for this machine's.
const MOST_AHEAD_US: u64 = 2_000_000;
