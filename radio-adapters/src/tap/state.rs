//! What a tap and its thread share: the counts, the link's description, the bounds.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::radio::DEFAULT_ETHER_TYPE;

/// Says something to people, once: from the tap's thread.
pub type Tell = Box<dyn FnMut(String) + Send>;

/// What a capture says about the link it was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapLink {
    /// Name of the interface, or its address where the link was configured by that.
    pub interface: String,
    /// EtherType in the header of each frame.
    pub ether_type: u16,
}

impl TapLink {
    /// A link with the default EtherType.
    pub fn new(interface: &str) -> Self {
        Self { interface: interface.to_owned(), ether_type: DEFAULT_ETHER_TYPE }
    }
}

/// The state of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TapCounters {
    /// Frames written.
    pub written: u64,
    /// Frames left out because the file had reached its limit.
    pub over_limit: u64,
    /// Frames left out because writing failed.
    pub write_errors: u64,
    /// Frames left out because the queue was full: the disk was too slow, or a pipe was not read.
    pub too_slow: u64,
}

/// Counts of both sides.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) written: AtomicU64,
    pub(super) over_limit: AtomicU64,
    pub(super) write_errors: AtomicU64,
    pub(super) too_slow: AtomicU64,
}

impl Shared {
    pub(super) fn counters(&self) -> TapCounters {
        TapCounters {
            written: self.written.load(Relaxed),
            over_limit: self.over_limit.load(Relaxed),
            write_errors: self.write_errors.load(Relaxed),
            too_slow: self.too_slow.load(Relaxed),
        }
    }
}

/// Default size limit of a capture: 1 GiB, hours of a loaded channel.
pub const DEFAULT_LIMIT_BYTES: u64 = 1 << 30;

/// Frames that wait for the disk: 4 MiB are a second of a full channel of 30 Mbit/s.
pub(super) const QUEUE_BYTES: usize = 4 << 20;
