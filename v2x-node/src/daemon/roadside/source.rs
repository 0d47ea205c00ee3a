//! Where corrections come from: a serial device, a pipe, a file, or an NTRIP caster; opened again when it went away.

use core::future::pending;
use core::time::Duration;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use v2x_apps::roadside::rtcm::Framer;
use v2x_core::WireTime;

use super::gga::{self, Place};
use super::ntrip::{self, Reply, ReplyError};
use crate::civil::utc_of_wire;
use crate::config::{Caster, CorrectionSource, Corrections};
use crate::daemon::position::{Backoff, nanos, open_device, wait_until};

/// A running source of corrections. Dropping it ends its task.
#[derive(Debug)]
pub struct Source {
    incoming: Receiver<FromSource>,
    task: JoinHandle<()>,
}

/// What comes from a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromSource {
    /// A framed RTCM 3 message.
    Message(Bytes),
    /// The first message came after it was opened.
    Up,
    /// It ended or failed, and why; it is tried again unless it is a file. Reported once for each reason until it is up.
    Down(String),
}

impl Source {
    /// Starts the source; a caster is sent `here` as the unit's position. To be called within a tokio runtime with IO
    /// enabled.
    ///
    /// # Errors
    /// The kernel gives no timer. A device that is not there, or a caster that does not answer, is tried again.
    pub fn start(corrections: &Corrections, here: Option<Place>) -> io::Result<Self> {
        let (sender, incoming) = channel(MOST_WAITING);
        let mut timer = DeadlineTimer::new()?;
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
                // Casters lock out clients that connect too often.
                let backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(60));
                let here = here.map(|place| Here::new(place, GGA_EVERY)).transpose()?;
                tokio::spawn(stay_connected(caster, timer, teller, SILENCE, backoff, here))
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

/// Splits what was read into frames, and reports changes.
struct Teller {
    sender: Sender<FromSource>,
    up: bool,
    /// Why it was down, as last reported.
    why: String,
    framer: Framer,
}

impl Teller {
    fn new(sender: Sender<FromSource>) -> Self {
        Self { sender, up: false, why: String::new(), framer: Framer::new() }
    }

    /// How many messages there were in `bytes`; an error when the receiver is gone.
    async fn read(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut messages = Vec::new();
        self.framer.feed(bytes, |message| messages.push(Bytes::copy_from_slice(message)));
        if !messages.is_empty() && !self.up {
            self.up = true;
            self.why.clear();
            self.say(FromSource::Up).await?;
        }
        let count = messages.len();
        for message in messages {
            self.say(FromSource::Message(message)).await?;
        }
        Ok(count)
    }

    async fn down(&mut self, why: &io::Error) -> io::Result<()> {
        self.up = false;
        let damaged = self.framer.damaged();
        let hint = if self.framer.messages() == 0 && damaged > 0 {
            " (damaged messages and no whole one: a wrong speed?)"
        } else {
            ""
        };
        let why = format!("{why}{hint}");
        if why == self.why {
            return Ok(());
        }
        self.why.clone_from(&why);
        self.say(FromSource::Down(why)).await
    }

    async fn say(&self, said: FromSource) -> io::Result<()> {
        self.sender.send(said).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// The unit's position, sent to a caster from time to time.
struct Here {
    place: Place,
    every: Duration,
    timer: DeadlineTimer,
}

impl Here {
    fn new(place: Place, every: Duration) -> io::Result<Self> {
        Ok(Self { place, every, timer: DeadlineTimer::new()? })
    }

    /// The sentence for now; none while the clock has no valid date.
    fn sentence(&self) -> Option<String> {
        let now = utc_of_wire(WireTime::from_micros(clock::wire_time_us()))?;
        Some(gga::sentence(&self.place, now))
    }

    /// Sends it, and sets when it is to be sent next. A caster that does not read misses it.
    fn say(&mut self, caster: &WriteHalf<'_>) -> io::Result<()> {
        self.timer.set(Some(clock::monotonic_ns() + nanos(self.every)))?;
        let Some(mut line) = self.sentence() else { return Ok(()) };
        line.push_str("\r\n");
        match caster.try_write(line.as_bytes()) {
            Ok(written) if written == line.len() => Ok(()),
            // Half a line would spoil the next.
            Ok(_) => Err(io::Error::new(io::ErrorKind::WriteZero, "the caster reads no positions")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// When it is to be sent again; never where it is not to be sent.
    async fn due(here: &mut Option<(&mut Self, WriteHalf<'_>)>) -> io::Result<()> {
        match here {
            Some((here, _)) => here.timer.expired().await,
            None => pending().await,
        }
    }
}

/// A regular file, a message every `every`.
async fn play(path: &Path, every: Duration, mut timer: DeadlineTimer, mut teller: Teller) {
    let result = async {
        let mut file = File::open(path)?;
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
        drop(teller.down(&error).await);
    }
}

async fn device(path: &Path, baud: u32, timer: &mut DeadlineTimer, mut teller: Teller) {
    let mut backoff = Backoff::between(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        let opened = open_device(path, baud).and_then(pipe::Receiver::from_file_unchecked);
        let ended = match opened {
            Ok(mut device) => {
                follow(&mut device, SILENCE, timer, &mut teller, &mut backoff, None, None).await
            }
            Err(error) => Err(error),
        };
        let Err(error) = ended;
        if teller.down(&error).await.is_err() || backoff.wait(timer).await.is_err() {
            return;
        }
    }
}

async fn stay_connected(
    caster: Caster,
    mut timer: DeadlineTimer,
    mut teller: Teller,
    silence: Duration,
    mut backoff: Backoff,
    mut here: Option<Here>,
) {
    let mut version = 2;
    loop {
        let here = here.as_mut();
        let Err(error) =
            connect(&caster, version, silence, &mut timer, &mut teller, &mut backoff, here).await;
        let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<ReplyError>());
        if matches!(refused, Some(ReplyError::Refused(_) | ReplyError::Malformed)) {
            // Perhaps it knows the other version only.
            version = 3 - version;
        }
        if teller.down(&error).await.is_err() || backoff.wait(&mut timer).await.is_err() {
            return;
        }
    }
}

/// One connection, until it ends, fails, or is silent for too long.
async fn connect(
    caster: &Caster,
    version: u8,
    silence: Duration,
    timer: &mut DeadlineTimer,
    teller: &mut Teller,
    backoff: &mut Backoff,
    here: Option<&mut Here>,
) -> io::Result<core::convert::Infallible> {
    timer.set(Some(clock::monotonic_ns() + nanos(silence)))?;
    let address = format!("{}:{}", caster.host, caster.port);
    let mut stream = tokio::select! {
        connected = TcpStream::connect(address) => connected?,
        expired = timer.expired() => return Err(silent(expired)),
    };
    let gga = here.as_ref().and_then(|here| here.sentence());
    stream.write_all(ntrip::request(caster, version, gga.as_deref()).as_bytes()).await?;
    let (mut read, write) = stream.split();
    let here = here.map(|here| (here, write));
    follow(&mut read, silence, timer, teller, backoff, Some(Reply::new()), here).await
}

/// Reads until the end. With a reply, what is read is a caster's answer first, and after it the caster is sent the
/// unit's position.
async fn follow(
    stream: &mut (impl AsyncRead + Unpin),
    silence: Duration,
    timer: &mut DeadlineTimer,
    teller: &mut Teller,
    backoff: &mut Backoff,
    mut reply: Option<Reply>,
    mut here: Option<(&mut Here, WriteHalf<'_>)>,
) -> io::Result<core::convert::Infallible> {
    // A message that the previous connection broke off does not continue in this one.
    teller.framer.restart();
    let mut buffer = vec![0; 1024];
    let mut body = Vec::new();
    let deadline = || Some(clock::monotonic_ns() + nanos(silence));
    timer.set(deadline())?;
    if let Some((here, _)) = &mut here {
        // Not before the answer: it would be read as the next request.
        here.timer.set(None)?;
    }
    loop {
        let length = tokio::select! {
            read = stream.read(&mut buffer) => read?,
            expired = timer.expired() => return Err(silent(expired)),
            due = Here::due(&mut here) => {
                due?;
                if let Some((here, caster)) = &mut here {
                    here.say(caster)?;
                }
                continue;
            }
        };
        if length == 0 {
            // Some casters of version 1 close on a request of version 2 without a word.
            return Err(match &reply {
                Some(reply) if !reply.is_streaming() => io::Error::other(ReplyError::Malformed),
                _ => io::Error::new(io::ErrorKind::UnexpectedEof, "the other end closed"),
            });
        }
        let messages = match &mut reply {
            None => teller.read(&buffer[..length]).await?,
            Some(reply) => {
                body.clear();
                let answered = reply.is_streaming();
                let end = reply.feed(&buffer[..length], |bytes| body.extend_from_slice(bytes));
                let messages = teller.read(&body).await?;
                end.map_err(io::Error::other)?;
                if let Some((here, caster)) = here.as_mut().filter(|_| !answered && reply.is_streaming()) {
                    here.say(caster)?;
                }
                messages
            }
        };
        // Only whole messages count as being heard.
        if messages > 0 {
            backoff.reset();
            timer.set(deadline())?;
        }
    }
}

fn silent(expired: io::Result<()>) -> io::Error {
    let silent = || io::Error::new(io::ErrorKind::TimedOut, "no RTCM message for 15 s");
    expired.err().unwrap_or_else(silent)
}

/// A caster moves its virtual station with the unit; a stationary unit needs only as many sentences as casters take for
/// a sign of life.
const GGA_EVERY: Duration = Duration::from_secs(10);
/// A base that sends an epoch every ten seconds is still heard.
const SILENCE: Duration = Duration::from_secs(15);
const MOST_WAITING: usize = 16;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Login;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::TcpListener;
    use v2x_core::Position;

    /// RTCM's own example of a message: type 1005, station 2003.
    pub(in crate::daemon::roadside) const EXAMPLE: [u8; 25] = [
        0xD3, 0x00, 0x13, 0x3E, 0xD7, 0xD3, 0x02, 0x02, 0x98, 0x0E, 0xDE, 0xEF, 0x34, 0xB4, 0xBD, 0x62, 0xAC,
        0x09, 0x41, 0x98, 0x6F, 0x33, 0x36, 0x0B, 0x98,
    ];

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test)
    }

    /// Takes one connection, reads its request, sends `answer` and closes.
    async fn answer(listener: &TcpListener, answer: &[u8]) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer).await.unwrap();
        String::from_utf8(request).unwrap()
    }

    fn at_once() -> Backoff {
        Backoff::between(Duration::ZERO, Duration::ZERO)
    }

    async fn caster(listener: &TcpListener) -> Corrections {
        let port = listener.local_addr().unwrap().port();
        let login = Some(Login { user: "me".to_owned(), password: "secret".to_owned() });
        let caster = Caster { host: "127.0.0.1".to_owned(), port, mount: "MNT".to_owned(), login };
        Corrections { source: CorrectionSource::Ntrip(caster), per_second: 10, gga: false }
    }

    #[test]
    fn a_caster_s_messages_come_and_its_end_is_told_once() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut source = Source::start(&caster(&listener).await, None).unwrap();
            let chunk = [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n".as_slice(),
                &EXAMPLE,
                b"\r\n",
            ];
            let request = answer(&listener, &chunk.concat()).await;
            assert!(
                request.starts_with("GET /MNT HTTP/1.1\r\n") && request.contains("Authorization: Basic ")
            );
            assert_eq!(source.next().await, FromSource::Up);
            assert_eq!(source.next().await, FromSource::Message(Bytes::from_static(&EXAMPLE)));
            assert_eq!(source.next().await, FromSource::Down("the other end closed".to_owned()));
        });
    }

    #[test]
    fn a_caster_of_version_1_is_asked_in_its_words_after_it_refused() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let Corrections { source: CorrectionSource::Ntrip(caster), .. } = caster(&listener).await else {
                panic!("no caster")
            };
            let (sender, mut said) = channel(16);
            let teller = Teller::new(sender);
            let task = tokio::spawn(stay_connected(
                caster,
                DeadlineTimer::new().unwrap(),
                teller,
                SILENCE,
                at_once(),
                None,
            ));
            assert!(
                answer(&listener, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.contains("GET /MNT HTTP/1.1")
            );
            let FromSource::Down(why) = said.recv().await.unwrap() else { panic!("not down") };
            assert_eq!(why, "the caster answers \"HTTP/1.1 400 Bad Request\" where \"200 OK\" was expected");
            let request = answer(&listener, &[b"ICY 200 OK\r\n\r\n".as_slice(), &EXAMPLE].concat()).await;
            assert!(request.starts_with("GET /MNT HTTP/1.0\r\n"), "{request}");
            assert_eq!(said.recv().await, Some(FromSource::Up));
            // The caster answered in version 1, so the next request uses version 1.
            assert!(answer(&listener, b"").await.contains("HTTP/1.0"));
            assert!(
                answer(&listener, b"").await.contains("HTTP/1.1"),
                "closed without a word: the other one"
            );
            task.abort();
        });
    }

    /// Takes one connection and its request, sends `answer`, and returns the request and the next three lines.
    async fn told_after(listener: &TcpListener, answer: &[u8]) -> (String, [String; 3]) {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            stream.read_line(&mut request).await.unwrap();
        }
        stream.write_all(answer).await.unwrap();
        let mut lines = [const { String::new() }; 3];
        for line in &mut lines {
            stream.read_line(line).await.unwrap();
        }
        (request, lines)
    }

    #[test]
    fn a_caster_is_told_where_the_unit_is_once_it_has_answered_and_again_and_again() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let Corrections { source: CorrectionSource::Ntrip(caster), .. } = caster(&listener).await else {
                panic!("no caster")
            };
            let (sender, mut said) = channel(16);
            let position = Position { latitude: 496_116_000, longitude: 61_319_000 };
            let place = Place { position, altitude_cm: Some(30_000) };
            let here = Here::new(place, Duration::from_millis(1)).unwrap();
            let timer = DeadlineTimer::new().unwrap();
            let task = tokio::spawn(stay_connected(
                caster,
                timer,
                Teller::new(sender),
                SILENCE,
                at_once(),
                Some(here),
            ));
            // It knows version 1 only, and sends nothing before it has the position.
            let refused = answer(&listener, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let gga = refused.lines().find_map(|line| line.strip_prefix("Ntrip-GGA: ")).unwrap();
            let (request, lines) = told_after(&listener, b"ICY 200 OK\r\n\r\n").await;
            assert!(!request.contains("GGA"), "{request}");
            for line in lines.iter().map(String::as_str).chain([gga]) {
                assert!(line.contains(",4936.696000,N,00607.914000,E,1,"), "{line:?}");
                assert!(nmea::parse_str(line.trim_end()).is_ok(), "{line:?}");
            }
            assert!(lines.iter().all(|line| line.ends_with("\r\n")), "{lines:?}");
            // The connection before left its timer set: the next caster, too, is sent nothing before it answers.
            let (_, lines) = told_after(&listener, b"HTTP/1.1 200 OK\r\n\r\n").await;
            assert!(lines[0].starts_with("$GPGGA,"), "{lines:?}");
            let downs = core::iter::from_fn(|| said.try_recv().ok());
            assert!(downs.into_iter().all(|said| matches!(said, FromSource::Down(_))));
            task.abort();
        });
    }

    #[test]
    fn a_caster_that_says_nothing_is_left() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let Corrections { source: CorrectionSource::Ntrip(caster), .. } = caster(&listener).await else {
                panic!("no caster")
            };
            let (sender, mut said) = channel(16);
            let teller = Teller::new(sender);
            let silence = Duration::from_millis(20);
            let task = tokio::spawn(stay_connected(
                caster,
                DeadlineTimer::new().unwrap(),
                teller,
                silence,
                at_once(),
                None,
            ));
            let (_open, _) = listener.accept().await.unwrap();
            assert!(
                matches!(said.recv().await, Some(FromSource::Down(why)) if why.starts_with("no RTCM message"))
            );
            task.abort();
        });
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
            assert_eq!(source.next().await, FromSource::Down("played to its end".to_owned()));
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
