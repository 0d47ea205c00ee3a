//! A vehicle of a mobility trace, replayed in real time.

use std::path::Path;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use v2x_core::{Fix, Position};
use v2x_replay::source::{self, ReadOptions, Sample, Trace};

use super::publisher::{PositionError, Publisher};
use super::wait::{wait_until, wire_now};

/// One vehicle's samples and how fast they are played.
#[derive(Debug)]
pub(super) struct Player {
    samples: Vec<Sample>,
    speed: f64,
}

impl Player {
    /// Reads `file` and keeps what `station` does in it.
    pub fn open(
        file: &Path,
        station: &str,
        speed: f64,
        options: &ReadOptions,
    ) -> Result<Self, PositionError> {
        let trace = source::read(file, options)?;
        for warning in &trace.warnings {
            tracing::warn!(file = %file.display(), "{warning}");
        }
        let Some(index) = trace.names.iter().position(|name| name == station) else {
            let some = some_names(&trace);
            return Err(PositionError::NoSuchStation {
                file: file.to_owned(),
                station: station.to_owned(),
                some,
            });
        };
        let samples = trace.samples.into_iter().filter(|sample| sample.station as usize == index).collect();
        Ok(Self { samples, speed })
    }

    /// Plays from the first sample, which is due now, to the last.
    pub async fn run(self, mut timer: DeadlineTimer, publisher: Publisher) {
        publisher.opened();
        let start_ns = clock::monotonic_ns();
        let first_ns = self.samples.first().map_or(0, |sample| sample.time_ns);
        for sample in &self.samples {
            let after_ns = (sample.time_ns - first_ns) as f64 / self.speed;
            if wait_until(&mut timer, start_ns.saturating_add(after_ns as u64)).await.is_err() {
                return;
            }
            publisher.fix(Fix {
                position: Position { latitude: sample.latitude, longitude: sample.longitude },
                altitude_cm: None,
                speed: sample.speed,
                heading: sample.heading,
                acceleration: sample.acceleration,
                yaw_rate: None,
                accuracy_cm: None,
                time: wire_now(),
            });
        }
        publisher.ended();
    }
}

fn some_names(trace: &Trace) -> String {
    let shown: Vec<&str> = trace.names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    match trace.names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

const NAMES_SHOWN: usize = 5;
