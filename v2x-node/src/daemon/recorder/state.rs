//! What a recorder and its thread share.

use std::sync::atomic::{AtomicBool, AtomicU64};

/// Counts of both sides.
#[derive(Debug, Default)]
pub(super) struct RecordingState {
    /// Records that are in files, or in the thread's buffer.
    pub(super) written: AtomicU64,
    /// Inputs that were handed over and could not be written.
    pub(super) refused: AtomicU64,
    /// The generation whose file cannot be written: nothing is, until the next one is begun. 0: none.
    pub(super) failed: AtomicU64,
    /// New files that were begun.
    pub(super) begun: AtomicU64,
    /// The files have reached their limit together: nothing is recorded any longer.
    pub(super) full: AtomicBool,
    /// Inputs that were handed over after that.
    pub(super) over_limit: AtomicU64,
}

/// Records that wait for the disk: seconds of a full channel, and eight times the longest record.
pub(super) const QUEUE_BYTES: usize = 4 << 20;
/// What all files of one run take together, as a capture does: a day beside one neighbour, twenty minutes of a full channel. A
/// recording that was forgotten neither fills the disk nor keeps more than that of where the station was.
pub const LIMIT_BYTES: u64 = 1 << 30;
/// Of the file that a recording begins with.
pub(super) const FIRST_GENERATION: u64 = 1;
