//! Where the station is: gpsd, NMEA, a trace, or a place that does not change.
//!
//! A [`PositionSource`] runs as a task of its own on the daemon's one thread and hands over the newest [`Fix`], or
//! its loss. Nothing a receiver says is fatal: malformed input is counted, a source that goes away is tried again.

mod fixed;
mod gpsd;
mod nmea;
mod sentence;
mod stream;
#[cfg(feature = "replay")]
mod trace;

use core::future::poll_fn;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::task::JoinHandle;
use v2x_core::{Fix, Instant, WireTime};

pub use self::gpsd::{Report, ReportError, report as gpsd_report};
pub use self::sentence::{Epochs, Heard};

pub(crate) use self::stream::open as open_device;
use crate::config::PositionConfig;
use crate::error::Complaint;

/// A running source of positions. Dropping it ends its task.
#[derive(Debug)]
pub struct PositionSource {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    description: String,
}

/// The newest the source knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionUpdate {
    /// Where the station was; `None` when that is no longer known.
    pub fix: Option<Fix>,
    /// When the source said so.
    pub received: Instant,
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
    /// Lines that are not what the source should say.
    pub malformed: u64,
    /// Times the source was opened or connected to.
    pub opened: u64,
}

/// Why a source cannot start. What goes wrong later is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PositionError {
    /// A file is not there or cannot be read.
    #[error("{}: cannot read positions: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel gave no timer.
    #[error("no timer for positions: {0}")]
    Timer(#[source] io::Error),
    /// The trace cannot be read.
    #[cfg(feature = "replay")]
    #[error(transparent)]
    Trace(#[from] v2x_replay::source::TraceError),
    /// The trace has no such vehicle.
    #[cfg(feature = "replay")]
    #[error("{}: no station {station:?}; it has {some}", file.display())]
    NoSuchStation {
        /// The trace.
        file: PathBuf,
        /// The name looked for.
        station: String,
        /// Some names there are.
        some: String,
    },
}

impl Complaint for PositionError {}

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
        let (task, description) = match config {
            PositionConfig::Gpsd { address } => {
                let task = tokio::spawn(gpsd::run(address.clone(), SILENCE, timer, publisher));
                (task, format!("gpsd at {address}"))
            }
            PositionConfig::Nmea { path, baud } => {
                (nmea::start(path, *baud, timer, publisher)?, format!("NMEA from {}", path.display()))
            }
            #[cfg(feature = "replay")]
            PositionConfig::Trace { file, station, speed } => {
                let track = trace::Player::open(file, station, *speed)?;
                (tokio::spawn(track.run(timer, publisher)), format!("{station} of {}", file.display()))
            }
            PositionConfig::Fixed { position, altitude_cm } => {
                let task = tokio::spawn(fixed::run(*position, *altitude_cm, timer, publisher));
                (task, "fixed".to_owned())
            }
        };
        Ok(Self { shared, task, description })
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

    /// One line for people.
    pub fn describe(&self) -> &str {
        &self.description
    }
}

impl Drop for PositionSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One slot, because only the newest position is worth anything.
#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    fixes: AtomicU64,
    losses: AtomicU64,
    replaced: AtomicU64,
    malformed: AtomicU64,
    opened: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    update: Option<PositionUpdate>,
    waker: Option<Waker>,
    has_fix: bool,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        // The slot is whole between any two statements, so a panic elsewhere leaves nothing half done.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source's end of the slot.
#[derive(Debug)]
struct Publisher {
    shared: Arc<Shared>,
}

impl Publisher {
    fn fix(&self, fix: Fix) {
        self.shared.fixes.fetch_add(1, Ordering::Relaxed);
        self.put(Some(fix));
    }

    /// Says once that the position is lost.
    fn lost(&self) {
        if self.shared.slot().has_fix {
            self.shared.losses.fetch_add(1, Ordering::Relaxed);
            self.put(None);
        }
    }

    fn malformed(&self, lines: u64) {
        self.shared.malformed.fetch_add(lines, Ordering::Relaxed);
    }

    fn opened(&self) {
        self.shared.opened.fetch_add(1, Ordering::Relaxed);
    }

    fn put(&self, fix: Option<Fix>) {
        let mut slot = self.shared.slot();
        slot.has_fix = fix.is_some();
        let update = PositionUpdate { fix, received: Instant::from_nanos(clock::monotonic_ns()) };
        if slot.update.replace(update).is_some() {
            self.shared.replaced.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }
}

/// Waits before the next attempt, each time twice as long.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// From 100 ms up to 5 s: for what is on this machine.
    fn new() -> Self {
        Self::between(Duration::from_millis(100), Duration::from_secs(5))
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

fn wire_now() -> WireTime {
    WireTime::from_micros(clock::wire_time_us())
}

/// Metres per second to 0.01 m/s, within what ETSI TS 102 894-2 `SpeedValue` can say.
fn speed_unit(metres_per_second: f64) -> Option<u16> {
    let unit = (metres_per_second * 100.0).round();
    (0.0..=16_382.0).contains(&unit).then_some(unit as u16)
}

/// Degrees to 0.1 degree, 0..=3599.
fn heading_unit(degrees: f64) -> Option<u16> {
    let unit = (degrees * 10.0).round();
    (0.0..=3600.0).contains(&unit).then_some(unit as u16 % 3600)
}

/// Degrees to 1e-7 degree; `None` off the globe or not a number.
fn position_unit(latitude: f64, longitude: f64) -> Option<v2x_core::Position> {
    let on_globe = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    let unit = |degrees: f64| (degrees * 1e7).round() as i32;
    on_globe.then(|| v2x_core::Position { latitude: unit(latitude), longitude: unit(longitude) })
}

/// Metres to 0.01 m, between the deepest mine and the highest flight.
fn altitude_unit(metres: f64) -> Option<i32> {
    (-10_000.0..=100_000.0).contains(&metres).then(|| (metres * 100.0).round() as i32)
}

/// Metres to 0.01 m; what is worse than the type can say is as bad as it can say.
fn accuracy_unit(metres: f64) -> Option<u16> {
    (metres >= 0.0).then(|| (metres * 100.0).round().min(f64::from(u16::MAX)) as u16)
}

/// A source that has said nothing for so long no longer knows where the station is.
const SILENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
