//! A gpsd as the source: its JSON reports over TCP, of one of its receivers.

use core::time::Duration;
use std::io;
use std::path::Path;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use v2x_core::{Fix, Instant};

use super::diary::Trouble;
use super::publisher::Publisher;
use super::quality::PositionRefusal;
use super::receivers::{Receivers, Use};
use super::repeats::Repeats;
use super::report::{Report, report};
use super::wait::{Backoff, nanos, reason};
use crate::daemon::lines::Lines;

/// Which gpsd, and how to take what it says.
#[derive(Clone, Debug)]
pub(super) struct Gpsd {
    /// Host and port.
    pub address: String,
    /// The receiver's path as gpsd names it; `None`: the first good one.
    pub device: Option<String>,
    /// Fixes of simulators count.
    pub allow_simulated: bool,
    /// After this long without a report the connection is made anew.
    pub silence: Duration,
}

/// Stays connected to the gpsd for as long as the station runs.
pub(super) async fn run(gpsd: Gpsd, mut timer: DeadlineTimer, publisher: Publisher) {
    let mut backoff = Backoff::new();
    loop {
        if let Err(error) = session(&gpsd, &mut timer, &publisher, &mut backoff).await {
            tracing::debug!(address = %gpsd.address, %error, "gpsd session ended");
            publisher.down(reason(&error));
        }
        if backoff.wait(&mut timer).await.is_err() {
            return;
        }
    }
}

/// One connection, until it ends, fails, or is silent for too long.
async fn session(
    gpsd: &Gpsd,
    timer: &mut DeadlineTimer,
    publisher: &Publisher,
    backoff: &mut Backoff,
) -> io::Result<()> {
    let deadline = || Some(clock::monotonic_ns() + nanos(gpsd.silence));
    let timed_out = |what| io::Error::new(io::ErrorKind::TimedOut, what);
    timer.set(deadline())?;
    let mut stream = tokio::select! {
        connected = TcpStream::connect(&gpsd.address) => connected?,
        expired = timer.expired() => return expired.and_then(|()| Err(timed_out("no answer"))),
    };
    publisher.opened();
    stream.write_all(WATCH).await?;
    let mut listener = Listener::new(gpsd);
    let mut lines = Lines::new(LONGEST_LINE);
    let mut buffer = [0; 4096];
    timer.set(deadline())?;
    loop {
        let len = tokio::select! {
            read = stream.read(&mut buffer) => read?,
            expired = timer.expired() => {
                return expired.and_then(|()| Err(timed_out("it answers, and reports no receiver's position")));
            }
        };
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut heard = false;
        let too_long = lines.feed(&buffer[..len], |line| heard |= listener.hear(line, publisher));
        publisher.malformed(Trouble::Foreign, too_long, || "longer than 16 KiB".to_owned());
        // Only positions count as being heard: a daemon that reports only satellites has lost its receiver.
        if heard {
            backoff.reset();
            timer.set(deadline())?;
        }
    }
}

/// Takes the reports of one connection.
struct Listener {
    allow_simulated: bool,
    receivers: Receivers,
    configured: Option<String>,
    /// The station's receiver has reported.
    heard: bool,
    /// The latest estimate of the station's receiver, and when it came.
    estimate: Option<(f64, Instant)>,
    /// Of the station's receiver, which is named.
    repeats: (String, Repeats),
}

impl Listener {
    fn new(gpsd: &Gpsd) -> Self {
        Self {
            allow_simulated: gpsd.allow_simulated,
            // gpsd names devices as it opened them, often by what a link of udev's points to.
            receivers: Receivers::new(gpsd.device.clone()),
            configured: gpsd.device.clone(),
            heard: false,
            estimate: None,
            repeats: Default::default(),
        }
    }

    /// True when the line was a report of where a receiver is, or that it does not know.
    fn hear(&mut self, line: &[u8], publisher: &Publisher) -> bool {
        let now = Instant::from_nanos(clock::monotonic_ns());
        let report = match report(line, self.allow_simulated) {
            Ok(report) => report,
            Err(error) => {
                tracing::debug!(%error, "gpsd line not understood");
                publisher.malformed(Trouble::Foreign, 1, || error.to_string());
                return false;
            }
        };
        publisher.understood();
        match report {
            Report::Position { device, fix } => {
                let device = self.known_as(device);
                let fix = fix.map(|fix| fix.with_estimate(self.estimate(now)));
                let fix = fix.and_then(|fix| self.current(&device, fix));
                if self.receivers.take(&device, fix.is_ok(), now) == Use::Other {
                    publisher.trouble(Trouble::OtherReceiver, || self.other(&device));
                    if self.configured.is_some() && !self.heard {
                        publisher.trouble(Trouble::NoReceiver, || self.missing(&[device]));
                    }
                    return true;
                }
                self.heard = true;
                match fix {
                    Ok(fix) => publisher.fix(fix),
                    Err(refusal) => publisher.refused(refusal),
                }
                return true;
            }
            Report::Error { device, radius_m } => {
                let device = self.known_as(device);
                if self.receivers.current().is_none_or(|current| current == device) {
                    self.estimate = Some((radius_m, now));
                }
            }
            Report::Devices(devices) => {
                let known: Vec<String> = devices.into_iter().map(|device| self.known_as(device)).collect();
                let lacks = match &self.configured {
                    Some(configured) => !known.contains(configured),
                    None => known.is_empty(),
                };
                if lacks {
                    publisher.trouble(Trouble::NoReceiver, || self.missing(&known));
                }
            }
            Report::Device { device, active: false } => {
                let device = self.known_as(device);
                if self.receivers.gone(&device) {
                    publisher.trouble(Trouble::NoReceiver, || format!("gpsd has lost {device}"));
                    publisher.refused(PositionRefusal::NoFix);
                }
            }
            Report::NotWatching => {
                publisher.trouble(Trouble::Complaint, || "gpsd does not send its reports here".to_owned());
            }
            Report::Complaint(message) => {
                publisher.trouble(Trouble::Complaint, || format!("gpsd says: {message}"))
            }
            Report::Device { .. } | Report::Other => {}
        }
        false
    }

    /// The fix, unless the station's receiver only repeats its last place.
    fn current(&mut self, device: &str, fix: Fix) -> Result<Fix, PositionRefusal> {
        if self.receivers.current().is_some_and(|current| current != device) {
            return Ok(fix);
        }
        if self.repeats.0 != device {
            self.repeats = (device.to_owned(), Repeats::default());
        }
        if self.repeats.1.is_repeated(&fix) { Err(PositionRefusal::Repeated) } else { Ok(fix) }
    }

    /// The configured path where both lead to one device.
    fn known_as(&self, device: String) -> String {
        match &self.configured {
            Some(configured) if *configured != device && is_same(configured, &device) => configured.clone(),
            _ => device,
        }
    }

    fn estimate(&self, now: Instant) -> Option<f64> {
        self.estimate.filter(|(_, at)| now.since(*at) <= ESTIMATE_HOLDS).map(|(radius_m, _)| radius_m)
    }

    fn other(&self, device: &str) -> String {
        let chosen = self.receivers.current().unwrap_or("none");
        format!(
            "receiver {} of gpsd is ignored, {} is used (position.device chooses)",
            named(device),
            named(chosen)
        )
    }

    fn missing(&self, has: &[String]) -> String {
        let has = if has.is_empty() { "no receiver".to_owned() } else { has.join(", ") };
        match &self.configured {
            Some(configured) => format!("gpsd does not report {configured} (position.device); it has {has}"),
            None => format!("gpsd has {has}"),
        }
    }
}

fn named(device: &str) -> &str {
    if device.is_empty() { "(unnamed)" } else { device }
}

/// Whether two paths are one device: udev's links have many names.
fn is_same(configured: &str, device: &str) -> bool {
    let real = |path: &str| Path::new(path).canonicalize().ok();
    configured.starts_with("/dev/")
        && device.starts_with("/dev/")
        && real(configured).is_some_and(|path| real(device) == Some(path))
}

const WATCH: &[u8] = b"?WATCH={\"enable\":true,\"json\":true};\n";
/// gpsd's own longest report is 10,240 characters (`GPS_JSON_RESPONSE_MAX`).
const LONGEST_LINE: usize = 16 * 1024;
/// GST may come every few seconds.
const ESTIMATE_HOLDS: Duration = Duration::from_secs(5);
