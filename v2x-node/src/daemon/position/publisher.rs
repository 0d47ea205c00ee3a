//! The slot between a source of positions and the daemon, and the errors that keep a source from starting.

use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Waker;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use radio_adapters::clock;
use v2x_core::{Fix, Instant};

use super::diary::{Diary, Trouble};
use super::epoch::Heard;
use super::quality::PositionRefusal;
use super::wait::wire_now;

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
#[derive(Debug)]
pub(super) struct Shared {
    slot: Mutex<Slot>,
    diary: Mutex<Diary>,
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

impl Default for Shared {
    fn default() -> Self {
        let now = Instant::from_nanos(clock::monotonic_ns());
        Self {
            slot: Mutex::default(),
            diary: Mutex::new(Diary::new(now)),
            fixes: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        }
    }
}

impl Shared {
    pub(super) fn diary(&self) -> MutexGuard<'_, Diary> {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn slot(&self) -> MutexGuard<'_, Slot> {
        // The slot is whole between any two statements, so a panic elsewhere leaves nothing half done.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source's end of the slot.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    pub(super) shared: Arc<Shared>,
}

impl Publisher {
    pub(super) fn fix(&self, fix: Fix) {
        self.shared.fixes.fetch_add(1, Ordering::Relaxed);
        self.shared.diary().fix(fix.time, Instant::from_nanos(clock::monotonic_ns()), wire_now());
        self.put(Some(fix));
    }

    /// Reports once that the position is lost.
    pub(super) fn lost(&self) {
        if self.shared.slot().has_fix {
            self.shared.losses.fetch_add(1, Ordering::Relaxed);
            self.put(None);
        }
    }

    /// The receiver has no position, or none to be believed.
    pub(super) fn refused(&self, refusal: PositionRefusal) {
        self.trouble(refusal.into(), String::new);
        self.lost();
    }

    /// Takes what a receiver's NMEA led to; true when it was a sentence.
    pub(super) fn heard(&self, heard: Heard) -> bool {
        match heard {
            Heard::Fix(fix) => self.fix(fix),
            Heard::NoFix(refusal) => self.refused(refusal),
            Heard::Sentence => self.trouble(Trouble::NoPlace, String::new),
            Heard::Unsummed => self.trouble(Trouble::Unsummed, String::new),
            Heard::Damaged => self.malformed(Trouble::Damaged, 1, String::new),
            Heard::Text => self.malformed(Trouble::Foreign, 1, String::new),
            // Another protocol of the receiver's, unless nothing else comes.
            Heard::Binary => self.trouble(Trouble::Binary, String::new),
        }
        let understood = matches!(heard, Heard::Fix(_) | Heard::NoFix(_) | Heard::Sentence);
        if understood {
            self.understood();
        }
        understood
    }

    pub(super) fn understood(&self) {
        self.shared.diary().understood(1);
    }

    pub(super) fn malformed(&self, trouble: Trouble, lines: u64, detail: impl FnOnce() -> String) {
        if lines > 0 {
            self.shared.malformed.fetch_add(lines, Ordering::Relaxed);
            self.shared.diary().trouble(trouble, lines, detail);
        }
    }

    pub(super) fn trouble(&self, trouble: Trouble, detail: impl FnOnce() -> String) {
        self.shared.diary().trouble(trouble, 1, detail);
    }

    pub(super) fn opened(&self) {
        self.shared.opened.fetch_add(1, Ordering::Relaxed);
        self.shared.diary().up();
    }

    /// The source has no more to give.
    pub(super) fn ended(&self) {
        self.lost();
        self.shared.diary().ended();
    }

    /// The source could not be opened, or went away.
    pub(super) fn down(&self, reason: String) {
        self.lost();
        self.shared.diary().down(reason);
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
