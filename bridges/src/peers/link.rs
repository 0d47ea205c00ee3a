//! The link to one peer: dialled or called, served, and dialled anew when it falls silent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iroh::endpoint::{ConnectError, ConnectingError, Endpoint, Side};
use iroh::{EndpointAddr, RelayUrl, TransportAddr};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info};

use super::close::{Close, reason};
use super::endpoint::{chain, relay};
use super::gauges::{Gauges, State};
use super::handler::MESSAGES_ALPN;
use super::hello::{self, Greeted, NoHello, seen_at};
use super::key::PeerKey;
use super::lease::Lease;
use super::punch::{self, PUNCH_ALPN};
use super::records::{Hello, Wanted};
use super::session::{self, Bench, Ended};
use super::settings::PeerTerms;
use crate::backoff::Backoff;
use crate::hub::End;

/// What all links share.
#[derive(Debug)]
pub(super) struct Common {
    pub endpoint: Endpoint,
    /// Of this program's run.
    pub instance: u64,
    /// Shown to peers, which may admit this bridge by it; empty when there is none.
    pub credential: bytes::Bytes,
    pub silence: Duration,
    /// Whether a bare key can be dialled, by a lookup.
    pub looks_up: bool,
    /// Relays of this bridge, where others of the operator's are at home too.
    pub relays: Vec<RelayUrl>,
    pub relay_quic_port: Option<u16>,
    /// When relays were last asked out of turn.
    pub asked: Mutex<Option<Instant>>,
    /// Takes keys of peers with which a meeting is wanted.
    pub meet: Option<mpsc::Sender<PeerKey>>,
}

/// One peer and what it may do.
#[derive(Debug)]
pub(super) struct Link {
    pub name: String,
    pub key: PeerKey,
    pub addresses: Vec<SocketAddr>,
    pub relays: Vec<RelayUrl>,
    pub terms: PeerTerms,
    pub lease: Option<Lease>,
    pub end: Arc<End>,
    pub gauges: Arc<Gauges>,
}

/// A meeting that was agreed: the peer's addresses, and when both dial.
#[derive(Clone, Debug)]
pub(super) struct Meeting {
    pub addresses: Vec<SocketAddr>,
    pub at: Instant,
}

impl Common {
    pub(super) fn hello(&self, wanted: Option<Wanted>) -> Hello {
        Hello { instance: self.instance, credential: self.credential.clone(), wanted, seen_at: String::new() }
    }

    /// Asks the relays where this bridge is seen from: its NAT may have changed that, and the library asks twice a minute.
    async fn look_around(&self) {
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.is_some_and(|at| at.elapsed() < ASKING_PERIOD) {
                return;
            }
            *asked = Some(Instant::now());
        }
        if let Some(url) = self.relays.first() {
            self.endpoint.insert_relay(url.clone(), Arc::new(relay(url, self.relay_quic_port))).await;
        }
    }

    /// Dials and says hello.
    pub(super) async fn dial(&self, to: EndpointAddr, alpn: &[u8], hello: Hello) -> Result<Greeted, NoHello> {
        let connect = self.endpoint.connect(to, alpn);
        let connection = match timeout(DIAL, connect).await {
            Err(_) => return Err(NoHello::Lost("no answer".to_owned())),
            Ok(Err(error)) => {
                return Err(closed(&error).map_or_else(|| NoHello::Lost(chain(&error)), NoHello::Closed));
            }
            Ok(Ok(connection)) => connection,
        };
        let hello = Hello { seen_at: seen_at(&connection), ..hello };
        let said = hello::say(connection.clone(), &hello).await;
        if said.is_err() {
            Close::NoHello.close(&connection);
        }
        said
    }
}

impl Link {
    /// Keeps up the link until it is dropped. A guest's link ends when the guest has been away for a minute.
    pub(super) async fn run(
        self,
        common: Arc<Common>,
        mut arrivals: mpsc::Receiver<Greeted>,
        mut meetings: mpsc::Receiver<Meeting>,
        is_guest: bool,
    ) {
        let began = Instant::now();
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut next_dial = Instant::now();
        let (mut next_offer, mut offer_wait) = (Instant::now(), FIRST_OFFER_WAIT);
        loop {
            let is_dialled = !is_guest && self.is_dialled(&common);
            if Instant::now() >= next_offer && !is_guest {
                next_offer = Instant::now() + offer_wait;
                offer_wait = (offer_wait * 2).min(MEETING_PERIOD);
                if let Some(meet) = &common.meet
                    && meet.try_send(self.key).is_ok()
                {
                    self.gauges.count(|counters| counters.offers += 1);
                }
            }
            let greeted = tokio::select! {
                biased;
                Some(arrival) = arrivals.recv() => self.answer(arrival, &common).await,
                Some(meeting) = meetings.recv() => self.dial(&common, Some(meeting), &mut arrivals, &mut meetings).await,
                () = sleep_until(next_dial), if is_dialled => {
                    let dialled = self.dial(&common, None, &mut arrivals, &mut meetings).await;
                    next_dial = Instant::now() + match &dialled {
                        Err(NoHello::Closed(Close::NotAdmitted)) => REFUSED_WAIT,
                        _ => backoff.wait(),
                    };
                    dialled
                }
                () = sleep_until(next_offer), if !is_guest && common.meet.is_some() => continue,
                () = sleep(GUEST_AWAY), if is_guest => return,
            };
            let mut greeted = match greeted {
                Ok(greeted) => greeted,
                Err(why) => {
                    self.not_reached(&why);
                    continue;
                }
            };
            let since = Instant::now();
            loop {
                info!(target: "peer", peer = %self.name, path = ?hello::path(&greeted.connection), "connected");
                match self.serve(greeted, &common, &mut arrivals, began).await {
                    Ended::Replaced(arrival) => match self.answer(*arrival, &common).await {
                        Ok(answered) => greeted = answered,
                        Err(why) => {
                            self.gauges.ended(why.to_string());
                            break;
                        }
                    },
                    ended => {
                        self.gauges.ended(said(&ended));
                        if matches!(ended, Ended::Silent) {
                            common.look_around().await;
                        }
                        info!(target: "peer", peer = %self.name, why = %said(&ended), "disconnected");
                        break;
                    }
                }
            }
            if since.elapsed() >= SETTLED {
                backoff.reset();
                next_dial = Instant::now();
                (next_offer, offer_wait) = (Instant::now(), FIRST_OFFER_WAIT);
            } else {
                next_dial = Instant::now() + backoff.wait();
            }
        }
    }

    fn is_dialled(&self, common: &Common) -> bool {
        common.looks_up || !self.addresses.is_empty() || !self.relays.is_empty() || !common.relays.is_empty()
    }

    /// Dials, with the addresses of a meeting at its time; takes a call that comes meanwhile, unless the dial will win on both sides.
    async fn dial(
        &self,
        common: &Common,
        meeting: Option<Meeting>,
        arrivals: &mut mpsc::Receiver<Greeted>,
        meetings: &mut mpsc::Receiver<Meeting>,
    ) -> Result<Greeted, NoHello> {
        self.gauges.state(State::Dialling);
        let mut dial = core::pin::pin!(self.call(common, meeting));
        let mut refused = None;
        let arrival = loop {
            tokio::select! {
                dialled = &mut dial, if refused.is_none() => match dialled {
                    // The other side keeps its own call: it comes, or has come.
                    Err(NoHello::Closed(Close::Duplicate)) => refused = Some(Instant::now() + CALL_WAIT),
                    dialled => return dialled,
                },
                Some(meeting) = meetings.recv() => {
                    dial.set(self.call(common, Some(meeting)));
                    refused = None;
                }
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => break arrival,
                    None => return Err(NoHello::Timeout),
                },
                () = sleep_until(refused.unwrap_or_else(Instant::now)), if refused.is_some() => {
                    return Err(NoHello::Closed(Close::Duplicate));
                }
            }
        };
        // Both dialled. What the smaller key dialled stays: so the sides agree without a word.
        if refused.is_none() && self.dials_first(common) {
            let grace = arrival.connection.paths().iter().map(|path| path.rtt()).max().unwrap_or_default()
                * 2
                + GRACE;
            if let Ok(Ok(dialled)) = timeout(grace, &mut dial).await {
                self.gauges.count(|counters| counters.duplicates += 1);
                Close::Duplicate.close(&arrival.connection);
                return Ok(dialled);
            }
        }
        self.answer(arrival, common).await
    }

    async fn call(&self, common: &Common, meeting: Option<Meeting>) -> Result<Greeted, NoHello> {
        let to = self.address(common, meeting.as_ref().map_or(&[][..], |meeting| &meeting.addresses));
        if let Some(meeting) = &meeting {
            sleep_until(meeting.at).await;
        }
        common.dial(to, MESSAGES_ALPN, common.hello(Some(Wanted::of(&self.terms.receive)))).await
    }

    /// Where the peer is dialled: as configured, and at `more`.
    fn address(&self, common: &Common, more: &[SocketAddr]) -> EndpointAddr {
        let addresses = self.addresses.iter().chain(more).copied().map(TransportAddr::Ip);
        let relays = self.relays.iter().chain(&common.relays).cloned().map(TransportAddr::Relay);
        EndpointAddr::from_parts(self.key.id(), addresses.chain(relays))
    }

    /// Answers the hello of a call.
    async fn answer(&self, mut arrival: Greeted, common: &Common) -> Result<Greeted, NoHello> {
        let wanted = Some(Wanted::of(&self.terms.receive));
        let hello = Hello { seen_at: seen_at(&arrival.connection), ..common.hello(wanted) };
        match hello::answer(&mut arrival.send, &hello).await {
            Ok(()) => Ok(arrival),
            Err(error) => {
                let why =
                    arrival.connection.close_reason().as_ref().map_or_else(|| error.to_string(), reason);
                Err(NoHello::Lost(why))
            }
        }
    }

    async fn serve(
        &self,
        greeted: Greeted,
        common: &Common,
        arrivals: &mut mpsc::Receiver<Greeted>,
        began: Instant,
    ) -> Ended {
        let since = Instant::now();
        let instance = greeted.hello.instance;
        let ours = greeted.connection.side() == Side::Client;
        let keeps = |arrival: &Greeted| {
            // Dialled at the same time as this one. A peer that calls later, or after a restart, has given this one up.
            let at_once = since.elapsed() < AT_ONCE && arrival.hello.instance == instance;
            at_once && ours && self.dials_first(common)
        };
        let Self { terms, lease, end, gauges, .. } = self;
        let bench = Bench { end, terms, silence: common.silence, began, lease: lease.as_ref(), gauges };
        let connection = greeted.connection.clone();
        let further = || async {
            let dialled = common.dial(self.address(common, &[]), PUNCH_ALPN, common.hello(None)).await;
            dialled.ok().map(|greeted| greeted.connection)
        };
        tokio::select! {
            ended = session::run(greeted, &bench, arrivals, keeps) => ended,
            never = punch::run(further, &connection), if ours => match never {},
        }
    }

    fn dials_first(&self, common: &Common) -> bool {
        common.endpoint.id().as_bytes() < self.key.as_bytes()
    }

    fn not_reached(&self, why: &NoHello) {
        let state = match why {
            NoHello::Closed(Close::NotAdmitted) => State::Refused,
            _ => State::Away,
        };
        debug!(target: "peer", peer = %self.name, %why, "not reached");
        self.gauges.failed(state, why.to_string());
    }
}

/// How the other side closed a connection while it came about.
fn closed(error: &ConnectError) -> Option<Close> {
    match error {
        ConnectError::Connection { source, .. }
        | ConnectError::Connecting { source: ConnectingError::ConnectionError { source, .. }, .. } => {
            Close::of(source)
        }
        _ => None,
    }
}

fn said(ended: &Ended) -> String {
    match ended {
        Ended::Closed(why) => why.clone(),
        Ended::Silent => "no heartbeat".to_owned(),
        Ended::Replaced(_) => "it called anew".to_owned(),
        Ended::Over(Close::Revoked) => "its credential is revoked".to_owned(),
        Ended::Over(_) => "its credential has ended".to_owned(),
    }
}

/// A handshake over a relay at a round trip of a second.
const DIAL: Duration = Duration::from_secs(6);
/// Beyond two round trips, for the dial that both sides prefer.
const GRACE: Duration = Duration::from_millis(100);
/// For the call that the other side prefers.
const CALL_WAIT: Duration = Duration::from_secs(1);
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// So long a peer that is back may wait: a few packets each time are little.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Somebody has to change a configuration.
const REFUSED_WAIT: Duration = Duration::from_secs(30);
/// A connection that lasted so long was no accident.
const SETTLED: Duration = Duration::from_secs(5);
/// Connections that both sides dialled at once come within this of each other.
const AT_ONCE: Duration = Duration::from_secs(5);
/// At the start the carrier may still be connecting, on either side: an offer that is lost then is followed by another soon.
const FIRST_OFFER_WAIT: Duration = Duration::from_secs(1);
/// Between two offers to meet, at most.
const MEETING_PERIOD: Duration = Duration::from_secs(10);
/// Between two questions to relays out of turn.
const ASKING_PERIOD: Duration = Duration::from_secs(5);
/// A guest that comes back later begins anew.
const GUEST_AWAY: Duration = Duration::from_secs(60);
