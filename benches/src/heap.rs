//! Counts heap allocations. A benchmark installs [`COUNTED`] as its global allocator:
//!
//! ```ignore
//! #[global_allocator]
//! static ALLOCATOR: &StatsAlloc<System> = benches::heap::COUNTED;
//! ```

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// The system's allocator with counters.
pub static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a piece of code did to the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Allocations and reallocations.
    pub allocations: u64,
    /// Bytes allocated less bytes freed; negative when it freed more.
    pub bytes_kept: i64,
}

/// Runs `work` and returns what it did to the heap. One thread: what others allocate meanwhile is counted too.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Use) {
    let region = Region::new(COUNTED);
    let result = work();
    let change = region.change();
    // A reallocation counts its growth as allocated, its shrinking as freed.
    let used = Use {
        allocations: (change.allocations + change.reallocations) as u64,
        bytes_kept: change.bytes_allocated as i64 - change.bytes_deallocated as i64,
    };
    (result, used)
}
