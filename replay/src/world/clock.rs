//! A world's time, as wire time of the stations' clocks.

use core::time::Duration;

use v2x_core::WireTime;

/// Wire time at a time of the world.
pub fn wire_at(now_ns: u64) -> WireTime {
    START + Duration::from_nanos(now_ns)
}

/// Wire time at the start of every world (in March 2026): a trace gives the time of day at most.
pub const START: WireTime = WireTime::from_secs(700_000_000);
