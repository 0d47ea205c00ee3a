//! Connections that come, and where they go: to the link of the peer, or to the handler of the protocol. Everything is bounded:
//! handshakes, strangers, connections, guests.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iroh::endpoint::{Connection, Incoming, IncomingAddr, RelayStatus};
use iroh::{RelayUrl, TransportAddr, Watcher as _};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use super::admission::{Admission, Admitted, NotAdmitted};
use super::close::Close;
use super::gauges::Gauges;
use super::handler::{Handlers, MESSAGES_ALPN, PeerIdentity};
use super::hello::{self, Greeted, NoHello, STREAMS};
use super::key::PeerKey;
use super::lease;
use super::link::{Common, Link, Meeting};
use super::records;
use super::tally::{Tally, Ticket};
use crate::clock;
use crate::hub::{End, EndSettings, Hub};

/// Everything that comes in, and every link.
#[derive(Debug)]
pub(super) struct Switchboard {
    common: Arc<Common>,
    admission: Admission,
    /// None where nobody is let in.
    hub: Option<Hub>,
    handlers: Handlers,
    slots: Mutex<BTreeMap<PeerKey, Slot>>,
    /// Connections that handlers serve.
    served: Tally<PeerKey>,
    /// Handshakes by where they come from.
    callers: Tally<IpAddr>,
    handshakes: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    counts: Counts,
    last_refused: Mutex<Option<String>>,
}

/// A link as others see it.
#[derive(Debug)]
struct Slot {
    name: String,
    addresses: Vec<TransportAddr>,
    arrivals: mpsc::Sender<Greeted>,
    gauges: Arc<Gauges>,
    end: Arc<End>,
    is_guest: bool,
}

/// Room for a handshake, until its hello is heard.
type Permit = (OwnedSemaphorePermit, Option<Ticket<IpAddr>>);

/// What was turned away.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    handshakes_failed: AtomicU64,
    busy: AtomicU64,
    unknown_key: AtomicU64,
    no_credential: AtomicU64,
    bad_credential: AtomicU64,
    revoked: AtomicU64,
    no_hello: AtomicU64,
    malformed_hello: AtomicU64,
    too_many: AtomicU64,
}

impl Switchboard {
    /// With a link to each peer that is named, whose tasks are spawned on `tasks`; `each` is told where meetings for them go.
    pub(super) fn new(
        common: Arc<Common>,
        admission: Admission,
        hub: Hub,
        handlers: Handlers,
        mut each: impl FnMut(PeerKey, mpsc::Sender<Meeting>, Arc<Gauges>),
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let board = Self { hub: Some(hub), handlers, ..Self::dial_only(common, admission) };
        for peer in board.admission.named() {
            let admitted = board.admission.admit(peer.key, b"", clock::now()).expect("it is named");
            let (link, arrivals) = board.add(&admitted, peer.addresses.clone(), peer.relays.clone(), false);
            let (sender, meetings) = mpsc::channel(ROOM);
            each(peer.key, sender, Arc::clone(&link.gauges));
            tasks.spawn(link.run(Arc::clone(&board.common), arrivals, meetings, false));
        }
        board
    }

    /// Lets nobody in.
    pub(super) fn dial_only(common: Arc<Common>, admission: Admission) -> Self {
        Self {
            common,
            admission,
            hub: None,
            handlers: Handlers::new(),
            slots: Mutex::default(),
            served: Tally::new(MOST_SERVED_OF_ONE, MOST_SERVED),
            callers: Tally::new(MOST_CALLS_OF_ONE, MOST_HANDSHAKES),
            handshakes: Arc::new(Semaphore::new(MOST_HANDSHAKES)),
            strangers: Arc::new(Semaphore::new(MOST_STRANGERS)),
            counts: Counts::default(),
            last_refused: Mutex::default(),
        }
    }

    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    /// Lets peers in until the endpoint is closed.
    pub(super) async fn serve(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        loop {
            let incoming = tokio::select! {
                incoming = self.common.endpoint.accept() => incoming,
                Some(_) = tasks.join_next() => continue,
            };
            let Some(incoming) = incoming else { return };
            let free = self.handshakes.available_permits();
            let Ok(permit) = Arc::clone(&self.handshakes).try_acquire_owned() else {
                self.counts.busy.fetch_add(1, Ordering::Relaxed);
                incoming.refuse();
                continue;
            };
            if free <= UNPROVEN_ROOM && !incoming.remote_addr_validated() {
                // Who floods from addresses of others never comes back from there. The address of one that comes back is proven.
                drop(incoming.retry());
                continue;
            }
            let Ok(caller) = self.caller(&incoming) else {
                self.counts.busy.fetch_add(1, Ordering::Relaxed);
                incoming.refuse();
                continue;
            };
            tasks.spawn(Arc::clone(&self).welcome(incoming, (permit, caller)));
        }
    }

    /// Where a call comes from, so that one machine does not take the room of all others. A relay has its own list.
    fn caller(&self, incoming: &Incoming) -> Result<Option<Ticket<IpAddr>>, ()> {
        let IncomingAddr::Ip(address) = incoming.remote_addr() else { return Ok(None) };
        let ip = match address.ip() {
            // A customer's network: whoever has one address of it has them all.
            IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & !u128::from(u64::MAX)).into()),
            ip => ip,
        };
        self.callers.take(ip).map(Some).ok_or(())
    }

    /// From the handshake to the end of a connection.
    async fn welcome(self: Arc<Self>, incoming: Incoming, permit: Permit) {
        let Ok(Ok(connection)) = timeout(HANDSHAKE, incoming).await else {
            self.counts.handshakes_failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some((admitted, greeted)) = self.admit(connection, permit).await else { return };
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        if greeted.connection.alpn() == MESSAGES_ALPN {
            self.messages(admitted, greeted).await;
        } else {
            self.handler(admitted, greeted).await;
        }
    }

    /// Hears the hello, and lets its sender in or not.
    async fn admit(&self, connection: Connection, permit: Permit) -> Option<(Admitted, Greeted)> {
        let key = PeerKey::from(connection.remote_id());
        let is_named = self.admission.by_key(key).is_some();
        if !is_named && !self.admission.hears_strangers() {
            self.turn_away(&connection, key, NotAdmitted::UnknownKey);
            return None;
        }
        let stranger = match is_named {
            true => None,
            false => match Arc::clone(&self.strangers).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    self.close(&connection, Close::TooMany, &self.counts.too_many);
                    return None;
                }
            },
        };
        let greeted = match hello::hear(connection.clone()).await {
            Ok(greeted) => greeted,
            Err(NoHello::Malformed(_)) => {
                self.close(&connection, Close::Malformed, &self.counts.malformed_hello);
                return None;
            }
            Err(_) => {
                self.close(&connection, Close::NoHello, &self.counts.no_hello);
                return None;
            }
        };
        drop((permit, stranger));
        match self.admission.admit(key, &greeted.hello.credential, clock::now()) {
            Ok(admitted) => Some((admitted, greeted)),
            Err(why) => {
                self.turn_away(&connection, key, why);
                None
            }
        }
    }

    /// Gives a connection to the link of its peer; a guest gets one, and this call serves it.
    async fn messages(&self, admitted: Admitted, greeted: Greeted) {
        let key = admitted.identity.key;
        let connection = greeted.connection.clone();
        let guest = {
            let mut slots = self.slots();
            match slots.get(&key) {
                Some(slot) => match slot.arrivals.try_send(greeted) {
                    Ok(()) => return,
                    Err(_) => {
                        self.close(&connection, Close::TooMany, &self.counts.too_many);
                        return;
                    }
                },
                None if slots.values().filter(|slot| slot.is_guest).count() >= MOST_GUESTS => {
                    self.close(&connection, Close::TooMany, &self.counts.too_many);
                    return;
                }
                None => {
                    let (link, arrivals) = self.link(&mut slots, &admitted, Vec::new(), Vec::new(), true);
                    let slot = slots.get(&key).expect("it was added");
                    slot.arrivals.try_send(greeted).expect("it has room for one");
                    (link, arrivals)
                }
            }
        };
        info!(target: "peer", peer = %admitted.identity.name, %key, "admitted by its credential");
        let (link, arrivals) = guest;
        let leaving = Leaving { board: self, key };
        // Nothing leads to a guest but its own call.
        let (_meetings, none) = mpsc::channel(1);
        link.run(Arc::clone(&self.common), arrivals, none, true).await;
        drop(leaving);
    }

    /// Answers the hello, and lets the handler of the protocol serve the connection.
    async fn handler(&self, admitted: Admitted, mut greeted: Greeted) {
        let connection = greeted.connection.clone();
        let Some(handler) = self.handlers.get(connection.alpn()) else {
            return self.close(&connection, Close::Malformed, &self.counts.malformed_hello);
        };
        let Some(_serving) = self.served.take(admitted.identity.key) else {
            return self.close(&connection, Close::TooMany, &self.counts.too_many);
        };
        let hello = records::Hello { seen_at: hello::seen_at(&connection), ..self.common.hello(None) };
        if hello::answer(&mut greeted.send, &hello).await.is_err() || greeted.send.finish().is_err() {
            return;
        }
        hello::open_up(&connection, STREAMS);
        tokio::select! {
            () = handler.serve(admitted.identity, connection.clone()) => {}
            close = lease::end(admitted.lease.as_ref()) => close.close(&connection),
        }
    }

    fn add(
        &self,
        admitted: &Admitted,
        addresses: Vec<SocketAddr>,
        relays: Vec<RelayUrl>,
        is_guest: bool,
    ) -> (Link, mpsc::Receiver<Greeted>) {
        self.link(&mut self.slots(), admitted, addresses, relays, is_guest)
    }

    fn link(
        &self,
        slots: &mut BTreeMap<PeerKey, Slot>,
        admitted: &Admitted,
        addresses: Vec<SocketAddr>,
        relays: Vec<RelayUrl>,
        is_guest: bool,
    ) -> (Link, mpsc::Receiver<Greeted>) {
        let Admitted { identity: PeerIdentity { name, key, .. }, terms, lease } = admitted;
        let hub = self.hub.as_ref().expect("nobody is let in without a hub");
        let end = Arc::new(hub.attach(EndSettings {
            name: name.clone(),
            send: terms.send.clone(),
            receive: terms.receive.clone(),
            budget: terms.budget,
            queue: terms.queue,
        }));
        let gauges = Arc::new(Gauges::default());
        let (sender, arrivals) = mpsc::channel(ROOM);
        let all = addresses.iter().copied().map(TransportAddr::Ip);
        let all = all.chain(relays.iter().chain(&self.common.relays).cloned().map(TransportAddr::Relay));
        let slot = Slot {
            name: name.clone(),
            addresses: all.collect(),
            arrivals: sender,
            gauges: Arc::clone(&gauges),
            end: Arc::clone(&end),
            is_guest,
        };
        slots.insert(*key, slot);
        let (name, terms) = (name.clone(), terms.clone());
        (Link { name, key: *key, addresses, relays, terms, lease: lease.clone(), end, gauges }, arrivals)
    }

    fn turn_away(&self, connection: &Connection, key: PeerKey, why: NotAdmitted) {
        let count = match why {
            NotAdmitted::UnknownKey => &self.counts.unknown_key,
            NotAdmitted::NoCredential => &self.counts.no_credential,
            NotAdmitted::Revoked => &self.counts.revoked,
            NotAdmitted::Credential(_) | NotAdmitted::OtherKey | NotAdmitted::NoPermission => {
                &self.counts.bad_credential
            }
        };
        let from = hello::path(connection)
            .map_or_else(String::new, |path| format!(" at {}", super::gauges::shown(&path)));
        // The first of its kind for people; strangers do not fill the log.
        if count.load(Ordering::Relaxed) == 0 {
            warn!(target: "peer", "a bridge with the key {key}{from} is not let in: {why}; others like it are only counted");
        }
        *self.last_refused.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(format!("{key}{from}: {why}"));
        self.close(connection, Close::NotAdmitted, count);
    }

    fn close(&self, connection: &Connection, why: Close, count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
        why.close(connection);
    }

    /// Key and addresses of the peer with this name.
    pub(super) fn find(&self, name: &str) -> Option<(PeerKey, Vec<TransportAddr>)> {
        if let Some(peer) = self.admission.named().find(|peer| peer.name == name) {
            let addresses = peer.addresses.iter().copied().map(TransportAddr::Ip);
            let relays = peer.relays.iter().chain(&self.common.relays).cloned().map(TransportAddr::Relay);
            return Some((peer.key, addresses.chain(relays).collect()));
        }
        let slots = self.slots();
        slots.iter().find(|(_, slot)| slot.name == name).map(|(key, slot)| (*key, slot.addresses.clone()))
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.admission.named().map(|peer| peer.name.clone()).collect();
        names.extend(self.slots().values().filter(|slot| slot.is_guest).map(|slot| slot.name.clone()));
        names
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> = self.common.endpoint.addr().ip_addrs().copied().collect();
        addresses.extend(self.slots().values().filter_map(|slot| slot.gauges.where_seen()));
        let mut once = Vec::with_capacity(addresses.len());
        for address in addresses {
            if !once.contains(&address) {
                once.push(address);
            }
        }
        once
    }

    pub(super) fn status(&self) -> Value {
        let slots = self.slots();
        slots
            .iter()
            .map(|(key, slot)| slot.gauges.status(&slot.name, &key.to_string(), slot.end.counts()))
            .collect()
    }

    pub(super) fn own_status(&self) -> Value {
        let endpoint = &self.common.endpoint;
        let home = endpoint.home_relay_status().get();
        let relay = |url: &RelayUrl| {
            let status = home.iter().find(|status| status.url() == url);
            let error = match status {
                Some(status) => status.last_error().map(|error| format!("{error:#}").replace('\n', ", ")),
                // The library tells nothing of relays that did not answer its probes.
                None if home.is_empty() => Some(NO_ANSWER.to_owned()),
                None => None,
            };
            let connected = status.is_some_and(RelayStatus::is_connected);
            json!({ "name": url.to_string(), "is_home": status.is_some(), "connected": connected, "last_error": error })
        };
        let relays: Vec<Value> = self.common.relays.iter().map(relay).collect();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let texts =
            |addresses: Vec<SocketAddr>| addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
        let Counts { accepted, handshakes_failed, busy, unknown_key, no_credential, bad_credential, .. } =
            &self.counts;
        let Counts { revoked, no_hello, malformed_hello, too_many, .. } = &self.counts;
        json!({
            "own_key": PeerKey::from(endpoint.id()).to_string(),
            "listening": texts(endpoint.bound_sockets()),
            "addresses": texts(self.addresses()),
            "relay": relays,
            "guests": self.slots().values().filter(|slot| slot.is_guest).count(),
            "accepted": count(accepted),
            "not_admitted": {
                "unknown_key": count(unknown_key),
                "no_credential": count(no_credential),
                "bad_credential": count(bad_credential),
                "revoked": count(revoked),
                "no_hello": count(no_hello),
                "malformed_hello": count(malformed_hello),
                "too_many": count(too_many),
                "busy": count(busy),
                "handshakes_failed": count(handshakes_failed),
            },
            "last_not_admitted": *self.last_refused.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<PeerKey, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the slot of a guest away when it leaves, whatever ends its link.
#[derive(Debug)]
struct Leaving<'b> {
    board: &'b Switchboard,
    key: PeerKey,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.board.slots().remove(&self.key);
    }
}

const NO_ANSWER: &str = "no answer yet: not reached, or its certificate is not believed (peers.relay_ca)";
/// Handshakes at once: with ten milliseconds of signatures each, no burst keeps the program busy for longer than a second.
const MOST_HANDSHAKES: usize = 64;
/// Of one address: the bridges of a site behind one NAT, after it was away.
const MOST_CALLS_OF_ONE: usize = 16;
/// With so few left, who comes proves its address first.
const UNPROVEN_ROOM: usize = 48;
/// Bridges of unknown keys whose hello is awaited.
const MOST_STRANGERS: usize = 16;
/// Guests at once: an operator's vans and laptops.
const MOST_GUESTS: usize = 64;
/// Connections at once that handlers serve, of all peers and of one.
const MOST_SERVED: usize = 256;
const MOST_SERVED_OF_ONE: usize = 8;
/// A handshake over a relay at a round trip of a second, with losses.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections and meetings that wait for a link.
const ROOM: usize = 2;
