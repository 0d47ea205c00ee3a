//! Where corrections come from: a serial device, a pipe, a file, or an NTRIP caster; opened again when it went away.

use core::future::pending;
use core::time::Duration;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use radio_adapters::clock;
use radio_adapters::forbidden::{self, Purpose};
use radio_adapters::timer::DeadlineTimer;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::caster::{Client, GGA_EVERY, Here, SILENCE};
use super::gga::Place;
pub use super::teller::FromSource;
use super::teller::Teller;
use super::tls::Tls;
use crate::config::{CorrectionSource, Corrections};
use crate::daemon::position::{Backoff, nanos, open_device, wait_until};
use crate::error::Error;

/// A running source of corrections. Dropping it ends its task.
#[derive(Debug)]
pub struct Source {
    incoming: Receiver<FromSource>,
    task: JoinHandle<()>,
}

impl Source {
    /// Starts the source; a caster is sent `here` as the unit's position. To be called within a tokio runtime with IO
    /// enabled.
    ///
    /// # Errors
    /// The kernel gives no timer; no TLS for a caster that needs it. A device that is not there, or a caster that does not
    /// answer, is tried again.
    pub fn start(corrections: &Corrections, here: Option<Place>) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::System { what: "making a timer", source };
        let (sender, incoming) = channel(MOST_WAITING);
        let mut timer = DeadlineTimer::new().map_err(failed)?;
        let teller = Teller::new(sender);
        let every = Duration::from_secs(1) / corrections.per_second;
        let task = match corrections.source.clone() {
            CorrectionSource::Device { path, baud } => tokio::spawn(async move {
                if path.is_file() {
                    play(&path, every, timer, teller).await;
                } else {
                    device(&path, baud, &mut timer, teller).await;
                }
            }),
            CorrectionSource::Ntrip(caster) => {
                let here = here.map(|place| Here::new(place, GGA_EVERY)).transpose().map_err(failed)?;
                let tls = caster.tls.as_ref().map(|tls| Tls::new(tls.authorities.as_deref())).transpose()?;
                tokio::spawn(Client::new(caster, tls, teller, timer, here).run())
            }
        };
        Ok(Self { incoming, task })
    }

    /// The next thing that comes from it; may be dropped and called again without losing one.
    pub async fn next(&mut self) -> FromSource {
        match self.incoming.recv().await {
            Some(said) => said,
            // A file played to its end.
            None => pending().await,
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A regular file, a message every `every`.
async fn play(path: &Path, every: Duration, mut timer: DeadlineTimer, mut teller: Teller) {
    let result = async {
        let opened = File::open(path);
        let mut file = opened.map_err(|error| forbidden::explained(error, path, Purpose::Read))?;
        let mut buffer = [0; 64];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "played to its end"));
            }
            for _ in 0..teller.read(&buffer[..length]).await? {
                wait_until(&mut timer, clock::monotonic_ns() + nanos(every)).await?;
            }
        }
    };
    let ended: io::Result<()> = result.await;
    if let Err(error) = ended {
        // When the receiver is gone, so is the source.
        drop(teller.down(&error, "").await);
    }
}

async fn device(path: &Path, baud: u32, timer: &mut DeadlineTimer, mut teller: Teller) {
    let mut backoff = Backoff::between(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        teller.restart();
        let opened = open_device(path, baud);
        let ended = match opened {
            Ok(mut device) => follow(&mut device, timer, &mut teller, &mut backoff).await,
            Err(error) => Err(error),
        };
        let Err(error) = ended;
        if teller.down(&error, "").await.is_err() || backoff.wait(timer).await.is_err() {
            return;
        }
    }
}

/// Reads a device until its end.
async fn follow(
    device: &mut pipe::Receiver,
    timer: &mut DeadlineTimer,
    teller: &mut Teller,
    backoff: &mut Backoff,
) -> io::Result<core::convert::Infallible> {
    let mut buffer = vec![0; 1024];
    let deadline = || Some(clock::monotonic_ns() + nanos(SILENCE));
    timer.set(deadline())?;
    loop {
        let length = tokio::select! {
            read = device.read(&mut buffer) => read?,
            expired = timer.expired() => {
                expired?;
                return Err(io::Error::new(io::ErrorKind::TimedOut, teller.silence()));
            }
        };
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other end closed"));
        }
        // Only whole messages count as being heard.
        if teller.read(&buffer[..length]).await? > 0 {
            backoff.reset();
            timer.set(deadline())?;
        }
    }
}

const MOST_WAITING: usize = 16;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use bytes::Bytes;

    /// RTCM's own example of a message: type 1005, station 2003.
    pub(in crate::daemon::roadside) const EXAMPLE: [u8; 25] = [
        0xD3, 0x00, 0x13, 0x3E, 0xD7, 0xD3, 0x02, 0x02, 0x98, 0x0E, 0xDE, 0xEF, 0x34, 0xB4, 0xBD, 0x62, 0xAC,
        0x09, 0x41, 0x98, 0x6F, 0x33, 0x36, 0x0B, 0x98,
    ];

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test)
    }

    #[test]
    fn what_is_no_device_is_told_in_words_that_say_why() {
        for (path, told) in [
            ("/", "it is a directory"),
            ("/dev/zero", "it is neither a serial device nor a pipe"),
            ("/dev/no-such-device", "it is not there (unplugged?)"),
        ] {
            let corrections = Corrections {
                source: CorrectionSource::Device { path: path.into(), baud: 9600 },
                per_second: 1,
                gga: false,
            };
            let why = run(async { Source::start(&corrections, None).unwrap().next().await });
            assert_eq!(why, FromSource::Down { why: told.to_owned(), news: true }, "{path}");
        }
    }

    #[test]
    fn a_file_is_played_and_a_pipe_is_read() {
        run(async {
            let path = std::env::temp_dir().join(format!("roadcast-rtcm-{}", std::process::id()));
            std::fs::write(&path, [&EXAMPLE[..], b"noise", &EXAMPLE].concat()).unwrap();
            let config = |path: &Path| Corrections {
                source: CorrectionSource::Device { path: path.to_owned(), baud: 9600 },
                per_second: 1000,
                gga: false,
            };
            let mut source = Source::start(&config(&path), None).unwrap();
            let message = FromSource::Message(Bytes::from_static(&EXAMPLE));
            assert_eq!(source.next().await, FromSource::Up);
            assert_eq!([source.next().await, source.next().await], [message.clone(), message.clone()]);
            assert_eq!(
                source.next().await,
                FromSource::Down { why: "played to its end".to_owned(), news: true }
            );
            std::fs::remove_file(&path).unwrap();

            let pipe = path.with_extension("pipe");
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
            let mut writer = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
            let mut source = Source::start(&config(&pipe), None).unwrap();
            io::Write::write_all(&mut writer, &EXAMPLE).unwrap();
            assert_eq!([source.next().await, source.next().await], [FromSource::Up, message]);
            std::fs::remove_file(&pipe).unwrap();
        });
    }
}
