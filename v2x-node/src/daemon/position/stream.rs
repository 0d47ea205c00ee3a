//! NMEA from a serial device or a pipe: opened without blocking, raw, and again when it went away.

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::termios::{self, BaudRate, ControlFlags, SetArg};
use nix::unistd::{Gid, Group};
use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::decoder::NmeaDecoder;
use super::diary::Trouble;
use super::publisher::Publisher;
use super::wait::{Backoff, SILENCE, nanos, reason, wire_now};

/// Which device, and how to take what it says.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Its path, opened anew each time, so that what udev makes of a plugged-in device is found.
    pub path: PathBuf,
    /// Speed of a serial device, baud.
    pub baud: u32,
    /// Fixes of simulators count.
    pub allow_simulated: bool,
}

/// Reads the device for as long as the station runs.
pub(super) async fn run(device: Device, mut timer: DeadlineTimer, publisher: Publisher) {
    let mut backoff = Backoff::new();
    loop {
        if let Err(error) = session(&device, SILENCE, &mut timer, &publisher, &mut backoff).await {
            tracing::debug!(path = %device.path.display(), %error, "NMEA device closed");
            publisher.down(reason(&error));
        }
        if backoff.wait(&mut timer).await.is_err() {
            return;
        }
    }
}

/// One opening, until the device fails or ends. Silence loses the position but keeps the device.
async fn session(
    device: &Device,
    silence: Duration,
    timer: &mut DeadlineTimer,
    publisher: &Publisher,
    backoff: &mut Backoff,
) -> io::Result<()> {
    let mut reader = open(&device.path, device.baud)?;
    publisher.opened();
    let mut decoder = NmeaDecoder::new(device.allow_simulated);
    let mut buffer = [0; 1024];
    let silent_at = || clock::monotonic_ns() + nanos(silence);
    let (mut silent, mut spoke, mut came) = (silent_at(), false, false);
    timer.set(Some(silent))?;
    loop {
        let len = tokio::select! {
            biased;
            read = reader.read(&mut buffer) => read?,
            expired = timer.expired() => {
                expired?;
                if core::mem::take(&mut spoke) {
                    decoder.quiet(wire_now()).map(|found| publisher.heard(found));
                } else if clock::monotonic_ns() >= silent {
                    // What came and was not understood is counted as that.
                    if !core::mem::take(&mut came) {
                        publisher.trouble(Trouble::Silent, String::new);
                    }
                    publisher.lost();
                    silent = silent_at();
                }
                timer.set(Some(silent))?;
                continue;
            }
        };
        if len == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "unplugged, or its writer has ended"));
        }
        let mut heard = false;
        decoder.feed(&buffer[..len], wire_now(), |found| heard |= publisher.heard(found));
        (spoke, came) = (true, true);
        if heard {
            came = false;
            backoff.reset();
            silent = silent_at();
        }
        timer.set(Some(silent.min(clock::monotonic_ns() + nanos(QUIET))))?;
    }
}

/// Opens a device or pipe to read from without waiting; a terminal is set to raw bytes at `baud`. What is wrong with it is told
/// in words that say what would be right.
pub(crate) fn open(path: &Path, baud: u32) -> io::Result<Receiver> {
    let file = open_raw(path, baud).map_err(|error| explained(error, path, baud))?;
    // Tokio's pipe reader waits for and reads any descriptor, terminals too; "unchecked" allows that.
    Receiver::from_file_unchecked(file).map_err(|error| match error.raw_os_error() {
        // EPERM of epoll: it is always readable, such as /dev/zero.
        Some(1) => io::Error::new(error.kind(), "it is neither a serial device nor a pipe"),
        _ => error,
    })
}

fn open_raw(path: &Path, baud: u32) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if file.is_terminal() {
        let mut settings = termios::tcgetattr(&file)?;
        termios::cfmakeraw(&mut settings);
        // Receivers have no modem lines, and another process's hang-up must not affect us.
        settings.control_flags |= ControlFlags::CLOCAL | ControlFlags::CREAD;
        termios::cfsetspeed(&mut settings, rate(baud))?;
        termios::tcsetattr(&file, SetArg::TCSANOW, &settings)?;
        // It succeeds when any of the settings could be made.
        if termios::cfgetospeed(&termios::tcgetattr(&file)?) != rate(baud) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, format!("it cannot do {baud} baud")));
        }
    }
    Ok(file)
}

/// The error in words that say what would be right.
fn explained(error: io::Error, path: &Path, baud: u32) -> io::Error {
    let words = match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::NotFound, _) => "it is not there (unplugged?)".to_owned(),
        (io::ErrorKind::PermissionDenied, _) => {
            let group = path.metadata().ok().map(|metadata| metadata.gid());
            let group = group
                .filter(|gid| *gid != 0)
                .and_then(|gid| Group::from_gid(Gid::from_raw(gid)).ok().flatten());
            let group = group.map_or_else(|| "dialout".to_owned(), |group| group.name);
            format!("permission denied: the station's user must be in the group {group}")
        }
        (io::ErrorKind::ResourceBusy, _) => {
            "in use by another program (gpsd? ModemManager? fuser names it)".to_owned()
        }
        (io::ErrorKind::IsADirectory, _) => "it is a directory".to_owned(),
        (io::ErrorKind::InvalidInput, _) => format!("it cannot do {baud} baud"),
        // ENXIO and EIO: the name is there and the hardware is not.
        (_, Some(5 | 6)) => "its hardware is gone (unplugged?)".to_owned(),
        _ => return error,
    };
    io::Error::new(error.kind(), words)
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
        921_600 => BaudRate::B921600,
        _ => BaudRate::B9600,
    }
}

/// A line that is quiet for this long is between two bursts: longer than the pauses within one and what adapters hold back.
const QUIET: Duration = Duration::from_millis(60);
