//! The thread that serves the control socket: it parses, encodes and writes, so that no program's reading or writing takes
//! the station's time.
//!
//! The station puts answers and events into two queues and takes requests from a third. The queue of events is bounded and
//! loses what has no room; what is not watched never gets there.

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use radio_adapters::realtime;
use radio_adapters::timer::DeadlineTimer;
use tokio::sync::mpsc;
use v2x_api::{Answer, RequestId, Right};
use v2x_core::{DropReason, Instant};
use v2x_proto::Digest;

use super::client::{ConnectionId, Move, Watching};
use super::figures::{Audience, FiguresDraft};
use super::filter::Filter;
use super::message_view::{HeardMessage, OwnMessage, Seen};
use super::neighbour_view::NeighbourSeen;
use super::server::{Asked, Server};
use super::told::Told;
use super::topic::Topic;
use super::view::View;
use super::watched::Watched;
use crate::daemon::station::monotonic;
use crate::daemon::unix_socket::Bound;

/// The station's side of the control socket.
#[derive(Debug)]
pub struct Desk {
    orders: mpsc::UnboundedSender<Order>,
    asked: mpsc::Receiver<Asked>,
    news: News,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

/// Where the station puts its events. Clones share it.
#[derive(Clone, Debug)]
pub struct News {
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
}

/// What both sides look at.
#[derive(Debug)]
struct Shared {
    /// Bits of the topics that are watched, [`OWN`] and [`CREDENTIAL`].
    watched: Watched,
    /// Events that had no room, by topic.
    lost: [AtomicU64; Topic::COUNT],
}

/// An answer, or a watch that begins.
#[derive(Debug)]
enum Order {
    Answer(ConnectionId, Option<RequestId>, Box<Answer>),
    /// With the answer that says so, and the line after it.
    Watch(ConnectionId, Topic, Box<Watching>, Box<Answer>, Option<Box<Told>>),
    /// Figures, and whom for.
    Figures(Audience, Box<FiguresDraft>),
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A line for all who watch its topic.
    Told(Box<Told>),
    /// A message was delivered.
    Heard(Box<HeardMessage>),
    /// One of the station's own messages was handed to the link.
    Sent(Box<OwnMessage>),
    /// A neighbour came or moved.
    Neighbour(Move, Box<NeighbourSeen>),
    /// A neighbour is gone.
    Gone(Digest),
    /// Where the station is, and when.
    View(Box<View>),
}

impl Desk {
    /// Serves a socket on a thread of its own, see [`Server::new`].
    ///
    /// # Errors
    /// There is no thread, or no event loop in it.
    pub fn start(bound: Bound, others: Right) -> io::Result<Self> {
        let path = bound.path().to_owned();
        let (orders, taken) = mpsc::unbounded_channel();
        let (events, happened) = mpsc::channel(MOST_EVENTS);
        let (ask, asked) = mpsc::channel(MOST_ASKED);
        let shared = Arc::new(Shared {
            watched: Watched::default(),
            lost: [const { AtomicU64::new(0) }; Topic::COUNT],
        });
        let news = News { events, shared: Arc::clone(&shared) };
        let (say, said) = std::sync::mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            realtime::make_ordinary();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            let served = runtime.and_then(|runtime| {
                let _inside = runtime.enter();
                let clerk = Clerk {
                    server: Server::new(bound, others)?,
                    orders: taken,
                    events: happened,
                    ask,
                    shared,
                    begun: 0,
                    seen: Seen::default(),
                    upkeep: DeadlineTimer::new()?,
                    due: Instant::ZERO,
                };
                drop(_inside);
                Ok((runtime, clerk))
            });
            match served {
                Err(error) => drop(say.send(Err(error))),
                Ok((runtime, mut clerk)) => {
                    drop(say.send(Ok(())));
                    runtime.block_on(poll_fn(|cx| clerk.poll(cx)));
                }
            }
        })?;
        said.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended")))?;
        Ok(Self { orders, asked, news, path, thread: Some(thread) })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next request, one at a time.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Asked> {
        match self.asked.poll_recv(cx) {
            Poll::Ready(Some(asked)) => Poll::Ready(asked),
            // The thread ends after this side alone.
            _ => Poll::Pending,
        }
    }

    /// Answers a request; nothing when the client has gone.
    pub fn answer(&self, client: ConnectionId, id: Option<RequestId>, answer: Answer) {
        drop(self.orders.send(Order::Answer(client, id, Box::new(answer))));
    }

    /// From here on the client gets what is told of this topic, if it wants it. `answer` comes before the first line, which is
    /// `stands` where the watch begins with how things stand: for this client alone, others have read it.
    pub fn watch(
        &self,
        client: ConnectionId,
        topic: Topic,
        watching: Watching,
        answer: Answer,
        stands: Option<Answer>,
    ) {
        self.news.shared.watched.begin(topic.bit() | extra(&watching.filter));
        let stands = stands.map(|line| Box::new(Told::new(topic, monotonic(), line)));
        let (watching, answer) = (Box::new(watching), Box::new(answer));
        drop(self.orders.send(Order::Watch(client, topic, watching, answer, stands)));
    }

    /// Hands over figures for those who wait for them.
    pub fn figures(&self, to: Audience, draft: Box<FiguresDraft>) {
        drop(self.orders.send(Order::Figures(to, draft)));
    }

    /// Where events go.
    pub fn news(&self) -> &News {
        &self.news
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The thread ends with its queue of orders; it waits for nobody, so this does not take long.
        let (orders, _) = mpsc::unbounded_channel();
        drop(core::mem::replace(&mut self.orders, orders));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl News {
    /// Whether any program watches this topic.
    pub fn is_watched(&self, topic: Topic) -> bool {
        self.shared.watched.bits() & topic.bit() != 0
    }

    /// Whether any program watches the station's own messages.
    pub fn is_own_watched(&self) -> bool {
        self.shared.watched.bits() & OWN != 0
    }

    /// Whether any program wants messages with their signers' credentials.
    pub fn is_credential_watched(&self) -> bool {
        self.shared.watched.bits() & CREDENTIAL != 0
    }

    /// Passes an event on, or counts it as lost where there is no room. A lost position is found anew: false.
    pub fn push(&self, event: Event) -> bool {
        let topic = match &event {
            Event::Told(told) => Some(told.topic),
            Event::Heard(_) | Event::Sent(_) => Some(Topic::Messages),
            Event::Neighbour(..) | Event::Gone(_) | Event::View(_) => None,
        };
        let pushed = self.events.try_send(event).is_ok();
        if let Some(topic) = topic.filter(|_| !pushed) {
            self.shared.lost[topic as usize].fetch_add(1, Relaxed);
        }
        pushed
    }

    /// Of nobody who watches, and what comes of it.
    #[cfg(test)]
    pub fn alone() -> (Self, mpsc::Receiver<Event>) {
        let (events, happened) = mpsc::channel(MOST_EVENTS);
        let lost = [const { AtomicU64::new(0) }; Topic::COUNT];
        (Self { events, shared: Arc::new(Shared { watched: Watched::default(), lost }) }, happened)
    }

    /// Only these topics are watched from now on.
    #[cfg(test)]
    pub fn watch_only(&self, topics: &[Topic]) {
        let bits = topics.iter().fold(0, |bits, topic| bits | topic.bit());
        // Nobody begins one in a test.
        self.shared.watched.publish(0, bits);
    }

    /// A line for all who watch this topic, which happened now.
    pub fn tell(&self, topic: Topic, answer: Answer) {
        if self.is_watched(topic) {
            self.push(Event::Told(Box::new(Told::new(topic, monotonic(), answer))));
        }
    }
}

/// The thread's side.
struct Clerk {
    server: Server,
    orders: mpsc::UnboundedReceiver<Order>,
    events: mpsc::Receiver<Event>,
    ask: mpsc::Sender<Asked>,
    shared: Arc<Shared>,
    /// Watches that it was told of.
    begun: u32,
    seen: Seen,
    upkeep: DeadlineTimer,
    due: Instant,
}

impl Clerk {
    /// Runs until the station's side is gone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.orders.poll_recv(cx) {
                Poll::Ready(Some(order)) => self.obey(order),
                Poll::Ready(None) => {
                    // What was answered last is read, as far as it is written at once.
                    self.server.poll_bytes(cx, monotonic());
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        for _ in 0..EVENTS_AT_ONCE {
            match self.events.poll_recv(cx) {
                Poll::Ready(Some(event)) => {
                    // A watch that began before it is one of those that are told of it.
                    while let Ok(order) = self.orders.try_recv() {
                        self.obey(order);
                    }
                    self.hear(event);
                }
                _ => break,
            }
        }
        if !self.events.is_empty() {
            cx.waker().wake_by_ref();
        }
        for topic in Topic::ALL {
            let lost = &self.shared.lost[topic as usize];
            if lost.load(Relaxed) > 0 {
                self.server.miss(topic, lost.swap(0, Relaxed));
            }
        }
        let now = monotonic();
        if now >= self.due {
            self.due = now + UPKEEP;
            if self.upkeep.set(Some(self.due.as_nanos())).is_err() {
                cx.waker().wake_by_ref();
            }
            self.server.upkeep(now);
            self.publish();
        }
        if self.ask.capacity() == 0 {
            // The station takes one, and its answer comes here.
            self.server.poll_bytes(cx, now);
        } else if let Poll::Ready(asked) = self.server.poll(cx, now) {
            drop(self.ask.try_send(asked));
            cx.waker().wake_by_ref();
        }
        if self.upkeep.poll_expired(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn obey(&mut self, order: Order) {
        let now = monotonic();
        match order {
            Order::Answer(client, id, answer) => self.server.answer(client, id, *answer, now),
            Order::Watch(client, topic, watching, answer, stands) => {
                self.server.answer(client, watching.id.clone(), *answer, now);
                self.server.watch(client, topic, *watching);
                if let Some(told) = stands {
                    self.server.tell_one(client, *told, now);
                }
                self.begun = self.begun.wrapping_add(1);
                self.publish();
            }
            Order::Figures(to, draft) => {
                let (at, mut stats) = draft.finish();
                stats.control = self.server.figures();
                let refused = self.server.afar_refused();
                if refused > 0 {
                    let afar = &mut stats.afar;
                    (afar.received, afar.dropped) = (afar.received + refused, afar.dropped + refused);
                    *afar.drops.entry(DropReason::AfarBudget.name().to_owned()).or_default() += refused;
                }
                let stats = Some(Box::new(stats));
                if to.watched {
                    let line = Answer { stats: stats.clone(), ..Answer::watch("stats") };
                    self.server.tell(Told::new(Topic::Stats, at, line), now);
                }
                for (client, id) in to.asked {
                    let answer = Answer { stats: stats.clone(), ..Answer::done() };
                    self.server.answer(client, id, answer, now);
                }
            }
        }
    }

    fn hear(&mut self, event: Event) {
        let now = monotonic();
        match event {
            Event::Told(told) if told.topic == Topic::Drops => {
                let told = std::rc::Rc::new(*told);
                let reason = told.answer().drop.as_ref().map_or("", |drop| &drop.reason);
                let wants = |filter: &Filter| match filter {
                    Filter::Reasons(reasons) => reasons.iter().any(|wanted| wanted == reason),
                    _ => true,
                };
                self.server.tell_those(Topic::Drops, &told, wants, now);
            }
            Event::Told(told) => self.server.tell(*told, now),
            Event::Heard(message) => self.seen.heard(&message, &mut self.server, now),
            Event::Sent(message) => self.seen.sent(&message, &mut self.server, now),
            Event::Neighbour(change, neighbour) => {
                let told = neighbour.told(&self.seen.view);
                self.server.tell_move(neighbour.digest, change, Some(told), now);
            }
            Event::Gone(digest) => self.server.tell_move(digest, Move::Lost, None, now),
            Event::View(view) => self.seen.view = *view,
        }
    }

    /// Tells the station what is watched.
    fn publish(&self) {
        let watched = Topic::ALL.into_iter().filter(|topic| self.server.is_watched(*topic));
        let mut bits = watched.fold(0, |bits, topic| bits | topic.bit());
        for watch in self.server.watches(Topic::Messages) {
            bits |= extra(&watch.filter);
        }
        self.shared.watched.publish(self.begun, bits);
    }
}

/// The bits of what a watch of messages wants beside them.
fn extra(filter: &Filter) -> u32 {
    let Filter::Messages(wish) = filter else { return 0 };
    let own = if wish.own() { OWN } else { 0 };
    own | if wish.credential() { CREDENTIAL } else { 0 }
}

/// The bit of a watch of the station's own messages.
const OWN: u32 = 1 << 31;
/// The bit of a watch of messages with their signers' credentials.
const CREDENTIAL: u32 = 1 << 30;
/// Events on their way to the thread: a second of 2,000 messages a second, 4 MB of the longest.
const MOST_EVENTS: usize = 2048;
/// Requests on their way to the station.
const MOST_ASKED: usize = 16;
/// Events encoded before programs are written to.
const EVENTS_AT_ONCE: usize = 64;
const UPKEEP: Duration = Duration::from_secs(1);
