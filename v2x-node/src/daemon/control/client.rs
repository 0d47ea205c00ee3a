//! One program at the control socket: its requests, and what waits for it.

use core::task::Context;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use tokio::net::UnixStream;
use tokio::net::unix::UCred;
use v2x_api::{Answer, Encoding, Neighbour, RequestId, Right};
use v2x_core::{Instant, limits};
use v2x_proto::Digest;

use super::filter::Filter;
use super::input::{Inbound, Requests, Unreadable};
use super::told::{self, Told};
use super::topic::Topic;
use crate::log::Line;
use crate::log::events::Named;

/// Identifies a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId(pub(super) u64);

/// Who connected.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// What it may do.
    pub rights: Right,
    /// Whether it is a program of the daemon's user or root.
    pub is_owner_s: bool,
}

/// A watch.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    /// The client's name for the request that began it.
    pub id: Option<RequestId>,
    /// Which of the topic's events it wants.
    pub filter: Filter,
}

/// What became of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It was there when the watch began.
    Present,
    /// It came.
    New,
    /// It was heard again.
    Updated,
    /// It is gone.
    Lost,
}

impl Move {
    const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::New => "new",
            Self::Updated => "updated",
            Self::Lost => "lost",
        }
    }
}

/// The newest of each neighbour that anybody watches.
pub type Positions = HashMap<Digest, Rc<Told>>;

/// One program at the other end.
#[derive(Debug)]
pub struct Client {
    /// Its connection.
    pub id: ConnectionId,
    /// What it may do.
    pub rights: Right,
    /// Whether it is a program of the daemon's user or root.
    pub is_owner_s: bool,
    /// Its process and user, as far as the kernel says.
    pub process: Option<UCred>,
    /// Why it was sent away: the reason in its last line.
    dismissed_for: Option<String>,
    stream: UnixStream,
    /// What it has sent.
    pub input: Requests,
    /// How it is written to, and writes.
    encoding: Encoding,
    /// It has asked something.
    pub has_asked: bool,
    /// Its last request is with the station, which has not answered it.
    awaits: bool,
    queue: VecDeque<Waiting>,
    /// Bytes of `queue`, and answers in it.
    queued: usize,
    answers: usize,
    /// Neighbours of which it is to be told, oldest first, and what.
    moved: VecDeque<Digest>,
    moves: HashMap<Digest, Move>,
    /// Neighbours that it was told of since its watch began, and not lost since. Each watch that begins has the station tell all
    /// of those there are; this is why they are news to that one alone.
    known: HashSet<Digest>,
    /// Bytes on their way, and how many of them are written.
    output: Vec<u8>,
    written: usize,
    watched: [Option<Watching>; Topic::COUNT],
    /// Events of each watch that were lost since it was told.
    lost: [u64; Topic::COUNT],
    /// It sends nothing more.
    ended: bool,
    /// It gets nothing more than what waits.
    pub leaving: bool,
    /// `asked` is when `leaving` was seen.
    dismissed: bool,
    /// No client is connected.
    pub gone: bool,
    /// When it came, or asked the last time.
    pub asked: Instant,
    /// When it read the last time while something waited, or when that began to wait.
    read: Instant,
}

/// What waits for a client.
#[derive(Debug)]
enum Waiting {
    /// An answer, or the reason for an end, as it is written.
    Line(Vec<u8>),
    /// An event.
    Told(Rc<Told>),
}

impl Client {
    /// One that has just come.
    pub fn new(id: ConnectionId, stream: UnixStream, peer: Peer, now: Instant) -> Self {
        Self {
            id,
            rights: peer.rights,
            is_owner_s: peer.is_owner_s,
            process: stream.peer_cred().ok(),
            dismissed_for: None,
            stream,
            input: Requests::new(),
            encoding: Encoding::Json,
            has_asked: false,
            awaits: false,
            queue: VecDeque::new(),
            queued: 0,
            answers: 0,
            moved: VecDeque::new(),
            moves: HashMap::new(),
            known: HashSet::new(),
            output: Vec::new(),
            written: 0,
            watched: [const { None }; Topic::COUNT],
            lost: [0; Topic::COUNT],
            ended: false,
            leaving: false,
            dismissed: false,
            gone: false,
            asked: now,
            read: now,
        }
    }

    /// Whether it watches anything.
    pub fn watches(&self) -> bool {
        self.watched.iter().any(Option::is_some)
    }

    /// Its watch of a topic.
    pub fn watching(&self, topic: Topic) -> Option<&Watching> {
        self.watched[topic as usize].as_ref()
    }

    /// Begins a watch, in place of the one it had.
    pub fn watch(&mut self, topic: Topic, watching: Watching) {
        self.watched[topic as usize] = Some(watching);
        self.lost[topic as usize] = 0;
        if topic == Topic::Neighbours {
            self.moved.clear();
            self.moves.clear();
            self.known.clear();
        }
    }

    /// Queues an answer. There is one for each request, and no request is taken while it waits.
    pub fn say(&mut self, answer: &Answer, now: Instant) {
        if !self.leaving {
            self.push(Waiting::Line(self.encoded(answer)), now);
        }
    }

    /// Its request goes to the station: [`answer`](Self::answer) is to come, and no other request is taken before.
    pub fn await_answer(&mut self) {
        self.awaits = true;
    }

    /// Queues the station's answer, from which on it may ask again.
    pub fn answer(&mut self, answer: &Answer, now: Instant) {
        self.awaits = false;
        self.asked = now;
        self.say(answer, now);
    }

    /// How it is written to.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Requests and answers are in this encoding from now on; answers that wait stay as they are.
    pub fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = encoding;
        if encoding == Encoding::Protobuf {
            self.input.switch();
        }
    }

    fn encoded(&self, answer: &Answer) -> Vec<u8> {
        let mut out = Vec::new();
        told::put_line(self.encoding, answer.line().into_bytes(), &mut out);
        out
    }

    /// Queues an event; returns how many older ones were lost for it.
    pub fn tell(&mut self, told: &Rc<Told>, now: Instant) -> u64 {
        if self.leaving {
            return 0;
        }
        let mut lost = 0;
        while self.queue.len() >= MOST_WAITING || self.queued + told.len(self.encoding) > MOST_OUTPUT {
            let Some(place) = self.queue.iter().position(|one| matches!(one, Waiting::Told(_))) else {
                break;
            };
            let Some(Waiting::Told(oldest)) = self.queue.remove(place) else { break };
            self.queued -= oldest.len(self.encoding);
            self.lost[oldest.topic as usize] += 1;
            lost += 1;
        }
        self.push(Waiting::Told(Rc::clone(told)), now);
        lost
    }

    /// Events of a topic never reached it.
    pub fn miss(&mut self, topic: Topic, events: u64) {
        if self.watching(topic).is_some() {
            self.lost[topic as usize] += events;
        }
    }

    /// A neighbour moved: whatever was to be told of it, this is newer.
    pub fn tell_move(&mut self, digest: Digest, change: Move, now: Instant) {
        if self.leaving || self.watching(Topic::Neighbours).is_none() {
            return;
        }
        let waits = self.is_waiting();
        let known = self.known.contains(&digest);
        let next = match (self.moves.get(&digest), change) {
            // Another's watch began, or it was heard before its turn came in this one's.
            (_, Move::Present) if known => return,
            (None, Move::Lost) if !known => return,
            (None, change) => {
                self.moved.push_back(digest);
                change
            }
            // It does not know of it yet.
            (Some(before @ (Move::New | Move::Present)), Move::Updated | Move::Present | Move::New) => {
                *before
            }
            (Some(_), Move::Lost) if !known => {
                self.moves.remove(&digest);
                self.moved.retain(|other| *other != digest);
                return;
            }
            (Some(Move::Updated), Move::New | Move::Present) => Move::Updated,
            (Some(_), change) => change,
        };
        self.moves.insert(digest, next);
        if !waits {
            self.read = now;
        }
    }

    /// Queues a last line; what waited before it is lost, but for the bytes on their way.
    pub fn dismiss(&mut self, answer: &Answer, now: Instant) {
        self.queue.clear();
        (self.queued, self.answers) = (0, 0);
        self.moved.clear();
        self.moves.clear();
        self.push(Waiting::Line(self.encoded(answer)), now);
        self.dismissed_for.clone_from(&answer.reason);
        self.leaving = true;
    }

    /// A line for the log about it.
    pub fn line(&self, kind: &'static Named, text: &str) -> Line {
        Line::new(kind, text)
            .with_known("pid", self.process.and_then(|process| process.pid()))
            .with_known("user", self.process.map(|process| process.uid()))
            .with("right", self.rights.name())
    }

    /// A line for the log about its end; why is the reason in its last line, or that it left.
    pub fn end_line(&self, kind: &'static Named, text: &str) -> Line {
        self.line(kind, text).with("reason", self.dismissed_for.as_deref().unwrap_or("left"))
    }

    /// Once a second or so. True when it was found not to read.
    pub fn keep(&mut self, now: Instant) -> bool {
        let quiet = now.since(self.asked);
        let mut slow = false;
        if self.leaving && self.dismissed && quiet > LAST_LINE_TIME {
            self.gone = true;
        } else if !self.leaving && self.is_waiting() && now.since(self.read) > DEAF {
            let text = "nothing was read for a minute, while something waited; watch again";
            self.dismiss(&Answer::failure("too_slow", text), now);
            slow = true;
        } else if !self.watches() && !self.leaving && quiet > if self.awaits { LONGEST_ANSWER } else { IDLE }
        {
            let text = "asked nothing for a minute; connect again";
            self.dismiss(&Answer::failure("idle", text), now);
        }
        if self.leaving && !self.dismissed {
            self.dismissed = true;
            self.asked = now;
        }
        slow
    }

    /// Writes what waits and reads what comes, as far as both go.
    pub fn move_bytes(&mut self, cx: &mut Context<'_>, positions: &Positions, now: Instant) {
        let failed = self.write(cx, positions, now).is_err() || (self.wants_more() && self.read(cx).is_err());
        self.gone |= failed;
    }

    /// The next whole request; `None` also while an answer waits to be read.
    pub fn take_request(&mut self) -> Option<Result<Inbound, Unreadable>> {
        if self.leaving || !self.may_ask() {
            return None;
        }
        // The last line of a client that has stopped sending may lack its end.
        if self.ended { self.input.take_last() } else { self.input.take() }
    }

    /// Whether it is served: nothing is to be written, and nothing more comes.
    pub fn is_done(&self) -> bool {
        let served = self.ended && !self.awaits && self.input.held() == 0;
        self.gone || !self.is_waiting() && (self.leaving || served)
    }

    fn push(&mut self, waiting: Waiting, now: Instant) {
        if !self.is_waiting() {
            self.read = now;
        }
        self.queued += waiting.len(self.encoding);
        self.answers += usize::from(matches!(waiting, Waiting::Line(_)));
        self.queue.push_back(waiting);
    }

    fn is_waiting(&self) -> bool {
        self.written < self.output.len() || !self.queue.is_empty() || !self.moved.is_empty()
    }

    /// Whether its next request is taken: not before it has read earlier answers, and, unless it watches, everything.
    fn may_ask(&self) -> bool {
        !self.awaits && self.answers == 0 && (self.watches() || !self.is_waiting())
    }

    /// Whether its next request is read.
    fn wants_more(&self) -> bool {
        !self.ended && !self.leaving && self.may_ask() && !self.input.is_ready()
    }

    fn write(&mut self, cx: &mut Context<'_>, positions: &Positions, now: Instant) -> io::Result<()> {
        while self.is_waiting() {
            if self.stream.poll_write_ready(cx)?.is_pending() {
                return Ok(());
            }
            if self.written == self.output.len() {
                self.compose(positions, now);
            }
            match self.stream.try_write(&self.output[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.written += written;
                    self.read = now;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next bytes on their way: some events and answers, then some neighbours.
    fn compose(&mut self, positions: &Positions, now: Instant) {
        self.output.clear();
        self.output.shrink_to(2 * COMPOSED);
        self.written = 0;
        while self.output.len() < COMPOSED
            && let Some(waiting) = self.queue.pop_front()
        {
            self.queued -= waiting.len(self.encoding);
            match waiting {
                Waiting::Line(line) => {
                    self.answers -= 1;
                    self.output.extend_from_slice(&line);
                }
                Waiting::Told(told) => {
                    self.tell_losses();
                    let id = self.watched[told.topic as usize].as_ref().and_then(|watch| watch.id.as_ref());
                    told.write(self.encoding, id, None, now, &mut self.output);
                }
            }
        }
        let end = self.output.len() + COMPOSED;
        while self.output.len() < end
            && let Some(digest) = self.moved.pop_front()
        {
            let Some(change) = self.moves.remove(&digest) else { continue };
            let id = self.watched[Topic::Neighbours as usize].as_ref().and_then(|watch| watch.id.as_ref());
            if change == Move::Lost {
                self.known.remove(&digest);
            } else if self.known.len() < MOST_KNOWN && positions.contains_key(&digest) {
                self.known.insert(digest);
            }
            match positions.get(&digest) {
                Some(told) => told.write(self.encoding, id, Some(change.name()), now, &mut self.output),
                None if change == Move::Lost => {
                    let gone = Neighbour { digest: digest.to_string(), ..Neighbour::default() };
                    let line = Answer { neighbour: Some(Box::new(gone)), ..Answer::watch("neighbour") };
                    let told = Told::new(Topic::Neighbours, now, line);
                    told.write(self.encoding, id, Some(change.name()), now, &mut self.output);
                }
                None => {}
            }
        }
    }

    fn tell_losses(&mut self) {
        for topic in Topic::ALL {
            let lost = core::mem::take(&mut self.lost[topic as usize]);
            if lost > 0 {
                let id = self.watched[topic as usize].as_ref().and_then(|watch| watch.id.as_ref());
                told::lost(self.encoding, id, topic, lost, &mut self.output);
            }
        }
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

    /// Queues any line, as an answer of the station.
    #[cfg(test)]
    pub fn say_line(&mut self, line: &str, now: Instant) {
        self.awaits = false;
        self.push(Waiting::Line(format!("{line}\n").into_bytes()), now);
    }

    /// Bytes that wait for it.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.queued + self.output.len() - self.written
    }
}

impl Waiting {
    fn len(&self, encoding: Encoding) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Told(told) => told.len(encoding),
        }
    }
}

/// Bytes of events queued for a program that reads slowly: a fifth of a second of 1,000 messages a second.
pub const MOST_OUTPUT: usize = 256 * 1024;
/// Events and answers queued for it, however short.
pub const MOST_WAITING: usize = 2048;
/// Neighbours that it is known to know of: what the station's table holds, and what left it. Of more it may be told twice.
const MOST_KNOWN: usize = 2 * limits::MAX_NEIGHBOURS;
/// Written in one go, of events and of neighbours each, and the end of the last line.
const COMPOSED: usize = 8 * 1024;
/// Read in one go; with the longest request the most that waits for its turn.
const READ_SIZE: usize = 1024;
/// A program that reads nothing this long, while something waits, is ended.
const DEAF: Duration = Duration::from_secs(60);
/// A program that asks nothing this long, and watches nothing, makes room.
const IDLE: Duration = Duration::from_secs(60);
/// A message of the longest lifetime may wait for the link this long, and somewhat more.
const LONGEST_ANSWER: Duration = Duration::from_secs(310);
/// A dropped program has this long to read why.
const LAST_LINE_TIME: Duration = Duration::from_secs(5);
