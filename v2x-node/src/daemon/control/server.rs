//! The daemon's end of its control socket: lines in, lines out, everything bounded.
//!
//! Nothing here waits, and nothing here belongs to the station: [`Server::poll`] hands out one request at a time. A program
//! that sends much is answered at the rate the station leaves; the requests of one that does not read its answers are not
//! read; one that watches and reads slowly loses its oldest events, and is told how many; one that reads nothing for a
//! minute is ended.

use core::task::{Context, Poll};
use std::io;
use std::path::Path;
use std::rc::Rc;

use nix::unistd::geteuid;
use tokio::net::{UnixListener, UnixStream};
use v2x_api::{
    Answer, BAD_REQUEST, BadCall, BadRequest, Call, ControlFigures, Encoding, Request, RequestId, Right,
};
use v2x_core::limits::{self, AFAR_PER_SECOND};
use v2x_core::{DropReason, FairShares, Instant, Rate};
use v2x_proto::Digest;

use super::client::{Client, Peer, Positions};
pub use super::client::{ConnectionId, MOST_OUTPUT, MOST_WAITING, Move, Watching};
use super::filter::Filter;
use super::input::Inbound;
use super::told::Told;
pub use super::topic::Topic;
use crate::daemon::unix_socket::Bound;
use crate::log::events;

/// A listening control socket and its clients. Lives on one thread.
#[derive(Debug)]
pub struct Server {
    bound: Bound,
    listener: UnixListener,
    /// What a program of another user than the daemon's may do.
    others: Right,
    clients: Vec<Client>,
    /// The client asked first next time, so that all get their turn.
    next: usize,
    numbered: u64,
    positions: Positions,
    events: u64,
    lost: u64,
    disconnected: u64,
    /// Up to when the rate of frames from afar is spent, and frames beyond it.
    /// Shares of the frames from afar: of each program, of each of its peers.
    afar_shares: FairShares<(ConnectionId, u16)>,
    afar_refused: u64,
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
    /// Serves a socket; programs of other users than the daemon's and root may do what `others` says. Call inside a tokio
    /// runtime with IO.
    ///
    /// # Errors
    /// The event loop does not take the socket.
    pub fn new(bound: Bound, others: Right) -> io::Result<Self> {
        let listener = UnixListener::from_std(bound.listener()?)?;
        Ok(Self {
            bound,
            listener,
            others,
            clients: Vec::new(),
            next: 0,
            numbered: 0,
            positions: Positions::new(),
            events: 0,
            lost: 0,
            disconnected: 0,
            afar_shares: FairShares::new(AFAR_RATE),
            afar_refused: 0,
        })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        self.bound.path()
    }

    /// Moves bytes, and hands out the next request. One line is looked at per call: when it is no request, or one that the
    /// client may not make, it is answered here and the call comes back later.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Asked> {
        self.accept(cx, now);
        let count = self.clients.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            let client = &mut self.clients[index];
            client.move_bytes(cx, &self.positions, now);
            let before = client.input.held();
            let incoming = match client.take_request() {
                Some(Ok(incoming)) => incoming,
                Some(Err(unreadable)) => {
                    client.dismiss(&bad_request(&BadRequest::new(unreadable.to_string())), now);
                    client.move_bytes(cx, &self.positions, now);
                    continue;
                }
                None => {
                    if client.input.held() < before {
                        // Blank lines: there is room to read again, and nothing else will signal it.
                        cx.waker().wake_by_ref();
                    }
                    continue;
                }
            };
            self.next = index + 1;
            client.asked = now;
            let first = !core::mem::replace(&mut client.has_asked, true);
            let call = match incoming {
                Inbound::Line(line) => Call::parse(&line),
                Inbound::Afar(frame) => frame
                    .map(|frame| Call::from(Request::Afar(frame)))
                    .map_err(|error| BadCall { id: None, error }),
            };
            match call {
                Ok(Call { id, request: Request::Encoding(encoding) }) => {
                    let answer = of_encoding(client, encoding, first);
                    client.say(&Answer { id, ..answer.clone() }, now);
                    if answer.ok == Some(true) {
                        client.set_encoding(encoding);
                    }
                }
                Ok(Call { id, request }) => {
                    if let Some(answer) = of_rights(client, &request) {
                        client.say(&Answer { id, ..answer }, now);
                    } else if let Request::Afar(frame) = &request
                        && !self.afar_shares.take((client.id, frame.peer), now)
                    {
                        // The station's own budget; here it costs the station nothing, and one program's peers are not another's.
                        self.afar_refused += 1;
                        client.say(&Answer { id, ..over_budget() }, now);
                    } else {
                        client.await_answer();
                        return Poll::Ready(Asked { client: client.id, id, request });
                    }
                }
                Err(BadCall { id, error }) => client.say(&Answer { id, ..bad_request(&error) }, now),
            }
            cx.waker().wake_by_ref();
            break;
        }
        self.let_go();
        Poll::Pending
    }

    /// Moves bytes, and leaves requests where they are: nobody takes them now.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.accept(cx, now);
        for client in &mut self.clients {
            client.move_bytes(cx, &self.positions, now);
        }
        self.let_go();
    }

    /// Answers a request; nothing when the client has gone.
    pub fn answer(&mut self, client: ConnectionId, id: Option<RequestId>, answer: Answer, now: Instant) {
        if let Some(client) = self.clients.iter_mut().find(|other| other.id == client) {
            client.answer(&Answer { id, ..answer }, now);
        }
    }

    /// From here on the client gets what is told of this topic, if it wants it.
    pub fn watch(&mut self, client: ConnectionId, topic: Topic, watching: Watching) {
        if let Some(client) = self.clients.iter_mut().find(|other| other.id == client) {
            client.watch(topic, watching);
        }
    }

    /// Tells one client alone, such as how things stand when its watch begins.
    pub fn tell_one(&mut self, client: ConnectionId, told: Told, now: Instant) {
        if let Some(client) = self.clients.iter_mut().find(|other| other.id == client) {
            self.lost += client.tell(&Rc::new(told), now);
            self.events += 1;
        }
    }

    /// Whether any client watches this topic.
    pub fn is_watched(&self, topic: Topic) -> bool {
        self.watches(topic).next().is_some()
    }

    /// The watches of this topic.
    pub fn watches(&self, topic: Topic) -> impl Iterator<Item = &Watching> {
        self.clients.iter().filter_map(move |client| client.watching(topic))
    }

    /// Tells every client that watches its topic.
    pub fn tell(&mut self, told: Told, now: Instant) {
        let topic = told.topic;
        self.tell_those(topic, &Rc::new(told), |_| true, now);
    }

    /// Tells every client that watches this topic and wants it.
    pub fn tell_those(
        &mut self,
        topic: Topic,
        told: &Rc<Told>,
        wants: impl Fn(&Filter) -> bool,
        now: Instant,
    ) {
        let mut any = false;
        for client in &mut self.clients {
            if client.watching(topic).is_some_and(|watch| wants(&watch.filter)) {
                self.lost += client.tell(told, now);
                any = true;
            }
        }
        self.events += u64::from(any);
    }

    /// Events of this topic were lost before they came here.
    pub fn miss(&mut self, topic: Topic, events: u64) {
        for client in self.clients.iter_mut().filter(|client| client.watching(topic).is_some()) {
            client.miss(topic, events);
            self.lost += events;
        }
    }

    /// A neighbour came, moved or went; `told` is the newest of it, `None` when it went.
    pub fn tell_move(&mut self, digest: Digest, change: Move, told: Option<Told>, now: Instant) {
        match told {
            Some(told) => self.positions.insert(digest, Rc::new(told)),
            None => self.positions.remove(&digest),
        };
        self.events += 1;
        for client in &mut self.clients {
            client.tell_move(digest, change, now);
        }
    }

    /// Once a second or so: clients that are dropped or done have had the time to read their last line, and those that
    /// ask nothing make room.
    pub fn upkeep(&mut self, now: Instant) {
        for client in &mut self.clients {
            if client.keep(now) {
                self.disconnected += 1;
                client.end_line(&events::CONTROL_CLIENT_SLOW, "a program did not read what it watches").log();
            }
        }
        self.let_go();
    }

    /// How many clients there are, and what they cost.
    pub fn figures(&self) -> ControlFigures {
        let watches = Topic::ALL.into_iter().map(|topic| self.watches(topic).count() as u64).sum();
        let (clients, events, lost) = (self.clients.len() as u64, self.events, self.lost);
        ControlFigures { clients, watches, events, lost, disconnected: self.disconnected }
    }

    /// Frames from afar that were refused here, beyond the station's budget.
    pub fn afar_refused(&self) -> u64 {
        self.afar_refused
    }

    fn let_go(&mut self) {
        self.clients.retain(|client| {
            let done = client.is_done();
            if done {
                client.end_line(&events::CONTROL_CLIENT_GONE, "a program left the control socket").log();
            }
            !done
        });
        if !self.positions.is_empty() && !self.is_watched(Topic::Neighbours) {
            self.positions = Positions::new();
        }
    }

    fn accept(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..ACCEPT_BATCH {
            // A failure (no descriptors left) is the connecting client's; the next call tries again.
            let Poll::Ready(Ok((stream, _))) = self.listener.poll_accept(cx) else { return };
            self.numbered += 1;
            let peer = self.peer_of(&stream);
            let mut client = Client::new(ConnectionId(self.numbered), stream, peer, now);
            if let Some(text) = self.no_place(peer.is_owner_s) {
                // One more, only to send the refusal; its requests are not read.
                client.dismiss(&Answer::failure("busy", &text), now);
                client.move_bytes(cx, &self.positions, now);
                continue;
            }
            client.line(&events::CONTROL_CLIENT_CAME, "a program connected to the control socket").log();
            self.clients.push(client);
        }
        cx.waker().wake_by_ref();
    }

    /// Why there is no place for one more, if there is none.
    fn no_place(&self, is_owner_s: bool) -> Option<String> {
        let others = self.clients.iter().filter(|client| !client.is_owner_s).count();
        if self.clients.len() >= MOST_CLIENTS {
            Some(format!("{MOST_CLIENTS} programs use this daemon already; end one and try again"))
        } else if !is_owner_s && others >= MOST_OF_OTHERS {
            let text = "of other users than the daemon's use it already; end one and try again";
            Some(format!("{MOST_OF_OTHERS} programs {text}"))
        } else {
            None
        }
    }

    /// The daemon's own user and root may do everything; who else may connect at all is the socket's mode.
    fn peer_of(&self, stream: &UnixStream) -> Peer {
        let user = stream.peer_cred().map(|peer| peer.uid());
        let is_owner_s = user.is_ok_and(|user| user == 0 || user == geteuid().as_raw());
        Peer { rights: if is_owner_s { Right::Administer } else { self.others }, is_owner_s }
    }
}

/// The answer to a request for an encoding, in the one there is.
fn of_encoding(client: &Client, encoding: Encoding, first: bool) -> Answer {
    if first || encoding == client.encoding() {
        return Answer::done();
    }
    bad_request(&BadRequest::new(
        "encoding: the first line chooses it, and this is not the first; connect again",
    ))
}

/// The answer to a request that is about rights, or beyond those of the client.
fn of_rights(client: &mut Client, request: &Request) -> Option<Answer> {
    let has = client.rights;
    match request {
        Request::Rights(wanted) => Some(match wanted {
            Some(wanted) if *wanted > has => {
                let text =
                    format!("this connection has the right to {has}, which it cannot raise to {wanted}");
                Answer::failure("rights_not_held", &text)
            }
            wanted => {
                client.rights = wanted.unwrap_or(has);
                Answer { rights: Some(client.rights.name().to_owned()), ..Answer::done() }
            }
        }),
        request if request.needs() > has => {
            let needs = request.needs();
            let text = format!(
                "this needs the right to {needs}, and this connection has the right to {has}; \
                 the daemon's user has all, others what control.group_rights says"
            );
            Some(Answer::failure("right_missing", &text))
        }
        _ => None,
    }
}

/// The answer to a frame from afar for which there is no room in this second.
fn over_budget() -> Answer {
    let text = format!(
        "a station looks at {AFAR_PER_SECOND} frames a second from afar, fair shares of them for each peer, and this is one more: send fewer, those of D3 and D5 alone"
    );
    Answer::failure(DropReason::AfarBudget.name(), &text)
}

/// The answer to a line that is no request.
pub(super) fn bad_request(error: &BadRequest) -> Answer {
    Answer::failure(BAD_REQUEST, &error.to_string())
}

/// Programs served at a time: ten that watch, and the sessions of some browsers. With what is queued for each they take
/// 20 MB at most, when all of them watch and none reads; events are shared, so mostly far less.
pub const MOST_CLIENTS: usize = 64;
/// Of these, programs of the group: its members, all places taken, would lock the daemon's own user out.
const MOST_OF_OTHERS: usize = 48;
/// Frames from afar passed on to the station: as many as it looks at, with fewer at once, so that what passes here is within its
/// budget there.
const AFAR_RATE: Rate = Rate::new(AFAR_PER_SECOND, limits::AFAR_BURST / 2);
/// Programs accepted in one go.
const ACCEPT_BATCH: usize = 4;

#[cfg(test)]
mod tests;
