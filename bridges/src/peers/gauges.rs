//! What is known of a peer and counted, for its status.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iroh::TransportAddr;
use iroh::endpoint::{Connection, WeakConnectionHandle};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::hub::{EndCounts, Refused};

/// Of one peer.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    connection: Option<WeakConnectionHandle>,
    since: Option<Instant>,
    heard: Option<Instant>,
    path: Option<TransportAddr>,
    seen_at: Option<SocketAddr>,
    rtt: Option<Duration>,
    why: Option<String>,
    counters: Counters,
}

/// Where the link to a peer stands. The words of `roadcast-bridge status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing says where it is: it has to call, or to meet this bridge.
    #[default]
    Waiting,
    /// It is being dialled.
    Dialling,
    /// The last dial failed; the next comes after a wait.
    Away,
    /// It does not admit this bridge.
    Refused,
    /// Heartbeats come.
    Connected,
}

/// What happened, from the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// Connections that came about.
    pub connections: u64,
    /// Connections that both sides had dialled at once, of which one was closed.
    pub duplicates: u64,
    /// Dials that reached nobody.
    pub failures: u64,
    /// Connections given up because no heartbeat came.
    pub silences: u64,
    /// Changes of the path or the peer's address while connected.
    pub address_changes: u64,
    /// Offers to meet that were sent.
    pub offers: u64,
    /// Heartbeats that came.
    pub heartbeats: u64,
    /// Connections closed because something was not understood.
    pub malformed: u64,
    /// Messages sent as datagrams.
    pub sent_datagrams: u64,
    /// Messages sent by a stream each, and acknowledged.
    pub sent_streams: u64,
    /// Messages that the peer does not take.
    pub not_wanted: u64,
    /// Times that sending waited for the budget.
    pub held_back: u64,
    /// Times that reading waited for the budget.
    pub slowed: u64,
    /// Streams that the peer broke off.
    pub broken_streams: u64,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dialling => "dialling",
            Self::Away => "away",
            Self::Refused => "refused",
            Self::Connected => "connected",
        }
    }
}

impl Gauges {
    pub(super) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.inner().counters);
    }

    pub(super) fn state(&self, state: State) {
        self.inner().state = state;
    }

    pub(super) fn failed(&self, state: State, why: String) {
        let mut inner = self.inner();
        inner.state = state;
        inner.why = Some(why);
        inner.counters.failures += 1;
    }

    pub(super) fn connected(&self, connection: &Connection) {
        let mut inner = self.inner();
        let now = Instant::now();
        inner.state = State::Connected;
        inner.connection = Some(connection.weak_handle());
        (inner.since, inner.heard, inner.rtt, inner.path) = (Some(now), Some(now), None, None);
        inner.counters.connections += 1;
    }

    pub(super) fn ended(&self, why: String) {
        let mut inner = self.inner();
        inner.state = State::Waiting;
        (inner.connection, inner.since) = (None, None);
        inner.why = Some(why);
    }

    pub(super) fn beat(&self, rtt: Option<Duration>) {
        let mut inner = self.inner();
        inner.heard = Some(Instant::now());
        inner.counters.heartbeats += 1;
        if rtt.is_some() {
            inner.rtt = rtt;
        }
    }

    /// The path that carries data now.
    pub(super) fn path(&self, path: TransportAddr) {
        let mut inner = self.inner();
        if inner.path.as_ref().is_some_and(|before| *before != path) {
            inner.counters.address_changes += 1;
        }
        inner.path = Some(path);
    }

    /// Where the peer says that it sees this bridge.
    pub(super) fn seen_at(&self, address: &str) {
        if let Ok(address) = address.parse() {
            self.inner().seen_at = Some(address);
        }
    }

    pub(super) fn where_seen(&self) -> Option<SocketAddr> {
        self.inner().seen_at
    }

    pub(super) fn is_connected(&self) -> bool {
        self.inner().state == State::Connected
    }

    /// The object of a peer in `roadcast-bridge status`.
    pub(super) fn status(&self, name: &str, key: &str, end: EndCounts) -> Value {
        let inner = self.inner();
        let (path_rtt, largest) = match inner.connection.as_ref().and_then(WeakConnectionHandle::upgrade) {
            None => (None, None),
            Some(connection) => {
                let paths = connection.paths();
                let selected = paths.iter().find(|path| path.is_selected()).map(|path| path.rtt());
                (selected, connection.max_datagram_size())
            }
        };
        let path = inner.path.as_ref().filter(|_| inner.state == State::Connected);
        let refused: serde_json::Map<String, Value> = Refused::ALL
            .into_iter()
            .zip(end.refused)
            .map(|(why, count)| (why.name().to_owned(), count.into()))
            .collect();
        let Counters {
            connections, duplicates, failures, silences, address_changes, offers, heartbeats, ..
        } = inner.counters;
        let Counters {
            malformed,
            sent_datagrams,
            sent_streams,
            not_wanted,
            held_back,
            slowed,
            broken_streams,
            ..
        } = inner.counters;
        json!({
            "name": name,
            "key": key,
            "state": inner.state.name(),
            "connected": inner.state == State::Connected,
            "path": path.map(|path| if path.is_relay() { "relayed" } else { "direct" }),
            "address": path.map(shown),
            "rtt_ms": inner.rtt.map(milliseconds),
            "path_rtt_ms": path_rtt.map(milliseconds),
            "largest_datagram": largest,
            "seen_at": inner.seen_at.map(|address| address.to_string()),
            "connected_s": inner.since.map(|since| since.elapsed().as_secs()),
            "heard_ago_ms": inner.heard.map(|heard| heard.elapsed().as_millis() as u64),
            "last_error": inner.why,
            "connections": connections,
            "duplicates": duplicates,
            "failures": failures,
            "silences": silences,
            "address_changes": address_changes,
            "offers": offers,
            "heartbeats": heartbeats,
            "malformed": malformed,
            "broken_streams": broken_streams,
            "sent_datagrams": sent_datagrams,
            "sent_streams": sent_streams,
            "not_wanted": not_wanted,
            "held_back": held_back,
            "slowed": slowed,
            "waiting": end.waiting,
            "replaced": end.pending.replaced,
            "expired": end.pending.expired,
            "no_room": end.pending.no_room,
            "taken": end.taken,
            "station_full": end.station_full,
            "dropped": refused,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn shown(path: &TransportAddr) -> String {
    match path {
        TransportAddr::Ip(address) => address.to_string(),
        TransportAddr::Relay(url) => url.to_string(),
        other => format!("{other:?}"),
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
