//! NMEA from a serial device or a pipe: opened without blocking, raw, and again when it went away.

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::termios::{self, BaudRate, ControlFlags, SetArg};
use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::publisher::Publisher;
use super::sentence::{Epochs, Heard};
use super::wait::{Backoff, SILENCE, nanos, wire_now};
use crate::daemon::lines::Lines;

/// Reads the device for as long as the station runs.
pub(super) async fn run(path: PathBuf, baud: u32, mut timer: DeadlineTimer, publisher: Publisher) {
    let mut backoff = Backoff::new();
    loop {
        let end = session(&path, baud, SILENCE, &mut timer, &publisher, &mut backoff).await;
        publisher.lost();
        if let Err(error) = end {
            tracing::debug!(path = %path.display(), %error, "NMEA device closed");
        }
        if backoff.wait(&mut timer).await.is_err() {
            return;
        }
    }
}

/// One opening, until the device fails or ends. Silence loses the position but keeps the device.
async fn session(
    path: &Path,
    baud: u32,
    silence: Duration,
    timer: &mut DeadlineTimer,
    publisher: &Publisher,
    backoff: &mut Backoff,
) -> io::Result<()> {
    // Tokio's pipe reader waits for and reads any descriptor, terminals too; "unchecked" allows that.
    let mut device = Receiver::from_file_unchecked(open(path, baud)?)?;
    publisher.opened();
    let mut lines = Lines::new(LONGEST_LINE);
    let mut epochs = Epochs::default();
    let mut buffer = [0; 1024];
    let deadline = || Some(clock::monotonic_ns() + nanos(silence));
    timer.set(deadline())?;
    loop {
        let len = tokio::select! {
            read = device.read(&mut buffer) => read?,
            expired = timer.expired() => {
                expired?;
                publisher.lost();
                continue;
            }
        };
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let now = wire_now();
        let mut heard = false;
        let too_long = lines.feed(&buffer[..len], |line| match epochs.hear(line, now) {
            Heard::Fix(fix) => {
                heard = true;
                publisher.fix(fix);
            }
            Heard::NoFix => publisher.lost(),
            Heard::Nothing => {}
            Heard::Malformed => publisher.malformed(1),
        });
        publisher.malformed(too_long);
        if heard {
            backoff.reset();
            timer.set(deadline())?;
        }
    }
}

/// Opens a device or pipe to read from without waiting; a terminal is set to raw bytes at `baud`.
pub(crate) fn open(path: &Path, baud: u32) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    if file.is_terminal() {
        let mut settings = termios::tcgetattr(&file)?;
        termios::cfmakeraw(&mut settings);
        // Receivers have no modem lines, and another process's hang-up must not affect us.
        settings.control_flags |= ControlFlags::CLOCAL | ControlFlags::CREAD;
        termios::cfsetspeed(&mut settings, rate(baud))?;
        termios::tcsetattr(&file, SetArg::TCSANOW, &settings)?;
    }
    Ok(file)
}

fn rate(baud: u32) -> BaudRate {
    match baud {
        4800 => BaudRate::B4800,
        19_200 => BaudRate::B19200,
        38_400 => BaudRate::B38400,
        57_600 => BaudRate::B57600,
        115_200 => BaudRate::B115200,
        230_400 => BaudRate::B230400,
        460_800 => BaudRate::B460800,
        _ => BaudRate::B9600,
    }
}
/// Longest line looked at: NMEA 0183 allows 82 characters, receivers send up to 102.
pub(super) const LONGEST_LINE: usize = 256;
