//! Panics of the library, as errors.
//!
//! The library reads what its own writers wrote; a damaged file makes some of its decoders panic (an assertion, an index beyond the end).
//! Their state is not used again after that.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::TableError;

/// Calls into the library; what panics there is a damaged file, and prints nothing.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    outcome.unwrap_or_else(|_| Err(TableError::Damaged("its pages contradict each other".to_owned())))
}

static HOOK: Once = Once::new();

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}
