//! NMEA from a file, played at the pace of its own times.

use std::fs::File;
use std::io::{self, Read};

use radio_adapters::clock;
use radio_adapters::forbidden::{self, Purpose};
use radio_adapters::timer::DeadlineTimer;
use tokio::task::JoinHandle;
use v2x_core::{Fix, WireTime};

use super::decoder::NmeaDecoder;
use super::epoch::Heard;
use super::publisher::{PositionError, Publisher};
use super::stream::{self, Device};
use super::wait::{wait_until, wire_now};

/// Starts a player for a file, or a reader for a device or pipe.
pub(super) fn start(
    device: Device,
    timer: DeadlineTimer,
    publisher: Publisher,
) -> Result<JoinHandle<()>, PositionError> {
    let path = &device.path;
    let failed = |source| {
        let source = forbidden::explained(source, path, Purpose::Read);
        PositionError::File { path: path.clone(), source }
    };
    // A device may be plugged in later; a name outside /dev that is not there is a mistake.
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {
            let file = File::open(path).map_err(failed)?;
            Ok(tokio::spawn(play(file, device.allow_simulated, timer, publisher)))
        }
        Ok(metadata) if metadata.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
        Err(error) if !path.starts_with("/dev") => Err(failed(error)),
        _ => Ok(tokio::spawn(stream::run(device, timer, publisher))),
    }
}

/// Plays a file as if it happened now: the first fix at once, each later one as long after it as its time stamp demands.
async fn play(mut file: File, allow_simulated: bool, mut timer: DeadlineTimer, publisher: Publisher) {
    publisher.opened();
    let mut pace = Pace::new(clock::monotonic_ns());
    let mut decoder = NmeaDecoder::new(allow_simulated);
    let mut buffer = vec![0; 4096];
    let mut heard = Vec::new();
    loop {
        // A regular file never makes the thread wait for long.
        let len = match file.read(&mut buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return publisher.down(format!("reading failed: {error}")),
        };
        // Line by line, for what is heard is judged by when it is.
        for line in buffer[..len].split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            decoder.feed(line, wire_now(), |found| heard.push(found));
            for found in heard.drain(..) {
                if play_one(found, &mut pace, &mut timer, &publisher).await.is_err() {
                    return;
                }
            }
        }
        if len == 0 {
            break;
        }
    }
    if let Some(found) = decoder.quiet(wire_now())
        && play_one(found, &mut pace, &mut timer, &publisher).await.is_err()
    {
        return;
    }
    publisher.ended();
}

async fn play_one(
    found: Heard,
    pace: &mut Pace,
    timer: &mut DeadlineTimer,
    publisher: &Publisher,
) -> io::Result<()> {
    let found = match found {
        Heard::Fix(fix) => {
            wait_until(timer, pace.due(fix.time)).await?;
            Heard::Fix(Fix { time: wire_now(), ..fix })
        }
        other => other,
    };
    publisher.heard(found);
    Ok(())
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
