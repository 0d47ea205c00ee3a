//! The slot between a source of positions and the daemon, and the errors that keep a source from starting.

use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Waker;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use radio_adapters::clock;
use v2x_core::{Fix, Instant};

use crate::error::Complaint;

/// The newest the source knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionUpdate {
    /// Where the station was; `None` when that is no longer known.
    pub fix: Option<Fix>,
    /// When the source reported it.
    pub received: Instant,
}

/// Why a source cannot start. What goes wrong later is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PositionError {
    /// A file is not there or cannot be read.
    #[error("{}: cannot read positions: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The kernel gave no timer.
    #[error("no timer for positions: {0}")]
    Timer(#[source] io::Error),
    /// The trace cannot be read.
    #[cfg(feature = "replay")]
    #[error(transparent)]
    Trace(#[from] v2x_replay::source::TraceError),
    /// The trace has no such vehicle.
    #[cfg(feature = "replay")]
    #[error("{}: no station {station:?}; it has {some}", file.display())]
    NoSuchStation {
        /// The trace.
        file: PathBuf,
        /// The name looked for.
        station: String,
        /// Some names there are.
        some: String,
    },
}

impl Complaint for PositionError {}

/// One slot, because only the newest position matters.
#[derive(Debug, Default)]
pub(super) struct Shared {
    slot: Mutex<Slot>,
    pub(super) fixes: AtomicU64,
    pub(super) losses: AtomicU64,
    pub(super) replaced: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) opened: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) update: Option<PositionUpdate>,
    pub(super) waker: Option<Waker>,
    has_fix: bool,
}

impl Shared {
    pub(super) fn slot(&self) -> MutexGuard<'_, Slot> {
        // The slot is whole between any two statements, so a panic elsewhere leaves nothing half done.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source's end of the slot.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) shared: Arc<Shared>,
}

impl Publisher {
    pub(super) fn fix(&self, fix: Fix) {
        self.shared.fixes.fetch_add(1, Ordering::Relaxed);
        self.put(Some(fix));
    }

    /// Reports once that the position is lost.
    pub(super) fn lost(&self) {
        if self.shared.slot().has_fix {
            self.shared.losses.fetch_add(1, Ordering::Relaxed);
            self.put(None);
        }
    }

    pub(super) fn malformed(&self, lines: u64) {
        self.shared.malformed.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn opened(&self) {
        self.shared.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn put(&self, fix: Option<Fix>) {
        let mut slot = self.shared.slot();
        slot.has_fix = fix.is_some();
        let update = PositionUpdate { fix, received: Instant::from_nanos(clock::monotonic_ns()) };
        if slot.update.replace(update).is_some() {
            self.shared.replaced.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }
}
