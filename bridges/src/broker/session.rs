//! One connection to a broker from its beginning to its end, and what outlives it.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{self, sleep_until};

use super::arrival;
use super::limits::TAKES_WITHIN_S;
use super::link::{Arrival, Link, LinkEvent, LinkSettings, NotSent, NotTaken, Note, Subscription};
use super::link_error::LinkError;
use super::offers::Offers;
use super::presence::{Presence, RENEWAL};
use super::publisher::{Publisher, Sent};
use super::status::BrokerStatus;
use super::topic::Topics;
use super::updates::Updates;
use crate::clock;
use crate::hub::End;

/// What outlives a connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Name of this bridge.
    pub bridge: String,
    /// Told with this bridge's presence.
    pub updates: Updates,
    pub topics: Topics,
    /// What is subscribed to.
    pub filters: Vec<String>,
    pub end: End,
    /// Carried beside messages.
    pub offers: Option<Offers>,
    pub publisher: Publisher,
    pub status: Arc<BrokerStatus>,
    /// Becomes true when the program ends.
    pub stopped: watch::Receiver<bool>,
    /// A fixed moment, for the end's budget.
    pub began: Instant,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// The program ends.
    Stopped,
    /// It was lost, or never there.
    Lost {
        error: LinkError,
        /// How long it was there.
        up: Duration,
    },
}

/// A connection with what is under way on it.
struct Connection {
    link: Link,
    /// What the broker has not answered, with when it was sent.
    under_way: BTreeMap<u64, (time::Instant, Sent)>,
    /// Nothing is published before, because the broker asked for a pause.
    pause: Option<time::Instant>,
    renew: time::Instant,
    /// When what stands is sent again: what the broker still has, it has shown by then.
    repeat: Option<time::Instant>,
}

impl Session {
    /// Connects, and serves the connection until it ends.
    pub async fn run(&mut self, settings: &LinkSettings) -> SessionEnd {
        let link = tokio::select! {
            link = Link::open(settings) => link,
            () = stopped(&mut self.stopped) => return SessionEnd::Stopped,
        };
        let link = match link {
            Ok(link) => link,
            Err(error) => return SessionEnd::Lost { error, up: Duration::ZERO },
        };
        if let Some(offers) = &mut self.offers {
            offers.forget();
        }
        let since = Instant::now();
        self.status.connected(link.abilities());
        let now = time::Instant::now();
        let mut connection =
            Connection { link, under_way: BTreeMap::new(), pause: None, renew: now, repeat: Some(now) };
        if !self.filters.is_empty() {
            connection.repeat = None;
            if connection.link.subscribe(self.filters.clone(), Subscription::Own).is_err() {
                return SessionEnd::Lost { error: LinkError::Closed, up: Duration::ZERO };
            }
        }
        let error = self.serve(&mut connection).await;
        let Connection { link, under_way, .. } = connection;
        let lost = under_way.into_values().map(|(_, sent)| sent);
        self.publisher.lost(lost, self.end.outbox(), clock::now());
        self.publish_status(0);
        match error {
            Some(error) => SessionEnd::Lost { error, up: since.elapsed() },
            None => {
                self.farewell(link).await;
                SessionEnd::Stopped
            }
        }
    }

    /// Waits before another connection; true when the program ends meanwhile.
    pub async fn pause(&mut self, pause: Duration) -> bool {
        tokio::select! {
            () = time::sleep(pause) => false,
            () = stopped(&mut self.stopped) => true,
        }
    }

    /// Returns why the connection ended; nothing when the program ends.
    async fn serve(&mut self, connection: &mut Connection) -> Option<LinkError> {
        let outbox = Arc::clone(self.end.outbox());
        loop {
            self.due(connection);
            let room = self.publish(connection);
            self.publish_status(connection.under_way.len());
            let (patience, has_room) = (connection.patience(), connection.link.has_room());
            tokio::select! {
                event = connection.link.next() => match event {
                    Ok(event) => self.take(connection, event),
                    Err(error) => return Some(error),
                },
                message = outbox.next(clock::now), if room => self.publisher.put_first(message),
                offer = next_offer(&mut self.offers), if room => {
                    self.status.offer_sent();
                    self.send(connection, &offer, Sent::Once);
                }
                () = at(connection.pause) => connection.pause = None,
                () = at(connection.repeat) => {}
                () = sleep_until(connection.renew), if has_room => {}
                () = at(patience) => return Some(LinkError::TakesNothing),
                () = stopped(&mut self.stopped) => return None,
            }
        }
    }

    /// Does what its time has come for.
    fn due(&mut self, connection: &mut Connection) {
        let now = time::Instant::now();
        if connection.repeat.is_some_and(|repeat| repeat <= now) {
            connection.repeat = None;
            self.publisher.repeat(clock::now());
        }
        if connection.renew <= now && connection.link.has_room() {
            connection.renew = now + RENEWAL;
            let note = self.presence(Presence::Up);
            self.send(connection, &note, Sent::Once);
        }
    }

    /// Sends what waits, as far as the broker takes it; whether it takes more.
    fn publish(&mut self, connection: &mut Connection) -> bool {
        while connection.pause.is_none() && connection.link.has_room() {
            let Some((note, sent)) = self.publisher.next(self.end.outbox(), clock::now()) else {
                return true;
            };
            self.send(connection, &note, sent);
        }
        false
    }

    fn send(&mut self, connection: &mut Connection, note: &Note, sent: Sent) {
        match connection.link.publish(note) {
            Ok(ticket) => drop(connection.under_way.insert(ticket, (time::Instant::now(), sent))),
            Err(NotSent::TooLarge) => self.publisher.too_large(&sent),
            // The connection has ended, which shows itself.
            Err(NotSent::WindowFull | NotSent::Ended) => {
                self.publisher.not_taken(sent, NotTaken::Later, self.end.outbox(), clock::now());
                connection.pause = Some(time::Instant::now() + PAUSE);
            }
        }
    }

    fn take(&mut self, connection: &mut Connection, event: LinkEvent) {
        match event {
            LinkEvent::Arrived(arrival) => self.arrived(arrival),
            LinkEvent::Taken(ticket) => {
                if let Some((_, sent)) = connection.under_way.remove(&ticket) {
                    self.publisher.taken(sent);
                }
            }
            LinkEvent::NotTaken(ticket, why) => {
                if let Some((_, sent)) = connection.under_way.remove(&ticket) {
                    self.publisher.not_taken(sent, why, self.end.outbox(), clock::now());
                }
                if why == NotTaken::Later {
                    connection.pause = Some(time::Instant::now() + PAUSE);
                }
            }
            LinkEvent::Subscribed(refused) => {
                self.status.subscribed(self.filters.len(), &refused);
                connection.repeat = Some(time::Instant::now() + SHOWN);
            }
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        if self.offers.as_ref().is_some_and(|offers| offers.take(&arrival)) {
            self.status.offer_arrived();
            return;
        }
        let result = match arrival::read(&self.topics, arrival) {
            Ok(message) => {
                self.publisher.is_there(&message);
                if let Err(refused) = self.end.hand_in(message.frame().clone(), self.began.elapsed()) {
                    tracing::trace!(target: "broker", message = message.head().name(), %refused, "not taken");
                }
                Ok(())
            }
            Err(why) => Err(why),
        };
        self.status.arrived(result);
    }

    fn presence(&self, presence: Presence) -> Note {
        let topic = self.topics.status(&self.bridge);
        presence.note(&topic, &self.bridge, &self.updates.list(), clock::now())
    }

    fn publish_status(&self, under_way: usize) {
        self.status.published(self.publisher.counts(), under_way, self.publisher.standing());
    }

    async fn farewell(&self, mut link: Link) {
        let note = self.presence(Presence::Stopped);
        if let Ok(ticket) = link.publish(&note) {
            let taken = async {
                while let Ok(event) = link.next().await {
                    if matches!(event, LinkEvent::Taken(taken) if taken == ticket) {
                        return;
                    }
                }
            };
            drop(time::timeout(FAREWELL, taken).await);
        }
        link.close().await;
    }
}

impl Connection {
    /// When a broker that does not acknowledge has had long enough.
    fn patience(&self) -> Option<time::Instant> {
        let (_, (sent, _)) = self.under_way.first_key_value()?;
        Some(*sent + Duration::from_secs(TAKES_WITHIN_S))
    }
}

async fn next_offer(offers: &mut Option<Offers>) -> Note {
    match offers {
        Some(offers) => offers.next().await,
        None => pending().await,
    }
}

async fn at(moment: Option<time::Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

async fn stopped(stopped: &mut watch::Receiver<bool>) {
    // An error says that whoever could stop it is gone, and with it the program.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// How long nothing is published when the broker does not take it now.
const PAUSE: Duration = Duration::from_secs(1);
/// Retained messages follow their subscription at once; this is for those of some hundred kB.
const SHOWN: Duration = Duration::from_millis(250);
const FAREWELL: Duration = Duration::from_millis(500);
