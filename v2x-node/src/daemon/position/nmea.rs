//! NMEA from a file, played at the pace of its own times.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::task::JoinHandle;
use v2x_core::{Fix, WireTime};

use super::publisher::{PositionError, Publisher};
use super::sentence::{Epochs, Heard};
use super::stream::{self, LONGEST_LINE};
use super::wait::{wait_until, wire_now};
use crate::daemon::lines::Lines;

/// Starts a player for a file, or a reader for a device or pipe.
pub(super) fn start(
    path: &Path,
    baud: u32,
    timer: DeadlineTimer,
    publisher: Publisher,
) -> Result<JoinHandle<()>, PositionError> {
    let failed = |source| PositionError::File { path: path.to_owned(), source };
    // A device may be plugged in later; a name outside /dev that is not there is a mistake.
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {
            let file = File::open(path).map_err(failed)?;
            Ok(tokio::spawn(play(file, timer, publisher)))
        }
        Ok(metadata) if metadata.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
        Err(error) if !path.starts_with("/dev") => Err(failed(error)),
        _ => Ok(tokio::spawn(stream::run(path.to_owned(), baud, timer, publisher))),
    }
}

/// Plays a file as if it happened now: the first fix at once, each later one as long after it as its time stamp demands.
async fn play(mut file: File, mut timer: DeadlineTimer, publisher: Publisher) {
    publisher.opened();
    let mut pace = Pace::new(clock::monotonic_ns());
    let mut epochs = Epochs::default();
    let mut lines = Lines::new(LONGEST_LINE);
    let mut buffer = vec![0; 4096];
    let mut heard = Vec::new();
    loop {
        // A regular file never makes the thread wait for long.
        let len = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(%error, "reading NMEA failed");
                break;
            }
        };
        let near = wire_now();
        let too_long = lines.feed(&buffer[..len], |line| heard.push(epochs.hear(line, near)));
        publisher.malformed(too_long);
        for heard in heard.drain(..) {
            match heard {
                Heard::Fix(fix) => {
                    if wait_until(&mut timer, pace.due(fix.time)).await.is_err() {
                        return;
                    }
                    publisher.fix(Fix { time: wire_now(), ..fix });
                }
                Heard::NoFix => publisher.lost(),
                Heard::Nothing => {}
                Heard::Malformed => publisher.malformed(1),
            }
        }
    }
    publisher.lost();
}

/// When the fixes of a file are due.
#[derive(Debug)]
struct Pace {
    due_ns: u64,
    last: Option<WireTime>,
}

impl Pace {
    fn new(now_ns: u64) -> Self {
        Self { due_ns: now_ns, last: None }
    }

    fn due(&mut self, time: WireTime) -> u64 {
        if let Some(last) = self.last.replace(time) {
            let step_us = time.as_micros().checked_sub(last.as_micros());
            // Backwards or a long hole: two drives in one file. The second follows on the first.
            let step_us = step_us.filter(|&step| step <= LONGEST_STEP_US).unwrap_or(USUAL_STEP_US);
            self.due_ns = self.due_ns.saturating_add(step_us * 1000);
        }
        self.due_ns
    }
}

const LONGEST_STEP_US: u64 = 60_000_000;
const USUAL_STEP_US: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_are_due_at_their_own_distances_and_holes_are_closed() {
        let mut pace = Pace::new(5);
        let due = [10, 11, 11, 9, 200, 201].map(|s| pace.due(WireTime::from_secs(s)));
        let second = 1_000_000_000;
        assert_eq!(due.map(|ns| (ns - 5) / second), [0, 1, 1, 2, 3, 4]);
    }
}
