//! The daemon's end of its control socket: lines in, lines out, everything bounded.
//!
//! Nothing here waits, and nothing here belongs to the station: [`Server::poll`] hands out one request at a time, and
//! the daemon answers it between two turns of the station. A program that sends much is answered at the rate the
//! station leaves; the requests of one that does not read its answers are not read; one that watches and does not
//! read is dropped.

use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::path::Path;

use tokio::net::{UnixListener, UnixStream};
use v2x_api::{Answer, BAD_REQUEST, BadCall, BadRequest, Call, LONGEST_REQUEST, Request, RequestId};
use v2x_core::Instant;

use crate::daemon::lines::{Lines, TooLong};
use crate::daemon::unix_socket::Bound;
use crate::log::{Line, events};

/// A listening control socket and its clients. Lives on the thread of the daemon.
#[derive(Debug)]
pub struct Server {
    bound: Bound,
    listener: UnixListener,
    clients: Vec<Client>,
    /// The client asked first next time, so that all get their turn.
    next: usize,
    numbered: u64,
}

/// Identifies a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId(u64);

/// What a client may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Changes of hazards.
    Hazards,
    /// The state of requests for priority.
    Priority,
    /// The signal ahead.
    Signal,
}

/// A request and the client that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The client.
    pub client: ConnectionId,
    /// The client's name for it.
    pub id: Option<RequestId>,
    /// The request.
    pub request: Request,
}

impl Server {
    /// Serves a socket. Call inside a tokio runtime with IO.
    ///
    /// # Errors
    /// The event loop does not take the socket.
    pub fn new(bound: Bound) -> io::Result<Self> {
        let listener = UnixListener::from_std(bound.listener()?)?;
        Ok(Self { bound, listener, clients: Vec::new(), next: 0, numbered: 0 })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        self.bound.path()
    }

    /// Moves bytes, and hands out the next request. One line is looked at per call: when it is no request, it is
    /// answered here and the call comes back later.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Asked> {
        self.accept(cx, now);
        let count = self.clients.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            let client = &mut self.clients[index];
            client.move_bytes(cx);
            let before = client.input.len();
            let Some(line) = client.take_line() else {
                if client.leaving {
                    client.move_bytes(cx);
                } else if client.input.len() < before {
                    // Blank lines: there is room to read again, and nothing else will signal it.
                    cx.waker().wake_by_ref();
                }
                continue;
            };
            self.next = index + 1;
            client.asked = now;
            match Call::parse(&line) {
                Ok(Call { id, request }) => return Poll::Ready(Asked { client: client.id, id, request }),
                Err(BadCall { id, error }) => {
                    client.say(&Answer { id, ..bad_request(&error) }.line());
                    cx.waker().wake_by_ref();
                    break;
                }
            }
        }
        self.let_go();
        Poll::Pending
    }

    /// Answers a request; nothing when the client has gone.
    pub fn answer(&mut self, client: ConnectionId, id: Option<RequestId>, answer: Answer) {
        if let Some(client) = self.clients.iter_mut().find(|other| other.id == client) {
            client.say(&Answer { id, ..answer }.line());
        }
    }

    /// From here on the client gets every [`tell`](Self::tell) of this topic, under this id.
    pub fn watch(&mut self, client: ConnectionId, topic: Topic, id: Option<RequestId>) {
        if let Some(client) = self.clients.iter_mut().find(|other| other.id == client) {
            client.watched[topic as usize] = Some(Watching { id });
        }
    }

    /// Whether any client watches this topic.
    pub fn is_watched(&self, topic: Topic) -> bool {
        self.clients.iter().any(|client| client.watched[topic as usize].is_some())
    }

    /// Sends a line to all clients that watch this topic. A client that does not read is dropped, with a last line that
    /// gives the reason.
    pub fn tell(&mut self, topic: Topic, answer: &Answer) {
        let nameless = answer.line();
        for client in &mut self.clients {
            match &client.watched[topic as usize] {
                None => {}
                Some(Watching { id: None }) => client.say(&nameless),
                Some(Watching { id }) => {
                    let answer = Answer { id: id.clone(), ..answer.clone() };
                    client.say(&answer.line());
                }
            }
        }
    }

    /// Once a second or so: clients that are dropped or done have had the time to read their last line, and those that
    /// ask nothing make room.
    pub fn upkeep(&mut self, now: Instant) {
        for client in &mut self.clients {
            let quiet = now.since(client.asked);
            if client.leaving && quiet > LAST_LINE_TIME {
                client.gone = true;
            } else if !client.watches() && !client.leaving && quiet > IDLE {
                client.dismiss(&Answer::failure("idle", "asked nothing for a minute; connect again").line());
            }
            if client.leaving && !client.dismissed {
                client.dismissed = true;
                client.asked = now;
            }
        }
        self.let_go();
    }

    fn let_go(&mut self) {
        self.clients.retain(|client| {
            let done = client.is_done();
            if done {
                Line::new(&events::CONTROL_CLIENT_GONE, "a program left the control socket").log();
            }
            !done
        });
    }

    fn accept(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..ACCEPT_BATCH {
            // A failure (no descriptors left) is the connecting client's; the next call tries again.
            let Poll::Ready(Ok((stream, _))) = self.listener.poll_accept(cx) else { return };
            self.numbered += 1;
            let mut client = Client::new(ConnectionId(self.numbered), stream, now);
            if self.clients.len() >= MOST_CLIENTS {
                // One more, only to send the refusal; its requests are not read.
                let text = format!("{MOST_CLIENTS} programs use this daemon already; end one and try again");
                client.dismiss(&Answer::failure("busy", &text).line());
                client.move_bytes(cx);
                continue;
            }
            Line::new(&events::CONTROL_CLIENT_CAME, "a program connected to the control socket").log();
            self.clients.push(client);
        }
        cx.waker().wake_by_ref();
    }
}

/// One program at the other end.
#[derive(Debug)]
struct Client {
    id: ConnectionId,
    stream: UnixStream,
    input: Lines,
    output: VecDeque<u8>,
    /// Which topics it watches.
    watched: [Option<Watching>; 3],
    /// It sends nothing more.
    ended: bool,
    /// It gets nothing more than what is in `output`.
    leaving: bool,
    /// `asked` is when `leaving` was seen.
    dismissed: bool,
    /// No client is connected.
    gone: bool,
    /// When it came, or asked the last time.
    asked: Instant,
}

/// A watch, and the client's name for the request that began it.
#[derive(Clone, Debug)]
struct Watching {
    id: Option<RequestId>,
}

impl Client {
    fn new(id: ConnectionId, stream: UnixStream, now: Instant) -> Self {
        Self {
            id,
            stream,
            input: Lines::new(LONGEST_REQUEST),
            output: VecDeque::new(),
            watched: [None, None, None],
            ended: false,
            leaving: false,
            dismissed: false,
            gone: false,
            asked: now,
        }
    }

    fn watches(&self) -> bool {
        self.watched.iter().any(Option::is_some)
    }

    /// Queues a line, or in its place the notice that there are too many.
    fn say(&mut self, line: &str) {
        if self.leaving {
            return;
        }
        if self.output.len() + line.len() > MOST_OUTPUT {
            let text = "a program at the control socket does not read what it watches, and is sent away";
            Line::new(&events::CONTROL_CLIENT_SLOW, text).log();
            let why = Answer::failure("too_slow", "what you watch comes faster than you read; watch again");
            return self.dismiss(&why.line());
        }
        self.output.extend(line.bytes());
        self.output.push_back(b'\n');
    }

    /// Queues a last line.
    fn dismiss(&mut self, line: &str) {
        self.output.extend(line.bytes());
        self.output.push_back(b'\n');
        self.leaving = true;
    }

    fn move_bytes(&mut self, cx: &mut Context<'_>) {
        let failed = self.write(cx).is_err() || (self.wants_more() && self.read(cx).is_err());
        self.gone |= failed;
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.output.is_empty() {
            if self.stream.poll_write_ready(cx)?.is_pending() {
                return Ok(());
            }
            match self.stream.try_write(self.output.as_slices().0) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.output.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.wants_more() {
            if self.stream.poll_read_ready(cx)?.is_pending() {
                return Ok(());
            }
            let mut bytes = [0; READ_SIZE];
            match self.stream.try_read(&mut bytes) {
                Ok(0) => self.ended = true,
                Ok(read) => self.input.push(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether its next request is read: not before it has read earlier answers, unless it watches.
    fn wants_more(&self) -> bool {
        let answered = self.watches() || self.output.is_empty();
        !self.ended && !self.leaving && answered && !self.input.is_ready()
    }

    /// The next whole line, without its end. Blank ones are skipped.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        if self.leaving || !self.watches() && !self.output.is_empty() {
            return None;
        }
        // The last line of a client that has stopped sending may lack its end.
        match if self.ended { self.input.last() } else { self.input.next() }? {
            Ok(line) => Some(line),
            Err(TooLong) => {
                let text = format!("a line longer than {LONGEST_REQUEST} bytes; no request is");
                self.dismiss(&bad_request(&BadRequest::new(text)).line());
                None
            }
        }
    }

    fn is_done(&self) -> bool {
        self.gone || self.output.is_empty() && (self.leaving || self.ended && self.input.len() == 0)
    }
}

/// The answer to a line that is no request.
pub(super) fn bad_request(error: &BadRequest) -> Answer {
    Answer::failure(BAD_REQUEST, &error.to_string())
}

/// Programs served at a time.
pub const MOST_CLIENTS: usize = 16;
/// Bytes queued for a program that reads slowly: some hundred changes of events.
pub const MOST_OUTPUT: usize = 256 * 1024;
/// Read in one go; with [`LONGEST_REQUEST`] the most that waits for its turn.
const READ_SIZE: usize = 1024;
/// Programs accepted in one go.
const ACCEPT_BATCH: usize = 4;
/// A program that asks nothing this long, and watches nothing, makes room.
const IDLE: Duration = Duration::from_secs(60);
/// A dropped program has this long to read why.
const LAST_LINE_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
