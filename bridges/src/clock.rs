//! The machine's clock as messages read it.

use std::time::{SystemTime, UNIX_EPOCH};

use v2x_core::WireTime;

/// Now, by the system's clock; the epoch while that stands before 2004.
#[must_use]
pub fn now() -> WireTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros())
        .ok()
        .and_then(WireTime::from_unix_micros)
        .unwrap_or(WireTime::from_micros(0))
}
