//! An NTRIP caster as a source of corrections: connected for as long as it has patience, and asked again with ours.

use core::future::pending;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use bytes::{Buf, Bytes};
use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use v2x_core::WireTime;

use super::gga::{self, Place};
use super::ntrip::{self, Reply, ReplyError};
use super::patience::{Ended, Patience};
use super::teller::Teller;
use super::tls::Tls;
use crate::civil::utc_of_wire;
use crate::config::Caster;
use crate::daemon::position::{nanos, wait_until};

/// What a connection to a caster needs, from one to the next.
pub(super) struct Client {
    pub caster: Caster,
    /// How to talk to it in secret; `None`: in the open.
    pub tls: Option<Tls>,
    pub teller: Teller,
    pub patience: Patience,
    /// Where the unit is, for a caster that wants to know.
    pub here: Option<Here>,
    /// After this long without a message the caster is left.
    pub silence: Duration,
    timer: DeadlineTimer,
    version: u8,
}

/// The unit's position, sent to a caster from time to time.
pub(super) struct Here {
    place: Place,
    every: Duration,
    timer: DeadlineTimer,
}

/// Why a connection ended.
#[derive(Debug)]
struct End {
    why: io::Error,
    reached: bool,
    retry_after: Option<Duration>,
}

impl Client {
    pub fn new(
        caster: Caster,
        tls: Option<Tls>,
        teller: Teller,
        timer: DeadlineTimer,
        here: Option<Here>,
    ) -> Self {
        let (patience, silence) = (Patience::new(), SILENCE);
        Self { caster, tls, teller, patience, here, silence, timer, version: 2 }
    }

    /// Asks the caster, again and again, until nobody wants to know.
    pub async fn run(mut self) {
        loop {
            let end = self.connect().await;
            let refused = end.why.get_ref().and_then(|inner| inner.downcast_ref::<ReplyError>());
            if refused.is_some_and(ReplyError::asks_for_other_version) {
                self.version = 3 - self.version;
            }
            let End { why, reached, retry_after } = end;
            let wait = self.patience.wait(Ended { reached, lasted: self.teller.lasted(), retry_after });
            let then = format!("; asked again in {} s", wait.as_secs());
            let waited = async {
                self.teller.down(&why, &then).await?;
                wait_until(&mut self.timer, clock::monotonic_ns() + nanos(wait)).await
            };
            if waited.await.is_err() {
                return;
            }
        }
    }

    /// One connection, until it ends, fails, or is silent for too long.
    async fn connect(&mut self) -> End {
        self.teller.restart();
        let unreached = |why| End { why, reached: false, retry_after: None };
        let stream = match dial(&self.caster, &mut self.timer).await {
            Ok(stream) => stream,
            Err(why) => return unreached(why),
        };
        let ended = match self.tls.clone() {
            None => self.session(stream).await,
            Some(tls) => {
                let handshake = tls.connect(self.caster.bare_host(), stream);
                match within(&mut self.timer, HANDSHAKE, "no TLS handshake with the caster", handshake).await
                {
                    Ok(stream) => self.session(stream).await,
                    Err(why) => Err((why, None)),
                }
            }
        };
        let Err((why, retry_after)) = ended;
        End { why, reached: true, retry_after }
    }

    /// Asks, and reads until the end.
    async fn session(
        &mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
    ) -> Result<core::convert::Infallible, (io::Error, Option<Duration>)> {
        let mut reply = Reply::new();
        let Err(why) = self.follow(stream, &mut reply).await;
        let now = utc_of_wire(WireTime::from_micros(clock::wire_time_us()));
        let retry_after = reply.retry_after().and_then(|value| ntrip::retry_after(value, now?));
        Err((why, retry_after))
    }

    async fn follow(
        &mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        reply: &mut Reply,
    ) -> io::Result<core::convert::Infallible> {
        let Self { caster, teller, here, silence, timer, version, .. } = self;
        let (mut read, mut write) = tokio::io::split(stream);
        let gga = here.as_ref().and_then(Here::sentence);
        let mut outgoing = Outgoing::new(ntrip::request(caster, *version, gga.as_deref()));
        let mut buffer = vec![0; 1024];
        let mut body = Vec::new();
        let deadline = || Some(clock::monotonic_ns() + nanos(*silence));
        timer.set(deadline())?;
        if let Some(here) = here.as_mut() {
            // Not before the answer: it would be read as the next request.
            here.timer.set(None)?;
        }
        loop {
            let length = tokio::select! {
                read = read.read(&mut buffer) => read?,
                expired = timer.expired() => {
                    expired?;
                    return Err(silent(teller, reply));
                }
                sent = outgoing.send(&mut write) => {
                    sent?;
                    continue;
                }
                due = Here::due(here.as_mut()) => {
                    due?;
                    here.iter_mut().try_for_each(|here| here.say(&mut outgoing))?;
                    continue;
                }
            };
            if length == 0 {
                // Some casters of version 1 close on a request of version 2 without a word.
                return Err(if reply.is_streaming() {
                    io::Error::new(io::ErrorKind::UnexpectedEof, teller.hang_up())
                } else {
                    io::Error::other(reply.end())
                });
            }
            body.clear();
            let answered = reply.is_streaming();
            let end = reply.feed(&buffer[..length], |bytes| body.extend_from_slice(bytes));
            let messages = teller.read(&body).await?;
            end.map_err(io::Error::other)?;
            if let Some(here) = here.as_mut().filter(|_| !answered && reply.is_streaming()) {
                here.say(&mut outgoing)?;
            }
            // Only whole messages are a sign of life: a caster may send a byte a second for ever.
            if messages > 0 {
                timer.set(deadline())?;
            }
        }
    }
}

/// What is on its way to a caster. A caster that does not read holds up nothing else.
struct Outgoing {
    bytes: Bytes,
    flushed: bool,
}

impl Outgoing {
    fn new(text: String) -> Self {
        Self { bytes: Bytes::from(text), flushed: false }
    }

    /// Ends when all is sent; may be dropped and called again. Waits for ever when there is nothing.
    async fn send(&mut self, write: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.flushed {
            return pending().await;
        }
        write.write_all_buf(&mut self.bytes).await?;
        write.flush().await?;
        self.flushed = true;
        Ok(())
    }
}

impl Here {
    pub fn new(place: Place, every: Duration) -> io::Result<Self> {
        Ok(Self { place, every, timer: DeadlineTimer::new()? })
    }

    /// The sentence for now; none while the clock has no valid date.
    fn sentence(&self) -> Option<String> {
        let now = utc_of_wire(WireTime::from_micros(clock::wire_time_us()))?;
        Some(gga::sentence(&self.place, now))
    }

    /// Sends it, and sets when it is to be sent next. A caster that has not read the one before misses it.
    fn say(&mut self, outgoing: &mut Outgoing) -> io::Result<()> {
        self.timer.set(Some(clock::monotonic_ns() + nanos(self.every)))?;
        if let Some(line) = self.sentence().filter(|_| !outgoing.bytes.has_remaining()) {
            *outgoing = Outgoing::new(format!("{line}\r\n"));
        }
        Ok(())
    }

    /// When it is to be sent again; never where it is not to be sent.
    async fn due(here: Option<&mut Self>) -> io::Result<()> {
        match here {
            Some(here) => here.timer.expired().await,
            None => pending().await,
        }
    }
}

/// Connects to the first of the caster's addresses that answers: one that is reached by no way (IPv6 without a route) is
/// given up in time for the next.
async fn dial(caster: &Caster, timer: &mut DeadlineTimer) -> io::Result<TcpStream> {
    let host = caster.bare_host();
    // A name is looked up on a thread of its own: resolvers wait for seconds.
    let found =
        within(timer, LOOKUP, "no answer to the look-up of its name", lookup_host((host, caster.port)));
    let addresses: Vec<SocketAddr> = found
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("no address of {host}: {error}")))?
        .take(MOST_ADDRESSES)
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("no address of {host}"));
    for address in addresses {
        match within(timer, CONNECT, "no answer", TcpStream::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                last = io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"))
            }
        }
    }
    Err(last)
}

/// What `what` gives within `time`; `late` says what it did not give.
async fn within<T>(
    timer: &mut DeadlineTimer,
    time: Duration,
    late: &str,
    what: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timer.set(Some(clock::monotonic_ns() + nanos(time)))?;
    tokio::select! {
        done = what => done,
        expired = timer.expired() => {
            expired?;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("{late} within {} s", time.as_secs())))
        }
    }
}

/// Why a caster is left that is connected and silent.
fn silent(teller: &Teller, reply: &mut Reply) -> io::Error {
    if reply.is_streaming() {
        return io::Error::new(io::ErrorKind::TimedOut, teller.silence());
    }
    match reply.end() {
        ReplyError::NoAnswer => io::Error::new(io::ErrorKind::TimedOut, "no answer for 15 s"),
        ReplyError::Ended | ReplyError::Malformed => {
            io::Error::new(io::ErrorKind::TimedOut, "no end of its answer's header for 15 s")
        }
        refused => io::Error::other(refused),
    }
}

/// A caster moves its virtual station with the unit; a stationary unit needs only as many sentences as casters take for
/// a sign of life.
pub(super) const GGA_EVERY: Duration = Duration::from_secs(10);
/// A base that sends an epoch every ten seconds is still heard.
pub(super) const SILENCE: Duration = Duration::from_secs(15);
/// Twice what a resolver waits for its first server.
const LOOKUP: Duration = Duration::from_secs(10);
/// Two lost packets.
const CONNECT: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(10);
const MOST_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests;
