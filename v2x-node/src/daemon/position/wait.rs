//! Waiting of sources: until a time, before another attempt, and until silence means loss.

use core::time::Duration;
use std::io;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use v2x_core::WireTime;

/// Waits before the next attempt, each time twice as long.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// From 100 ms up to a second: for what is on this machine.
    pub(super) fn new() -> Self {
        Self::between(Duration::from_millis(100), Duration::from_secs(1))
    }

    pub fn between(first: Duration, longest: Duration) -> Self {
        Self { next: first, first, longest }
    }

    pub fn reset(&mut self) {
        self.next = self.first;
    }

    pub async fn wait(&mut self, timer: &mut DeadlineTimer) -> io::Result<()> {
        let delay = self.next;
        self.next = (delay * 2).min(self.longest);
        wait_until(timer, clock::monotonic_ns() + nanos(delay)).await
    }
}

pub(crate) async fn wait_until(timer: &mut DeadlineTimer, ns: u64) -> io::Result<()> {
    timer.set(Some(ns))?;
    timer.expired().await
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// An error for people, without the system's number.
pub(super) fn reason(error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::UnexpectedEof if error.raw_os_error().is_none() && error.get_ref().is_none() => {
            "it hung up".to_owned()
        }
        _ => error.to_string(),
    };
    let mut words = words.split(" (os error").next().unwrap_or_default().to_owned();
    // As the first words of a line's second half.
    if words.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase) {
        words[..1].make_ascii_lowercase();
    }
    words
}

pub(super) fn wire_now() -> WireTime {
    WireTime::from_micros(clock::wire_time_us())
}

/// After this much silence a source no longer knows where the station is.
pub(super) const SILENCE: Duration = Duration::from_secs(3);
