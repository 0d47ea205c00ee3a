//! Links to other bridges: direct where networks let them, encrypted end to end, and across NATs, by iroh.
//!
//! One endpoint, named by the bridge's key, serves every protocol. Each connection begins with a hello on its first stream
//! (`hello`); who is neither named nor has a credential that is believed is heard no further (`admission`). A `link` keeps up
//! the connection for messages to one peer; other protocols have a [`Handler`] each. Nothing is contacted that is not configured.

mod admission;
mod close;
mod endpoint;
mod error;
mod gauges;
mod handler;
mod heartbeat;
mod hello;
mod key;
mod key_file;
mod lease;
mod link;
mod meetings;
mod punch;
mod receiving;
mod records;
mod revoked;
mod sending;
mod session;
mod settings;
mod switchboard;
mod tally;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use iroh::EndpointAddr;
use iroh::endpoint::Connection;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::admission::{Admission, read_credential};
use self::close::Close;
pub use self::error::{ConnectError, PeersError};
pub use self::handler::{Handler, Handlers, MESSAGES_ALPN, OPERATOR_ALPN, PeerIdentity, REMOTE_ALPN};
use self::hello::NoHello;
pub use self::key::{PeerKey, PeerKeyError};
pub use self::key_file::{KeyFileError, make_key, read_key};
use self::link::Common;
use self::meetings::{Friend, Matchmaker};
use self::punch::{PUNCH_ALPN, PunchHandler};
pub use self::settings::{
    AdmissionSettings, PeerSettings, PeerTerms, PeersSettings, RELAY_QUIC_PORT, SILENCE,
};
use self::switchboard::Switchboard;
use crate::board::Board;
use crate::hub::Hub;
use crate::rendezvous::Meetings;

/// The peers of this bridge; clones are the same. Dropping the last ends every link.
#[derive(Clone, Debug)]
pub struct Peers {
    board: Arc<Switchboard>,
    _tasks: Arc<JoinSet<()>>,
}

impl Peers {
    /// Opens the endpoint, lets peers in, and keeps up a link to each that is named. `meetings` is this bridge's end of what carries
    /// offers to meet, where something does.
    ///
    /// # Errors
    /// [`PeersError`]: what of the configuration or the machine is wrong.
    pub async fn start(
        settings: &PeersSettings,
        key: &SigningKey,
        hub: &Hub,
        handlers: Handlers,
        meetings: Option<Meetings>,
    ) -> Result<Self, PeersError> {
        let mut handlers = handlers;
        handlers.insert(PUNCH_ALPN.to_vec(), Arc::new(PunchHandler));
        let alpns = core::iter::once(MESSAGES_ALPN.to_vec()).chain(handlers.keys().cloned()).collect();
        let (wish, wanted) = mpsc::channel(WISHES);
        let meet = meetings.as_ref().map(|_| wish);
        let common = Arc::new(common(settings, &settings.listen, key, alpns, meet).await?);
        let admission = Admission::new(settings)?;
        let mut tasks = JoinSet::new();
        let mut friends = BTreeMap::new();
        let board = Switchboard::new(
            Arc::clone(&common),
            admission,
            hub.clone(),
            handlers,
            |key, link, gauges| {
                friends.insert(key, Friend { link, gauges });
            },
            &mut tasks,
        );
        let board = Arc::new(board);
        tasks.spawn(Arc::clone(&board).serve());
        if let Some(meetings) = meetings {
            let matchmaker = Matchmaker { key: key.clone(), friends, meetings, wanted };
            let board = Arc::clone(&board);
            tasks.spawn(matchmaker.run(move || board.addresses()));
        }
        Ok(Self { board, _tasks: Arc::new(tasks) })
    }

    /// Opens an endpoint that only dials, for a program beside a running bridge: at ports of its own, lets nobody in, keeps up no
    /// link.
    ///
    /// # Errors
    /// [`PeersError`].
    pub async fn dial_only(settings: &PeersSettings, key: &SigningKey) -> Result<Self, PeersError> {
        let listen: Vec<SocketAddr> =
            settings.listen.iter().map(|address| SocketAddr::new(address.ip(), 0)).collect();
        let common = common(settings, &listen, key, Vec::new(), None).await?;
        let board = Switchboard::dial_only(Arc::new(common), Admission::new(settings)?);
        Ok(Self { board: Arc::new(board), _tasks: Arc::new(JoinSet::new()) })
    }

    /// A new connection to a peer for the protocol `alpn`, by its name. The hello is over; the connection is closed when its last
    /// clone is dropped.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(&self, name: &str, alpn: &[u8]) -> Result<Connection, ConnectError> {
        let Some((key, addresses)) = self.board.find(name) else {
            let known = self.names().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            return Err(ConnectError::UnknownPeer { name: name.to_owned(), known });
        };
        let common = self.board.common();
        let to = EndpointAddr::from_parts(key.id(), addresses);
        match common.dial(to, alpn, common.hello(None)).await {
            Ok(greeted) => {
                hello::open_up(&greeted.connection, hello::STREAMS);
                Ok(greeted.connection)
            }
            Err(NoHello::Closed(Close::NotAdmitted)) => {
                Err(ConnectError::NotAdmitted { name: name.to_owned() })
            }
            Err(why) => Err(ConnectError::NotReached { name: name.to_owned(), why: why.to_string() }),
        }
    }

    /// Names of the peers: those of the configuration, and those that are connected by their credential.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.board.names()
    }

    /// This bridge's key.
    #[must_use]
    pub fn key(&self) -> PeerKey {
        self.board.common().endpoint.id().into()
    }

    /// Where this bridge can be dialled, as far as it knows: its interfaces, what is configured as external, where relays and peers
    /// see it.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.board.addresses()
    }

    /// An object for each peer.
    #[must_use]
    pub fn status(&self) -> Value {
        self.board.status()
    }

    /// Adds the sections `peers` and `peer` to the board.
    pub fn describe(&self, board: &Board) {
        let (own, each) = (Arc::downgrade(&self.board), Arc::downgrade(&self.board));
        board.add("peers", move || own.upgrade().map_or(Value::Null, |board| board.own_status()));
        board.add("peer", move || each.upgrade().map_or(Value::Null, |board| board.status()));
    }

    /// Closes every connection, so that peers know at once. Who does not answer is not waited for longer than 3 s.
    pub async fn close(&self) {
        // Too late: those peers find out by their heartbeat.
        drop(timeout(LONGEST_CLOSE, self.board.common().endpoint.close()).await);
    }
}

async fn common(
    settings: &PeersSettings,
    listen: &[SocketAddr],
    key: &SigningKey,
    alpns: Vec<Vec<u8>>,
    meet: Option<mpsc::Sender<PeerKey>>,
) -> Result<Common, PeersError> {
    if let Some(peer) =
        settings.peers.iter().find(|peer| peer.key.as_bytes() == key.verifying_key().as_bytes())
    {
        return Err(PeersError::OwnKey(peer.name.clone()));
    }
    let mut instance = [0; 8];
    getrandom::fill(&mut instance).map_err(|error| PeersError::Randomness(std::io::Error::other(error)))?;
    let credential = settings.credential.as_deref().map_or_else(|| Ok(Bytes::new()), read_credential)?;
    Ok(Common {
        endpoint: endpoint::open(settings, listen, key, alpns).await?,
        instance: u64::from_le_bytes(instance),
        credential,
        silence: settings.silence,
        looks_up: settings.mdns || !settings.dht.is_empty(),
        relays: settings.relays.clone(),
        relay_quic_port: settings.relay_quic_port,
        asked: Mutex::new(None),
        meet,
    })
}

const LONGEST_CLOSE: Duration = Duration::from_secs(3);
/// Of every peer, one.
const WISHES: usize = 1024;

#[cfg(test)]
mod tests;
