//! CPU time of a process.

use std::fs;

/// User and system time of all threads, those that ended included, in seconds, in steps of 10 ms. Not a
/// number where there is no `/proc`.
pub fn seconds() -> f64 {
    of("self")
}

/// The same of another process.
pub fn seconds_of(process: u32) -> f64 {
    of(&process.to_string())
}

fn of(process: &str) -> f64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return f64::NAN };
    // The name in brackets may hold anything; the fields after it are numbers (proc(5): 14 utime, 15 stime).
    let Some((_, fields)) = stat.rsplit_once(") ") else { return f64::NAN };
    let ticks: Option<u64> = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum();
    ticks.map_or(f64::NAN, |ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// `USER_HZ`: 100 on every Linux there is, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;
