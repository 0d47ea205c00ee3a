//! Where the station is: gpsd, NMEA, a program at the control socket, a trace, or a place that does not change.
//!
//! A [`PositionSource`] runs as a task of its own on the daemon's one thread and hands over the newest [`Fix`](v2x_core::Fix), or
//! its loss. Nothing a receiver sends is fatal: malformed input is counted, a source that goes away is tried again.

mod control;
mod decoder;
mod diary;
mod epoch;
mod fixed;
mod gpsd;
mod nmea;
mod publisher;
mod quality;
mod receivers;
mod repeats;
mod report;
mod scanner;
mod sentence;
mod stream;
mod talkers;
#[cfg(feature = "replay")]
mod trace;
mod units;
mod wait;

use core::future::poll_fn;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::sync::Arc;

use radio_adapters::timer::DeadlineTimer;
use tokio::task::JoinHandle;
use v2x_core::Instant;
#[cfg(feature = "replay")]
use v2x_replay::source::ReadOptions;

pub use self::control::{FixRefusal, Inlet};
pub use self::decoder::NmeaDecoder;
pub use self::epoch::Heard;
use self::fixed::Fixed;
use self::gpsd::Gpsd;
pub use self::quality::PositionRefusal;
pub use self::report::{GpsdFix, Report, ReportError, report as gpsd_report};
use self::stream::Device;

pub use self::publisher::{PositionError, PositionUpdate};
use self::publisher::{Publisher, Shared};
pub(crate) use self::stream::open as open_device;
use self::wait::SILENCE;
pub(crate) use self::wait::{Backoff, nanos, wait_until};
use crate::config::PositionConfig;

/// A running source of positions. Dropping it ends its task.
#[derive(Debug)]
pub struct PositionSource {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    description: String,
    inlet: Option<Inlet>,
}

/// What a source has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionCounters {
    /// Fixes.
    pub fixes: u64,
    /// Times the position was lost.
    pub losses: u64,
    /// Updates replaced by a newer one before they were taken.
    pub replaced: u64,
    /// Lines that the source should not send.
    pub malformed: u64,
    /// Times the source was opened or connected to.
    pub opened: u64,
}

impl PositionSource {
    /// Starts the source. To be called within a tokio runtime with IO enabled.
    ///
    /// # Errors
    /// [`PositionError`]: a file that is not there, a trace without the station. A gpsd that does not answer or a
    /// serial device that is unplugged is no error: it is tried again.
    pub fn start(config: &PositionConfig) -> Result<Self, PositionError> {
        let shared = Arc::new(Shared::default());
        let publisher = Publisher { shared: Arc::clone(&shared) };
        let timer = DeadlineTimer::new().map_err(PositionError::Timer)?;
        let inlet = matches!(config, PositionConfig::Control).then(|| Inlet::new(&shared));
        let (task, description) = match config {
            PositionConfig::Gpsd { address, device, simulated } => {
                let description = match device {
                    Some(device) => format!("{device} of gpsd at {address}"),
                    None => format!("gpsd at {address}"),
                };
                describe(&shared, &format!("gpsd at {address}"), "is that a gpsd?");
                let gpsd = Gpsd {
                    address: address.clone(),
                    device: device.clone(),
                    allow_simulated: *simulated,
                    silence: SILENCE,
                };
                (tokio::spawn(gpsd::run(gpsd, timer, publisher)), description)
            }
            PositionConfig::Nmea { path, baud, simulated } => {
                let description = format!("NMEA from {}", path.display());
                let doubt = match path.metadata().is_ok_and(|metadata| metadata.is_file()) {
                    true => "is that NMEA?".to_owned(),
                    false => format!("a wrong speed (position.baud = {baud}), or NMEA turned off?"),
                };
                describe(&shared, &path.display().to_string(), &doubt);
                let device = Device { path: path.clone(), baud: *baud, allow_simulated: *simulated };
                (nmea::start(device, timer, publisher)?, description)
            }
            PositionConfig::Control => {
                describe(&shared, "programs at the control socket", "");
                let inlet = inlet.clone().expect("made for this source");
                (tokio::spawn(inlet.watch(timer, SILENCE)), "programs at the control socket".to_owned())
            }
            #[cfg(feature = "replay")]
            PositionConfig::Trace { file, station, speed, geographic, origin } => {
                let options =
                    ReadOptions { geographic: *geographic, origin: *origin, ..ReadOptions::default() };
                let track = trace::Player::open(file, station, *speed, &options)?;
                describe(&shared, &file.display().to_string(), "");
                (tokio::spawn(track.run(timer, publisher)), format!("{station} of {}", file.display()))
            }
            PositionConfig::Fixed { position, altitude_cm } => {
                let place = Fixed { position: *position, altitude_cm: *altitude_cm };
                describe(
                    &shared,
                    "the fixed position, repeated every 0.5 s unless this machine stands still,",
                    "",
                );
                // Before anything is sent, so that nothing has to wait for it.
                publisher.opened();
                publisher.fix(place.fix());
                (tokio::spawn(fixed::run(place, timer, publisher)), "fixed".to_owned())
            }
        };
        Ok(Self { shared, task, description, inlet })
    }

    /// The newest update since the last one taken. A source that has ended (a file played to its end) stays
    /// pending for ever, after its loss.
    pub fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<PositionUpdate> {
        let mut slot = self.shared.slot();
        match slot.update.take() {
            Some(update) => Poll::Ready(update),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits for the next update; may be dropped and called again without losing one.
    pub async fn update(&mut self) -> PositionUpdate {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Where programs give it positions, if they do.
    pub fn inlet(&self) -> Option<Inlet> {
        self.inlet.clone()
    }

    /// What happened so far.
    pub fn counters(&self) -> PositionCounters {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PositionCounters {
            fixes: count(&self.shared.fixes),
            losses: count(&self.shared.losses),
            replaced: count(&self.shared.replaced),
            malformed: count(&self.shared.malformed),
            opened: count(&self.shared.opened),
        }
    }

    /// Why there is no position, in words for the status line.
    pub fn silence(&self) -> String {
        self.shared.diary().silence()
    }

    /// Whether the source was started so recently that it cannot have a position, or know why not.
    pub fn is_starting(&self, now: Instant) -> bool {
        self.shared.diary().is_starting(now)
    }

    /// What there is to be told of the source, each thing once, a line each; `told`: [`silence`](Self::silence) was told
    /// just now.
    pub fn take_news(&self, now: Instant, told: bool) -> Vec<String> {
        self.shared.diary().take_news(now, told)
    }

    /// What was wrong with the source or with what it said, counted, for a report.
    pub fn warnings(&self) -> Vec<String> {
        self.shared.diary().warnings().collect()
    }

    /// One line for people.
    pub fn describe(&self) -> &str {
        &self.description
    }
}

/// Names a source in what the diary says of it; `doubt` is what to check when nothing of it is understood.
/// Whether a trace can be read and has the vehicle of this configuration; other sources are not looked at.
///
/// # Errors
/// As [`PositionSource::start`].
#[cfg(feature = "replay")]
pub(crate) fn check_trace(config: &PositionConfig) -> Result<(), PositionError> {
    let PositionConfig::Trace { file, station, speed, geographic, origin } = config else { return Ok(()) };
    let options = ReadOptions { geographic: *geographic, origin: *origin, ..ReadOptions::default() };
    trace::Player::open(file, station, *speed, &options).map(drop)
}

fn describe(shared: &Shared, source: &str, doubt: &str) {
    let mut diary = shared.diary();
    (diary.source, diary.doubt) = (source.to_owned(), doubt.to_owned());
}

impl Drop for PositionSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
