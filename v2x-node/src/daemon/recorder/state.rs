//! What a recorder and its thread share.

use std::sync::atomic::AtomicU64;

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
}

/// Records that wait for the disk: seconds of a full channel, and eight times the longest record.
pub(super) const QUEUE_BYTES: usize = 4 << 20;
/// Of the file that a recording begins with.
pub(super) const FIRST_GENERATION: u64 = 1;
